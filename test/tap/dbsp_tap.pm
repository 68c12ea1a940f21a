package dbsp_tap;

# What the tests share: a cluster with the extension, tables, views and a write load.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Exporter 'import';
our @EXPORT = qw(new_node create_schema write_script differences is_right view_rows VIEWS);

use constant VIEWS => qw(per_group joined names hist);

sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf('postgresql.conf', "max_prepared_transactions = 20\nmax_connections = 40\nautovacuum = on");
	return $node;
}

sub create_schema
{
	my ($node) = @_;
	$node->safe_psql('postgres', q{
		CREATE EXTENSION dbsp_ivm;
		CREATE TABLE t (id bigserial PRIMARY KEY, g int, v int, x text);
		CREATE TABLE d (g int PRIMARY KEY, name text);
		INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 19) i;
		INSERT INTO t (g, v, x) SELECT i % 20, i, 'x' || i % 7 FROM generate_series(1, 500) i;
		SELECT dbsp_ivm.create_view('per_group', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, avg(v) AS a FROM t GROUP BY g');
		SELECT dbsp_ivm.create_view('joined', 'SELECT t.id, d.name, t.v FROM t JOIN d USING (g)');
		SELECT dbsp_ivm.create_view('names', 'SELECT DISTINCT x FROM t');
		SELECT dbsp_ivm.create_view('hist', 'SELECT n, count(*) AS groups FROM (SELECT g, count(*) AS n FROM t GROUP BY g) q GROUP BY n');
	});
	return;
}

# A pgbench script: inserts, updates, deletes, both sides of the join, a savepoint, a read of the views.  Only its
# own columns of one row at a time are taken in a fixed order, so that the base tables do not deadlock by themselves.
sub write_script
{
	my ($node) = @_;
	my $file = $node->basedir . '/load.sql';
	PostgreSQL::Test::Utils::append_to_file($file, q{
\set g random(0, 24)
\set h random(0, 24)
\set v random(1, 1000)
\set what random(1, 10)
\if :what <= 4
INSERT INTO t (g, v, x) VALUES (:g, :v, 'x' || :v % 9);
\elif :what <= 6
UPDATE t SET v = v + 1 WHERE id = (SELECT id FROM t WHERE g = :g ORDER BY random() LIMIT 1);
\elif :what = 7
DELETE FROM t WHERE id = (SELECT min(id) FROM t WHERE g = :g);
\elif :what = 8
BEGIN;
INSERT INTO t (g, v, x) VALUES (:g, :v, 'y');
SAVEPOINT a;
INSERT INTO t (g, v, x) VALUES (:h, :v, 'z');
ROLLBACK TO a;
INSERT INTO t (g, v, x) VALUES (:h, 1, 'x1');
COMMIT;
\elif :what = 9
INSERT INTO d VALUES (:g, 'new') ON CONFLICT (g) DO UPDATE SET name = d.name || '.' WHERE length(d.name) < 50;
\else
DELETE FROM d WHERE g = :g AND g > 15;
\endif
}) unless -e $file;
	return $file;
}

# The number of rows in which the views of a node differ from their queries, verified in one snapshot.
sub differences
{
	my ($node, @views) = @_;
	@views = VIEWS unless @views;
	return $node->safe_psql('postgres', join(' UNION ALL ', map { "SELECT '$_', weight, \"row\" FROM dbsp_ivm.verify('$_')" } @views));
}

sub is_right
{
	my ($node, $what, @views) = @_;
	return is(differences($node, @views), '', $what);
}

sub view_rows
{
	my ($node) = @_;
	return $node->safe_psql('postgres', 'SELECT * FROM per_group ORDER BY g; SELECT * FROM joined ORDER BY id, name; SELECT * FROM names ORDER BY x; SELECT * FROM hist ORDER BY n');
}

1;

# pg_dump | psql gives views that work at once, in a new database and a new cluster, by each format.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('source');
$node->start;
create_schema($node);
$node->safe_psql('postgres', q{
	CREATE SCHEMA "Odd One";
	CREATE TABLE "Odd One"."T t" (a int, b text);
	INSERT INTO "Odd One"."T t" VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
	SELECT dbsp_ivm.create_view('"Odd One"."V v"', 'SELECT * FROM "Odd One"."T t"');
	ALTER TABLE t RENAME COLUMN v TO value;
	INSERT INTO t (g, value, x) VALUES (1, 5, 'renamed');
	CREATE VIEW over AS SELECT sum(n) AS n FROM per_group;
	GRANT SELECT ON per_group TO PUBLIC;
	CREATE TABLE parted (id int, g int, PRIMARY KEY (id, g)) PARTITION BY RANGE (g);
	CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (10) PARTITION BY HASH (id);
	CREATE TABLE part1a PARTITION OF part1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	CREATE TABLE part2 (g int NOT NULL, gone int, id int NOT NULL);
	ALTER TABLE part2 DROP COLUMN gone;
	ALTER TABLE parted ATTACH PARTITION part2 FOR VALUES FROM (10) TO (20);
	INSERT INTO parted SELECT i, i % 20 FROM generate_series(1, 100) i;
	SELECT dbsp_ivm.create_view('per_part', 'SELECT g, count(*) AS n, max(id) AS m FROM parted GROUP BY g');
	SELECT dbsp_ivm.create_view('part_names', 'SELECT parted.id, name FROM parted JOIN d USING (g)');
	SELECT dbsp_ivm.create_view('one_part', 'SELECT id FROM part2');
	SELECT dbsp_ivm.create_index('per_group', 's DESC, (n + 1)', condition => 'n > 1', index_name => 'by_sum');
	SELECT dbsp_ivm.alter_view('names', $$SELECT DISTINCT x, length(x) AS length FROM t WHERE x <> 'x3'$$);
});
my @views = (VIEWS, '"Odd One"."V v"', 'per_part', 'part_names', 'one_part');
my $file = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres' ], 'pg_dump');

my $target = new_node('target');
$target->start;
sub check_restored
{
	my ($how) = @_;
	is_right($target, "$how: right at once", @views);
	is(view_rows($target), view_rows($node), "$how: the same rows");
	like($target->safe_psql('postgres', "SELECT pg_get_indexdef('dbsp_ivm_internal.by_sum'::regclass)"), qr/s DESC, \(\(n \+ 1\)\)\) WHERE \(n > 1\)/, "$how: an index of a view");
	$target->safe_psql('postgres', q{
		INSERT INTO t (g, value, x) VALUES (1, 1000, 'new'), (99, 1, 'q');
		UPDATE d SET name = 'changed' WHERE g = 1;
		DELETE FROM t WHERE g = 2;
		DELETE FROM "Odd One"."T t" WHERE ctid = (SELECT min(ctid) FROM "Odd One"."T t");
		INSERT INTO parted VALUES (200, 5), (201, 15);
		UPDATE part1a SET id = id + 1000;
		UPDATE parted SET g = g + 10 WHERE g = 3;
		TRUNCATE part1;
		INSERT INTO part2 (id, g) VALUES (202, 11);
		CREATE TABLE part3 PARTITION OF parted FOR VALUES FROM (20) TO (30);
		INSERT INTO parted SELECT i, 15 + i % 10 FROM generate_series(1000, 1020) i;
	});
	is_right($target, "$how: maintained", @views);
	is($target->safe_psql('postgres', 'SELECT n FROM over'), $target->safe_psql('postgres', 'SELECT count(*) FROM t'), "$how: views over it");
	$target->safe_psql('postgres', "SELECT dbsp_ivm.create_view('another', 'SELECT g, count(*) FROM t GROUP BY g')");
	is_right($target, "$how: a new view can be declared", @views, 'another');
	$target->safe_psql('postgres', 'ALTER TABLE parted DETACH PARTITION part2; DROP TABLE part3');
	is_right($target, "$how: partitions go", @views, 'another');
	$target->safe_psql('postgres', 'DROP VIEW over; DROP VIEW per_group, joined, names, hist, another, "Odd One"."V v", per_part, part_names, one_part');
	is($target->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relname ~ '[0-9]' AND relkind = 'r'}),
		'0', "$how: drops leave nothing");
	is($target->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'dbsp%'}), '0', "$how: and no triggers");
	$target->safe_psql('template1', 'DROP DATABASE postgres');
	$target->safe_psql('template1', 'CREATE DATABASE postgres');
	return;
}
$target->command_ok([ 'psql', '-q', '-X', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-h', $target->host, '-p', $target->port, 'postgres' ], 'restored by psql');
check_restored('psql');

my $archive = $node->basedir . '/dump.custom';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $archive, '-h', $node->host, '-p', $node->port, 'postgres' ], 'pg_dump -Fc');
$target->command_ok([ 'pg_restore', '-e', '-j', '2', '-d', 'postgres', '-h', $target->host, '-p', $target->port, $archive ], 'restored by pg_restore -j 2');
check_restored('pg_restore');

# The same dump twice: what was restored dumps as it was.
$target->command_ok([ 'psql', '-q', '-X', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-h', $target->host, '-p', $target->port, 'postgres' ], 'restored again');
my $again = $target->basedir . '/dump.sql';
$target->command_ok([ 'pg_dump', '-f', $again, '-h', $target->host, '-p', $target->port, 'postgres' ], 'dumped again');
# pg_dump brackets its output with a random word.
my ($first, $second) = map { slurp_file($_) =~ s/^\\(un)?restrict .*\n//gmr } $file, $again;
ok($second eq $first, 'both dumps are the same');
$node->stop;
$target->stop;
done_testing();

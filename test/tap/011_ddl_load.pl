# DDL of every kind against sessions that write the tables and read the views: nobody deadlocks, no write fails, and
# every view is right whenever one looks.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{DBSP_LONG} ? 180 : 12;
my $node = new_node('ddl');
$node->append_conf('postgresql.conf', "log_lock_waits = off\ndeadlock_timeout = 1s");
$node->start;
create_schema($node);
$node->safe_psql('postgres', q{
	CREATE FUNCTION weigh(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
	CREATE DOMAIN small AS int;
	ALTER TABLE d ADD COLUMN remark text;
	SELECT dbsp_ivm.create_view('weighed', 'SELECT id, weigh(v) AS w, (v::small)::int AS s FROM t');
	CREATE VIEW plain AS SELECT g, v FROM t;
	SELECT dbsp_ivm.create_view('over_plain', 'SELECT g, max(v) AS hi FROM plain GROUP BY g');
});

# Writes, reads before writes, writes of both tables.  No read after a write: such a transaction keeps keys, and can
# meet a deadlock with another one as two UPDATEs can.
my $load = $node->basedir . '/load.sql';
PostgreSQL::Test::Utils::append_to_file($load, q{
\set g random(0, 24)
\set v random(1, 1000)
\set what random(1, 10)
\if :what <= 3
INSERT INTO t (g, v, x) VALUES (:g, :v, 'x' || :v % 9);
\elif :what <= 4
UPDATE t SET v = v + 1 WHERE id = (SELECT min(id) FROM t WHERE g = :g);
\elif :what <= 5
DELETE FROM t WHERE id = (SELECT max(id) FROM t WHERE g = :g);
\elif :what <= 6
BEGIN;
SELECT count(*) FROM per_group;
SELECT count(*) FROM joined WHERE id = :v;
INSERT INTO t (g, v, x) VALUES (:g, :v, 'read first');
COMMIT;
\elif :what <= 7
BEGIN;
SELECT count(*) FROM names;
UPDATE d SET name = 'n' || :v WHERE g = :g;
COMMIT;
\elif :what <= 9
BEGIN;
INSERT INTO t (g, v, x) VALUES (:g, :v, 'both');
INSERT INTO d VALUES (:g, 'both') ON CONFLICT (g) DO UPDATE SET name = 'both';
COMMIT;
\else
SELECT count(*) FROM weighed;
SELECT count(*) FROM hist;
\endif
});

# Each command is one transaction; those of one kind come one after the other, different kinds at the same time.
my %ddl = (
	queries => [
		q{SELECT dbsp_ivm.alter_view('per_group', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, avg(v) AS a FROM t WHERE v > 100 GROUP BY g')},
		q{SELECT dbsp_ivm.alter_view('per_group', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, avg(v) AS a FROM t GROUP BY g')},
		q{SELECT dbsp_ivm.alter_view('names', 'SELECT DISTINCT d.name AS x FROM t JOIN d USING (g)')},
		q{SELECT dbsp_ivm.alter_view('names', 'SELECT DISTINCT x FROM t')},
		q{SELECT dbsp_ivm.refresh('hist')}
	],
	views => [
		q{SELECT dbsp_ivm.create_view('come_and_go', 'SELECT t.x, d.name FROM t JOIN d USING (g)')},
		q{ALTER VIEW come_and_go RENAME COLUMN x TO y},
		q{SELECT dbsp_ivm.create_index('come_and_go', 'y')},
		q{DROP VIEW come_and_go}
	],
	meanings => [
		q{CREATE OR REPLACE FUNCTION weigh(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 2'},
		q{ALTER DOMAIN small ADD CONSTRAINT c CHECK (VALUE < 100000000)},
		q{ALTER DOMAIN small DROP CONSTRAINT c},
		q{ALTER FUNCTION weigh(int) STRICT},
		q{CREATE OR REPLACE FUNCTION weigh(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1'}
	],
	tables => [
		q{ALTER TABLE t ADD COLUMN more int DEFAULT 1},
		q{ALTER TABLE d RENAME COLUMN remark TO note},
		q{ALTER TABLE d RENAME COLUMN note TO remark},
		q{SELECT dbsp_ivm.create_index('joined', 'v DESC')},
		q{ALTER TABLE t DROP COLUMN more},
		q{CREATE INDEX t_v ON t (v)},
		q{DROP INDEX dbsp_ivm_internal.joined_v_idx},
		q{DROP INDEX t_v},
		q{REINDEX TABLE d}
	]);
my $end = time + $seconds;
my $pgbench = IPC::Run::start([ 'pgbench', '-n', '-f', $load, '-c', '4', '-j', '2', '-T', $seconds, '-h', $node->host, '-p', $node->port, 'postgres' ],
	'>', \my $bench_out, '2>', \my $bench_err);
my %run;
foreach my $kind (sort keys %ddl)
{
	my $file = $node->basedir . "/$kind.sql";
	my $rounds = $ENV{DBSP_LONG} ? 20 : 4;
	PostgreSQL::Test::Utils::append_to_file($file, "SET client_min_messages = error;\nSET lock_timeout = '60s';\n" . (join(";\n", @{ $ddl{$kind} }) . ";\n") x $rounds);
	$run{$kind} = { out => '', err => '' };
	$run{$kind}{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$run{$kind}{out}, '2>', \$run{$kind}{err});
}
my @all = (VIEWS, 'weighed', 'over_plain');
my ($looks, $wrong) = (0, '');
while (time < $end)
{
	$wrong .= differences($node, @all);
	$looks++;
	sleep 1;
}
foreach my $kind (sort keys %ddl)
{
	$run{$kind}{handle}->finish;
	# Two kinds of DDL can ask for the same locks of PostgreSQL's own; what they must not do is deadlock with the load.
	is($run{$kind}{err}, '', "$kind: every command went through");
}
ok($pgbench->finish, 'the load went through') or diag($bench_err);
my $log = slurp_file($node->logfile);
my @deadlocks = $log =~ /(\N*deadlock detected\N*\n(?:\N*(?:DETAIL|HINT|CONTEXT|STATEMENT):\N*\n|\t\N*\n)*)/g;
is(join('', @deadlocks), '', 'no deadlock');
diag("relation $_ is " . $node->safe_psql('postgres', "SELECT ${_}::regclass")) foreach join('', @deadlocks) =~ /relation (\d+)/g;
my @worse = $log =~ /(\N*(?:PANIC|TRAP|terminated by signal|could not serialize|XX000|WARNING)\N*\n)/g;
is(join('', @worse), '', 'nothing worse');
is($wrong, '', "every view was right each of $looks times");
is_right($node, 'and in the end', @all);
like($bench_out, qr/number of transactions actually processed: [1-9]\d/, 'the load was one');
$node->stop;
done_testing();

# One session, thousands of transactions of each kind: its memory does not grow, by its own contexts and as the system sees it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('kinds');
$node->append_conf('postgresql.conf', "synchronous_commit = off\nfsync = off\nautovacuum = off\njit = off\nlog_min_messages = fatal");
$node->start;
my $rounds = $ENV{DBSP_LONG} ? 50_000 : 500;
my %queries = (
	floats => 'SELECT g, sum(f) AS s, avg(f) AS a, variance(f) AS v, stddev(n) AS d, sum(n) AS sn FROM m GROUP BY g',
	extremes => 'SELECT g, min(x) AS lo, max(v) AS hi, bool_and(v > 0) AS b FROM m GROUP BY g HAVING count(*) > 1',
	united => 'SELECT id, x FROM m WHERE v > 10 UNION ALL SELECT g, name FROM d',
	copies => 'SELECT a, x FROM bag',
	pairs => 'SELECT m.id, d.name, bag.x FROM m JOIN d USING (g) JOIN bag ON bag.a = m.g',
	selves => 'SELECT p.id, q.id AS other FROM m p JOIN m q ON q.id = p.v % 100',
	parted => 'SELECT p.k, d.name, count(*) AS n, max(p.v) AS hi FROM p JOIN d ON d.g = p.k GROUP BY p.k, d.name',
	nested => 'SELECT n, count(*) AS groups FROM (SELECT DISTINCT g, count(*) AS n FROM m GROUP BY g) q GROUP BY n',
	ratio => 'SELECT id, 100 / r AS ratio FROM failing');
my @views = sort keys %queries;
$node->safe_psql('postgres', q{
	CREATE EXTENSION dbsp_ivm;
	CREATE TABLE m (id int PRIMARY KEY, g int, v int, f float8, n numeric, x text);
	CREATE TABLE d (g int PRIMARY KEY, name text);
	CREATE TABLE bag (a int, x text);
	CREATE TABLE p (id int, k int, v int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
	CREATE TABLE p0 PARTITION OF p FOR VALUES IN (0, 1, 2, 3);
	CREATE TABLE p1 PARTITION OF p DEFAULT;
	CREATE TABLE failing (id int PRIMARY KEY, r int);
	CREATE INDEX ON m (g);
	CREATE INDEX ON m ((v % 100));
	CREATE INDEX ON bag (a);
	CREATE INDEX ON p (k);
	INSERT INTO m SELECT i, i % 10, i, i / 7.0, i / 7.0, 'x' || i % 9 FROM generate_series(1, 100) i;
	INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 9) i;
	INSERT INTO bag SELECT i % 10, 'b' || i % 3 FROM generate_series(1, 40) i;
	INSERT INTO p SELECT i, i % 8, i FROM generate_series(1, 80) i;
	INSERT INTO failing SELECT i, i FROM generate_series(1, 10) i;
	CREATE FUNCTION scaled(i int) RETURNS int IMMUTABLE LANGUAGE sql RETURN i * 2;
	CREATE TABLE small (id int PRIMARY KEY, g int);
	INSERT INTO small SELECT i, i % 3 FROM generate_series(1, 20) i;
});
$node->safe_psql('postgres', "SELECT dbsp_ivm.create_view('$_', '$queries{$_}'); CREATE VIEW q_$_ AS $queries{$_}") foreach @views;
$node->safe_psql('postgres', q{SELECT dbsp_ivm.create_view('changing', 'SELECT scaled(g) AS g, count(*) AS n FROM small GROUP BY scaled(g)')});

# What one transaction of a kind does; i is its number.  Those with 'commit' are statements of the client.
my @kinds = (
	[ 'sums of floats', 'UPDATE m SET f = f + i / 3.0, n = n + i / 7.0 WHERE id = i % 100' ],
	[ 'min and max', q{UPDATE m SET v = (i * 7) % 1000, x = 'x' || i % 9 WHERE id % 50 = i % 50} ],
	[ 'groups that move', 'UPDATE m SET g = (g + 1) % 10 WHERE id = i % 100' ],
	[ 'bags', q{INSERT INTO bag VALUES (i % 10, 'b' || i % 3); DELETE FROM bag WHERE ctid = (SELECT min(ctid) FROM bag)} ],
	[ 'other sides', q{UPDATE d SET name = 'd' || i WHERE g = i % 10} ],
	[ 'partitions', 'UPDATE p SET k = (k + 1) % 8, v = v + 1 WHERE id = 1 + i % 80' ],
	[ 'rows that come and go', q{INSERT INTO m VALUES (1000 + i, i % 13, i, i, i, repeat('long', 1000)); DELETE FROM m WHERE id = 999 + i} ],
	[ 'rollbacks', 'UPDATE m SET v = v + 1 WHERE id % 20 = 0; PERFORM count(*) FROM extremes; ROLLBACK' ],
	[ 'reads in savepoints', q{
		FOR j IN 1 .. 3 LOOP
			BEGIN
				UPDATE m SET f = f + 1 WHERE id % 50 = j;
				PERFORM count(*) FROM floats;
				IF j = 2 THEN RAISE division_by_zero; END IF;
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;
		END LOOP}, 200 ],
	[ 'failing folds in savepoints', q{
		BEGIN
			UPDATE m SET v = v + 1 WHERE id = i % 100;
			UPDATE failing SET r = CASE WHEN id = 5 THEN 0 ELSE r END;
			PERFORM count(*) FROM ratio, extremes;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END}, 200 ],
	[ 'spilled changes', q{SET LOCAL dbsp_ivm.delta_mem = '64kB'; UPDATE m SET x = x || repeat(' ', 40), v = v + 1; UPDATE m SET x = trim(x)}, 12 ],
	[ 'TRUNCATE', 'TRUNCATE bag; INSERT INTO bag SELECT n % 10, n::text FROM generate_series(1, 20) n', 30 ],
	[ 'refresh', q{PERFORM dbsp_ivm.refresh('nested')}, 30 ],
	[ 'alter_view in one form', q{PERFORM dbsp_ivm.alter_view('changing', format('SELECT scaled(g) AS g, count(*) AS n FROM small WHERE id > %s GROUP BY scaled(g)', i % 10))}, 30 ],
	[ 'alter_view to another form', q{PERFORM dbsp_ivm.alter_view('changing', format('SELECT scaled(g) AS g, %s AS n FROM small GROUP BY scaled(g)', CASE i % 2 WHEN 0 THEN 'max(id)::bigint' ELSE 'sum(id)' END))}, 30 ],
	[ 'views that come and go', q{PERFORM dbsp_ivm.create_view('passing', 'SELECT g, max(id) AS m FROM small GROUP BY g'); UPDATE small SET g = (g + 1) % 3; PERFORM dbsp_ivm.drop_view('passing')}, 30 ],
	[ 'partitions that come and go', q{CREATE TABLE p9 PARTITION OF p FOR VALUES IN (9); INSERT INTO p VALUES (i, 9, i); DROP TABLE p9}, 150 ],
	[ 'verify', q{PERFORM dbsp_ivm.verify('pairs')}, 30 ],
	[ 'failing folds at commit', 'UPDATE failing SET r = 0 WHERE id = 3;', 200, 'commit' ],
	[ 'changed functions', 'CREATE OR REPLACE FUNCTION scaled(i int) RETURNS int IMMUTABLE LANGUAGE sql RETURN i * 2;', 30, 'commit' ]);

my $session = new_session($node, 3000);
my $pid = $session->query('SET client_min_messages = error; SELECT pg_backend_pid()');
my $contexts = q{SELECT sum(total_bytes), count(*) FROM pg_backend_memory_contexts};

sub run_kind
{
	my ($kind, $count, $first) = @_;
	my ($name, $body, undef, $of_client) = @$kind;
	if ($of_client)
	{
		my ($out, $err) = $session->query($body x $count);
		return;
	}
	$session->query("
		DO \$\$
		BEGIN
			FOR i IN $first .. $first + $count - 1 LOOP
				$body;
				COMMIT;
			END LOOP;
		END \$\$");
	return;
}

sub resident
{
	my ($kb) = slurp_file("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/;
	return $kb;
}

my $has_proc = -r "/proc/$pid/status";
foreach my $kind (@kinds)
{
	my $count = $kind->[2] ? int($kind->[2] * $rounds / 500) : $rounds;
	# The warm-up is as long: what a session keeps of tables and functions is bounded, not nothing.
	run_kind($kind, $count, 1);
	my ($bytes0, $number0) = split /\|/, $session->query($contexts);
	my $rss0 = $has_proc ? resident() : 0;
	run_kind($kind, $count, $count + 1);
	my ($bytes1, $number1) = split /\|/, $session->query($contexts);
	my $rss1 = $has_proc ? resident() : 0;
	note(sprintf '%-28s %6d times: %+8d bytes in %+3d contexts, %+6d kB resident', $kind->[0], $count, $bytes1 - $bytes0, $number1 - $number0, $rss1 - $rss0);
	# Less than 100 bytes for each transaction, or what caches need in steps: they drop what is out of date when they have grown.
	my $allowed = 100 * $count < 200_000 ? 200_000 : 100 * $count;
	cmp_ok($bytes1 - $bytes0, '<', $allowed, "$kind->[0]: the bytes in memory contexts stay");
	cmp_ok($number1 - $number0, '<', $kind->[0] =~ /^partitions that/ ? 140 : 10, "$kind->[0]: the number of memory contexts stays");
	cmp_ok($rss1 - $rss0, '<', $allowed / 1024 + 1500, "$kind->[0]: the resident memory stays");
}
# Sums of floats depend on the order of the rows in the query, not in the view.
is_equal($node, 'at the end', grep { $_ ne 'floats' } @views);
is_right($node, 'at the end: all views are right', @views);
$session->quit;
$node->stop;
done_testing();

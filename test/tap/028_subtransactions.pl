# Thousands of savepoints and of blocks with exception handlers, cursors, parallel plans and recursive triggers: views are
# right, and what subtransactions cost grows with their number, not with its square.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $node = new_node('subtransactions');
# A savepoint that is not released holds a lock on its transaction number.
$node->append_conf('postgresql.conf', "fsync = off\nmax_locks_per_transaction = 400\nmax_worker_processes = 8\nmax_stack_depth = '1MB'");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION dbsp_ivm;
	CREATE TABLE t (id serial PRIMARY KEY, g int, v int);
	CREATE TABLE d (g int PRIMARY KEY, name text);
	CREATE TABLE log (what text, n bigint);
	CREATE INDEX ON t (g);
	INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 99) i;
	INSERT INTO t (g, v) SELECT i % 100, i FROM generate_series(1, 1000) i;
	SELECT dbsp_ivm.create_view('sums', 'SELECT g, count(*) AS n, sum(v) AS s, max(v) AS hi FROM t GROUP BY g');
	SELECT dbsp_ivm.create_view('joined', 'SELECT t.id, d.name, t.v FROM t JOIN d USING (g)');
	SELECT dbsp_ivm.create_view('kinds', 'SELECT DISTINCT v % 50 AS kind FROM t');
	SELECT dbsp_ivm.create_index('joined', 'id');
});
my @views = qw(sums joined kinds);
my $session = new_session($node);
# A broken fold would otherwise be seen by nobody until the end.
$session->query('SET client_min_messages = warning');

# The time that the session's backend has computed; of the clock, where the system does not say.
sub cpu_seconds
{
	return Time::HiRes::time() unless -r '/proc/self/stat';
	my @stat = split ' ', $session->query(q{SELECT pg_read_file('/proc/self/stat')}) =~ s/^.*\) //r;
	return ($stat[11] + $stat[12]) / 100;
}

sub cost_of
{
	my ($sql) = @_;
	my $before = cpu_seconds();
	$session->query($sql);
	return cpu_seconds() - $before;
}

# $make gives the statements for a number of subtransactions: twice as many cost at most about twice as much.  What else
# the machine does can disturb one attempt.
sub is_linear
{
	my ($what, $make, %options) = @_;
	my $number = $options{number} || 5000;
	my ($half, $whole);
	foreach my $attempt (1 .. 3)
	{
		$session->query('VACUUM ANALYZE');		# dead rows are slow to read everywhere
		$half = cost_of('BEGIN; ' . $make->($number / 2) . '; ROLLBACK');
		$whole = cost_of('BEGIN; ' . $make->($number) . '; COMMIT');
		last if $whole <= 3 * $half + 0.05;
	}
	# A server with assertions checks its own lists of subtransactions each time.
	$half = $whole if $node->safe_psql('postgres', 'SHOW debug_assertions') eq 'on';
	cmp_ok($whole, '<=', 3 * $half + 0.05, sprintf('%s: %d cost %.2f s, half as many %.2f s', $what, $number, $whole, $half));
	is_right($node, "$what: views are right", @views);
	return;
}

# One message of many statements; # is the number of each.
sub repeated
{
	my ($sql, $number) = @_;
	return join('\;', map { my $i = $_; $sql =~ s/#/$i/gr =~ s/; */\\;/gr } 1 .. $number);
}

sub block
{
	my ($body, $number) = @_;
	return "DO \$\$ DECLARE c bigint; BEGIN FOR i IN 1 .. $number LOOP BEGIN $body EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END \$\$";
}

my $most = 10000;
is_linear('released savepoints', sub { return repeated('SAVEPOINT s; INSERT INTO t (g, v) VALUES (# % 100, #); RELEASE s', @_) }, number => $most);
is_linear('savepoints one in the other', sub { return repeated('SAVEPOINT s#; INSERT INTO t (g, v) VALUES (# % 100, #)', @_) }, number => 4000);
is_linear('savepoints, every other rolled back', sub {
	return repeated('SAVEPOINT s; INSERT INTO t (g, v) VALUES (# % 100, #); ROLLBACK TO s; INSERT INTO t (g, v) VALUES (7, #); RELEASE s', @_);
});
is_linear('savepoints one in the other, a rollback of half of them', sub {
	my ($number) = @_;
	my $middle = int($number / 2);
	return repeated('SAVEPOINT s#; INSERT INTO t (g, v) VALUES (# % 100, #)', $number) . "; ROLLBACK TO s$middle; INSERT INTO t (g, v) VALUES (1, 1)";
}, number => 4000);
is_linear('blocks that write', sub {
	return block('INSERT INTO t (g, v) VALUES (i % 100, i); UPDATE t SET v = v / (i % 3) WHERE id = i % 900;', @_);
}, number => $most);
# A group of its own for each, and no plan that was made when the table was small: to find one row among all its dead
# versions, or by reading all of a table, costs what it costs in any table.
$session->query('SET enable_seqscan = off');
is_linear('blocks that write and read a view', sub { return block('INSERT INTO t (g, v) VALUES (1000 + i, i); SELECT n INTO c FROM sums WHERE g = 1000 + i;', @_) },
	number => $most);
is_linear('blocks that write and read three views', sub {
	return block('INSERT INTO t (g, v) VALUES (20000 + i, i) RETURNING id INTO c; PERFORM n FROM sums WHERE g = 20000 + i;
		PERFORM v FROM joined WHERE id = c; PERFORM FROM kinds WHERE kind = -1;', @_);
}, number => 6000);
is_linear('savepoints one in the other, each with a write and a read', sub {
	return repeated('SAVEPOINT s#; INSERT INTO t (g, v) VALUES (30000 + #, #); SELECT count(*) FROM sums WHERE g = -1', @_);
}, number => 4000);

$session->query('RESET enable_seqscan');

# What a block wrote it has read, or the block would have failed.
$session->query('TRUNCATE log');
$session->query(block(q{INSERT INTO t (g, v) VALUES (i % 10, 5000); SELECT n INTO c FROM sums WHERE g = i % 10;
	INSERT INTO log SELECT 'wrong', i WHERE c IS DISTINCT FROM (SELECT count(*) FROM t WHERE g = i % 10);
	IF i % 3 = 0 THEN c := i / 0; END IF;}, 200));
is($node->safe_psql('postgres', 'SELECT count(*) FROM log'), '0', 'each block reads what it wrote, after blocks that failed, too');

# A fold that fails in a savepoint: what was pending before is so again, also where it is partly in files.
$session->query("SELECT dbsp_ivm.create_view('ratio', 'SELECT id, 1 / (v - 1000000) AS r FROM t'); SET dbsp_ivm.delta_mem = '64kB'");
my $bulk = q{INSERT INTO t (g, v) SELECT i % 100, i FROM generate_series(1, 3000) i};
my ($out, $err) = $session->query("BEGIN; $bulk; SAVEPOINT a; INSERT INTO t (g, v) VALUES (1, 1000000); SELECT count(*) FROM ratio");
like($err, qr/division by zero/, 'a fold fails in a savepoint');
$session->query("ROLLBACK TO a; $bulk; UPDATE t SET v = v + 1 WHERE g = 5; SELECT count(*) FROM ratio; $bulk; COMMIT; RESET dbsp_ivm.delta_mem; DROP VIEW ratio");
is_right($node, 'a failed fold leaves nothing behind', @views);

# ---- cursors ----

my $group = q{SELECT n FROM sums WHERE g = 3};
my $old = $session->query($group);
$out = $session->query("BEGIN; DECLARE early CURSOR FOR $group; DECLARE early_hold CURSOR WITH HOLD FOR $group;
	INSERT INTO t (g, v) VALUES (3, 1), (3, 2);
	DECLARE late CURSOR FOR $group; DECLARE late_hold SCROLL CURSOR WITH HOLD FOR $group;
	INSERT INTO t (g, v) VALUES (3, 3);
	FETCH early; FETCH late; $group; COMMIT; FETCH early_hold; FETCH late_hold; FETCH FIRST FROM late_hold");
is($out, join("\n", $old, $old + 2, $old + 3, $old, $old + 2, $old + 2), 'a cursor shows the view as it was when it was opened, held ones after the commit, too');
$session->query('CLOSE ALL');
$session->query(q{DO $$ DECLARE r record; BEGIN FOR r IN SELECT id FROM joined WHERE v < 40 ORDER BY id LOOP UPDATE t SET v = v + 1 WHERE id = r.id; END LOOP; END $$});
($out, $err) = $session->query('BEGIN; DECLARE c CURSOR FOR SELECT * FROM t WHERE g = 3 FOR UPDATE; FETCH c; UPDATE t SET v = -5 WHERE CURRENT OF c;
	SELECT count(*) FROM joined WHERE v = -5; FETCH c; DELETE FROM t WHERE CURRENT OF c; ' . $group . '; COMMIT');
like($out, qr/\n1\n.*\n@{[$old + 2]}$/s, 'writes through a cursor are seen');
is($err, '', 'and go through');
is_right($node, 'cursors: views are right', @views);

# ---- parallel plans ----

my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2';
$session->query($parallel);
my $before = $session->query('SELECT count(*), sum(v) FROM joined');
my ($rows, $sum) = split /\|/, $before;
$out = $session->query('BEGIN; INSERT INTO t (g, v) VALUES (5, 11), (6, 22); EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT count(*), sum(v) FROM joined;
	INSERT INTO t (g, v) VALUES (5, 33); SELECT count(*), sum(v) FROM joined; COMMIT');
like($out, qr/Workers Launched: [12]/, 'a view with pending changes is read by parallel workers');
like($out, qr/^@{[$rows + 3]}\|@{[$sum + 66]}$/m, 'and they see the changes');
$session->query(q{CREATE FUNCTION groups() RETURNS bigint STABLE PARALLEL SAFE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM sums); END'});
my $groups = $session->query('SELECT count(*) FROM sums');
$out = $session->query('SET force_parallel_mode = on; BEGIN; INSERT INTO t (g, v) VALUES (90001, 1); SELECT groups(); SAVEPOINT a; INSERT INTO t (g, v) VALUES (90002, 1);
	SELECT min(groups()) FROM d; ROLLBACK TO a; SELECT max(groups()) FROM d; COMMIT');
is($out, join("\n", $groups + 1, $groups + 2, $groups + 1), 'functions that read a view in workers see the changes, and a rollback');
$session->query('RESET force_parallel_mode; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size');
is_right($node, 'parallel plans: views are right', @views);

# ---- triggers that read, write again and again, and at commit ----

$node->safe_psql('postgres', q{
	CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO log SELECT 'look', n FROM sums WHERE g = NEW.g;
		RETURN NULL;
	END $$;
	CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.v > 0 THEN INSERT INTO t (g, v) VALUES (NEW.g, NEW.v - 1); END IF;
		RETURN NULL;
	END $$;
	CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.v = -1 THEN RAISE EXCEPTION 'refused at commit'; END IF;
		INSERT INTO log SELECT 'commit', n FROM sums WHERE g = NEW.g;
		IF NEW.v > 0 THEN INSERT INTO t (g, v) VALUES (NEW.g, NEW.v - 1); UPDATE d SET name = name || '.' WHERE g = NEW.v; END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER look AFTER INSERT ON t FOR EACH ROW WHEN (NEW.g = 201) EXECUTE FUNCTION look();
	CREATE TRIGGER again AFTER INSERT ON t FOR EACH ROW WHEN (NEW.g = 202) EXECUTE FUNCTION again();
	CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.g = 203) EXECUTE FUNCTION at_commit();
	TRUNCATE log;
});
$session->query('INSERT INTO t (g, v) VALUES (201, 1), (201, 2); BEGIN; INSERT INTO t (g, v) VALUES (201, 3), (201, 4); INSERT INTO t (g, v) VALUES (201, 5); COMMIT');
is($session->query(q{SELECT n FROM log WHERE what = 'look'}), "2\n2\n4", 'a trigger sees the view as it was when the statement began');
$session->query('INSERT INTO t (g, v) VALUES (202, 50)');
is($session->query('SELECT n, s FROM sums WHERE g = 202'), '51|1275', 'a trigger that writes its own table again');
foreach my $savepoint ('', 'SAVEPOINT a; ')
{
	(undef, $err) = $session->query("BEGIN; INSERT INTO t (g, v) VALUES (204, 1); ${savepoint}INSERT INTO t (g, v) VALUES (202, 1000000)");
	like($err, qr/stack depth limit exceeded/, 'without an end, the stack ends it');
	$session->query(($savepoint ? 'ROLLBACK TO a; ' : 'ROLLBACK; BEGIN; ') . 'INSERT INTO t (g, v) VALUES (204, 2); SELECT * FROM sums WHERE g = 204; COMMIT');
}
is($session->query('SELECT n, s FROM sums WHERE g = 204'), '3|5', 'and the session goes on');
$session->query('INSERT INTO t (g, v) VALUES (203, 4)');
is($session->query(q{SELECT string_agg(n::text, ' ') FROM log WHERE what = 'commit'}), '1 2 3 4 5', 'a deferred trigger that writes at commit, and reads');
(undef, $err) = $session->query('BEGIN; INSERT INTO t (g, v) VALUES (203, -1); SELECT count(*) FROM sums; COMMIT');
like($err, qr/refused at commit/, 'a deferred trigger that fails after a fold');
is($session->query('SELECT n FROM sums WHERE g = 203'), '5', 'takes all with it');
$session->query('BEGIN; SAVEPOINT a; INSERT INTO t (g, v) VALUES (203, 2); SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO a; INSERT INTO t (g, v) VALUES (203, 1); SELECT 1; COMMIT');
is($session->query('SELECT n FROM sums WHERE g = 203'), '7', 'deferred triggers fired early, and rolled back');
is_right($node, 'triggers: views are right', @views);
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX00|WARNING/, 'nothing bad in the log');
$session->quit;
$node->stop;
done_testing();

# A fold that is cut off - cancelled, timed out, terminated - leaves everything as it was before, at once, wherever it is.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $rows = $ENV{DBSP_LONG} ? 1_000_000 : 30_000;
my $samples = $ENV{DBSP_LONG} ? 60 : 14;
my $node = new_node('cancel');
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nmax_wal_size = 4GB\nshared_buffers = 256MB\nlog_line_prefix = '%n [%p] '\ndeadlock_timeout = 100ms");
$node->start;
create_load_schema($node);

# ---- a fold that is sure to last: a view's function sleeps ----

$node->safe_psql('postgres', q{
	CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF i < 0 THEN PERFORM pg_sleep(0.05); END IF; RETURN i; END $$;
	SELECT dbsp_ivm.create_view('slowly', 'SELECT id, slow(v) AS v FROM o');
	CREATE VIEW q_slowly AS SELECT id, slow(v) AS v FROM o;
});
my @views = (load_views(), 'slowly');
my $change = q{INSERT INTO o (g, v, x) SELECT i % 20, -1, 'slow' FROM generate_series(1, 100) i; DELETE FROM b WHERE a = 1; UPDATE d SET name = 'slow' WHERE g = 3;};
my $same_keys = q{INSERT INTO o (g, v, x) VALUES (1, 1, 'slow'), (3, 1, 'x1'); UPDATE d SET name = name || '.' WHERE g = 3;};

# Afterwards nobody waits for what the fold had locked, and the views are right.
sub is_as_before
{
	my ($what) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '2s'; $same_keys SELECT count(*) FROM o WHERE v = -1");
	is("$status $out", '0 0', "$what: nothing is left, locked or changed") or diag($err);
	is_equal($node, $what, @views);
	return;
}

my ($status, $out, $err);
foreach my $case (
	[ 'at commit', "SET statement_timeout = '300ms'; $change" ],
	[ 'at an explicit commit', "BEGIN; $change SET statement_timeout = '300ms'; COMMIT;" ],
	[ 'at PREPARE TRANSACTION', "BEGIN; $change SET statement_timeout = '300ms'; PREPARE TRANSACTION 'slow';" ],
	[ 'before a read', "BEGIN; $change SET statement_timeout = '300ms'; SELECT count(*) FROM slowly;" ],
	[ 'in a procedure', "SET statement_timeout = '300ms'; DO \$\$ BEGIN INSERT INTO o (g, v, x) SELECT i % 20, -1, 'slow' FROM generate_series(1, 100) i; COMMIT; END \$\$;" ])
{
	my ($what, $sql) = @$case;
	my $spent = seconds_of(sub { ($status, $out, $err) = $node->psql('postgres', $sql); });
	like($err, qr/canceling statement due to statement timeout.*maintaining incremental view/s, "statement_timeout $what");
	cmp_ok($spent, '<', 3, "statement_timeout $what: in time");
	is_as_before("statement_timeout $what");
}
# The clock of the fold is not left behind.
is($node->safe_psql('postgres', "SET statement_timeout = '400ms'; INSERT INTO o (g, v, x) SELECT 1, -1, 'slow' FROM generate_series(1, 4); BEGIN;
	SELECT pg_sleep(0.3) IS NOT NULL; COMMIT; RESET statement_timeout; DELETE FROM o WHERE v = -1"), 't', 'a fold within its time');

# In a block the error can be caught: what the fold had done is undone, and the changes are pending as before.
is($node->safe_psql('postgres', qq{
	BEGIN;
	$same_keys
	INSERT INTO o (g, v, x) SELECT i % 20, -1, 'slow' FROM generate_series(1, 15) i;
	SET LOCAL statement_timeout = '300ms';
	DO \$\$ BEGIN PERFORM count(*) FROM slowly; EXCEPTION WHEN query_canceled THEN NULL; END \$\$;
	SET LOCAL statement_timeout = 0;
	UPDATE o SET v = 5 WHERE v = -1;
	SELECT count(*) FROM slowly WHERE v = 5 AND id > 500;
	COMMIT;}), '15', 'a caught timeout of a fold');
is_equal($node, 'a caught timeout of a fold', @views);

# lock_timeout: a transaction that has folded keeps its keys
my $holder = new_session($node);
$holder->query("BEGIN; $same_keys SELECT count(*) FROM sums; SELECT count(*) FROM joined;");
($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '200ms'; INSERT INTO o (g, v, x) VALUES (1, 7, 'x1')");
like($err, qr/lock timeout.*maintaining incremental view/s, 'lock_timeout at commit');
($status, $out, $err) = $node->psql('postgres', "BEGIN; INSERT INTO o (g, v, x) VALUES (1, 7, 'x1'); SET lock_timeout = '200ms'; SELECT count(*) FROM sums;");
like($err, qr/lock timeout.*maintaining incremental view/s, 'lock_timeout before a read');
($status, $out, $err) = $node->psql('postgres', "SET statement_timeout = '200ms'; INSERT INTO o (g, v, x) VALUES (1, 7, 'x1')");
like($err, qr/statement timeout.*maintaining incremental view/s, 'statement_timeout while waiting for a key');
$holder->query('COMMIT');
$holder->quit;
is_as_before('lock_timeout');

# idle_in_transaction_session_timeout: a session that sleeps on its keys goes, and its keys with it
my $idle = new_session($node);
$idle->query("SET idle_in_transaction_session_timeout = '300ms'; BEGIN; $same_keys SELECT count(*) FROM sums;");
($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '5s'; $same_keys");
is($status, 0, 'idle_in_transaction_session_timeout frees the keys');
$idle->quit;
is_as_before('idle_in_transaction_session_timeout');

# pg_cancel_backend and pg_terminate_backend, in the middle of the sleeping function and while it waits for a key
my $in_fold = q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%slow%' AND pid <> pg_backend_pid()};
foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	foreach my $where ('', 'BEGIN; ', 'BEGIN; SAVEPOINT a; ')
	{
		my $sql = $where . $change . ($where ? ' SELECT count(*) FROM slowly;' : '');
		my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ], '<', \undef, '>', \$out, '2>', \$err);
		$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($in_fold) x") or BAIL_OUT('no fold to be cut off');
		my $start = time;
		$node->safe_psql('postgres', "SELECT $how(pid) FROM ($in_fold) x");
		$session->finish;
		cmp_ok(time - $start, '<', 2, "$how after '$where': in time");
		like($err, qr/canceling statement due to user request|terminating connection|server closed/, "$how after '$where'");
		is_as_before("$how after '$where'");
	}
}

# ---- bulk folds without any user code: cancelled at random moments ----

$node->safe_psql('postgres', qq{
	DROP VIEW slowly CASCADE;
	CREATE TABLE big (id int PRIMARY KEY, g int, v int, x text);
	INSERT INTO big SELECT i, i % ($rows / 20), i, 'x' || i % 1000 FROM generate_series(1, $rows) i;
	CREATE TABLE dim (g int PRIMARY KEY, name text);
	INSERT INTO dim SELECT i, 'd' || i FROM generate_series(0, $rows / 20) i;
	VACUUM ANALYZE big});
my %bulk = (
	b_sums => 'SELECT g, count(*) AS n, sum(v) AS s FROM big GROUP BY g',
	b_joined => 'SELECT id, name, v FROM big JOIN dim USING (g)',
	b_extremes => 'SELECT g % 100 AS k, min(v) AS lo, max(v) AS hi FROM big GROUP BY g % 100',
	b_names => 'SELECT DISTINCT x, v % 1000 AS m FROM big',
	b_copies => 'SELECT x, v % 10 AS t FROM big',
	b_everything => 'SELECT count(*) AS n, sum(v) AS s, min(x) AS x FROM big');
foreach my $view (sort keys %bulk)
{
	$node->safe_psql('postgres', "SELECT dbsp_ivm.create_view('$view', '$bulk{$view}'); CREATE VIEW q_$view AS $bulk{$view}");
}

my $session = new_session($node);
my $pid = $session->query('SELECT pg_backend_pid()');
my $canceller = new_session($node);

# Runs the statement and cancels it after a while; milliseconds from the cancellation to the error, or undef if the statement was done.
sub cancel_after
{
	my ($delay, $sql) = @_;
	my $log_start = -s $node->logfile;
	$canceller->send("SELECT pg_sleep($delay); SELECT extract(epoch FROM clock_timestamp()), pg_cancel_backend($pid)");
	my ($out, $err) = $session->query($sql);
	my ($at) = ($canceller->result)[0] =~ /([0-9.]+)\|t/;
	return unless $err =~ /canceling statement/;
	my ($error) = slurp_file($node->logfile, $log_start) =~ /([0-9.]+) \[$pid\] ERROR:  canceling statement/;
	return 1000 * ($error - $at);
}

sub is_prompt
{
	my ($what, @times) = @_;
	my $stats = stats_of('%.0f ms', @times);
	my @sorted = sort { $a <=> $b } @times;
	cmp_ok(scalar(@times), '>', 0, "$what: some were cancelled (" . scalar(@times) . ')');
	# Most of these are a few milliseconds; the bound leaves room for a machine that does other things as well.
	cmp_ok($sorted[ int(0.9 * $#sorted) ], '<', 100, "$what: nine of ten end within 100 ms ($stats)");
	cmp_ok($sorted[-1], '<', 1000, "$what: all within a second");
	return;
}

$session->query('BEGIN');
my $spent = seconds_of(sub { $session->query('UPDATE big SET v = v + 1') });
my $loads = $ENV{DBSP_LONG} ? 20 : 5;
$session->query('SAVEPOINT s');
my @times = map { $session->query('ROLLBACK TO s'); cancel_after(rand($spent), 'UPDATE big SET v = v + 1, x = x || 1') } 1 .. $loads;
is_prompt("a bulk UPDATE of $rows rows", @times);
$session->query('ROLLBACK TO s');
foreach my $mem ('32MB', '1GB')
{
	my @times;
	my $views = join ', ', map { "(SELECT count(*) FROM $_)" } sort keys %bulk;
	$session->query("SET dbsp_ivm.delta_mem = '$mem'");
	$session->query('SAVEPOINT f');
	# How long all folds take.
	my $whole = seconds_of(sub { $session->query("SELECT $views") });
	foreach (1 .. $samples / 2)
	{
		$session->query('ROLLBACK TO f');
		push @times, cancel_after(rand(0.95 * $whole), "SELECT $views");
	}
	is_prompt(sprintf("folds of %d rows into %d views in %.1f s, delta_mem %s", $rows, scalar(keys %bulk), $whole, $mem), @times);
	$session->query('ROLLBACK TO f');
}
$session->query('COMMIT');
$session->quit;
$canceller->quit;
is_equal($node, "after all cancelled folds", sort keys %bulk);
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000|XX001|leak|not closed/, 'nothing bad in the log');
$node->stop;
done_testing();

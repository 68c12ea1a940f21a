# Changes that have gone to temporary files: whatever ends the transaction, no file is left and the views are right.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('spill');
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nlog_temp_files = 0\ndbsp_ivm.delta_mem = '64kB'");
$node->start;
create_schema($node);
$node->safe_psql('postgres', q{INSERT INTO t (g, v, x) SELECT i % 20, i, 'x' || i % 7 FROM generate_series(1, 20000) i});

my $count_files = q{SELECT count(*) FROM pg_ls_tmpdir()};
my $bulk = q{UPDATE t SET v = v + 1, x = x || '.'};

sub nothing_left
{
	my ($what) = @_;
	$node->poll_query_until('postgres', $count_files, '0') or diag("files are left");
	is($node->safe_psql('postgres', $count_files), '0', "$what: no file is left");
	is_right($node, "$what: the views are right");
	return;
}

is($node->safe_psql('postgres', "BEGIN; $bulk; $count_files; COMMIT;"), '1', 'rows go to a file');
nothing_left('commit');

# an error of the transaction, of a subtransaction, and of the fold that has read half of the file
my ($status, $out, $err) = $node->psql('postgres', "BEGIN; $bulk; SELECT 1 / 0;");
like($err, qr/division by zero/, 'an error with rows in files');
nothing_left('error');
$node->safe_psql('postgres', qq{
	DO \$\$
	BEGIN
		$bulk WHERE id % 2 = 0;
		BEGIN
			$bulk;
			PERFORM 1 / 0;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	END \$\$});
nothing_left('error in a block');
$node->safe_psql('postgres', q{SELECT dbsp_ivm.create_view('ratio', 'SELECT id, 1 / (v - 1000000) AS r FROM t')});
($status, $out, $err) = $node->psql('postgres', qq{BEGIN; $bulk; UPDATE t SET v = 1000000 WHERE id = 9000; COMMIT;});
like($err, qr/division by zero.*maintaining incremental view/s, 'an error of the fold');
nothing_left('error of the fold');
$node->safe_psql('postgres', q{DROP VIEW ratio});

# a statement that is cancelled while it writes the file, with rows of an outer level in it
my $endless = q{UPDATE t SET v = v + 1 WHERE (SELECT count(*) FROM generate_series(1, 5 * t.id)) > 0};
($status, $out, $err) = $node->psql('postgres', qq{
	BEGIN;
	$bulk WHERE id % 2 = 0;
	SAVEPOINT a;
	$bulk;
	SAVEPOINT b;
	SET statement_timeout = '1s';
	$endless;
	ROLLBACK TO b;
	RESET statement_timeout;
	$count_files;
	RELEASE a;
	UPDATE t SET v = v + 1 WHERE id < 100;
	COMMIT;}, on_error_stop => 0);
like($err, qr/statement timeout/, 'a statement is cancelled');
is($out, '1', 'the levels share one file, which is still there');
nothing_left('cancel');

# sessions that end in the middle
($status, $out, $err) = $node->psql('postgres', "BEGIN; $bulk; SAVEPOINT a; $bulk; SELECT pg_terminate_backend(pg_backend_pid());");
like($err, qr/terminating connection/, 'a session is terminated');
nothing_left('terminate');
$node->psql('postgres', "BEGIN; $bulk; SAVEPOINT a; $bulk;");
nothing_left('disconnect');

# transactions that end otherwise
$node->safe_psql('postgres', "BEGIN; $bulk; PREPARE TRANSACTION 'spilled';");
is($node->safe_psql('postgres', $count_files), '0', 'PREPARE TRANSACTION leaves no file');
$node->safe_psql('postgres', "COMMIT PREPARED 'spilled'");
nothing_left('COMMIT PREPARED');
($status, $out, $err) = $node->psql('postgres', "BEGIN; $bulk; COMMIT AND CHAIN; $bulk; ROLLBACK AND CHAIN; $bulk; COMMIT;");
is($status, 0, 'chained transactions');
nothing_left('chained transactions');
$node->safe_psql('postgres', qq{
	CREATE PROCEDURE work() LANGUAGE plpgsql AS \$\$
	BEGIN
		FOR i IN 1 .. 10 LOOP
			$bulk WHERE id % 10 = i % 10 OR id > 10000;
			IF i % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
		END LOOP;
	END \$\$});
$node->safe_psql('postgres', 'CALL work()');
nothing_left('a procedure that commits');

# the server dies
my $session = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "BEGIN; $bulk; SELECT pg_sleep(600)" ],
	'<', \undef, '>', \my $session_out, '2>', \my $session_err);
ok($node->poll_query_until('postgres', $count_files, '1'), 'a file before the crash');
$node->stop('immediate');
$session->finish;
$node->start;
nothing_left('crash');

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/not closed|leak/, 'PostgreSQL had nothing to clean up at a commit');
$node->stop;
done_testing();

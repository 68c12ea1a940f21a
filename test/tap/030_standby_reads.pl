# Standby servers: in every snapshot, and in every statement of a long one, each view equals its query, whatever the primary
# does: writes, rebuilds, TRUNCATE, DDL.  A promoted server goes on; transactions that were prepared can end there.
# DBSP_LONG=1 takes longer looks.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{DBSP_LONG} ? 60 : 2;
my $primary = new_node('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', "fsync = off\nautovacuum_naptime = 1s\nmax_wal_senders = 5");
$primary->start;
create_load_schema($primary);
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = 60s\nhot_standby_feedback = off");
$standby->start;

my $verify = 'SELECT count(*) FROM (' . join(' UNION ALL ', map { "SELECT 1 FROM dbsp_ivm.verify('$_')" } load_views()) . ') x';
my $contents = 'SELECT ' . join(', ', map { "(SELECT (count(*), sum(hashtext(v::text)::bigint)) FROM $_ v)" } load_views());
my $lock = 'LOCK TABLE ' . join(', ', map { "$_, q_$_" } load_views()) . ' IN ACCESS SHARE MODE';

# One statement after the other in its own snapshot, and several in one: the numbers of looks, and of wrong ones.
sub watch
{
	my ($what, %options) = @_;
	my $session = new_session($standby);
	my ($looks, $wrong, $moved, $conflicts, %seen) = (0, '', 0, 0);
	my $end = time + $seconds;
	while (time < $end || ($looks < 3 && time < $end + 40))
	{
		# The snapshot of the first statement after LOCK serves the rest, while the standby replays what comes.  Without LOCK
		# it could be older than a TRUNCATE of a table that it has not read yet, which it would then find empty.
		my ($out, $err) = $session->query(compare_sql() . "; BEGIN ISOLATION LEVEL REPEATABLE READ; $lock; $contents; " . compare_sql() . '; SELECT 0 FROM pg_sleep(0.05)');
		my ($out2, $err2) = $err eq '' ? $session->query(compare_sql() . "; $verify; $contents; COMMIT") : ('', '');
		if ("$err$err2" ne '')
		{
			like("$err$err2", qr/conflict with recovery|deadlock detected/, "$what: the only error there is");
			$conflicts++;
			eval { $session->quit };
			$session = new_session($standby);
			next;
		}
		my ($short, $before, $first, undef) = split /\n/, $out;
		my ($again, $verified, $after) = split /\n/, $out2;
		$wrong .= " $short/$first/$again/$verified" if $short + $first + $again + $verified;
		$moved++ if $after ne $before;
		$seen{$before} = 1;
		$looks++;
	}
	$session->quit;
	is("$wrong $moved", ' 0', "$what: no snapshot showed a difference ($looks looks, $conflicts conflicts)");
	cmp_ok($looks, '>', 2, "$what: there were looks");
	cmp_ok(scalar(keys %seen), '>', 1, "$what: the standby moved meanwhile");
	return;
}

sub arrived
{
	my ($what) = @_;
	$primary->wait_for_catchup($standby);
	is_equal($standby, "$what, on the standby");
	is($standby->safe_psql('postgres', $contents), $primary->safe_psql('postgres', $contents), "$what: both hold the same rows");
	return;
}

foreach my $feedback ('off', 'on')
{
	$standby->append_conf('postgresql.conf', "hot_standby_feedback = $feedback");
	$standby->reload;
	my $load = start_load($primary, clients => 3, seconds => int($seconds + 1), reads => 1);
	watch("hot_standby_feedback $feedback");
	cmp_ok(stop_load($load), '>', 10, "hot_standby_feedback $feedback: there was a load");
	arrived("hot_standby_feedback $feedback");
}

# Rebuilds, TRUNCATE and DDL on the primary.  Their exclusive locks wait for transactions of the standby, or end them: that is PostgreSQL's.
my $ddl = $primary->basedir . '/ddl.sql';
append_to_file($ddl, join("\n", q{
\set n random(1, 1000)
\set what random(1, 8)
\if :what = 1
SELECT dbsp_ivm.refresh('sums');
\elif :what = 2
SELECT dbsp_ivm.refresh('pairs'), dbsp_ivm.refresh('histogram');
\elif :what = 3
BEGIN; TRUNCATE b; INSERT INTO b SELECT i % 20, 'x' || i % 3 FROM generate_series(1, 100 + :n % 50) i; COMMIT;
\elif :what = 4
BEGIN; SAVEPOINT a; TRUNCATE p2; ROLLBACK TO a; TRUNCATE p1; INSERT INTO p (k, v) SELECT i % 25, i FROM generate_series(1, 100) i; COMMIT;
\elif :what = 5
SELECT dbsp_ivm.alter_view('names', 'SELECT DISTINCT x FROM o WHERE v > -' || :n);
\elif :what = 6
BEGIN; ALTER TABLE p DETACH PARTITION p1; INSERT INTO p1 (id, k, v) VALUES (1000000 + :n, 5, 5) ON CONFLICT DO NOTHING;
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10); COMMIT;
\elif :what = 7
SELECT dbsp_ivm.create_view('short', 'SELECT g, max(v) AS m FROM o GROUP BY g'); SELECT dbsp_ivm.create_index('sums', 's'); DROP VIEW short;
\else
VACUUM FULL d; CLUSTER o USING o_pkey; REINDEX TABLE b;
\endif
}));
my $load = start_load($primary, clients => 2, seconds => int($seconds + 1));
my $changes = start_load($primary, clients => 1, seconds => int($seconds + 1), script => $ddl);
watch('with rebuilds, TRUNCATE and DDL');
cmp_ok(stop_load($load), '>', 10, 'there was a load');
cmp_ok(stop_load($changes), '>', 5, 'and DDL');
arrived('rebuilds, TRUNCATE and DDL');

# What reads works on a standby, what writes says why not.
is($standby->safe_psql('postgres', q{
	SELECT count(*) FROM dbsp_ivm.views WHERE state = 'ok';
	SELECT count(*) FROM dbsp_ivm.stats;
	SELECT count(*) > 0 FROM dbsp_ivm.explain('sums');
	SELECT count(*) > 0 FROM dbsp_ivm.explain('SELECT g FROM o');
	SELECT count(*) FROM dbsp_ivm.check_query('SELECT g FROM o ORDER BY 1')}), "10\n10\nt\nt\n1", 'functions that read');
foreach my $sql ("SELECT dbsp_ivm.create_view('n', 'SELECT g FROM o')", "SELECT dbsp_ivm.refresh('sums')", "SELECT dbsp_ivm.drop_view('sums')",
	"SELECT dbsp_ivm.create_index('sums', 'n')", "SELECT dbsp_ivm.alter_view('sums', 'SELECT g FROM o')")
{
	my ($status, $out, $err) = $standby->psql('postgres', $sql);
	like($err, qr/in a read-only transaction|during recovery/, "refused: $sql") or diag($err);
}

# Promotion: one session in the middle of a snapshot, one that has read, prepared and unfinished transactions of the primary.
$primary->safe_psql('postgres', 'DELETE FROM d WHERE g > 27');
sub prepare
{
	my ($gid, $sql) = @_;
	$primary->safe_psql('postgres', "BEGIN; $sql; PREPARE TRANSACTION '$gid'");
	return;
}
# The views in which all writers meet would make the second wait for the first.
$primary->safe_psql('postgres', 'DROP VIEW everything, histogram, extremes, names, copies CASCADE');
my @views = qw(joined pairs parted routed sums);
prepare('commit', "INSERT INTO o (g, v, x) VALUES (101, 1000, 'p'); INSERT INTO d VALUES (101, 'hundred'); INSERT INTO b VALUES (101, 'p'), (101, 'p')");
prepare('forget', "DELETE FROM o WHERE g = 5; INSERT INTO p (k, v) VALUES (5, 5)");
my $open = new_session($primary);
$open->query("BEGIN; INSERT INTO o (g, v, x) VALUES (7, 7, 'open'); DELETE FROM d WHERE g = 8; UPDATE p SET v = v + 1 WHERE k = 9; SELECT count(*) FROM sums; SELECT count(*) FROM routed");
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');
$primary->wait_for_catchup($standby);
my $old = new_session($standby);
my $then = $old->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT (SELECT (count(*), sum(s)) FROM sums), (SELECT count(*) FROM joined)');
my $reader = new_session($standby);
$reader->query(compare_sql(@views) . "; SELECT * FROM dbsp_ivm.verify('sums'); SELECT * FROM dbsp_ivm.explain('joined')");
is_equal($standby, 'prepared and unfinished, on the standby', @views);
$primary->stop('immediate');
is($reader->query('SELECT pg_promote()'), 't', 'promoted');
is_equal($standby, 'promoted', @views);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM o WHERE x IN (\'open\', \'p\')'), '0', 'what was not committed is gone, or waits');
my ($status, $out, $err) = $standby->psql('postgres', "SET lock_timeout = '300ms'; INSERT INTO o (g, v, x) VALUES (101, 1, 'x')");
like($err, qr/lock timeout/, 'the keys of a prepared transaction are locked on the promoted server');
$reader->query("INSERT INTO o (g, v, x) VALUES (7, 1, 'new'), (8, 1, 'new'); UPDATE d SET name = 'promoted' WHERE g = 8; DELETE FROM p WHERE k = 9; DELETE FROM b WHERE a = 1");
is_equal($standby, 'a session of the standby writes after the promotion', @views);
is($old->query('SELECT (SELECT (count(*), sum(s)) FROM sums), (SELECT count(*) FROM joined)'), $then, 'a snapshot of the standby still shows the same');
is($old->query(compare_sql(@views) . '; COMMIT'), '0', 'and no difference');
my $waiter = new_session($standby);
$waiter->send("INSERT INTO o (g, v, x) VALUES (101, 5, 'waited'), (5, 5, 'waited')");
$standby->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'nobody waits';
$standby->safe_psql('postgres', "COMMIT PREPARED 'commit'");
is($standby->safe_psql('postgres', 'SELECT n, s FROM sums WHERE g = 101; SELECT name FROM joined WHERE v = 1000 AND name = \'hundred\'; SELECT count(*) FROM pairs WHERE name = \'hundred\''),
	"1|1000\nhundred\n2", 'COMMIT PREPARED on the promoted server shows');
$standby->safe_psql('postgres', "ROLLBACK PREPARED 'forget'");
($out, $err) = $waiter->result;
is($err, '', 'who waited for it goes on');
is_equal($standby, 'prepared transactions ended on the promoted server', @views);
my $after = start_load($standby, clients => 3, seconds => 1, reads => 1);
cmp_ok(stop_load($after), '>', 5, 'a load on the promoted server');
is_equal($standby, 'and maintained under it', @views);
is_sound($standby, 'the promoted server');
unlike(slurp_file($standby->logfile), qr/PANIC|TRAP|terminated by signal|XX000|leak/, 'nothing bad in the log');
$_->quit foreach $old, $reader, $waiter;
eval { $open->quit };
$standby->stop;
done_testing();

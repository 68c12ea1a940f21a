# Backups: pg_basebackup under load, and recovery to a moment between two folds, or in the middle of one: every view
# equals its query then, and is maintained afterwards.  DBSP_LONG=1 tries more moments.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = new_node('origin', has_archiving => 1, allows_streaming => 1);
$node->append_conf('postgresql.conf', "fsync = off\nshared_buffers = 16MB");
$node->start;
create_load_schema($node);

my $contents = join('; ', map { "SELECT '$_', md5(string_agg(v::text, ',' ORDER BY v::text COLLATE \"C\")) FROM $_ v" } load_views());
my $write = q{INSERT INTO o (g, v, x) VALUES (1, 1, 'after'); UPDATE d SET name = 'after' WHERE g = 1; DELETE FROM p WHERE k = 3; INSERT INTO b VALUES (1, 'after')};

sub is_alive
{
	my ($server, $what) = @_;
	is_equal($server, $what);
	$server->safe_psql('postgres', $write);
	is_equal($server, "$what, and goes on");
	is($server->safe_psql('postgres', q{SELECT count(*) FROM dbsp_ivm.views WHERE state <> 'ok'}), '0', "$what: states");
	return;
}

# ---- pg_basebackup under load ----

my $load = start_load($node, clients => 4, seconds => 3, reads => 1);
sleep 0.5;
$node->backup('loaded');
my $xid_of = q{SELECT pg_current_xact_id()::text};
# Moments while the load goes on: a name, a transaction, a place in the log.
sleep 0.3;
$node->safe_psql('postgres', q{SELECT pg_create_restore_point('under load')});
sleep 0.2;
my $xid = $node->safe_psql('postgres', "BEGIN; INSERT INTO o (g, v, x) VALUES (3, 33, 'target'); DELETE FROM d WHERE g = 4; UPDATE p SET v = 44 WHERE k = 4; $xid_of; COMMIT");
sleep 0.2;
my $lsn = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
cmp_ok(stop_load($load), '>', 20, 'there was a load');

my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'loaded');
$copy->start;
is_alive($copy, 'a copy taken under load');
is_sound($copy, 'a copy taken under load');
$copy->stop;

# ---- moments without other writers, so that it is known what has to be there ----

my %at;
sub step
{
	my ($name, $sql) = @_;
	my $answer = $node->safe_psql('postgres', $sql);
	$node->safe_psql('postgres', "SELECT pg_create_restore_point('$name')");
	$at{$name} = $node->safe_psql('postgres', $contents);
	return $answer;
}
step('before', $write);
step('between', "BEGIN; UPDATE o SET v = v + 7 WHERE g < 9; INSERT INTO d VALUES (55, 'fifty-five'); SELECT count(*) FROM sums; INSERT INTO b VALUES (55, 'y'), (55, 'y'); COMMIT");
my $second = step('rebuilt', "BEGIN; TRUNCATE b; DELETE FROM o WHERE g = 2; SELECT dbsp_ivm.refresh('sums'); $xid_of; COMMIT");
$second =~ s/.*\n//s;
isnt($at{before}, $at{between}, 'the moments differ');
isnt($at{between}, $at{rebuilt}, 'all of them');

# The log goes on to a place in the middle of a fold: its view sleeps.
$node->safe_psql('postgres', q{
	CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF i < 0 THEN PERFORM pg_sleep(0.1); END IF; RETURN i; END $$;
	SELECT dbsp_ivm.create_view('zz_slowly', 'SELECT id, slow(v) AS v FROM o')});
my $slow = new_session($node);
$slow->send("INSERT INTO o (g, v, x) SELECT i, -1, 'slow' FROM generate_series(1, 8) i");
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) or die 'no fold';
$node->safe_psql('postgres', q{CHECKPOINT; SELECT pg_create_restore_point('in a fold')});
$slow->result;
$slow->quit;
is($node->safe_psql('postgres', 'SELECT count(*) FROM o WHERE v = -1'), '8', 'the fold was done later');
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
$node->poll_query_until('postgres', 'SELECT last_archived_wal >= pg_walfile_name(pg_switch_wal()) OR archived_count > 3 FROM pg_stat_archiver') or die 'nothing is archived';
$node->stop;

my $number = 0;
my @cases = ([ 'name', 'under load', '' ], [ 'xid', $xid, '' ], [ 'name', 'between', 'between' ], [ 'name', 'in a fold', 'rebuilt' ]);
push @cases, [ 'xid', $xid, '', 'off' ], [ 'lsn', $lsn, '' ], [ 'xid', $second, 'between', 'off' ], [ 'name', 'rebuilt', 'rebuilt' ] if $ENV{DBSP_LONG};
foreach my $case (@cases)
{
	my ($kind, $target, $moment, $inclusive) = @$case;
	my $what = "recovery_target_$kind = '$target'" . ($inclusive ? ', not inclusive' : '');
	my $server = PostgreSQL::Test::Cluster->new('restored' . ++$number);
	$server->init_from_backup($node, 'loaded', has_restoring => 1, standby => 0);
	# With a pause at the target the server can be read before it goes on.
	my $action = $kind eq 'name' ? 'pause' : 'promote';
	$server->append_conf('postgresql.conf', "recovery_target_$kind = '$target'\nrecovery_target_action = $action\n"
		. "recovery_target_inclusive = " . ($inclusive || 'on') . "\narchive_mode = off");
	$server->start;
	if ($action eq 'pause')
	{
		$server->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'}) or die 'no pause';
		is_equal($server, "$what, while recovery is paused");
		$server->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
	}
	$server->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no end of recovery';
	is($server->safe_psql('postgres', $contents), $at{$moment}, "$what: what it was then") if $moment;
	is($server->safe_psql('postgres', q{SELECT count(*) FROM o WHERE x = 'target'}), $inclusive ? '0' : '1', "$what: the transaction") if $target eq $xid;
	is($server->safe_psql('postgres', 'SELECT count(*) FROM o WHERE v = -1'), '0', "$what: no unfinished fold");
	is_alive($server, $what);
	is_sound($server, $what) if $target eq 'in a fold';
	unlike(slurp_file($server->logfile), qr/PANIC|TRAP|XX000|leak/, "$what: nothing bad in the log");
	$server->stop;
	$server->clean_node;
}
done_testing();

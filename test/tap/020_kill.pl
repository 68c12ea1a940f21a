# Backends and the postmaster are killed at random moments under load: after recovery every view equals its query, and
# tables, indexes and checksums are sound.  DBSP_LONG=1 makes it 30 rounds.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $rounds = $ENV{DBSP_LONG} ? 30 : 5;
my $node = new_node('kill', extra => ['--data-checksums']);
# A small buffer pool and frequent checkpoints leave recovery all kinds of half-written states.
$node->append_conf('postgresql.conf',
	"restart_after_crash = on\nfsync = off\nshared_buffers = 4MB\ncheckpoint_timeout = 30s\nmax_wal_size = 64MB\ndbsp_ivm.delta_mem = '64kB'");
$node->start;
create_load_schema($node);

# The processes whose parent is this one.
sub children
{
	my ($parent) = @_;
	my @found;
	foreach my $file (glob '/proc/[0-9]*/stat')
	{
		my $stat = eval { slurp_file($file) } || next;
		push @found, $1 if $stat =~ /^(\d+) \(.*\) \S (\d+) /s && $2 == $parent;
	}
	return @found;
}

# The postmaster's children outlive it for a moment, and hold what a new one needs.
sub kill_postmaster
{
	my $pid = $node->{_pid};
	kill 'STOP', $pid;
	my @children = children($pid);
	$node->kill9;
	foreach my $child (@children)
	{
		foreach (1 .. 1000)
		{
			last unless kill 0, $child;
			sleep 0.01;
		}
	}
	return;
}

sub kill_backend
{
	my $pid = $node->safe_psql('postgres',
		q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY state <> 'active', random() LIMIT 1});
	kill 'KILL', $pid or BAIL_OUT("could not kill backend $pid");
	$node->poll_query_until('postgres', 'SELECT true') or BAIL_OUT('the server does not come back');
	return;
}

# A bulk change keeps a fold going for most of the time, so that many kills meet it.
sub start_bulk
{
	return IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'UPDATE o SET v = v + 1; UPDATE p SET v = v + 1; UPDATE b SET x = x' ],
		'<', \undef, '>', \my $out, '2>', \my $err);
}

my $done = 0;
foreach my $round (1 .. $rounds)
{
	my $before = $node->safe_psql('postgres', 'SELECT pg_current_xact_id()');
	my $load = start_load($node, clients => 6, reads => $round % 3 == 0);
	sleep(0.3 + rand(1.2));
	my $bulk = start_bulk();
	sleep(rand(0.2));
	if ($round % 2)
	{
		kill_backend();
	}
	else
	{
		kill_postmaster();
		$node->start;
	}
	stop_load($load);
	$bulk->finish;
	$done += $node->safe_psql('postgres', 'SELECT pg_current_xact_id()') - $before;
	my $what = "round $round, " . ($round % 2 ? 'a backend' : 'the postmaster') . ' killed';
	is_equal($node, $what);
	$node->safe_psql('postgres', "INSERT INTO o (g, v, x) VALUES (1, 1, 'after'); UPDATE d SET name = 'after' WHERE g = 1; DELETE FROM p WHERE k = 3");
	is_equal($node, "$what, and goes on");
}
cmp_ok($done, '>', 20 * $rounds, "there was a load ($done transactions)");
is_sound($node, 'after all rounds');

# At this moment a fold is sure to be under way: a function of a view sleeps in it.
$node->safe_psql('postgres', q{
	CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF i < 0 THEN PERFORM pg_sleep(0.05); END IF; RETURN i; END $$;
	SELECT dbsp_ivm.create_view('slowly', 'SELECT id, slow(v) AS v FROM o');
	CREATE VIEW q_slowly AS SELECT id, slow(v) AS v FROM o;
});
my @views = (load_views(), 'slowly');
foreach my $how ('immediate', 'kill9')
{
	my $session = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'INSERT INTO o (g, v, x) SELECT i, -1, \'s\' FROM generate_series(1, 200) i' ],
		'<', \undef, '>', \my $out, '2>', \my $err);
	ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}), "$how: the fold is under way");
	if ($how eq 'immediate') { $node->stop('immediate'); }
	else { kill_postmaster(); }
	$session->finish;
	$node->start;
	is($node->safe_psql('postgres', q{SELECT count(*) FROM o WHERE v = -1}), '0', "$how: the transaction is gone");
	is_equal($node, "$how in the middle of a fold", @views);
}
is_sound($node, 'at the end');
$node->stop;
$node->command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], 'checksums are right');
done_testing();

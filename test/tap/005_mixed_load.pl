# Eight clients write at each isolation level, over views of every kind: no view is ever wrong, in no snapshot, and folds
# at commit cause no deadlock and no failure.  Says what views cost the clients and how much they wait.  DBSP_LONG=1
# makes it a minute for each level.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my %seconds = $ENV{DBSP_LONG} ? (without => 20, with => 60, reading => 30) : (without => 1, with => 2, reading => 1);
my $node = new_node('mixed');
$node->append_conf('postgresql.conf', "synchronous_commit = off\ndeadlock_timeout = 100ms\nlog_line_prefix = '%m [%p] %e '\nlog_statement = none");
$node->start;
create_load_tables($node);

# Views over plain views, of which some aggregate and some join.
my %over = (
	over_rows => [ 'SELECT g, v, x FROM o', 'SELECT x, count(*) AS n, max(v) AS hi FROM under_over_rows GROUP BY x' ],
	over_groups => [ 'SELECT g, count(*) AS n, sum(v) AS s FROM o GROUP BY g', 'SELECT d.name, u.n, u.s FROM under_over_groups u JOIN d USING (g) WHERE u.n > 3' ],
	over_join => [ 'SELECT p.k, d.name FROM p JOIN d ON d.g = p.k', 'SELECT DISTINCT name FROM under_over_join' ],
	over_distinct => [ 'SELECT DISTINCT a, x FROM b', 'SELECT x, count(*) AS n FROM under_over_distinct GROUP BY x' ]);
my @views = (load_views(), sort keys %over);

sub create_over
{
	foreach my $view (sort keys %over)
	{
		my ($below, $query) = @{ $over{$view} };
		$node->safe_psql('postgres', "CREATE OR REPLACE VIEW under_$view AS $below; SELECT dbsp_ivm.create_view('$view', '$query'); CREATE VIEW q_$view AS $query");
	}
	return;
}

# How often sessions were active, and waited for what, each time that one looked.
my $sample = q{SELECT count(*), count(*) FILTER (WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'),
	count(*) FILTER (WHERE wait_event_type = 'Lock' AND wait_event <> 'advisory') FROM pg_stat_activity
	WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()};

# Runs a load, looks at it meanwhile, and returns what was seen.
sub run_load
{
	my ($level, $seconds, %options) = @_;
	my $start = -s $node->logfile;
	my $session = new_session($node);
	my $load = start_load($node, clients => 8, seconds => $seconds, reads => $options{reads}, args => [ '--max-tries=10000' ]);
	my %seen = (sessions => 0, keys => 0, rows => 0, looks => 0, differences => 0);
	my $end = Time::HiRes::time() + $seconds;
	my $next_look = 0;
	while (Time::HiRes::time() < $end)
	{
		my ($sessions, $keys, $rows) = split /\|/, $session->query($sample);
		$seen{sessions} += $sessions;
		$seen{keys} += $keys;
		$seen{rows} += $rows;
		sleep 0.1;
		my $now = Time::HiRes::time();
		next if $now < $next_look || !$options{views};
		$seen{differences} += $session->query('BEGIN ISOLATION LEVEL REPEATABLE READ; ' . compare_sql(@views) . '; COMMIT');
		$seen{looks}++;
		# To look costs more than to write: the clients need the processors.
		$next_look = Time::HiRes::time() + 9 * (Time::HiRes::time() - $now);
	}
	$session->quit;
	$seen{done} = stop_load($load) || 0;
	$seen{rate} = $seen{done} / $seconds;
	$seen{err} = $load->{err};
	$seen{log} = slurp_file($node->logfile, $start);
	# PostgreSQL itself reports this where a row that one waits for goes to another partition, at every level.
	$seen{40001} = () = $seen{log} =~ / 40001 ERROR:(?!\N*moved to another partition)/g;
	$seen{deadlocks} = () = $seen{log} =~ / 40P01 ERROR/g;
	$seen{text} = sprintf('%.0f transactions/s; of the clients\' time %.0f %% waits for keys, %.0f %% for rows; %d times 40001, %d times 40P01',
		$seen{rate}, 100 * $seen{keys} / ($seen{sessions} || 1), 100 * $seen{rows} / ($seen{sessions} || 1), $seen{40001}, $seen{deadlocks});
	return \%seen;
}

sub is_clean
{
	my ($seen, $what) = @_;
	cmp_ok($seen->{done}, '>', 5, "$what: $seen->{text}");
	unlike($seen->{err}, qr/aborted in command/, "$what: no client was thrown out");
	is(join('', grep { !/ (40001|40P01) / } $seen->{log} =~ /(\N*(?:ERROR|FATAL|PANIC|WARNING):\N*\n)/g), '', "$what: nothing bad in the log");
	return;
}

my @levels = ('read committed', 'repeatable read', 'serializable');
my %without;
foreach my $level (@levels)
{
	$node->safe_psql('postgres', "ALTER DATABASE postgres SET default_transaction_isolation = '$level'");
	$without{$level} = run_load($level, $seconds{without});
	is_clean($without{$level}, "$level, without views");
}
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET default_transaction_isolation');
# With views, the tables are as large as they were without.
$node->safe_psql('postgres', 'DROP TABLE o, d, b, p CASCADE');
create_load_tables($node);
create_load_views($node, load_views());
create_over();
foreach my $level (@levels)
{
	$node->safe_psql('postgres', "ALTER DATABASE postgres SET default_transaction_isolation = '$level'");
	my $seen = run_load($level, $seconds{with}, views => 1);
	is_clean($seen, "$level, " . @views . ' views');
	is($seen->{deadlocks}, 0, "$level: folds at commit do not deadlock");
	is($seen->{40001}, 0, "$level: nor can they fail to serialize") if $level eq 'read committed';
	is($seen->{differences}, 0, "$level: each of $seen->{looks} snapshots was right");
	note(sprintf('%s: with views %.0f %% of the rate without', $level, 100 * $seen->{rate} / $without{$level}->{rate}));

	# A transaction that reads a view after a write keeps the keys, and can meet a deadlock as with two UPDATEs.
	$seen = run_load($level, $seconds{reading}, views => 1, reads => 1);
	is_clean($seen, "$level, with reads after writes");
	is($seen->{differences}, 0, "$level, with reads: each of $seen->{looks} snapshots was right");
	$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET default_transaction_isolation');
	is_equal($node, $level, @views);
}
is_sound($node, 'at the end') if $ENV{DBSP_LONG};
$node->stop;
done_testing();

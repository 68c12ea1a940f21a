# PgBouncer in transaction mode: ten clients share two server sessions, so that each transaction finds what others have left
# in a session.  Skipped where pgbouncer is not installed.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'pgbouncer is not installed' unless $pgbouncer;

my $node = new_node('pooled');
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
create_load_schema($node);
my $user = getpwuid($<);
my $directory = $node->basedir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
append_to_file("$directory/users.txt", "\"$user\" \"\"\n");
append_to_file("$directory/pgbouncer.ini", join("\n",
	'[databases]', 'postgres = host=' . $node->host . ' port=' . $node->port . " user=$user dbname=postgres",
	'[pgbouncer]', 'pool_mode = transaction', 'default_pool_size = 2', 'max_client_conn = 50', 'auth_type = trust', "auth_file = $directory/users.txt",
	'listen_addr =', 'unix_socket_dir = ' . $node->host, "listen_port = $port", "admin_users = $user", 'ignore_startup_parameters = extra_float_digits',
	"logfile = $directory/pgbouncer.log", "pidfile = $directory/pgbouncer.pid", ''));
my $pooler = IPC::Run::start([ $pgbouncer, "$directory/pgbouncer.ini" ], '<', \undef, '>', '/dev/null', '2>', '/dev/null');
END { my $status = $?; $pooler->kill_kill if $pooler; $? = $status; }

sub client
{
	my ($sql, @more) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-h', $node->host, '-p', $port, '-U', $user, 'postgres', @more, '-f', '-' ], '<', \$sql, '>', \$out, '2>', \$err);
	return ($out, $err);
}
foreach (1 .. 100)
{
	last if (client('SELECT 1'))[0] eq "1\n";
	sleep 0.05;
}
is((client('SELECT 1'))[0], "1\n", 'connected through the pooler');

# ---- ten clients of a script; each of its steps says what is wrong at once ----

# Only differences are output.  Each client has groups of its own (g from 100 * client), which it can compare with what it did, and
# writes common ones, too.
sub script
{
	my ($client, $rounds) = @_;
	my $sql = "SET client_min_messages = error;\n";
	my $g = 100 * $client;
	my $see = sub { my ($n) = @_; return "SELECT 'client $client: wrong count', n FROM (SELECT coalesce((SELECT n FROM sums WHERE g = $g), 0)) s(n) WHERE n <> $n;\n"; };
	my $own = 0;
	foreach my $round (1 .. $rounds)
	{
		my $common = ($client * 7 + $round * 3) % 25;
		my $what = ($client + $round) % 8;
		if ($what == 0)
		{
			$sql .= "INSERT INTO o (g, v, x) VALUES ($g, $round, 'x'), ($common, 1, 'x1');\n" . $see->($own + 1);
			$own++;
		}
		elsif ($what == 1)
		{
			# Reads its own writes, with savepoints.
			$sql .= "BEGIN; INSERT INTO o (g, v, x) VALUES ($g, $round, 'y');\n" . $see->($own + 1)
				. "SAVEPOINT a; INSERT INTO o (g, v, x) SELECT $g, i, 'z' FROM generate_series(1, 5) i;\n" . $see->($own + 6)
				. "ROLLBACK TO a;\n" . $see->($own + 1) . "DELETE FROM b WHERE a = $common; INSERT INTO b VALUES ($g, 'own'); COMMIT;\n";
			$own++;
		}
		elsif ($what == 2)
		{
			# Rolled back as a whole, after a fold.
			$sql .= "BEGIN; DELETE FROM o WHERE g = $g; UPDATE d SET name = 'never' WHERE g = $common;\n" . $see->(0) . "ROLLBACK;\n" . $see->($own);
		}
		elsif ($what == 3)
		{
			# Ends in an error, with changes pending, folded, and made after the fold.
			$sql .= "BEGIN; INSERT INTO o (g, v, x) VALUES ($g, 1, 'e'); SELECT count(*) < 0 FROM sums WHERE g < 0 HAVING count(*) > 0;\n"
				. "DELETE FROM p WHERE k = $common; SELECT 1 / 0; INSERT INTO o (g, v, x) VALUES ($g, 1, 'e'); COMMIT;\n" . $see->($own);
			$sql .= "INSERT INTO o (g, v, x) SELECT $g, 1 / (i - 3), 'e' FROM generate_series(1, 5) i;\n";
		}
		elsif ($what == 4)
		{
			# The other transaction ends wherever the pooler finds a session; nobody else writes this group.
			$sql .= "BEGIN; INSERT INTO t2 (g, v) SELECT $g, i FROM generate_series(1, 3) i; SELECT 'client $client: prepared' FROM two WHERE g = $g AND n % 3 <> 0; PREPARE TRANSACTION 'c$client r$round';\n"
				. ($round % 2 ? "COMMIT PREPARED 'c$client r$round';\n" : "ROLLBACK PREPARED 'c$client r$round';\n")
				. "SELECT 'client $client: two', n FROM two WHERE g = $g AND n % 3 <> 0;\n";
		}
		elsif ($what == 5)
		{
			$sql .= "DO \$\$ BEGIN FOR i IN 1 .. 3 LOOP INSERT INTO p (k, v) VALUES ($common, i); COMMIT; END LOOP; END \$\$;\n";
		}
		elsif ($what == 6)
		{
			$sql .= "BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO o (g, v, x) VALUES ($g, $round, 'rr'); COMMIT;\n" . $see->($own + 1);
			$own++;
		}
		else
		{
			$sql .= "BEGIN; DECLARE c CURSOR FOR SELECT * FROM sums WHERE g = $g; UPDATE o SET v = v + 1 WHERE g = $g; FETCH ALL FROM c \\g /dev/null\nCOMMIT;\n" . $see->($own);
		}
	}
	return ($sql, $own);
}
$node->safe_psql('postgres', q{
	CREATE TABLE t2 (id bigserial PRIMARY KEY, g int, v int);
	SELECT dbsp_ivm.create_view('two', 'SELECT g, count(*) AS n, sum(v) AS s FROM t2 GROUP BY g');
	CREATE VIEW q_two AS SELECT g, count(*) AS n, sum(v) AS s FROM t2 GROUP BY g});
my @views = (load_views(), 'two');

my $rounds = $ENV{DBSP_LONG} ? 400 : 40;
foreach my $reset (0, 1)
{
	my $what = $reset ? 'with DISCARD ALL after each transaction' : 'transaction pooling';
	if ($reset)
	{
		append_to_file("$directory/pgbouncer.ini", "server_reset_query = DISCARD ALL\nserver_reset_query_always = 1\n");
		IPC::Run::run([ 'psql', '-Xq', '-h', $node->host, '-p', $port, '-U', $user, 'pgbouncer', '-c', 'RELOAD' ], '>', '/dev/null', '2>', '/dev/null');
		$node->safe_psql('postgres', 'DELETE FROM o WHERE g >= 100');
	}
	my (@runs, %own);
	foreach my $client (1 .. 10)
	{
		my ($sql, $own) = script($client, $rounds);
		my $file = "$directory/client_${reset}_$client.sql";
		append_to_file($file, $sql);
		$own{$client} = $own;
		push @runs, IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $port, '-U', $user, 'postgres', '-f', $file ],
			'<', \undef, '>', "$file.out", '2>', "$file.err");
	}
	sleep 0.3;
	my $sessions = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()});
	$_->finish foreach @runs;
	my ($out, $err) = map { my $end = $_; join '', map { slurp_file("$directory/client_${reset}_$_.sql.$end") } 1 .. 10 } 'out', 'err';
	is($node->safe_psql('postgres', 'SELECT g / 100, n FROM sums WHERE g >= 100 ORDER BY g'), join("\n", map { "$_|$own{$_}" } 1 .. 10), "$what: what the clients did is there");
	is($out, '', "$what: each client saw what it had done");
	# These are ordinary fates of transactions, but for the last two, which the scripts provoke.
	my @errors = grep { /ERROR|FATAL|PANIC/ && !/could not serialize access|deadlock detected|division by zero|current transaction is aborted/ } split /\n/, $err;
	is("@errors[0 .. ($#errors > 4 ? 4 : $#errors)]", '', "$what: no other errors");
	cmp_ok($sessions, '<=', 2, "$what: two sessions for ten clients ($sessions)");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '0', "$what: nothing stays prepared");
	is_equal($node, $what, @views);
}
like(slurp_file($node->logfile), qr/statement: DISCARD ALL/, 'the second time, sessions were reset');

# ---- the pool and the keys of a prepared transaction ----

# Who waits for such a key keeps a session of the pool; COMMIT PREPARED must find one.
$node->safe_psql('postgres', "BEGIN; INSERT INTO t2 (g, v) VALUES (5, 5); PREPARE TRANSACTION 'holder'");
my @waiting = map {
	my $run = { out => '', err => '' };
	$run->{run} = IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $port, '-U', $user, 'postgres', '-c', 'INSERT INTO t2 (g, v) VALUES (5, 1)' ],
		'<', \undef, '>', \$run->{out}, '2>', \$run->{err});
	$run;
} 1 .. 2;
$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'nobody waits';
my $blocked = { out => '', err => '' };
$blocked->{run} = IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $port, '-U', $user, 'postgres', '-c', 'SELECT 1' ],
	'<', \undef, '>', \$blocked->{out}, '2>', \$blocked->{err});
sleep 0.3;
$blocked->{run}->pump_nb;
is($blocked->{out}, '', 'writers that wait for a prepared transaction fill the pool');
$node->safe_psql('postgres', "COMMIT PREPARED 'holder'");
$_->{run}->finish foreach @waiting, $blocked;
is($blocked->{out}, "1\n", 'COMMIT PREPARED past the pooler lets them go on');
is(join('', map { $_->{err} } @waiting), '', 'without errors');
is($node->safe_psql('postgres', 'SELECT n, s FROM two WHERE g = 5'), '3|7', 'and all of it shows');
is_equal($node, 'at the end', @views);
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000|leak/, 'nothing bad in the log');
$node->stop;
done_testing();

# The keys of views that a prepared transaction holds: who needs them waits and then goes on with what is right, who needs
# others does not; also after a restart, a crash and a kill of the server.  And a crash in the middle of a bulk fold.
# DBSP_LONG=1 tries more of each.
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

my $node = new_node('keys');
$node->append_conf('postgresql.conf', "fsync = off\nshared_buffers = 4MB\nrestart_after_crash = on\ndeadlock_timeout = 200ms");
$node->start;
my @views = qw(sums joined names pairs parted extremes copies);
create_load_schema($node, @views);
# The keys of these views follow from the test: no index of 25 groups by 8, no text that two writers share.
$node->safe_psql('postgres', q{DROP VIEW extremes, q_extremes});
@views = grep { $_ ne 'extremes' } @views;

# What a writer does to a key of each kind of view, and how to do it with keys that nobody else has.
sub writes_of
{
	my ($key) = @_;
	return (
		'a group' => "INSERT INTO o (g, v, x) VALUES ($key, 1, 'only' || txid_current())",
		'the left side of a join' => "INSERT INTO b VALUES ($key, 'b$key')",
		'the right side of a join' => "INSERT INTO d VALUES ($key, 'new') ON CONFLICT (g) DO UPDATE SET name = d.name || '+'",
		'a value of DISTINCT' => "INSERT INTO o (g, v, x) VALUES (50 + (random() * 1e8)::int, 1, 'distinct $key')",
		'a group of a partitioned table' => "INSERT INTO p (k, v) VALUES ($key, 1)");
}

# Holds keys of all kinds: group 3, DISTINCT's value, both sides of joins.
my $change = q{
	INSERT INTO o (g, v, x) VALUES (3, 100, 'distinct 3'), (3, 101, 'distinct 3');
	DELETE FROM o WHERE g = 3 AND v < 100;
	INSERT INTO b VALUES (3, 'b3'), (3, 'b3');
	UPDATE d SET name = 'prepared' WHERE g = 3;
	UPDATE p SET v = v + 1 WHERE k = 3;
	SAVEPOINT a;
	DELETE FROM p WHERE k = 3;
	ROLLBACK TO a;
};
my $fold = 'SELECT count(*) FROM sums; SELECT count(*) FROM pairs, names; ';

sub start_again
{
	my ($how) = @_;
	if ($how eq 'restart') { $node->restart; }
	elsif ($how eq 'immediate') { $node->stop('immediate'); $node->start; }
	elsif ($how eq 'kill')
	{
		# A backend is killed: the postmaster starts the others anew.
		my $victim = new_session($node);
		my $pid = $victim->query('SELECT pg_backend_pid()');
		kill 'KILL', $pid or die "kill: $!";
		eval { $victim->quit };
		sleep 0.1;
		$node->poll_query_until('postgres', 'SELECT true') or BAIL_OUT('the server does not come back');
	}
	return;
}

my $waiting = q{SELECT count(*) FROM pg_locks WHERE NOT granted};
my $round = 0;
my @cases = ([ '', 'COMMIT', '' ], [ '', 'ROLLBACK', $fold ], [ 'immediate', 'COMMIT', $fold ], [ 'kill', 'ROLLBACK', '' ]);
push @cases, [ 'restart', 'COMMIT', $fold ], [ 'immediate', 'ROLLBACK', '' ], [ 'immediate', 'COMMIT', '' ], [ 'kill', 'COMMIT', $fold ] if $ENV{DBSP_LONG};
foreach my $case (@cases)
{
	my ($how, $end, $look) = @$case;
	my $what = ($how ? "after $how, " : '') . "$end PREPARED" . ($look ? ', folded before' : '');
	my $gid = 'g' . ++$round;
	my $before = $node->safe_psql('postgres', 'SELECT n, s FROM sums WHERE g = 3');
	$node->safe_psql('postgres', "BEGIN; $change $look PREPARE TRANSACTION '$gid'");
	start_again($how) if $how;
	is_equal($node, "$what: before it ends", @views);
	is($node->safe_psql('postgres', 'SELECT n, s FROM sums WHERE g = 3'), $before, "$what: it does not show");

	# Each writer of these keys waits, those of other keys do not.
	my %same = writes_of(3);
	my %other = writes_of(4);
	my @sessions;
	foreach my $kind (sort keys %same)
	{
		my $session = new_session($node);
		$session->send($same{$kind});
		push @sessions, $session;
		$node->poll_query_until('postgres', "SELECT ($waiting) = " . scalar(@sessions)) or die "$what: $kind does not wait";
	}
	pass("$what: writers of its keys wait");
	my ($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '1s'; " . join('; ', map { $other{$_} } sort keys %other));
	is($err, '', "$what: writers of other keys do not");
	is_equal($node, "$what: with waiters", @views);
	$node->safe_psql('postgres', "$end PREPARED '$gid'");
	$err = join '', map { my (undef, $error) = $_->result; $error } @sessions;
	is($err, '', "$what: who waited goes on");
	$_->quit foreach @sessions;
	is($node->safe_psql('postgres', q{SELECT count(*) FROM o WHERE x = 'distinct 3' AND g = 3}) > 0 ? 'COMMIT' : 'ROLLBACK', $end, "$what: done");
	is_equal($node, "$what: afterwards", @views);
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', "$what: no key is left locked");
	$node->safe_psql('postgres', q{DELETE FROM o WHERE g = 3; INSERT INTO o (g, v, x) VALUES (3, 1, 'x'); DELETE FROM b WHERE a = 3; DELETE FROM p WHERE k = 3; INSERT INTO p (k, v) VALUES (3, 3)});
}

# Operators taken whole, because of too many keys, stay so over a crash.
$node->safe_psql('postgres', "SET dbsp_ivm.max_key_locks = 3; BEGIN; INSERT INTO o (g, v, x) SELECT 1000 + i, i, 'many' FROM generate_series(1, 50) i; PREPARE TRANSACTION 'whole'");
start_again('immediate');
my ($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '300ms'; INSERT INTO o (g, v, x) VALUES (4, 1, 'x')");
like($err, qr/lock timeout/, 'an operator that is locked as a whole stays so over a crash');
$node->safe_psql('postgres', "INSERT INTO p (k, v) VALUES (4, 1)");
is_equal($node, 'other operators are not', @views);
# Several prepared transactions on the same keys, which shared them: one side of a join.
my $session = new_session($node);
$session->send("INSERT INTO o (g, v, x) VALUES (4, 1, 'waited')");
$node->poll_query_until('postgres', "SELECT ($waiting) = 1") or die 'nobody waits';
$node->safe_psql('postgres', "COMMIT PREPARED 'whole'");
($out, $err) = $session->result;
is($err, '', 'who waited for the whole operator goes on');
$session->quit;
is_equal($node, 'the whole operator', @views);
$node->safe_psql('postgres', 'DROP VIEW sums, names CASCADE');
@views = grep { !/^(sums|names)$/ } @views;
$node->safe_psql('postgres', "BEGIN; INSERT INTO b VALUES (7, '$_'); PREPARE TRANSACTION '$_'") foreach 'one', 'two';
start_again('immediate');
($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '300ms'; UPDATE d SET name = 'x' WHERE g = 7");
like($err, qr/lock timeout/, 'two prepared transactions share a key of a join, and keep it');
$node->safe_psql('postgres', "SET lock_timeout = '1s'; INSERT INTO b VALUES (7, 'three')");
$node->safe_psql('postgres', "COMMIT PREPARED 'one'; ROLLBACK PREPARED 'two'; UPDATE d SET name = 'x' WHERE g = 7");
is_equal($node, 'shared keys', @views);

# A writer that waits when the server is killed has done nothing.
$node->safe_psql('postgres', "BEGIN; UPDATE d SET name = 'held' WHERE g = 9; PREPARE TRANSACTION 'last'");
$session = new_session($node);
$session->send("INSERT INTO b VALUES (9, 'lost')");
$node->poll_query_until('postgres', "SELECT ($waiting) = 1") or die 'nobody waits';
start_again('kill');
eval { $session->quit };
is($node->safe_psql('postgres', "SELECT count(*) FROM b WHERE x = 'lost'"), '0', 'a waiter that is killed has done nothing');
$node->safe_psql('postgres', "COMMIT PREPARED 'last'");
is_equal($node, 'a waiter that is killed', @views);

# Without prepared transactions the command fails, and nothing has happened.
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 0');
$node->restart;
($status, $out, $err) = $node->psql('postgres', "BEGIN; INSERT INTO b VALUES (8, 'no'); SELECT count(*) FROM pairs; INSERT INTO b VALUES (8, 'no'); PREPARE TRANSACTION 'no'");
like($err, qr/prepared transactions are disabled/, 'prepared transactions are disabled');
$node->safe_psql('postgres', "INSERT INTO b VALUES (8, 'yes')");
is_equal($node, 'prepared transactions are disabled', @views);

# ---- a crash in the middle of a bulk fold ----

my $rows = $ENV{DBSP_LONG} ? 400_000 : 40_000;
$node->safe_psql('postgres', qq{
	CREATE TABLE big (id int PRIMARY KEY, g int, v int);
	INSERT INTO big SELECT i, i % ($rows / 10), i FROM generate_series(1, $rows) i;
	SELECT dbsp_ivm.create_view('big_sums', 'SELECT g, count(*) AS n, sum(v) AS s, max(v) AS hi FROM big GROUP BY g');
	SELECT dbsp_ivm.create_view('big_joined', 'SELECT big.id, d.name, big.v FROM big JOIN d ON d.g = big.g % 25');
	CREATE VIEW q_big_sums AS SELECT g, count(*) AS n, sum(v) AS s, max(v) AS hi FROM big GROUP BY g;
	CREATE VIEW q_big_joined AS SELECT big.id, d.name, big.v FROM big JOIN d ON d.g = big.g % 25});
push @views, qw(big_sums big_joined);
# The first of the two views has been folded, the second waits for a key: dirty pages and records of the fold may be on disk.
foreach my $reach ('disk', 'memory')
{
	my $holder = new_session($node);
	my $bulk = new_session($node);
	$holder->query("BEGIN; UPDATE d SET name = name || '+' WHERE g = 9; SELECT count(*) FROM big_joined");
	$bulk->query('BEGIN; UPDATE big SET v = v + 1, g = g + 1');
	$bulk->send('COMMIT');
	$node->poll_query_until('postgres', "SELECT ($waiting) = 1") or die 'no fold';
	$node->safe_psql('postgres', 'CHECKPOINT') if $reach eq 'disk';
	my $state = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE query ~ '^COMMIT' AND state = 'active'});
	$node->stop('immediate');
	eval { $_->quit } foreach $bulk, $holder;
	$node->start;
	is($state, '1', "$reach: the server was stopped in the middle of a fold");
	is($node->safe_psql('postgres', 'SELECT sum(v - id) FROM big'), '0', "$reach: nothing has happened");
	is_equal($node, "$reach: in the middle of a bulk fold", @views);
	$node->safe_psql('postgres', 'UPDATE big SET v = v + 1 WHERE id % 100 = 0; UPDATE big SET v = v - 1 WHERE id % 100 = 0');
	is_equal($node, "$reach: and goes on", @views);
}
is_sound($node, 'at the end');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|XX000|leak/, 'nothing bad in the log');
$node->stop;
done_testing();

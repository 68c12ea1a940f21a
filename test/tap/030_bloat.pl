# A day of one-row updates, in short: internal tables stay HOT and of one size, autovacuum and FREEZE keep up with the writers.
# DBSP_LONG=1 makes it ten million updates.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use PostgreSQL::Test::Utils;
use Test::More;

my $updates = $ENV{DBSP_LONG} ? 10_000_000 : 180_000;
my ($groups, $rows, $batch, $clients) = (10_000, 100_000, 1000, 2);

my $node = new_node('bloat');
$node->append_conf('postgresql.conf', q{
fsync = off
synchronous_commit = off
max_wal_size = 4GB
shared_buffers = 256MB
autovacuum_naptime = 1s
autovacuum_vacuum_cost_delay = 0
autovacuum_vacuum_scale_factor = 0.1
autovacuum_freeze_max_age = 100000
vacuum_freeze_min_age = 0
vacuum_freeze_table_age = 0
});
$node->start;
my %queries = (
	sums => 'SELECT g, count(*) AS n, sum(v) AS s FROM t GROUP BY g',
	extremes => 'SELECT g, min(v) AS lo, max(v) AS hi FROM t GROUP BY g',
	joined => 'SELECT t.id, d.name, t.v FROM t JOIN d USING (g)',
	names => 'SELECT DISTINCT x FROM t',
	queued => 'SELECT id, x FROM q WHERE x <> $$x1$$',
	hours => 'SELECT id / 100 AS hour, count(*) AS n, max(x) AS x FROM q GROUP BY id / 100');
my @views = sort keys %queries;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION dbsp_ivm;
	CREATE TABLE t (id int PRIMARY KEY, g int, v int, x text) WITH (fillfactor = 80);
	CREATE TABLE d (g int PRIMARY KEY, name text);
	CREATE TABLE q (id bigserial PRIMARY KEY, x text);
	INSERT INTO q (x) SELECT 'x' || i % 10 FROM generate_series(1, 10000) i;
	INSERT INTO t SELECT i, i % $groups, abs(hashint4(i)) % 1000, 'x' || i % 7000 FROM generate_series(1, $rows) i;
	INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, $groups) i;
	CREATE PROCEDURE load(n int, seed int) LANGUAGE plpgsql AS \$\$
	DECLARE k int;
	BEGIN
		PERFORM setseed(seed / 1e6);
		FOR i IN 1 .. n LOOP
			IF i % 4 = 0 THEN
				INSERT INTO q (x) VALUES ('x' || i % 9) RETURNING id INTO k;
				DELETE FROM q WHERE id = k - 10000;
				COMMIT;
				CONTINUE;
			END IF;
			k := 1 + floor(random() * $rows);
			UPDATE t SET v = floor(random() * 1000), x = CASE WHEN random() < 0.1 THEN 'x' || floor(random() * 7000) ELSE x END WHERE id = k;
			COMMIT;
		END LOOP;
	END \$\$;
});
# q is a queue: rows and groups come at one end of its keys and go at the other.
$node->safe_psql('postgres', "SELECT dbsp_ivm.create_view('$_', '$queries{$_}'); CREATE VIEW q_$_ AS $queries{$_}") foreach @views;
$node->safe_psql('postgres', 'VACUUM ANALYZE');
my $script = $node->basedir . '/day.sql';
# Sessions report their statistics, which autovacuum goes by, between statements: so not all in one CALL.
append_to_file($script, "\\set seed random(1, 999999)\nCALL load($batch, :seed);\n");

# What is in the internal schema that has more than one page or so: name => { ... }.
sub look
{
	my %found;
	foreach (split /\n/, $node->safe_psql('postgres', q{
		SELECT c.relname, pg_relation_size(c.oid) / 8192, pg_indexes_size(c.oid) / 8192, age(c.relfrozenxid),
			n_tup_upd, n_tup_hot_upd, autovacuum_count
		FROM pg_class c JOIN pg_stat_all_tables s ON s.relid = c.oid
		WHERE c.relnamespace = 'dbsp_ivm_internal'::regnamespace AND c.relkind = 'r' AND pg_relation_size(c.oid) > 16384}))
	{
		my ($name, %row) = split /\|/;
		my @values = split /\|/;
		@{ $found{$name} }{qw(heap index age updates hot vacuums)} = @values[ 1 .. 6 ];
	}
	return \%found;
}

sub load
{
	my ($count, $meanwhile) = @_;
	my $done = 0;
	my $pgbench = IPC::Run::start(
		[
			'pgbench', '-n', '-c', $clients, '-j', '2', '-t', int($count / $batch / $clients), '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres'
		],
		'>', \my $out, '2>', \my $err);
	if ($meanwhile)
	{
		while ($pgbench->pumpable)
		{
			$meanwhile->();
			$done++;
			$pgbench->pump_nb;
		}
	}
	ok($pgbench->finish, int($count) . ' updates') || diag($err);
	return $done;
}

my $first = look();
load($updates / 3);
my $warm = look();
# The same with FREEZE going on all the time.
my @internal = sort keys %$warm;
my %oldest = map { $_ => 0 } @internal;
my $freezes = load(
	$updates / 3,
	sub {
		foreach my $name (@internal)
		{
			my $age = $node->safe_psql('postgres',
				"VACUUM (FREEZE) dbsp_ivm_internal.$name; SELECT age(relfrozenxid) FROM pg_class WHERE relname = '$name'");
			$oldest{$name} = $age if $age > $oldest{$name};
		}
	});
cmp_ok($freezes, '>', 1, 'VACUUM FREEZE goes on beside the writers');
load($updates / 3);
my $last = look();

foreach my $name (@internal)
{
	my ($hot, $all) = map { $last->{$name}{$_} } qw(hot updates);
	my $ratio = $all ? $hot / $all : 1;
	note(sprintf '%-14s HOT %5.1f %% of %8d updates; pages of table %5d %5d %5d, of indexes %5d %5d %5d; age %d %d %d; %d autovacuums',
		$name, 100 * $ratio, $all, (map { my $key = $_; map { $_->{$name}{$key} } $first, $warm, $last } qw(heap index)),
		$warm->{$name}{age}, $oldest{$name}, $last->{$name}{age}, $last->{$name}{vacuums});
	cmp_ok($ratio, '>', 0.9, "$name: updates are HOT") if $all > $updates / 10;
	cmp_ok($last->{$name}{heap}, '<', 1.3 * $warm->{$name}{heap} + 20, "$name: the table stays of one size");
	cmp_ok($last->{$name}{index}, '<', 1.3 * $warm->{$name}{index} + 20, "$name: the indexes stay of one size");
	cmp_ok($oldest{$name}, '<', 50_000, "$name: FREEZE beside writers takes the age down");
	cmp_ok($last->{$name}{vacuums}, '>', 0, "$name: autovacuum comes by");
	cmp_ok($last->{$name}{age}, '<', 100_000 + $updates / 3, "$name: its age stays bounded");
}
$node->safe_psql('postgres', 'VACUUM (FREEZE)');
my $oldest = $node->safe_psql('postgres', q{SELECT max(age(relfrozenxid)) FROM pg_class WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relkind = 'r'});
cmp_ok($oldest, '<', 1000, 'FREEZE leaves nothing old');
is_equal($node, 'at the end', @views);
is_sound($node, 'at the end');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000|XX001|WARNING|could not/, 'nothing bad in the log');
$node->stop;
done_testing();

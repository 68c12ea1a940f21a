# ALTER EXTENSION dbsp_ivm UPDATE with views in place; a dump of version 0.1.0 in a server of this version.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('upgrade');
$node->start;

# What a database looks like to pg_dump when it looks at members of extensions too.
sub members
{
	my ($database) = @_;
	my ($out, $err);
	IPC::Run::run([ 'pg_dump', '--binary-upgrade', '-s', '-h', $node->host, '-p', $node->port, $database ], '>', \$out, '2>', \$err)
		or die "pg_dump: $err";
	# OIDs, file numbers and transaction numbers are not the same anywhere.
	$out =~ s/^SELECT pg_catalog\.binary_upgrade_set_next_.*\n//gm;
	$out =~ s/^\\(un)?restrict .*\n//gm;
	$out =~ s/^(-- For binary upgrade, .*\n)?UPDATE pg_catalog\.pg_(class|database)\nSET rel\w+ = .*\nWHERE .*\n//gm;
	$out =~ s/'\{[0-9,]+\}'/'{}'/g;
	$out =~ s/relfrozenxid = '\d+', relminmxid = '\d+'/relfrozenxid = x/g;
	return $out;
}

# An empty database and one with views, both made with the old script.
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(fresh empty used old_dump);
$node->safe_psql('fresh', 'CREATE EXTENSION dbsp_ivm');
$node->safe_psql('empty', "CREATE EXTENSION dbsp_ivm VERSION '0.1.0'");
my $script = q{
	CREATE TABLE t (id bigserial PRIMARY KEY, g int, v int, x text);
	CREATE TABLE d (g int PRIMARY KEY, name text);
	INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 19) i;
	INSERT INTO t (g, v, x) SELECT i % 20, i, 'x' || i % 7 FROM generate_series(1, 500) i;
	SELECT dbsp_ivm.create_view('per_group', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, avg(v) AS a FROM t GROUP BY g');
	SELECT dbsp_ivm.create_view('joined', 'SELECT t.id, d.name, t.v FROM t JOIN d USING (g)');
	SELECT dbsp_ivm.create_view('names', 'SELECT DISTINCT x FROM t');
	SELECT dbsp_ivm.create_view('hist', 'SELECT n, count(*) AS groups FROM (SELECT g, count(*) AS n FROM t GROUP BY g) q GROUP BY n');
};
$node->safe_psql('used', "CREATE EXTENSION dbsp_ivm VERSION '0.1.0'; $script
	CREATE VIEW over AS SELECT name, state FROM dbsp_ivm.views;
	GRANT EXECUTE ON FUNCTION dbsp_ivm.refresh(text) TO pg_monitor;");

my $write = q{INSERT INTO t (g, v, x) VALUES (3, 7, 'before'); UPDATE t SET v = v + 1 WHERE g = 4;};
$node->safe_psql('used', "INSERT INTO t (g, v, x) VALUES (1, 5, 'old'); DELETE FROM t WHERE id = 3;");
is($node->safe_psql('used', 'SELECT extversion FROM pg_extension WHERE extname = \'dbsp_ivm\''), '0.1.0', 'the old version');

sub differs
{
	my ($database, @views) = @_;
	return $node->safe_psql($database, join(' UNION ALL ', map { "SELECT '$_', weight, \"row\" FROM dbsp_ivm.verify('$_')" } @views));
}
is(differs('used', VIEWS), '', 'the old version with the new library: right');

# In one transaction with writes, before and after; and what is rolled back is as it was.
$node->safe_psql('used', "BEGIN; $write ALTER EXTENSION dbsp_ivm UPDATE; $write ROLLBACK;");
is($node->safe_psql('used', 'SELECT extversion FROM pg_extension WHERE extname = \'dbsp_ivm\''), '0.1.0', 'rolled back');
is(differs('used', VIEWS), '', 'rolled back: right');
$node->safe_psql('used', "BEGIN; $write ALTER EXTENSION dbsp_ivm UPDATE; $write COMMIT;");
$node->safe_psql('empty', 'ALTER EXTENSION dbsp_ivm UPDATE');
my $version = $node->safe_psql('fresh', 'SELECT extversion FROM pg_extension WHERE extname = \'dbsp_ivm\'');
isnt($version, '0.1.0', 'there is a newer version');
is($node->safe_psql($_, 'SELECT extversion FROM pg_extension WHERE extname = \'dbsp_ivm\''), $version, "$_: updated") foreach qw(empty used);
is(differs('used', VIEWS), '', 'updated: right');
$node->safe_psql('used', $write);
is(differs('used', VIEWS), '', 'updated: maintained');
is($node->safe_psql('used', 'SELECT count(*), count(*) FILTER (WHERE state = \'ok\') FROM over'), '4|4', 'a view over dbsp_ivm.views');
is($node->safe_psql('used', q{SELECT has_function_privilege('pg_monitor', 'dbsp_ivm.refresh(text)', 'EXECUTE')}), 't', 'rights that users gave');
$node->safe_psql('used', q{
	SELECT dbsp_ivm.alter_view('names', $$SELECT DISTINCT x, g FROM t$$);
	SELECT dbsp_ivm.create_index('per_group', 's');
	SELECT dbsp_ivm.create_view('another', 'SELECT g, max(x) FROM t GROUP BY g');
	UPDATE t SET v = v + 1 WHERE g = 5;
	SELECT dbsp_ivm.refresh('hist');
});
is(differs('used', VIEWS, 'another'), '', 'updated: new functions work on old views');
$node->safe_psql('used', 'DROP VIEW over; DROP VIEW per_group, joined, names, hist, another');
is($node->safe_psql('used', q{SELECT count(*) FROM pg_class WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relname ~ '_[0-9]'}), '0', 'drops leave nothing');

# Fresh and updated are the same.
my ($fresh, $updated) = (members('fresh'), members('empty'));
like($fresh, qr/CREATE FUNCTION dbsp_ivm\.create_view/, 'the dump has the functions');
like($fresh, qr/CREATE EVENT TRIGGER dbsp_ivm_on_ddl_end/, 'the dump has the event triggers');
ok($fresh eq $updated, 'a fresh installation and an updated one are the same');
if ($fresh ne $updated)
{
	PostgreSQL::Test::Utils::append_to_file($node->basedir . '/fresh.sql', $fresh);
	PostgreSQL::Test::Utils::append_to_file($node->basedir . '/updated.sql', $updated);
	diag(`diff $node->{_basedir}/fresh.sql $node->{_basedir}/updated.sql | head -50`);
}

# A dump that version 0.1.0 made.
my @old = qw(per_group joined keyless names hist floats total rows "both" by_numeric join_of_groups);
$node->command_ok([ 'psql', '-q', '-X', '-v', 'ON_ERROR_STOP=1', '-f', "$FindBin::RealBin/data/dump_0.1.0.sql",
		'-h', $node->host, '-p', $node->port, 'old_dump' ], 'a dump of 0.1.0 restored');
is($node->safe_psql('old_dump', 'SELECT extversion FROM pg_extension WHERE extname = \'dbsp_ivm\''), $version, 'in this version');
is(differs('old_dump', @old), '', 'a dump of 0.1.0: right');
$node->safe_psql('old_dump', q{
	INSERT INTO t SELECT i, i % 6, i, repeat('y', i % 4), i / 7.0, i * 1.5, true FROM generate_series(100, 140) i;
	UPDATE t SET v = v + 1, x = 'z', f = f + 0.1, m = m + 1 WHERE g IN (1, 3);
	UPDATE d SET name = name || '!' WHERE g > 2;
	DELETE FROM t WHERE id % 4 = 0 OR id = 27;
	INSERT INTO bag VALUES (1, 'x', '{"a": 1}'), (9, 'z', NULL);
	DELETE FROM bag WHERE ctid = (SELECT min(ctid) FROM bag);
});
is(differs('old_dump', @old), '', 'a dump of 0.1.0: maintained');
is($node->safe_psql('old_dump', q{SELECT count(*) FROM dbsp_ivm.views WHERE state <> 'ok'}), '0', 'a dump of 0.1.0: states');
$node->safe_psql('old_dump', q{
	SELECT dbsp_ivm.alter_view('names', 'SELECT DISTINCT x AS label, g FROM t');
	SELECT dbsp_ivm.create_index('names', 'label');
	SELECT dbsp_ivm.refresh(name::text) FROM dbsp_ivm.views;
	DELETE FROM t WHERE id < 10;
});
is(differs('old_dump', @old), '', 'a dump of 0.1.0: new functions work on old views');
$node->safe_psql('old_dump', 'DROP TABLE t, d, bag CASCADE; DROP EXTENSION dbsp_ivm');
$node->stop;
done_testing();

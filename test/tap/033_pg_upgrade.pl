# pg_upgrade: the new cluster's views work at once.  Both clusters are of one major version, which
# pg_upgrade allows: what it does to extensions, their tables and event triggers is the same.  DBSP_LONG=1 tries --link as well.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = new_node('old');
$old->start;
create_schema($old);
$old->safe_psql('postgres', q{
	CREATE DATABASE more;
	CREATE ROLE app;
	CREATE SCHEMA "Odd One" AUTHORIZATION app;
	GRANT USAGE ON SCHEMA dbsp_ivm TO app;
	SET ROLE app;
	CREATE TYPE "Odd One".mood AS ENUM ('glad', 'sad');
	CREATE TABLE "Odd One"."T t" (a int, b text, c numeric, f float8, m "Odd One".mood);
	INSERT INTO "Odd One"."T t" VALUES (1, 'x', 1.50, 0.1, 'glad'), (1, 'x', 1.50, 0.1, 'glad'), (NULL, NULL, NULL, NULL, 'sad');
	SELECT dbsp_ivm.create_view('"Odd One"."V v"', 'SELECT * FROM "Odd One"."T t"');
	SELECT dbsp_ivm.create_view('"Odd One".moods', 'SELECT m, sum(f) AS f, avg(c) AS c, max(b) AS b FROM "Odd One"."T t" GROUP BY m');
	SELECT dbsp_ivm.create_view('"Odd One".whole', 'SELECT count(*) AS n, sum(c) AS s FROM "Odd One"."T t"');
	RESET ROLE;
	CREATE TABLE parted (id int, g int, PRIMARY KEY (id, g)) PARTITION BY RANGE (g);
	CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
	CREATE TABLE part2 (g int NOT NULL, gone int, id int NOT NULL);
	ALTER TABLE part2 DROP COLUMN gone;
	ALTER TABLE parted ATTACH PARTITION part2 FOR VALUES FROM (10) TO (20);
	INSERT INTO parted SELECT i, i % 20 FROM generate_series(1, 100) i;
	SELECT dbsp_ivm.create_view('per_part', 'SELECT g, count(*) AS n, max(id) AS m FROM parted GROUP BY g');
	SELECT dbsp_ivm.create_index('per_group', 's DESC', index_name => 'by_sum');
	SELECT dbsp_ivm.alter_view('names', $$SELECT DISTINCT x, length(x) AS length FROM t WHERE x <> 'x3'$$);
	CREATE VIEW over AS SELECT sum(n) AS n FROM per_group;
	ALTER TABLE d RENAME COLUMN name TO label;
	UPDATE t SET v = v + 1 WHERE g = 3;
	DELETE FROM t WHERE g = 4;
});
my @views = (VIEWS, '"Odd One"."V v"', '"Odd One".moods', '"Odd One".whole', 'per_part');
# A second database, with a part of the views, and one where the extension is not.
$old->safe_psql('more', q{
	CREATE EXTENSION dbsp_ivm VERSION '0.1.0';
	CREATE TABLE t (id int PRIMARY KEY, v text);
	INSERT INTO t VALUES (1, 'a'), (2, 'b');
	SELECT dbsp_ivm.create_view('v', 'SELECT v, count(*) AS n FROM t GROUP BY v')});
my $write = q{
	INSERT INTO t (g, v, x) VALUES (1, 1000, 'new'), (99, 1, 'q');
	UPDATE d SET label = 'changed' WHERE g = 1;
	DELETE FROM t WHERE g = 2;
	INSERT INTO "Odd One"."T t" VALUES (7, 'y', 2.5, 0.2, 'sad');
	DELETE FROM "Odd One"."T t" WHERE ctid = (SELECT min(ctid) FROM "Odd One"."T t");
	INSERT INTO parted VALUES (200, 5), (201, 15);
	UPDATE parted SET g = g + 10 WHERE g = 3;
	TRUNCATE part1;
	CREATE TABLE part3 PARTITION OF parted FOR VALUES FROM (20) TO (30);
	INSERT INTO parted VALUES (300, 25);
};
my $rows = 'SELECT ' . join(', ', map { "(SELECT (count(*), sum(hashtext(v::text)::bigint)) FROM $_ v)" } @views);
my $expected = $old->safe_psql('postgres', $rows);
my $bin = $old->config_data('--bindir');

sub upgrade
{
	my ($mode) = @_;
	my $new = new_node("new_$mode");
	my ($out, $err) = ('', '');
	my $directory = $new->basedir;
	my $ok = IPC::Run::run(
		[ 'pg_upgrade', '--no-sync', '-b', $bin, '-B', $bin, '-d', $old->data_dir, '-D', $new->data_dir, '-p', $old->port, '-P', $new->port,
			'-s', $new->host, ($mode eq 'link' ? '--link' : ()), '-U', $ENV{USER} || (getpwuid($<))[0] ],
		'>', \$out, '2>', \$err, init => sub { chdir $directory or die });
	ok($ok, "pg_upgrade --$mode") or diag("$out$err");
	return unless $ok;
	$new->start;
	is($new->safe_psql('postgres', $rows), $expected, "$mode: the same rows");
	is_right($new, "$mode: right at once", @views);
	is($new->safe_psql('postgres', q{SELECT count(*) FROM dbsp_ivm.views WHERE state <> 'ok'}), '0', "$mode: states");
	$new->safe_psql('postgres', $write);
	is_right($new, "$mode: maintained", @views);
	is($new->safe_psql('postgres', 'SELECT n FROM over'), $new->safe_psql('postgres', 'SELECT count(*) FROM t'), "$mode: views over it");
	my ($status, $stdout, $stderr) = $new->psql('postgres', 'ALTER TABLE t DISABLE TRIGGER ALL');
	like($stderr, qr/must stay enabled/, "$mode: event triggers work");
	($status, $stdout, $stderr) = $new->psql('postgres', 'DELETE FROM dbsp_ivm_internal.shadow_1');
	like($stderr, qr/cannot change internal table/, "$mode: guards work");
	$new->safe_psql('postgres', q{
		SELECT dbsp_ivm.create_view('another', 'SELECT g, count(*) AS n FROM t GROUP BY g');
		SELECT dbsp_ivm.refresh(name::text) FROM dbsp_ivm.views;
		INSERT INTO t (g, v, x) VALUES (3, 3, 'x3')});
	is_right($new, "$mode: views can be made and rebuilt", @views, 'another');
	is($new->safe_psql('more', q{
		SELECT * FROM dbsp_ivm.verify('v'); INSERT INTO t VALUES (3, 'b'); ALTER EXTENSION dbsp_ivm UPDATE;
		UPDATE t SET v = 'c' WHERE id = 1; SELECT * FROM dbsp_ivm.verify('v'); SELECT * FROM v ORDER BY v}), "b|2\nc|1", "$mode: another database, with an older version of the extension");
	$new->safe_psql('postgres', q{DROP VIEW over; DROP TABLE t, d, parted CASCADE; DROP SCHEMA "Odd One" CASCADE});
	is($new->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relname ~ '_[0-9]'}),
		'0', "$mode: drops leave nothing");
	$new->safe_psql('postgres', 'DROP EXTENSION dbsp_ivm; CREATE EXTENSION dbsp_ivm');
	unlike(slurp_file($new->logfile), qr/PANIC|TRAP|terminated by signal|XX000|leak/, "$mode: nothing bad in the log");
	$new->stop;
	return;
}

$old->stop;
upgrade('copy');
# What was linked is the new cluster's from then on.
upgrade('link') if $ENV{DBSP_LONG};
done_testing();

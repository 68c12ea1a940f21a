# Logical replication: a subscriber's views follow what the apply worker and the table synchronisation write, and are
# right in every snapshot; what is behind a view can be published itself.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tables = q{
	CREATE TABLE t (id bigint PRIMARY KEY, g int, v int, x text);
	CREATE TABLE d (g int PRIMARY KEY, name text);
	CREATE TABLE child (id bigint PRIMARY KEY, t bigint REFERENCES t ON DELETE CASCADE);
	CREATE TABLE loose (g int, x text);
	ALTER TABLE loose REPLICA IDENTITY FULL;
};
my $parted = q{CREATE TABLE parted (id bigint, k int, v int, PRIMARY KEY (id, k))};
my %views = (
	per_group => 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(x) AS hi FROM t GROUP BY g',
	joined    => 'SELECT t.id, d.name, t.v FROM t JOIN d USING (g)',
	names     => 'SELECT DISTINCT x FROM t',
	deep      => 'SELECT d.name, count(*) AS n FROM child JOIN t ON t.id = child.t JOIN d ON d.g = t.g GROUP BY d.name',
	bag       => 'SELECT x FROM loose',
	crossed   => 'SELECT t.id, loose.x FROM loose JOIN t ON t.g = loose.g',
	parts     => 'SELECT k, count(*) AS n, sum(v) AS s FROM parted GROUP BY k',
	partnames => 'SELECT parted.id, d.name FROM parted JOIN d ON d.g = parted.k',
);
my @names = sort keys %views;
my $compare = 'SELECT ' . join(' + ',
	map { "(SELECT count(*) FROM ((SELECT * FROM $_ EXCEPT ALL $views{$_}) UNION ALL ($views{$_} EXCEPT ALL SELECT * FROM $_)) y)" } @names);

my $publisher = new_node('publisher', allows_streaming => 'logical');
$publisher->append_conf('postgresql.conf', "logical_decoding_work_mem = 64kB\nautovacuum = off");
$publisher->start;
$publisher->safe_psql('postgres', $tables . $parted . q{;
	INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 19) i;
	INSERT INTO t SELECT i, i % 25, i, 'x' || i % 7 FROM generate_series(1, 2000) i;
	INSERT INTO child SELECT i, 1 + i % 2000 FROM generate_series(1, 3000) i;
	INSERT INTO loose SELECT i % 5, repeat('long', 800 * (i % 2)) || i % 9 FROM generate_series(1, 40) i;
	INSERT INTO parted SELECT i, i % 20, i FROM generate_series(1, 500) i;
	CREATE SEQUENCE ids START 10000;
	CREATE PUBLICATION all_of_it FOR TABLE t, d, child, loose, parted;
});

# The partitioned table is one on the subscriber only, with its columns in another order in a partition.
my $subscriber = new_node('subscriber', allows_streaming => 'logical');
$subscriber->start;
$subscriber->safe_psql('postgres', 'CREATE EXTENSION dbsp_ivm;' . $tables . $parted . q{ PARTITION BY RANGE (k);
	CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (8);
	CREATE TABLE parted2 (v int, gone int, k int NOT NULL, id bigint NOT NULL);
	ALTER TABLE parted2 DROP COLUMN gone;
	ALTER TABLE parted ATTACH PARTITION parted2 DEFAULT;
});
$subscriber->safe_psql('postgres', "SELECT dbsp_ivm.create_view('$_', \$\$$views{$_}\$\$)") for @names;
my $connection = $publisher->connstr . ' dbname=postgres';

# One client for each kind of change, most of them several in a transaction.
my $load = $publisher->basedir . '/load.sql';
append_to_file($load, q{
\set g random(0, 24)
\set h random(0, 24)
\set v random(1, 1000)
\set id random(1, 2500)
\set what random(1, 16)
\if :what <= 3
INSERT INTO t VALUES (nextval('ids'), :g, :v, 'x' || :v % 9);
INSERT INTO loose VALUES (:g, 'l' || :v % 5);
\elif :what <= 5
UPDATE t SET v = v + 1, x = 'y' || :v % 4 WHERE id = :id;
\elif :what = 6
UPDATE t SET id = nextval('ids') WHERE id = :id AND NOT EXISTS (SELECT FROM child WHERE t = :id);
\elif :what = 7
DELETE FROM t WHERE id BETWEEN :id AND :id + 2;
\elif :what = 8
BEGIN;
INSERT INTO parted VALUES (nextval('ids'), :g, :v);
SAVEPOINT a;
DELETE FROM parted WHERE k = :h AND v % 3 = 0;
ROLLBACK TO a;
UPDATE parted SET k = (k + 7) % 25 WHERE id % 50 = :g;
COMMIT;
\elif :what = 9
INSERT INTO d VALUES (:g, 'new') ON CONFLICT (g) DO UPDATE SET name = d.name || '.' WHERE length(d.name) < 30;
\elif :what = 10
DELETE FROM d WHERE g = :g AND g > 15;
\elif :what = 11
UPDATE loose SET x = CASE WHEN length(x) > 100 THEN 'short' ELSE repeat('long', 700) || :v END WHERE g = :g;
\elif :what = 12
DELETE FROM loose WHERE ctid IN (SELECT ctid FROM loose WHERE g = :g LIMIT 2);
\elif :what = 13
BEGIN;
INSERT INTO t SELECT nextval('ids'), i % 25, i, 'bulk' FROM generate_series(1, 400) i;
DELETE FROM t WHERE x = 'bulk' AND v % 2 = 0;
UPDATE t SET v = v + 1 WHERE x = 'bulk';
DELETE FROM t WHERE x = 'bulk';
COMMIT;
\elif :what = 14
BEGIN;
TRUNCATE loose;
INSERT INTO loose SELECT i % 7, 'again' || i FROM generate_series(1, 20) i;
COMMIT;
\elif :what = 15
INSERT INTO child SELECT nextval('ids'), id FROM t WHERE g = :g LIMIT 3;
\else
BEGIN;
UPDATE d SET name = name || '-' WHERE g = :g AND length(name) < 30;
INSERT INTO t VALUES (nextval('ids'), :g, :v, 'z');
TRUNCATE child;
INSERT INTO child SELECT nextval('ids'), max(id) FROM t;
COMMIT;
\endif
});

sub watch
{
	my ($seconds, $what) = @_;
	my ($wrong, $looks, %seen) = (0, 0);
	my $run = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', $seconds, '-f', $load, '-h', $publisher->host, '-p', $publisher->port, 'postgres' ],
		'>', '/dev/null', '2>', '/dev/null');
	my $end = time + $seconds;
	while (time < $end)
	{
		$wrong += $subscriber->safe_psql('postgres', $compare);
		$seen{ $subscriber->safe_psql('postgres', 'SELECT count(*), sum(v) FROM t') } = 1;
		$looks++;
	}
	$run->finish;
	is($wrong, 0, "$what: no snapshot showed a difference ($looks looks)");
	cmp_ok(scalar(keys %seen), '>', 1, "$what: the subscriber moved meanwhile");
	$publisher->wait_for_catchup('sub');
	same_rows($what);
	return;
}

sub same_rows
{
	my ($what) = @_;
	is_right($subscriber, "$what: verified", @names);
	my $sums = join(' UNION ALL ', map { "SELECT '$_', count(*), sum(hashtext(q::text)::bigint) FROM ($views{$_}) q" } @names) . ' ORDER BY 1';
	is($subscriber->safe_psql('postgres', $sums), $publisher->safe_psql('postgres', $sums), "$what: the publisher's rows have arrived");
	return;
}

# Table synchronisation while the publisher goes on; then the ways of applying changes.
for my $options ('binary = off, streaming = off', 'binary = on, streaming = on', 'streaming = on, two_phase = on')
{
	$subscriber->safe_psql('postgres', 'TRUNCATE t, d, child, loose, parted');
	is_right($subscriber, "emptied for $options", @names);
	$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION all_of_it WITH ($options)");
	watch(4, $options);
	$publisher->safe_psql('postgres', q{
		TRUNCATE t CASCADE;
		INSERT INTO t SELECT i, i % 25, i, 'x' || i % 7 FROM generate_series(1, 2000) i;
		INSERT INTO child SELECT i, 1 + i % 2000 FROM generate_series(1, 500) i;
		TRUNCATE d RESTART IDENTITY;
		INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 19) i;
	});
	$publisher->wait_for_catchup('sub');
	same_rows("$options: TRUNCATE CASCADE");
	if ($options =~ /two_phase/)
	{
		$publisher->safe_psql('postgres', "BEGIN; UPDATE t SET v = v + 1 WHERE g = 3; INSERT INTO loose VALUES (3, 'two'); PREPARE TRANSACTION 'p'");
		$publisher->wait_for_catchup('sub');
		is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '1', 'prepared on the subscriber');
		is($subscriber->safe_psql('postgres', $compare), '0', 'a prepared transaction shows nowhere');
		$publisher->safe_psql('postgres', "COMMIT PREPARED 'p'");
		$publisher->wait_for_catchup('sub');
		same_rows('COMMIT PREPARED');
	}
	$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION sub');
}

# A write of the subscriber's own, and DDL there, between the worker's transactions.
$subscriber->safe_psql('postgres', 'TRUNCATE t, d, child, loose, parted');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION all_of_it");
$subscriber->wait_for_subscription_sync($publisher, 'sub');
$subscriber->safe_psql('postgres', q{
	INSERT INTO t VALUES (-1, 1, 1, 'local');
	ALTER TABLE t ADD COLUMN more int DEFAULT 1;
	CREATE TABLE parted3 PARTITION OF parted FOR VALUES FROM (100) TO (200);
	ALTER TABLE parted DETACH PARTITION parted1;
	ALTER TABLE parted ATTACH PARTITION parted1 FOR VALUES FROM (MINVALUE) TO (8);
});
$publisher->safe_psql('postgres', "UPDATE t SET v = v + 1; INSERT INTO parted SELECT 100000 + i, i FROM generate_series(0, 150, 10) i");
$publisher->wait_for_catchup('sub');
is_right($subscriber, 'with writes and DDL of its own', @names);
$subscriber->safe_psql('postgres', "SELECT dbsp_ivm.create_view('later', 'SELECT k, max(v) AS m FROM parted GROUP BY k')");
$publisher->safe_psql('postgres', 'DELETE FROM parted WHERE v % 2 = 0; UPDATE parted SET k = k + 1');
$publisher->wait_for_catchup('sub');
is_right($subscriber, 'with a view that came later', @names, 'later');

# Triggers of users in the apply worker: before ours and after it, and at commit; they read views and write base tables.
$subscriber->safe_psql('postgres', q{
	CREATE TABLE note (id bigint, n bigint, s bigint);
	SELECT dbsp_ivm.create_view('noted', 'SELECT t.g, count(*) AS n, max(note.s) AS m FROM note JOIN t USING (id) GROUP BY t.g');
	CREATE FUNCTION take_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.note SELECT NEW.id, count(*), sum(s) FROM public.per_group WHERE g = NEW.g;
		UPDATE public.d SET name = name || '^' WHERE g = NEW.g AND length(name) < 30; RETURN NULL; END $$;
	CREATE TRIGGER aaa AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION take_note();
	CREATE TRIGGER zzz AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION take_note();
	CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_note();
	ALTER TABLE t ENABLE ALWAYS TRIGGER aaa, ENABLE ALWAYS TRIGGER zzz, ENABLE ALWAYS TRIGGER late;
});
$publisher->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO t SELECT 200000 + i, i % 5, i, 'noted' FROM generate_series(1, 20) i;
	UPDATE t SET v = v + 1, g = g + 1 WHERE id > 200010;
	UPDATE d SET name = 'both' WHERE g = 2;
	DELETE FROM t WHERE id = 200003;
	COMMIT;
	UPDATE t SET v = v * 2 WHERE id > 200000;
});
$publisher->wait_for_catchup('sub');
is_right($subscriber, 'with triggers that read and write', @names, 'later', 'noted');
cmp_ok($subscriber->safe_psql('postgres', 'SELECT count(*) FROM note'), '>', 50, 'and they have run');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION sub');

# The table behind a view is published; the other side needs no extension.
my $reader = new_node('reader');
$reader->start;
my %shadow = map { $_ => $subscriber->safe_psql('postgres', "SELECT relname FROM pg_class c JOIN dbsp_ivm_internal.view_catalog v ON v.shadow = c.oid WHERE v.relation = '$_'::regclass") } @names;
$subscriber->safe_psql('postgres', 'CREATE PUBLICATION shadows FOR TABLE ' . join(', ', map { "dbsp_ivm_internal.$_" } values %shadow));
my $schema = $subscriber->basedir . '/shadows.sql';
$subscriber->command_ok([ 'pg_dump', '-s', '--section=pre-data', '-f', $schema, '-h', $subscriber->host, '-p', $subscriber->port,
	(map { ('-t', "dbsp_ivm_internal.$_") } values %shadow), 'postgres' ], 'the form of the shadow tables is dumped');
$reader->safe_psql('postgres', 'CREATE SCHEMA dbsp_ivm_internal');
$reader->command_ok([ 'psql', '-q', '-X', '-v', 'ON_ERROR_STOP=1', '-f', $schema, '-h', $reader->host, '-p', $reader->port, 'postgres' ], 'and restored');
$reader->safe_psql('postgres', "ALTER TABLE dbsp_ivm_internal.$_ REPLICA IDENTITY FULL") for values %shadow;
$reader->safe_psql('postgres', "CREATE SUBSCRIPTION copies CONNECTION '" . $subscriber->connstr . " dbname=postgres' PUBLICATION shadows");
$reader->wait_for_subscription_sync($subscriber, 'copies');
sub same_shadows
{
	my ($what) = @_;
	$subscriber->wait_for_catchup('copies');
	my $sql = join(' UNION ALL ', map { "SELECT '$_', count(*), sum(hashtext(q::text)::bigint) FROM dbsp_ivm_internal.$_ q" } values %shadow) . ' ORDER BY 1';
	is($reader->safe_psql('postgres', $sql), $subscriber->safe_psql('postgres', $sql), "$what: the copies are the same");
	return;
}
same_shadows('synchronised');
$subscriber->safe_psql('postgres', q{
	UPDATE t SET v = v * 2, x = 'w' || g WHERE g < 10;
	DELETE FROM t WHERE g = 12;
	INSERT INTO loose SELECT i % 3, 'same' FROM generate_series(1, 30) i;
	DELETE FROM loose WHERE x LIKE 'long%';
});
same_shadows('after changes');
$subscriber->safe_psql('postgres', "BEGIN; TRUNCATE loose; INSERT INTO loose VALUES (1, 'rest'), (1, 'rest'); SELECT count(*) FROM bag; TRUNCATE parted; COMMIT");
same_shadows('after TRUNCATE of the base tables');
$subscriber->safe_psql('postgres', "SELECT dbsp_ivm.refresh('per_group')");
same_shadows('after refresh');

# Where the views are maintained, their tables are not for subscribing.
my ($result, $out, $err) = $subscriber->psql('postgres', "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM dbsp_ivm_internal.$shadow{bag}");
isnt($result, 0, 'internal tables refuse direct changes in replication, too');
like($err, qr/cannot change internal table/, 'and say so');
$reader->stop;
$subscriber->stop;
$publisher->stop;
done_testing();

# Memory, temporary files or disk run out in the middle of a fold: the transaction ends with an error, the session and the
# server go on, and the views are right.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use dbsp_load;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = $ENV{DBSP_LONG} ? 200_000 : 20_000;

my $node = new_node('resources');
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nmax_wal_size = 4GB\nshared_buffers = 64MB\njit = off");
$node->start;
create_load_schema($node);
my %bulk = (
	sums => 'SELECT g, count(*) AS n, sum(v) AS s FROM big GROUP BY g',
	joined => 'SELECT id, d.name, x FROM big JOIN d ON d.g = big.v % 25',
	extremes => 'SELECT g % 100 AS k, min(x) AS lo, max(v) AS hi FROM big GROUP BY g % 100',
	names => 'SELECT DISTINCT x, v % 1000 AS m FROM big',
	copies => 'SELECT x, v % 10 AS t FROM big');
my @views = map { "b_$_" } sort keys %bulk;
my $looks = join '; ', map { "SELECT count(*) FROM $_" } @views;
$node->safe_psql('postgres', q{
	CREATE TABLE big (id int PRIMARY KEY, g int, v int, x text);
	CREATE FUNCTION deep(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN i = 0 THEN 0 ELSE deep(i - 1) END; END $$;
});
$node->safe_psql('postgres', "INSERT INTO big SELECT i, i % ($rows / 20), i, 'x' || i % 1000 FROM generate_series(1, $rows) i; ANALYZE big");
$node->safe_psql('postgres', "SELECT dbsp_ivm.create_view('b_$_', '$bulk{$_}'); CREATE VIEW q_b_$_ AS $bulk{$_}") foreach sort keys %bulk;

sub no_files_left
{
	my ($what) = @_;
	$node->poll_query_until('postgres', 'SELECT count(*) FROM pg_ls_tmpdir()', '0');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_ls_tmpdir()'), '0', "$what: no file is left");
	return;
}

# ---- memory ----

sub address_space
{
	my ($pid) = @_;
	return 1024 * (slurp_file("/proc/$pid/status") =~ /VmSize:\s+(\d+) kB/)[0];
}

SKIP:
{
	skip 'no prlimit, or no /proc', 1 unless -e '/proc/self/status' && system('prlimit --as >/dev/null 2>&1') == 0;

	my $session = new_session($node);
	my $pid = $session->query('SELECT pg_backend_pid()');
	# Everything is loaded and cached, and the stack is large: it could not grow later on.
	$session->query("SELECT deep(300); SET dbsp_ivm.delta_mem = '1GB'; BEGIN; UPDATE big SET v = v + 1 WHERE id < 100; $looks; ROLLBACK");
	my $kept = q{SELECT name, total_bytes FROM pg_backend_memory_contexts WHERE name LIKE 'dbsp%' AND total_bytes > 1000000};
	my %met;
	my $outside = 0;
	foreach my $headroom (map { 4**$_ * 125_000 } 0 .. 4)
	{
		foreach my $savepoint ('', 'SAVEPOINT a; ')
		{
			my $limit = address_space($pid) + int($headroom * (1 + rand));
			$session->query("BEGIN; UPDATE big SET v = v + 1, x = x || 'y' WHERE id % 1000 = 7; UPDATE o SET v = v + 1 WHERE id < 20; $savepoint");
			system_or_bail('prlimit', '--pid', $pid, "--as=$limit:");
			my ($out, $err) = $session->query("UPDATE big SET v = v + 1, x = x || 'z' WHERE id % 10 <> 3; $looks");
			system_or_bail('prlimit', '--pid', $pid, '--as=unlimited:');
			my ($error) = $err =~ /ERROR:  (.*)/;
			$met{ $error || 'none' }++;
			$outside++ if $err =~ /out of memory/ && $err !~ /maintaining incremental view/;
			($out, $err) = $session->query(($error && $savepoint ? 'ROLLBACK TO a; ' : '') . 'COMMIT');
			is($err, '', 'the session goes on');
			is($session->query($kept), '', 'no memory is kept');
		}
		is_equal($node, "$headroom bytes of memory to spare", @views, 'sums', 'everything');
	}
	note("errors: " . join ', ', map { "$_: $met{$_}" } sort keys %met);
	is(join(',', grep { !/^(none|out of memory)$/ } keys %met), '', 'no other errors');
	cmp_ok($met{'out of memory'} || 0, '>', 3, 'memory ran out');
	cmp_ok(($met{'out of memory'} || 0) - $outside, '>', 1, 'memory ran out in folds');
	$session->quit;
}

# ---- temporary files ----

my ($status, $out, $err) = $node->psql('postgres',
	"SET dbsp_ivm.delta_mem = '64kB'; SET temp_file_limit = '600kB'; UPDATE big SET v = v + 1, x = x || 'a'");
like($err, qr/temporary file size exceeds temp_file_limit/, 'temp_file_limit is met in the statement');
no_files_left('temp_file_limit in the statement');
# The statement keeps within the limit, its folds do not.
($status, $out, $err) = $node->psql('postgres',
	"SET dbsp_ivm.delta_mem = '1GB'; BEGIN; UPDATE big SET v = v + 1, x = x || 'a'; SET dbsp_ivm.delta_mem = '64kB'; SET temp_file_limit = '600kB'; COMMIT");
like($err, qr/temporary file size exceeds temp_file_limit.*maintaining incremental view/s, 'temp_file_limit is met in the fold');
no_files_left('temp_file_limit in the fold');
is_equal($node, 'temp_file_limit', @views);

# ---- disk ----

# A tmpfs of our own, in a mount namespace that only the server has.
my $small = $node->basedir . '/small';
mkdir $small;
my @in_namespace = ('unshare', '-rm', 'sh', '-c', "mount -t tmpfs -o size=7m tmpfs '$small' && mkdir '$small/temp' '$small/data' && exec unshare --map-user=1000 \"\$@\"", 'sh');
SKIP:
{
	skip 'no unprivileged mount namespaces: disks that are full are not tested', 1
	  unless system("unshare -rm sh -c \"mount -t tmpfs -o size=7m tmpfs '$small' && unshare --map-user=1000 true\" >/dev/null 2>&1") == 0;

	$node->stop;
	system_or_bail(@in_namespace, 'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, '-o', '--cluster-name=resources', 'start');
	$node->_update_pid(1);
	$node->safe_psql('postgres', "CREATE TABLESPACE small_temp LOCATION '$small/temp'");
	$node->safe_psql('postgres', "CREATE TABLESPACE small_data LOCATION '$small/data'");

	# temporary files
	my $settings = "SET temp_tablespaces = 'small_temp'; SET dbsp_ivm.delta_mem = '64kB'";
	my $much = join ' UNION ALL ', map { "SELECT id + $_ * 1000000 AS id, g, v, repeat(x, 30) AS x FROM big" } 1 .. 5;
	my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM big');
	($status, $out, $err) = $node->psql('postgres', "$settings; INSERT INTO big $much");
	like($err, qr/No space left on device/, 'temporary files fill the disk in the statement');
	($status, $out, $err) = $node->psql('postgres', "SET dbsp_ivm.delta_mem = '1GB'; BEGIN; INSERT INTO big $much; $settings; COMMIT");
	like($err, qr/No space left on device.*maintaining incremental view/s, 'temporary files fill the disk in the fold');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_ls_tmpdir((SELECT oid FROM pg_tablespace WHERE spcname = 'small_temp'))"), '0', 'no file is left');
	is_equal($node, 'disk full of temporary files', @views);

	# internal tables
	$node->safe_psql('postgres', q{
		CREATE TABLE wide (id int PRIMARY KEY, x text);
		SELECT dbsp_ivm.create_view('w', $$SELECT id, x || '.' AS x FROM wide$$);
		CREATE VIEW q_w AS SELECT id, x || '.' AS x FROM wide;
	});
	my $shadow = $node->safe_psql('postgres', q{SELECT shadow FROM dbsp_ivm_internal.view_catalog WHERE relation = 'w'::regclass});
	$node->safe_psql('postgres', "ALTER TABLE $shadow SET TABLESPACE small_data; ALTER INDEX ${shadow}_key SET TABLESPACE small_data");
	my $place = q{SELECT spcname FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace
		WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relkind IN ('r', 'i') GROUP BY 1};
	is($node->safe_psql('postgres', $place), 'small_data', 'the internal tables are where the disk is small');
	my $fill = 'SELECT i, repeat(\'w\', 1000) FROM generate_series(%d, %d) i';
	$node->safe_psql('postgres', 'INSERT INTO wide ' . sprintf($fill, 1, 3000));
	$node->safe_psql('postgres', 'CREATE TABLE ballast (x text) TABLESPACE small_data; INSERT INTO ballast SELECT repeat(\'b\', 1000) FROM generate_series(1, 1000)');
	foreach my $try (1 .. 2)
	{
		($status, $out, $err) = $node->psql('postgres', 'INSERT INTO wide ' . sprintf($fill, 3001, 15000));
		like($err, qr/could not extend file.*No space left on device.*maintaining incremental view/s, 'the view fills the disk');
		is($node->safe_psql('postgres', 'SELECT count(*) FROM wide'), '3000', 'the transaction is gone');
		is_equal($node, 'disk full of the view', @views, 'w');
	}
	# What the failed attempts took comes back when the table is vacuumed, which needs some room itself.
	$node->safe_psql('postgres', 'DROP TABLE ballast');
	$node->safe_psql('postgres', 'DELETE FROM wide WHERE id > 10');
	$node->safe_psql('postgres', 'VACUUM');
	$node->safe_psql('postgres', 'INSERT INTO wide ' . sprintf($fill, 20, 2000));
	is_equal($node, 'with room again', @views, 'w');
	is_sound($node, 'with room again');
}
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000|XX001|leak|not closed/, 'nothing bad in the log');
$node->stop;
done_testing();

# Every form of dump and restore: what was restored works at once and is maintained, or the restore says why not.
# DBSP_LONG=1 tries more.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('forms', extra => [ '-E', 'UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nlog_min_messages = error");
$node->start;
my $directory = $node->basedir;
my @address = ('-h', $node->host, '-p', $node->port);

# A schema that sorts before the extension's, and one that sorts after it: data is dumped in this order.
my @tables = qw(app.t app.d shop.parted shop.log);
my @views = (qw(app.per_group app.joined app.names app.hist app.total shop.per_part shop.bag shop.both), 'shop."V v"');
$node->safe_psql('postgres', q{CREATE ROLE app; CREATE ROLE other; CREATE ROLE reader; CREATE DATABASE source});
$node->safe_psql('source', q{
	CREATE EXTENSION dbsp_ivm;
	CREATE SCHEMA app AUTHORIZATION app;
	CREATE SCHEMA shop AUTHORIZATION app;
	GRANT USAGE ON SCHEMA dbsp_ivm TO app;
	SET ROLE app;
	CREATE TABLE app.t (id bigserial PRIMARY KEY, g int, v int, x text);
	CREATE TABLE app.d (g int PRIMARY KEY, name text);
	INSERT INTO app.d SELECT i, 'd' || i FROM generate_series(0, 19) i;
	INSERT INTO app.t (g, v, x) SELECT i % 20, i, 'x' || i % 7 || E'é' FROM generate_series(1, 300) i;
	CREATE TABLE shop.log (a int, b text);
	INSERT INTO shop.log VALUES (1, 'xé'), (1, 'xé'), (NULL, NULL);
	CREATE TABLE shop.parted (id int, g int, PRIMARY KEY (id, g)) PARTITION BY RANGE (g);
	CREATE TABLE shop.part1 PARTITION OF shop.parted FOR VALUES FROM (0) TO (10);
	CREATE TABLE shop.part2 (g int NOT NULL, id int NOT NULL);
	ALTER TABLE shop.parted ATTACH PARTITION shop.part2 FOR VALUES FROM (10) TO (20);
	INSERT INTO shop.parted SELECT i, i % 20 FROM generate_series(1, 60) i;
	SELECT dbsp_ivm.create_view('app.per_group', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, avg(v) AS a FROM app.t GROUP BY g');
	SELECT dbsp_ivm.create_view('app.joined', 'SELECT t.id, d.name, t.v FROM app.t JOIN app.d USING (g)');
	SELECT dbsp_ivm.create_view('app.names', 'SELECT DISTINCT x FROM app.t');
	SELECT dbsp_ivm.create_view('app.hist', 'SELECT n, count(*) AS groups FROM (SELECT g, count(*) AS n FROM app.t GROUP BY g) q GROUP BY n');
	SELECT dbsp_ivm.create_view('app.total', 'SELECT count(*) AS n, sum(v) AS s FROM app.t');
	SELECT dbsp_ivm.create_view('shop.per_part', 'SELECT g, count(*) AS n, max(id) AS m FROM shop.parted GROUP BY g');
	SELECT dbsp_ivm.create_view('shop.bag', 'SELECT b FROM shop.log');
	SELECT dbsp_ivm.create_view('shop."V v"', 'SELECT count(*) AS "Number" FROM shop.log');
	SELECT dbsp_ivm.create_view('shop.both', 'SELECT parted.id, d.name FROM shop.parted JOIN app.d USING (g)');
	GRANT USAGE ON SCHEMA app TO reader;
	GRANT SELECT ON app.per_group TO reader;
	CREATE VIEW app.over AS SELECT sum(n) AS n FROM app.per_group;
	SELECT dbsp_ivm.create_index('app.per_group', 's', index_name => 'by_sum');
	UPDATE app.t SET v = v + 1 WHERE g = 3;
	DELETE FROM app.t WHERE g = 4;
});

sub run
{
	my (@command) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$err);
	return ($ok, $err);
}

sub dump_source
{
	my ($file, @options) = @_;
	my ($ok, $err) = run('pg_dump', @address, '-f', "$directory/$file", @options, 'source');
	ok($ok, "pg_dump @options") or diag($err);
	return;
}

# Runs a script by psql; it may have no errors but of this form.
sub load
{
	my ($database, $file, $what, $errors) = @_;
	my ($ok, $err) = run('psql', '-q', '-X', @address, $errors ? () : ('-v', 'ON_ERROR_STOP=1'), '-f', "$directory/$file", $database);
	my @others = grep { /ERROR|FATAL/ && !($errors && /$errors/) } split /\n/, $err;
	is("@others[0 .. ($#others > 2 ? 2 : $#others)]", '', "$what: no errors");
	like($err, $errors, "$what: and the expected ones") if $errors;
	return;
}

sub restore
{
	my ($database, $file, $what, @options) = @_;
	my ($ok, $err) = run('pg_restore', @address, '-e', '-d', $database, @options, "$directory/$file");
	ok($ok, $what) or diag($err);
	return;
}

my $count = 0;
sub new_database
{
	my (@options) = @_;
	my $name = 'd' . ++$count;
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 @options");
	return $name;
}

my $write = q{
	INSERT INTO app.t (g, v, x) VALUES (1, 1000, 'new'), (99, 1, 'q');
	UPDATE app.d SET name = 'changed' WHERE g = 1;
	DELETE FROM app.t WHERE g = 2;
	INSERT INTO shop.log VALUES (2, 'y');
	DELETE FROM shop.log WHERE ctid = (SELECT min(ctid) FROM shop.log);
	UPDATE shop.parted SET g = g + 10 WHERE g = 3;
	INSERT INTO shop.part2 (id, g) VALUES (500, 11) ON CONFLICT DO NOTHING;
	TRUNCATE shop.part1;
};
sub differences_in
{
	my ($database, @names) = @_;
	return $node->safe_psql($database, join(' UNION ALL ', map { "SELECT \$\$$_\$\$, weight, \"row\" FROM dbsp_ivm.verify(\$\$$_\$\$)" } @names));
}
my $rows = 'SELECT ' . join(', ', map { "(SELECT (count(*), sum(hashtext(convert_to(v::text, 'UTF8')::text)::bigint)) FROM $_ v)" } @views, @tables);

sub check_maintained
{
	my ($database, $what) = @_;
	is(differences_in($database, @views), '', "$what: verified");
	is($node->safe_psql($database, q{SELECT count(*), count(*) FILTER (WHERE state = 'ok') FROM dbsp_ivm.views}), scalar(@views) . '|' . scalar(@views), "$what: states");
	$node->safe_psql($database, $write);
	is(differences_in($database, @views), '', "$what: maintained");
	is($node->safe_psql($database, 'SELECT n FROM app.over'), $node->safe_psql($database, 'SELECT count(*) FROM app.t'), "$what: views over it");
	$node->safe_psql($database, "SELECT dbsp_ivm.create_view('app.another', 'SELECT g FROM app.d'); DROP VIEW app.another");
	return;
}

sub check_gone
{
	my ($database, $what) = @_;
	$node->safe_psql($database, 'DROP VIEW app.over; DROP VIEW ' . join(', ', @views));
	is($node->safe_psql($database, q{
		SELECT relname FROM pg_class WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relname ~ '[0-9]'
		UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE 'dbsp%'
		UNION ALL SELECT view::text FROM dbsp_ivm_internal.source_catalog UNION ALL SELECT view::text FROM dbsp_ivm_internal.state_catalog}), '', "$what: drops leave nothing");
	$node->safe_psql($database, 'DROP EXTENSION dbsp_ivm; INSERT INTO app.t (g, v, x) VALUES (1, 1, \'free\')');
	$node->safe_psql('postgres', "DROP DATABASE $database");
	return;
}

sub check_restored
{
	my ($database, $what) = @_;
	is($node->safe_psql($database, $rows), $node->safe_psql('source', $rows), "$what: the same rows at once");
	check_maintained($database, $what);
	check_gone($database, $what);
	return;
}

# ---- whole databases ----

dump_source('plain.sql');
dump_source('inserts.sql', '--inserts', '--rows-per-insert=50', '--no-owner', '--no-privileges');
my $database = new_database('OWNER other');
load($database, 'inserts.sql', '--inserts');
is($node->safe_psql($database, q{SELECT DISTINCT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE relname ~ '^(t|per_group|(definition|shadow|groups|key)_.*)$' AND relnamespace > 15000}), 't', '--no-owner: all belongs to who restored it');
check_restored($database, '--inserts --no-owner');

dump_source('custom', '-Fc');
foreach my $case ([ '-j', '4' ], [ '--no-owner', '--role=other', '--no-privileges' ])
{
	$database = new_database('OWNER other');
	# An extension that is not trusted takes a superuser; the role may do the rest.
	if ("@$case" =~ /role/)
	{
		$node->safe_psql('postgres', 'ALTER ROLE other SUPERUSER');
	}
	restore($database, 'custom', "pg_restore @$case", @$case);
	is($node->safe_psql($database, q{SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname ~ '^(t|per_group|(definition|shadow|groups)_.*)$' AND relnamespace > 15000}),
		"@$case" =~ /role/ ? 'other' : 'app', "pg_restore @$case: owners");
	$node->safe_psql('postgres', 'ALTER ROLE other NOSUPERUSER');
	check_restored($database, "pg_restore @$case");
}

dump_source('folder', '-Fd', '-j', '3');
$database = new_database('ENCODING LATIN1');
restore($database, 'folder', 'pg_restore -j 4 of a directory, into LATIN1', '-j', '4');
is($node->safe_psql($database, $rows), $node->safe_psql('source', $rows), 'into LATIN1: the same rows at once');
# Hashes are of bytes: equal values have other ones there.
$node->safe_psql($database, q{BEGIN; INSERT INTO app.t (g, v, x) SELECT g, v, x FROM app.t LIMIT 50; INSERT INTO shop.log VALUES (1, 'xé'); SELECT count(*) FROM app.names, shop.bag; COMMIT});
is($node->safe_psql($database, 'SELECT count(*) - count(DISTINCT x) FROM app.names'), '0', 'into LATIN1: values are found');
check_maintained($database, 'into LATIN1');
is($node->safe_psql($database, 'SELECT count(*) FROM dbsp_ivm_internal.view_catalog WHERE hashes = \'LATIN1\''), scalar(@views), 'into LATIN1: every view was computed again once');
check_gone($database, 'into LATIN1');

# In sections, as tools do that build indexes later; and all of it in one transaction.
$database = new_database();
foreach my $section ('pre-data', 'data', 'post-data')
{
	dump_source("$section.sql", "--section=$section");
	load($database, "$section.sql", "--section=$section");
}
check_restored($database, '--section');
if ($ENV{DBSP_LONG})
{
	$database = new_database();
	restore($database, 'custom', 'pg_restore --single-transaction', '--single-transaction');
	check_restored($database, '--single-transaction');
}

# ---- --clean ----

# In the same database the objects of a view are guarded one by one, and nothing changes; without the extension it is as everywhere.
dump_source('clean.sql', '--clean', '--if-exists');
$database = new_database();
load($database, 'plain.sql', 'before --clean');
$node->safe_psql($database, "INSERT INTO app.t (g, v, x) VALUES (1, 1, 'more')");
load($database, 'clean.sql', '--clean over views', qr/cannot drop|cannot replace|already exists|duplicate key|because other objects depend|multiple primary keys|is not empty/);
is(differences_in($database, @views), '', '--clean over views: right as before');
$node->safe_psql($database, 'DROP EXTENSION dbsp_ivm CASCADE');
load($database, 'clean.sql', '--clean without the extension', qr/schema "dbsp_ivm_internal" does not exist|cannot drop inherited constraint/);
check_restored($database, '--clean');
dump_source('create.sql', '--clean', '--if-exists', '--create');
$database = 'source';
my $before = $node->safe_psql('source', $rows);
load('postgres', 'create.sql', '--clean --create');
is($node->safe_psql('source', $rows), $before, '--clean --create: the same rows');
is(differences_in('source', @views), '', '--clean --create: verified');

# ---- parts of a database ----

# Schemas only: empty tables and views that work, from the first change or refresh.
dump_source('schema.sql', '--schema-only');
dump_source('data.sql', '--data-only', '--exclude-schema=dbsp_ivm_internal');
$database = new_database();
load($database, 'schema.sql', '--schema-only');
$node->safe_psql($database, q{SELECT dbsp_ivm.refresh('app.total')});
is($node->safe_psql($database, 'SELECT n FROM app.total'), '0', '--schema-only: an empty view, after refresh');
check_maintained($database, '--schema-only, after refresh');
check_gone($database, '--schema-only, after refresh');
$database = new_database();
load($database, 'schema.sql', '--schema-only');
is($node->safe_psql($database, q{BEGIN; INSERT INTO app.t (g, v, x) VALUES (1, 5, 'first'); SELECT * FROM app.total; SELECT n, s FROM app.per_group; ROLLBACK}), "1|5\n1|5",
	'--schema-only: the first change shows at once');
check_maintained_after_first($database);
sub check_maintained_after_first
{
	my ($name) = @_;
	# Two sessions at once make the first change.
	my @runs = map {
		my $run = { out => '', err => '' };
		$run->{run} = IPC::Run::start([ 'psql', '-XAtq', @address, $name, '-c', "BEGIN; INSERT INTO app.t (g, v, x) VALUES ($_, 7, 'both'); SELECT pg_sleep(0.2); COMMIT" ],
			'<', \undef, '>', \$run->{out}, '2>', \$run->{err});
		$run;
	} 1, 2;
	$_->{run}->finish foreach @runs;
	unlike($runs[0]->{err} . $runs[1]->{err}, qr/ERROR/, '--schema-only: two first changes at once');
	is($node->safe_psql($name, 'SELECT * FROM app.total'), '2|14', '--schema-only: both show');
	check_maintained($name, '--schema-only');
	check_gone($name, '--schema-only');
	return;
}
my @firsts = ('TRUNCATE shop.part1', 'DROP VIEW shop.bag',
	'CREATE TABLE shop.part3 PARTITION OF shop.parted FOR VALUES FROM (20) TO (30); INSERT INTO shop.part3 VALUES (1, 21)');
push @firsts, 'TRUNCATE shop.log', 'INSERT INTO shop.part2 VALUES (11, 1)', q{SELECT dbsp_ivm.create_view('app.first', 'SELECT g FROM app.d')},
	'CREATE TABLE shop.loose (id int NOT NULL, g int NOT NULL); INSERT INTO shop.loose VALUES (1, 21); ALTER TABLE shop.parted ATTACH PARTITION shop.loose FOR VALUES FROM (20) TO (30)'
	if $ENV{DBSP_LONG};
foreach my $first (@firsts)
{
	$database = new_database();
	load($database, 'schema.sql', '--schema-only');
	$node->safe_psql($database, $first);
	$node->safe_psql($database, q{INSERT INTO shop.parted VALUES (9, 22)}) if $first =~ /20.*30/;
	my @left = grep { $first !~ /DROP VIEW \Q$_\E/ } @views;
	is(differences_in($database, @left), '', "--schema-only, then $first");
	$node->safe_psql($database, $write);
	is(differences_in($database, @left), '', "--schema-only, then $first: maintained");
	$node->safe_psql($database, 'DROP SCHEMA app, shop CASCADE');
	is($node->safe_psql($database, q{SELECT relname FROM pg_class WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relname ~ '[0-9]'}), '', "--schema-only, then $first: drops leave nothing");
	$node->safe_psql('postgres', "DROP DATABASE $database");
}
$database = new_database();
load($database, 'schema.sql', '--schema-only');
$node->safe_psql($database, 'DROP SCHEMA app, shop CASCADE');
is($node->safe_psql($database, q{SELECT relname FROM pg_class WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relname ~ '[0-9]'}), '', '--schema-only: dropped at once');
$node->safe_psql('postgres', "DROP DATABASE $database");

# Then the data, without that of the internal schema; also where the views are maintained already.
foreach my $how ('--schema-only', 'declared anew')
{
	$database = new_database();
	load($database, 'schema.sql', $how);
	$node->safe_psql($database, q{SELECT dbsp_ivm.refresh('app.total')}) if $how ne '--schema-only';
	load($database, 'data.sql', "--data-only after $how");
	check_restored($database, "--data-only after $how");
}
# Of internal tables no data is taken; what comes of it is right, too, whichever comes first.
dump_source('all_data.sql', '--data-only');
$database = new_database();
load($database, 'schema.sql', '--schema-only');
load($database, 'all_data.sql', '--data-only with internal tables', qr/cannot change internal table|duplicate key value violates unique constraint "(view|source|state)_catalog/);
check_restored($database, '--data-only with internal tables');
# With --disable-triggers nothing would be captured: refused, table by table.
dump_source('disabled.sql', '--data-only', '--disable-triggers', '--exclude-schema=dbsp_ivm_internal');
$database = new_database();
load($database, 'schema.sql', '--schema-only');
load($database, 'disabled.sql', '--data-only --disable-triggers', qr/must stay enabled always/);
check_restored($database, '--data-only --disable-triggers');

# The user's schemas with the internal one, or without.
dump_source('schemas.sql', '-n', 'app', '-n', 'shop', '-n', 'dbsp_ivm_internal');
$database = new_database();
$node->safe_psql($database, 'CREATE EXTENSION dbsp_ivm');
load($database, 'schemas.sql', '-n with the internal schema');
is($node->safe_psql($database, $rows), $node->safe_psql('source', $rows), '-n with the internal schema: the same rows at once');
$node->safe_psql($database, "INSERT INTO app.d VALUES (50, 'fifty')");
check_maintained($database, '-n with the internal schema');
check_gone($database, '-n with the internal schema');
dump_source('user.sql', '-n', 'app', '-n', 'shop');
$database = new_database();
$node->safe_psql($database, 'CREATE EXTENSION dbsp_ivm');
load($database, 'user.sql', '-n of the user\'s schemas', qr/relation "dbsp_ivm_internal.shadow_\d+" does not exist|relation "(app|shop)\..*" does not exist/);
$node->safe_psql($database, $write);
$node->safe_psql($database, "SELECT dbsp_ivm.create_view('app.names', 'SELECT DISTINCT x FROM app.t'); SELECT dbsp_ivm.create_view('shop.per_part', 'SELECT g, count(*) AS n FROM shop.parted GROUP BY g')");
$node->safe_psql($database, "INSERT INTO app.t (g, v, x) VALUES (1, 1, 'user'); INSERT INTO shop.parted VALUES (700, 3)");
is(differences_in($database, 'app.names', 'shop.per_part'), '', '-n of the user\'s schemas: tables only, and views can be declared anew');
$node->safe_psql('postgres', "DROP DATABASE $database");

# ---- two databases of one cluster, and pg_dumpall ----

$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE source');
$node->safe_psql('twin', $write);
$node->safe_psql('source', "UPDATE app.t SET v = v - 1 WHERE g = 7; INSERT INTO shop.log VALUES (3, 'source')");
is(differences_in($_, @views), '', "two databases: $_") foreach 'source', 'twin';
$node->safe_psql('twin', 'DROP VIEW app.over, app.names; DROP TABLE app.d CASCADE');
$node->safe_psql('source', $write);
is(differences_in('source', @views), '', 'two databases: drops in the other one');
my @rest = qw(app.per_group app.hist app.total shop.per_part shop.bag);
$node->safe_psql('twin', "INSERT INTO app.t (g, v, x) VALUES (5, 5, 'twin')");
is(differences_in('twin', @rest), '', 'two databases: and what is left in it');
my ($ok, $err) = run('pg_dumpall', @address, '-f', "$directory/all.sql");
ok($ok, 'pg_dumpall') or diag($err);
my $target = new_node('whole');
$target->append_conf('postgresql.conf', 'fsync = off');
$target->start;
($ok, $err) = run('psql', '-q', '-X', '-h', $target->host, '-p', $target->port, '-f', "$directory/all.sql", 'postgres');
is(join(' ', grep { /ERROR/ && !/role ".*" already exists/ } split /\n/, $err), '', 'pg_dumpall: restored');
is($target->safe_psql($_, 'SELECT * FROM app.total; SELECT * FROM app.per_group ORDER BY g; SELECT * FROM shop.per_part ORDER BY g'),
	$node->safe_psql($_, 'SELECT * FROM app.total; SELECT * FROM app.per_group ORDER BY g; SELECT * FROM shop.per_part ORDER BY g'), "pg_dumpall: $_") foreach 'source', 'twin';
$node->stop;
$node = $target;
$node->safe_psql('source', $write);
is(differences_in('source', @views), '', 'pg_dumpall: maintained');
$node->safe_psql('twin', "INSERT INTO app.t (g, v, x) VALUES (5, 6, 'twin'); DELETE FROM shop.log");
is(differences_in('twin', @rest), '', 'pg_dumpall: maintained in the second database, too');
$node->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP|terminated by signal|XX000|leak/, 'nothing bad in the log') foreach $node;
done_testing();

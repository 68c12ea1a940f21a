package dbsp_load;

# Tables, one view of each kind over them, and a pgbench load that writes them all.  Beside each view v stands a plain
# view q_v with the same query, so that one statement, which has one snapshot, compares the two without the extension.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

use dbsp_tap;

use Exporter 'import';
our @EXPORT = qw(create_load_schema create_load_tables create_load_views load_script start_load stop_load load_views compare_sql is_equal is_sound
	new_session seconds_of stats_of);

my %queries = (
	sums => 'SELECT g, count(*) AS n, sum(v) AS s, avg(v) AS a FROM o GROUP BY g',
	extremes => 'SELECT g % 8 AS k, min(v) AS lo, max(v) AS hi, max(x) AS x FROM o GROUP BY g % 8',
	joined => 'SELECT o.id, d.name, o.v FROM o JOIN d USING (g)',
	names => 'SELECT DISTINCT x FROM o',
	copies => 'SELECT a, x FROM b',
	pairs => 'SELECT b.x, d.name FROM b JOIN d ON d.g = b.a',
	parted => 'SELECT p.k, count(*) AS n, sum(p.v) AS s, max(p.v) AS hi FROM p GROUP BY p.k',
	routed => 'SELECT p.id, p.k, d.name FROM p JOIN d ON d.g = p.k',
	histogram => 'SELECT n, count(*) AS groups FROM (SELECT g, count(*) AS n FROM o GROUP BY g) q GROUP BY n',
	everything => 'SELECT count(*) AS n, sum(v) AS s, min(v) AS lo FROM o');

sub load_views
{
	return sort keys %queries;
}

# The tables and the named views, or all of them.
sub create_load_schema
{
	my ($node, @views) = @_;
	create_load_tables($node);
	create_load_views($node, @views ? @views : load_views());
	return;
}

sub create_load_tables
{
	my ($node) = @_;
	$node->safe_psql('postgres', q{
		CREATE EXTENSION IF NOT EXISTS dbsp_ivm;
		CREATE TABLE o (id bigserial PRIMARY KEY, g int, v int, x text);
		CREATE TABLE d (g int PRIMARY KEY, name text);
		CREATE TABLE b (a int, x text);
		CREATE TABLE p (id bigserial, k int, v int, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
		CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
		CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (30) PARTITION BY HASH (k);
		CREATE TABLE p2a PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
		CREATE TABLE p2b PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
		CREATE INDEX ON b (a);
		CREATE INDEX ON o (g);
		CREATE INDEX ON p (k);
		INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 24) i;
		INSERT INTO o (g, v, x) SELECT i % 25, i, 'x' || i % 7 FROM generate_series(1, 500) i;
		INSERT INTO b SELECT i % 20, 'x' || i % 3 FROM generate_series(1, 200) i;
		INSERT INTO p (k, v) SELECT i % 25, i FROM generate_series(1, 300) i;
	});
	return;
}

sub create_load_views
{
	my ($node, @views) = @_;
	foreach my $view (@views)
	{
		$node->safe_psql('postgres', "SELECT dbsp_ivm.create_view('$view', '$queries{$view}'); CREATE VIEW q_$view AS $queries{$view}");
	}
	return;
}

# A pgbench script.  A transaction writes several rows of several tables in one fixed order (b, d, o, p; ids ascending), so
# that the tables do not deadlock by themselves.  With reads, a third of the transactions looks at views in its middle.
sub load_script
{
	my ($node, %options) = @_;
	my $file = $node->basedir . '/load_' . ($options{reads} || 0) . '.sql';
	return $file if -e $file;
	my $read = $options{reads} ? q{
\if :look <= 3
SELECT count(*) FROM sums; SELECT count(*) FROM joined;
\elif :look = 4
SELECT (SELECT count(*) FROM names), (SELECT count(*) FROM extremes), (SELECT count(*) FROM copies);
\endif
} : '';
	PostgreSQL::Test::Utils::append_to_file($file, qq{
\\set g random(0, 27)
\\set h random(0, 27)
\\set v random(1, 1000)
\\set what random(1, 12)
\\set look random(1, 12)
\\if :what <= 3
INSERT INTO o (g, v, x) VALUES (:g, :v, 'x' || :v % 9);
\\elif :what = 4
UPDATE o SET v = v + 1, x = 'x' || :v % 9 WHERE id = (SELECT id FROM o WHERE g = :g ORDER BY random() LIMIT 1);
\\elif :what = 5
DELETE FROM o WHERE id = (SELECT min(id) FROM o WHERE g = :g);
\\elif :what = 6
BEGIN;
INSERT INTO b VALUES (:g, 'x' || :v % 3), (:g, 'x' || :v % 3);
INSERT INTO o (g, v, x) VALUES (:g, :v, 'y');
$read
SAVEPOINT a;
INSERT INTO o (g, v, x) VALUES (:h, :v, 'z');
$read
ROLLBACK TO a;
INSERT INTO p (k, v) VALUES (:h, :v);
COMMIT;
\\elif :what = 7
INSERT INTO d VALUES (:g, 'new') ON CONFLICT (g) DO UPDATE SET name = d.name || '.' WHERE length(d.name) < 30;
\\elif :what = 8
DELETE FROM d WHERE g = :g AND g > 15;
\\elif :what = 9
BEGIN;
DELETE FROM b WHERE ctid = (SELECT min(ctid) FROM b WHERE a = :g);
$read
UPDATE p SET v = :v WHERE (id, k) = (SELECT id, k FROM p WHERE k = :h ORDER BY random() LIMIT 1);
COMMIT;
\\elif :what = 10
UPDATE p SET k = :h WHERE (id, k) = (SELECT id, k FROM p WHERE k = :g ORDER BY random() LIMIT 1);
\\elif :what = 11
BEGIN;
UPDATE d SET name = name || '!' WHERE g = :g AND length(name) < 30;
UPDATE o SET g = :h WHERE id = (SELECT max(id) FROM o WHERE g = :g);
$read
INSERT INTO p (k, v) VALUES (:g, :v), (:h, :v);
COMMIT;
\\else
DELETE FROM p WHERE (id, k) = (SELECT id, k FROM p WHERE k = :g ORDER BY id LIMIT 1);
\\endif
});
	return $file;
}

# Starts pgbench; options: clients, seconds, reads, script, args.
sub start_load
{
	my ($node, %options) = @_;
	my $load = { out => '', err => '' };
	my @scripts = map { ('-f', $_) } ($options{script} || load_script($node, reads => $options{reads}));
	$load->{run} = IPC::Run::start(
		[
			'pgbench', '-n', '-c', $options{clients} || 4, '-j', '2', '-T', $options{seconds} || 60, @{ $options{args} || [] },
			@scripts, '-h', $node->host, '-p', $node->port, 'postgres'
		],
		'>', \$load->{out}, '2>', \$load->{err});
	return $load;
}

# Waits for the load's end; the transactions that it has done, or undef if it was cut off.
sub stop_load
{
	my ($load) = @_;
	$load->{run}->finish;
	return $load->{out} =~ /actually processed: (\d+)/ ? $1 : undef;
}

# One statement that counts the differences between these views and their queries.
sub compare_sql
{
	my @views = @_;
	@views = load_views() unless @views;
	return 'SELECT ' . join(' + ',
		map { "(SELECT count(*) FROM ((TABLE $_ EXCEPT ALL TABLE q_$_) UNION ALL (TABLE q_$_ EXCEPT ALL TABLE $_)) x)" } @views);
}

# The views equal their queries: by SQL in one snapshot, and by verify(), which also looks at hidden state.
sub is_equal
{
	my ($node, $what, @views) = @_;
	@views = load_views() unless @views;
	my $found = $node->safe_psql('postgres',
		compare_sql(@views) . '; ' . join(' UNION ALL ', map { "SELECT '$_', weight, \"row\" FROM dbsp_ivm.verify('$_')" } @views));
	return is($found, '0', "$what: views equal their queries");
}

# amcheck finds nothing wrong with any table and index, internal ones included.
sub is_sound
{
	my ($node, $what) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(
		[ 'pg_amcheck', '--install-missing', '--heapallindexed', '--parent-check', '-j', '2', '-h', $node->host, '-p', $node->port, '-d', 'postgres' ],
		'>', \$out, '2>', \$err);
	return ok($ok && $out eq '', "$what: amcheck finds nothing") || diag("$out$err");
}

# A session that stays open, for at most 300 or so many seconds: send() starts statements, result() waits for their end and gives output and errors.
{
	package dbsp_session;

	sub send
	{
		my ($self, $sql) = @_;
		$self->{number}++;
		$self->{in} .= "$sql\n;\n\\echo end $self->{number} of statements\n\\warn end $self->{number} of statements\n";
		$self->{run}->pump_nb;
		return;
	}

	sub result
	{
		my ($self) = @_;
		my $end = "end $self->{number} of statements\n";
		$self->{run}->pump while $self->{run}->pumpable && !($self->{out} =~ /$end/ && $self->{err} =~ /$end/);
		my ($out, $err) = map { s/\n?$end//r } $self->{out}, $self->{err};
		$self->{out} = $self->{err} = '';
		return ($out, $err);
	}

	# Both; in scalar context an error of the statements is one of the test.
	sub query
	{
		my ($self, $sql) = @_;
		$self->send($sql);
		my ($out, $err) = $self->result;
		return ($out, $err) if wantarray;
		die "$sql: $err" if $err ne '';
		return $out;
	}

	sub quit
	{
		my ($self) = @_;
		$self->{in} .= "\\q\n" if $self->{run}->pumpable;
		$self->{run}->finish;
		return;
	}
}

sub new_session
{
	my ($node, $seconds) = @_;
	my $self = { in => '', out => '', err => '', number => 0 };
	$self->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, IPC::Run::timeout($seconds || 300));
	return bless $self, 'dbsp_session';
}

# How long the code takes.
sub seconds_of
{
	my ($code) = @_;
	my $start = Time::HiRes::time();
	$code->();
	return Time::HiRes::time() - $start;
}

# 'median .., 95 % .., max ..' of some numbers.
sub stats_of
{
	my ($format, @numbers) = @_;
	my @sorted = sort { $a <=> $b } @numbers;
	my $at = sub { return $sorted[ int($_[0] * $#sorted + 0.5) ] };
	return sprintf("median $format, 95 %% $format, max $format", $at->(0.5), $at->(0.95), $sorted[-1]);
}

1;

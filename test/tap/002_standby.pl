# On a standby, too, a view equals its query in every snapshot.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', allows_streaming => 1);
$primary->start;
create_schema($primary);
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = 60s');
$standby->start;

my $compare = q{
	SELECT (SELECT count(*) FROM ((SELECT id, name, v FROM joined EXCEPT ALL SELECT t.id, d.name, t.v FROM t JOIN d USING (g))
			UNION ALL (SELECT t.id, d.name, t.v FROM t JOIN d USING (g) EXCEPT ALL SELECT id, name, v FROM joined)) x)
		 + (SELECT count(*) FROM ((SELECT g, n, s, lo, hi FROM per_group EXCEPT ALL SELECT g, count(*), sum(v), min(v), max(v) FROM t GROUP BY g)
			UNION ALL (SELECT g, count(*), sum(v), min(v), max(v) FROM t GROUP BY g EXCEPT ALL SELECT g, n, s, lo, hi FROM per_group)) y)
};
my $script = write_script($primary);
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '6', '-f', $script, '-h', $primary->host, '-p', $primary->port, 'postgres' ],
	'>', '/dev/null', '2>', '/dev/null');
my ($wrong, $looks, %seen) = (0, 0);
my $end = time + 5;
while (time < $end)
{
	$wrong += $standby->safe_psql('postgres', $compare);
	$seen{ $standby->safe_psql('postgres', 'SELECT count(*), sum(v) FROM t') } = 1;
	$looks++;
}
$load->finish;
is($wrong, 0, "no snapshot on the standby showed a difference ($looks looks)");
cmp_ok(scalar(keys %seen), '>', 1, 'the standby moved meanwhile');
$primary->wait_for_catchup($standby);
is_right($primary, 'primary is right');
is_right($standby, 'standby is right, verified there');
is(view_rows($standby), view_rows($primary), 'both hold the same rows');

$primary->stop;
$standby->promote;
$standby->safe_psql('postgres', "INSERT INTO t (g, v, x) VALUES (3, 3, 'promoted'); DELETE FROM t WHERE g = 4");
is_right($standby, 'the promoted standby maintains its views');
$standby->stop;
done_testing();

# A server that is killed under load: after recovery every view equals its query.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('crash');
$node->start;
create_schema($node);
my $script = write_script($node);

foreach my $round (1 .. 3)
{
	my $before = $node->safe_psql('postgres', 'SELECT pg_current_xact_id()');
	my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '30', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', '/dev/null', '2>', '/dev/null');
	sleep 2;
	$node->stop('immediate');
	$load->finish;
	$node->start;
	my $after = $node->safe_psql('postgres', 'SELECT pg_current_xact_id()');
	cmp_ok($after - $before, '>', 20, "round $round: there was a load");
	is_right($node, "round $round: views are right after the crash");
	$node->safe_psql('postgres', "INSERT INTO t (g, v, x) VALUES (1, 1, 'after')");
	is_right($node, "round $round: and stay right");
}
$node->stop;
done_testing();

# Eight clients write at all isolation levels; nothing fails that would not fail without views; every view is right.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('mixed');
$node->append_conf('postgresql.conf', 'synchronous_commit = off');
$node->start;
create_schema($node);
my $script = write_script($node);

foreach my $level ('read committed', 'repeatable read', 'serializable')
{
	$node->safe_psql('postgres', "ALTER DATABASE postgres SET default_transaction_isolation = '$level'");
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pgbench', '-n', '-c', '8', '-j', '2', '-T', '6', '--max-tries=20', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$out, '2>', \$err);
	my ($done) = $out =~ /number of transactions actually processed: (\d+)/;
	cmp_ok($done || 0, '>', 100, "$level: there was a load");
	unlike($err, qr/aborted in command|PANIC|FATAL|XX00/, "$level: no client was thrown out");
	unlike($err, qr/deadlock detected/, "$level: no deadlock");
	$node->safe_psql('postgres', "ALTER DATABASE postgres RESET default_transaction_isolation");
	is_right($node, "$level: every view is right");
}
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|terminated by signal|data_corrupted|XX001/, 'nothing bad in the log');
unlike($log, qr/deadlock detected/, 'no deadlock in the log');
$node->stop;
done_testing();

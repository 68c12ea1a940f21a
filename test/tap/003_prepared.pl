# Prepared transactions over a restart and a crash: their changes and locks stay.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('prepared');
$node->start;
create_schema($node);
# Views that two transactions on different groups both change would make the second wait for the first.
$node->safe_psql('postgres', 'DROP VIEW hist, names');
my @views = qw(per_group joined);

sub prepare
{
	my ($gid, $sql) = @_;
	$node->safe_psql('postgres', "BEGIN; $sql; PREPARE TRANSACTION '$gid'");
	return;
}

prepare('keep', "INSERT INTO t (g, v, x) VALUES (1, 1000, 'kept'), (77, 1, 'kept'); INSERT INTO d VALUES (77, 'seventy')");
prepare('drop', "DELETE FROM t WHERE g = 5; UPDATE d SET name = 'never' WHERE g = 6");
is_right($node, 'what is prepared does not show yet', @views);
$node->restart;
is_right($node, 'after a restart', @views);
$node->stop('immediate');
$node->start;
is_right($node, 'after a crash', @views);

my ($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '300ms'; INSERT INTO t (g, v, x) VALUES (1, 1, 'x')");
like($err, qr/lock timeout/, 'the group of the prepared transaction is still locked');
$node->safe_psql('postgres', "INSERT INTO t (g, v, x) VALUES (2, 1, 'x2')");
pass('another group is not');

$node->safe_psql('postgres', "COMMIT PREPARED 'keep'");
is($node->safe_psql('postgres', 'SELECT n, s FROM per_group WHERE g = 77'), '1|1', 'the committed one shows');
is_right($node, 'after COMMIT PREPARED', @views);
$node->safe_psql('postgres', "ROLLBACK PREPARED 'drop'");
is_right($node, 'after ROLLBACK PREPARED', @views);
$node->safe_psql('postgres', "INSERT INTO t (g, v, x) VALUES (1, 1, 'x'), (5, 1, 'x'), (6, 1, 'x')");
is_right($node, 'the locks are gone', @views);
$node->stop;
done_testing();

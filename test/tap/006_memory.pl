# One session, very many transactions: its memory does not grow.  DBSP_LONG=1 makes it a million.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use dbsp_tap;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('memory');
$node->append_conf('postgresql.conf', "synchronous_commit = off\nfsync = off");
$node->start;
create_schema($node);
my $rounds = $ENV{DBSP_LONG} ? 1_000_000 : 100_000;

$node->safe_psql('postgres', q{
	CREATE PROCEDURE load(n int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. n LOOP
			IF i % 10 = 0 THEN
				BEGIN
					INSERT INTO t (g, v, x) VALUES (i % 20, i, 'sub');
					PERFORM count(*) FROM names WHERE x = 'sub';
					RAISE division_by_zero;
				EXCEPTION WHEN division_by_zero THEN NULL;
				END;
				DELETE FROM t WHERE id = (SELECT max(id) FROM t);
			ELSIF i % 10 = 5 THEN
				INSERT INTO t (g, v, x) VALUES (i % 25, i, 'x' || i % 9);
				IF i % 100 = 5 THEN ROLLBACK; END IF;
			ELSE
				UPDATE t SET v = v + 1, x = 'x' || i % 7 WHERE id = i % 500;
			END IF;
			COMMIT;
		END LOOP;
	END $$;
});

# The memory of the session that runs the load, by its own contexts and as the system sees it.
my $measure = q{SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts};
my $count = q{SELECT count(*) FROM pg_backend_memory_contexts};
my $warm = int($rounds / 10);
my $out = $node->safe_psql('postgres', "
	CALL load($warm);
	$measure; $count;
	CALL load($rounds);
	$measure; $count;", timeout => 3000);
my ($bytes0, $contexts0, $bytes1, $contexts1) = split /\n/, $out;
note("before: $bytes0 bytes in $contexts0 contexts; after $rounds transactions: $bytes1 bytes in $contexts1");
cmp_ok($bytes1, '<', $bytes0 + 1_000_000, 'the bytes in memory contexts stay');
cmp_ok($contexts1, '<', $contexts0 + 20, 'the number of memory contexts stays');
is_right($node, 'the views are right');
$node->stop;
done_testing();

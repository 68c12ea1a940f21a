-- Between two statements of a transaction a view shows what the transaction did, whoever reads it and how.
-- the numbers of views appear in plans
SELECT setval('dbsp_ivm_internal.view_number_seq', 2000) > 0 AS ok;
CREATE SCHEMA ryw;
SET search_path = ryw, public;
SET client_min_messages = warning;
CREATE TABLE t (id int PRIMARY KEY, g int, v int);
INSERT INTO t SELECT i, i % 2, i FROM generate_series(1, 4) i;
SELECT test_view('tot', 'SELECT g, count(*) AS n, sum(v) AS s FROM t GROUP BY g');
SELECT test_view('big', 'SELECT id, v FROM t WHERE v > 100');
CREATE FUNCTION n_sql() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT sum(n)::bigint FROM ryw.tot';
CREATE FUNCTION n_sql_volatile() RETURNS bigint LANGUAGE sql AS 'SELECT sum(n)::bigint FROM ryw.tot';
CREATE FUNCTION n_plpgsql() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(n) FROM ryw.tot); END';
CREATE FUNCTION n_stable() RETURNS bigint STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(n) FROM ryw.tot); END';
CREATE FUNCTION n_dynamic() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE r bigint; BEGIN EXECUTE 'SELECT sum(n) FROM ryw.tot' INTO r; RETURN r; END $$;
CREATE VIEW over AS SELECT sum(n) AS n FROM tot;
PREPARE cached AS SELECT sum(n) AS n FROM tot;
PREPARE cached_param (int) AS SELECT n, s FROM tot WHERE g = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE cached;
EXECUTE cached_param (0);
BEGIN;
INSERT INTO t VALUES (5, 0, 5);
EXECUTE cached;
INSERT INTO t VALUES (6, 0, 6);
EXECUTE cached_param (0);
INSERT INTO t VALUES (7, 0, 7);
SELECT n_sql();
INSERT INTO t VALUES (8, 0, 8);
SELECT n_sql_volatile();
INSERT INTO t VALUES (9, 0, 9);
SELECT n_plpgsql();
INSERT INTO t VALUES (10, 0, 10);
SELECT n_stable();
INSERT INTO t VALUES (11, 0, 11);
SELECT n_dynamic();
INSERT INTO t VALUES (12, 0, 12);
SELECT * FROM over;
INSERT INTO t VALUES (13, 0, 13);
WITH x AS (SELECT * FROM tot) SELECT sum(n) FROM x;
INSERT INTO t VALUES (14, 0, 14);
SELECT (SELECT sum(n) FROM tot), EXISTS (SELECT FROM tot WHERE n = 12) AS twelve;
-- CREATE TABLE AS, SELECT INTO, INSERT ... SELECT, COPY TO
INSERT INTO t VALUES (15, 1, 15);
CREATE TEMP TABLE ctas AS SELECT * FROM tot;
SELECT * FROM ctas ORDER BY g;
INSERT INTO t VALUES (16, 1, 16);
SELECT * INTO TEMP into_table FROM tot;
SELECT * FROM into_table ORDER BY g;
INSERT INTO t VALUES (17, 1, 17);
INSERT INTO into_table SELECT g, n, s FROM tot;
SELECT * FROM into_table ORDER BY g, n;
INSERT INTO t VALUES (18, 1, 18);
COPY (SELECT g, n, s FROM tot ORDER BY g) TO stdout;
-- the target of a write that reads the view
INSERT INTO t VALUES (19, 1, 19);
UPDATE t SET v = 1000 + (SELECT n FROM tot WHERE g = 1) WHERE id = 19;
SELECT * FROM t WHERE id = 19;
DELETE FROM t WHERE EXISTS (SELECT FROM tot WHERE tot.g = t.g AND tot.n > 12) AND id = 19;
SELECT * FROM tot ORDER BY g;
-- EXPLAIN ANALYZE runs it, EXPLAIN does not
INSERT INTO t VALUES (20, 1, 20);
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT n FROM tot WHERE g = 1;
SELECT * FROM tot ORDER BY g;
INSERT INTO t VALUES (21, 1, 21);
EXPLAIN (COSTS off) SELECT n FROM tot WHERE g = 1;
SELECT * FROM tot ORDER BY g;
COMMIT;
-- cursors: declared after the write they show it; declared before they do not change
BEGIN;
INSERT INTO t VALUES (22, 2, 22);
DECLARE after CURSOR FOR SELECT * FROM tot ORDER BY g;
FETCH ALL FROM after;
DECLARE before SCROLL CURSOR FOR SELECT * FROM tot ORDER BY g;
FETCH 1 FROM before;
UPDATE t SET v = 0 WHERE g = 2;
DELETE FROM t WHERE g = 1;
SELECT * FROM tot ORDER BY g;
FETCH ALL FROM before;
CLOSE before;
DECLARE held CURSOR WITH HOLD FOR SELECT * FROM tot ORDER BY g;
INSERT INTO t VALUES (23, 3, 23);
COMMIT;
FETCH ALL FROM held;
CLOSE held;
SELECT test_check('tot', 'big');
-- one PL/pgSQL function writes and reads; the plans inside it are cached
CREATE FUNCTION write_and_read(i int) RETURNS TABLE (step int, n numeric) LANGUAGE plpgsql AS $$
BEGIN
    step := 1; n := (SELECT sum(tot.n) FROM tot); RETURN NEXT;
    INSERT INTO t VALUES (i, 1, i);
    step := 2; n := (SELECT sum(tot.n) FROM tot); RETURN NEXT;
    DELETE FROM t WHERE id = i;
    step := 3; n := (SELECT sum(tot.n) FROM tot); RETURN NEXT;
END $$;
SELECT * FROM write_and_read(500);
BEGIN;
INSERT INTO t VALUES (501, 1, 1);
SELECT * FROM write_and_read(502);
ROLLBACK;
DO $$
DECLARE before bigint; after bigint;
BEGIN
    SELECT sum(n) INTO before FROM tot;
    INSERT INTO t VALUES (30, 1, 30);
    SELECT sum(n) INTO after FROM tot;
    RAISE WARNING 'in a DO block: % more', after - before;
    PERFORM 1 FROM tot;
    FOR i IN 31 .. 33 LOOP
        INSERT INTO t VALUES (i, 1, i);
    END LOOP;
    SELECT sum(n) INTO after FROM tot;
    RAISE WARNING 'and at its end: % more', after - before;
END $$;
SELECT test_check('tot', 'big');
-- a procedure that commits
CREATE PROCEDURE many() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 40 .. 43 LOOP
        INSERT INTO t VALUES (i, 4, i);
        IF i % 2 = 0 THEN COMMIT; ELSE ROLLBACK; END IF;
    END LOOP;
END $$;
CALL many();
SELECT * FROM tot WHERE g = 4;
SELECT test_check('tot', 'big');
-- several statements in one simple query message
INSERT INTO t VALUES (50, 5, 50)\; SELECT * FROM tot WHERE g = 5\; DELETE FROM t WHERE id = 50\; SELECT count(*) FROM tot WHERE g = 5;
-- REPEATABLE READ and SERIALIZABLE show own writes too
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT sum(n) FROM tot;
INSERT INTO t VALUES (60, 6, 60);
SELECT * FROM tot WHERE g = 6;
EXECUTE cached;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO t VALUES (61, 6, 61);
SELECT * FROM tot WHERE g = 6;
COMMIT;
-- a read-only transaction reads
BEGIN READ ONLY;
SELECT * FROM tot WHERE g = 6;
COMMIT;
-- written, then made read only
BEGIN;
INSERT INTO t VALUES (62, 6, 62);
SET TRANSACTION READ ONLY;
SELECT * FROM tot WHERE g = 6;
COMMIT;
SELECT test_check('tot', 'big');
-- parallel plans
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET force_parallel_mode = on;
BEGIN;
INSERT INTO t SELECT i, 7, i FROM generate_series(100, 400) i;
SELECT sum(n), sum(s) FROM tot WHERE g = 7;
SELECT count(*) FROM big;
COMMIT;
SELECT test_check('tot', 'big');
RESET ALL;
SET client_min_messages = warning;
DEALLOCATE ALL;
DROP SCHEMA ryw CASCADE;
SELECT * FROM test_leftovers;

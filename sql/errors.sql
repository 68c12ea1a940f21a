-- An error in a view's expression ends the transaction that caused it; the CONTEXT names the view.
CREATE SCHEMA err;
SET search_path = err, public;
SET client_min_messages = warning;
CREATE TABLE t (id int PRIMARY KEY, a int, b int, x text);
INSERT INTO t VALUES (1, 10, 2, '5'), (2, 20, 4, '7');
SELECT test_view('ratio', 'SELECT id, a / b AS r FROM t');
SELECT test_view('per_b', 'SELECT b, count(*) AS n, 10 / sum(a) AS s FROM t GROUP BY b');
SELECT test_view('numbers', 'SELECT id, x::int AS n FROM t');
SELECT test_view('cut', 'SELECT id FROM t WHERE 100 / (a - 99) < 1000');
-- at the end of a statement that is its own transaction
INSERT INTO t VALUES (3, 1, 0, '1');
SELECT test_check('ratio', 'per_b', 'numbers', 'cut');
UPDATE t SET x = 'five' WHERE id = 1;
UPDATE t SET a = 99 WHERE id = 1;
UPDATE t SET a = 0 WHERE id = 1;
SELECT test_check('ratio', 'per_b', 'numbers', 'cut');
-- at COMMIT
BEGIN;
UPDATE t SET b = 0 WHERE id = 1;
UPDATE t SET a = 5 WHERE id = 2;
COMMIT;
SELECT test_check('ratio', 'per_b', 'numbers', 'cut');
SELECT * FROM t ORDER BY id;
-- at a read in the middle
BEGIN;
UPDATE t SET b = 0 WHERE id = 1;
SELECT count(*) FROM ratio;
COMMIT;
-- what would be an error is gone before the end
BEGIN;
UPDATE t SET b = 0 WHERE id = 1;
UPDATE t SET b = 1 WHERE id = 1;
COMMIT;
SELECT test_check('ratio', 'per_b', 'numbers', 'cut');
-- overflow of an aggregate's result, of an expression over it
CREATE TABLE big (id int PRIMARY KEY, v bigint, m money);
SELECT test_view('small', 'SELECT sum(v)::int AS s FROM big');
INSERT INTO big VALUES (1, 2000000000);
INSERT INTO big VALUES (2, 2000000000);
SELECT test_check('small');
-- an expression that fails when the view is filled
SELECT dbsp_ivm.create_view('never', 'SELECT 1 / (id - 1) AS x FROM t');
SELECT to_regclass('never') IS NULL AS nothing;
-- a function of the user that raises; it is cancelled, it times out
CREATE FUNCTION picky(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF $1 = 13 THEN RAISE EXCEPTION 'no % here', $1 USING HINT = 'Take another number.'; END IF;
    IF $1 = 14 THEN PERFORM pg_sleep(30); END IF;
    RETURN $1;
END $$;
SELECT test_view('picked', 'SELECT id, picky(a) AS p FROM t');
UPDATE t SET a = 13 WHERE id = 1;
SET statement_timeout = '200ms';
BEGIN;
UPDATE t SET a = 14 WHERE id = 1;
SELECT count(*) FROM picked;
ROLLBACK;
RESET statement_timeout;
SELECT a FROM t WHERE id = 1;
SELECT test_check('picked');
UPDATE t SET a = 15 WHERE id = 1;
SELECT test_check('picked', 'ratio', 'per_b', 'numbers', 'cut');
-- the settings of the writer do not change what the view holds
CREATE TABLE s (id int PRIMARY KEY, d date, f float8, b bytea, i interval);
SELECT test_view('texts', 'SELECT id, f::text AS f, b::text AS b FROM s');
SET extra_float_digits = -5;
SET bytea_output = escape;
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
INSERT INTO s VALUES (1, '31.12.2024', 1.0 / 3, '\x00ff', '1 day');
RESET ALL;
SET client_min_messages = warning;
SET search_path = err, public;
SELECT * FROM texts;
SELECT test_check('texts');
-- an error leaves the session usable, also many times
DO $$
BEGIN
    FOR i IN 1 .. 50 LOOP
        BEGIN
            UPDATE err.t SET b = 0 WHERE id = 2;
            PERFORM count(*) FROM err.ratio;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
SELECT test_check('picked', 'ratio', 'per_b', 'numbers', 'cut');
DROP SCHEMA err CASCADE;
SELECT * FROM test_leftovers;

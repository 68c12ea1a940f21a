-- Parts of a transaction that are rolled back, with and without a read of the view in between.
CREATE SCHEMA sp;
SET search_path = sp, public;
SET client_min_messages = warning;
CREATE TABLE a (id int PRIMARY KEY, g int, v int);
CREATE TABLE b (g int PRIMARY KEY, name text);
INSERT INTO a SELECT i, i % 3, i FROM generate_series(1, 9) i;
INSERT INTO b VALUES (0, 'zero'), (1, 'one');
SELECT test_view('p_sum', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi FROM a GROUP BY g');
SELECT test_view('p_join', 'SELECT a.id, b.name, a.v FROM a JOIN b USING (g)');
SELECT test_view('p_distinct', 'SELECT DISTINCT g FROM a');
SELECT test_view('p_bag', 'SELECT g FROM a');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$ SELECT test_check('p_sum', 'p_join', 'p_distinct', 'p_bag') $$;
-- no read in between
BEGIN;
INSERT INTO a VALUES (20, 1, 20);
SAVEPOINT s;
INSERT INTO a VALUES (21, 2, 21);
DELETE FROM a WHERE id = 1;
ROLLBACK TO s;
INSERT INTO a VALUES (22, 1, 22);
COMMIT;
SELECT check_all();
-- a read inside the savepoint: it consumes changes of both levels
BEGIN;
INSERT INTO a VALUES (30, 1, 30);
SAVEPOINT s;
INSERT INTO a VALUES (31, 5, 31);
SELECT check_all();
ROLLBACK TO s;
SELECT check_all();
COMMIT;
SELECT check_all();
-- a read inside, none after
BEGIN;
DELETE FROM a WHERE g = 2;
SAVEPOINT s;
INSERT INTO a VALUES (40, 2, 40);
SELECT * FROM p_sum ORDER BY g;
ROLLBACK TO s;
COMMIT;
SELECT check_all();
-- a read before the savepoint, one inside
BEGIN;
INSERT INTO b VALUES (5, 'five'), (2, 'two');
SELECT check_all();
SAVEPOINT s;
INSERT INTO a VALUES (50, 5, 50), (51, 2, 51);
UPDATE b SET name = 'FIVE' WHERE g = 5;
SELECT check_all();
ROLLBACK TO s;
INSERT INTO a VALUES (52, 5, 52);
SELECT check_all();
COMMIT;
SELECT check_all();
-- nested, released, rolled back together
BEGIN;
SAVEPOINT s1;
INSERT INTO a VALUES (60, 1, 60);
SAVEPOINT s2;
INSERT INTO a VALUES (61, 1, 61);
SELECT check_all();
RELEASE s2;
INSERT INTO a VALUES (62, 7, 62);
SAVEPOINT s3;
UPDATE a SET g = 7 WHERE id = 60;
SELECT check_all();
ROLLBACK TO s3;
SELECT check_all();
RELEASE s1;
SAVEPOINT s4;
DELETE FROM a;
SELECT check_all();
ROLLBACK TO s4;
DELETE FROM a WHERE id = 61;
COMMIT;
SELECT check_all();
BEGIN;
SAVEPOINT s1;
INSERT INTO a VALUES (70, 1, 70);
SAVEPOINT s2;
SELECT check_all();
RELEASE s2;
ROLLBACK TO s1;
SELECT check_all();
INSERT INTO a VALUES (70, 2, 71);
COMMIT;
SELECT check_all();
-- the same savepoint again and again
BEGIN;
SAVEPOINT s;
UPDATE a SET v = v + 1;
ROLLBACK TO s;
UPDATE a SET v = v + 2;
SELECT check_all();
ROLLBACK TO s;
UPDATE a SET v = v + 3 WHERE g = 1;
ROLLBACK TO s;
SELECT check_all();
UPDATE a SET v = v + 4 WHERE g = 2;
COMMIT;
SELECT check_all();
-- everything rolled back
BEGIN;
UPDATE a SET v = 0;
SELECT check_all();
SAVEPOINT s;
TRUNCATE a;
SELECT check_all();
RELEASE s;
ROLLBACK;
SELECT check_all();
-- exception blocks
DO $$
BEGIN
    INSERT INTO a VALUES (80, 1, 80);
    BEGIN
        INSERT INTO a VALUES (81, 8, 81);
        PERFORM count(*) FROM p_sum;
        INSERT INTO a VALUES (80, 1, 80);
    EXCEPTION WHEN unique_violation THEN
        INSERT INTO a VALUES (82, 1, 82);
    END;
END $$;
SELECT check_all();
DO $$
DECLARE i int;
BEGIN
    FOR i IN 90 .. 110 LOOP
        BEGIN
            INSERT INTO a VALUES (i, i % 4, i);
            PERFORM count(*) FROM p_join;
            IF i % 3 = 0 THEN RAISE EXCEPTION 'no'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
    PERFORM check_all();
END $$;
SELECT check_all();
-- an aborted subtransaction in which the fold itself failed
SELECT test_view('p_div', 'SELECT id, 100 / v AS x FROM a WHERE id < 1000');
BEGIN;
INSERT INTO a VALUES (200, 1, 5);
SAVEPOINT s;
UPDATE a SET v = 0 WHERE id = 200;
SELECT count(*) FROM p_div;
ROLLBACK TO s;
SELECT check_all(), test_check('p_div');
COMMIT;
SELECT check_all(), test_check('p_div');
-- views declared and dropped in a savepoint
BEGIN;
INSERT INTO a VALUES (300, 1, 300);
SAVEPOINT s;
SELECT test_view('p_late', 'SELECT g, max(v) AS m FROM a GROUP BY g');
INSERT INTO a VALUES (301, 1, 301);
SELECT test_check('p_late'), check_all();
ROLLBACK TO s;
SELECT check_all();
SELECT dbsp_ivm.drop_view('p_div');
SAVEPOINT t;
SELECT dbsp_ivm.drop_view('p_bag');
INSERT INTO a VALUES (302, 1, 302);
ROLLBACK TO t;
INSERT INTO a VALUES (303, 1, 303);
COMMIT;
SELECT check_all();
DROP SCHEMA sp CASCADE;
SELECT * FROM test_leftovers;

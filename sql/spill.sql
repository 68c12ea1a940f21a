-- Changes that exceed dbsp_ivm.delta_mem: rows in temporary files follow savepoints, and leave nothing behind.
CREATE SCHEMA sl;
SET search_path = sl, public;
SET client_min_messages = warning;
CREATE TABLE t (id int PRIMARY KEY, g int, v int, x text, d date);
CREATE TABLE u (g int PRIMARY KEY, name text);
INSERT INTO t SELECT i, i % 100, i, 'x' || i % 10, NULL FROM generate_series(1, 5000) i;
INSERT INTO u SELECT i, 'u' || i FROM generate_series(0, 110) i;
SELECT test_view('s_sum', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo FROM t GROUP BY g');
SELECT test_view('s_join', 'SELECT t.id, u.name, t.x FROM t JOIN u USING (g)');
SELECT test_view('s_bag', 'SELECT x, d FROM t WHERE g < 50');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$ SELECT test_check('s_sum', 's_join', 's_bag') $$;
-- the files of this session's transaction
\set files 'SELECT count(*) AS files FROM pg_ls_tmpdir() WHERE name ~ (''^pgsql_tmp'' || pg_backend_pid() || ''[.]'')'
SET dbsp_ivm.delta_mem = '64kB';
-- one statement
INSERT INTO t SELECT i, i % 100, i, 'y' || i % 10, '2020-01-01' FROM generate_series(5001, 8000) i;
SELECT check_all();
UPDATE t SET v = v + 1, x = x || '!' WHERE id > 2000;
SELECT check_all();
DELETE FROM t WHERE id > 7000;
SELECT check_all();
:files;
-- a transaction without a read
BEGIN;
:files;
INSERT INTO t SELECT i, i % 100, i, 'z', NULL FROM generate_series(7001, 9000) i;
:files;
SELECT sum(total_bytes) < 150000 AS bounded FROM pg_backend_memory_contexts WHERE name = 'dbsp deltas';
UPDATE t SET g = g + 1 WHERE id % 3 = 0;
DELETE FROM t WHERE id % 7 = 0;
:files;
SELECT sum(total_bytes) < 150000 AS bounded FROM pg_backend_memory_contexts WHERE name = 'dbsp deltas';
COMMIT;
SELECT check_all();
:files;
-- savepoints: with rows in memory and in files on each side of them
BEGIN;
UPDATE t SET v = v + 1 WHERE id <= 2000;
SAVEPOINT a;
UPDATE t SET v = v + 1 WHERE id <= 3000;
UPDATE u SET name = name || '+';
SAVEPOINT b;
UPDATE t SET v = v + 1, g = g + 1 WHERE id <= 10;
ROLLBACK TO b;
:files;
UPDATE t SET v = 0 WHERE id <= 1000;
RELEASE b;
ROLLBACK TO a;
SAVEPOINT c;
DELETE FROM t WHERE id BETWEEN 100 AND 2100;
INSERT INTO t SELECT i, 5, 5, 'again', NULL FROM generate_series(100, 200) i;
RELEASE c;
:files;
COMMIT;
SELECT check_all();
:files;
-- reads in between: what a read consumed is pending again after a rollback
BEGIN;
INSERT INTO t SELECT i, i % 100, i, 'r', NULL FROM generate_series(10001, 12000) i;
SAVEPOINT a;
UPDATE t SET v = v + 1 WHERE id > 9000;
SELECT count(*) FROM s_sum;
:files;
UPDATE t SET x = 'r2' WHERE id > 10500;
ROLLBACK TO a;
SELECT check_all();
ROLLBACK TO a;
UPDATE t SET v = v - 1 WHERE id > 10000;
SELECT test_check('s_join');
UPDATE t SET v = v - 1 WHERE id > 10000;
SELECT test_check('s_join');
RELEASE a;
DELETE FROM t WHERE id > 11000;
SELECT check_all();
COMMIT;
SELECT check_all();
:files;
-- TRUNCATE among them
BEGIN;
UPDATE t SET v = v + 1;
SAVEPOINT a;
TRUNCATE t;
INSERT INTO t SELECT i, i % 100, i, 'new', NULL FROM generate_series(1, 3000) i;
SELECT check_all();
UPDATE t SET v = v + 1;
SELECT check_all();
ROLLBACK TO a;
SELECT check_all();
DELETE FROM t WHERE id % 11 = 0;
COMMIT;
SELECT check_all();
:files;
-- everything rolled back
BEGIN;
UPDATE t SET v = v + 1;
:files;
ROLLBACK;
:files;
SELECT check_all();
-- a hot row needs no file, however often it changes; nor do changes that cancel out
BEGIN;
DO $$
BEGIN
    FOR i IN 1 .. 5000 LOOP
        UPDATE t SET v = v + 1, x = 'hot' || i WHERE id = 1;
    END LOOP;
END $$;
:files;
UPDATE t SET v = v + 1 WHERE id < 300;
UPDATE t SET v = v - 1 WHERE id < 300;
:files;
COMMIT;
SELECT check_all();
-- nor does it pile up over savepoints
RESET dbsp_ivm.delta_mem;
BEGIN;
DO $$
BEGIN
    FOR i IN 1 .. 3000 LOOP
        BEGIN
            UPDATE t SET v = v + 1, x = 'hot' || i WHERE id = 1;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
SELECT sum(total_bytes) < 100000 AS bounded FROM pg_backend_memory_contexts WHERE name = 'dbsp deltas';
COMMIT;
SET dbsp_ivm.delta_mem = '64kB';
SELECT check_all();
-- exception blocks
DO $$
BEGIN
    FOR i IN 1 .. 12 LOOP
        BEGIN
            UPDATE t SET v = v + i WHERE id % 4 = i % 4;
            IF i % 3 = 0 THEN PERFORM count(*) FROM s_sum; END IF;
            IF i % 2 = 0 THEN RAISE EXCEPTION 'no'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
    PERFORM check_all();
END $$;
SELECT check_all();
:files;
-- a thousand savepoints share one file, and its room is used again
BEGIN;
\set ECHO none
SELECT format('SAVEPOINT s%s', i), format('UPDATE t SET v = v + 1 WHERE id BETWEEN %s AND %s', 3000 + i, 3005 + i)
FROM generate_series(1, 1000) i \gexec
\set ECHO all
:files;
SELECT size < 3000000 AS small FROM pg_ls_tmpdir() WHERE name ~ ('^pgsql_tmp' || pg_backend_pid() || '[.]');
ROLLBACK TO s700;
DELETE FROM t WHERE id BETWEEN 3500 AND 4500;
RELEASE s300;
:files;
COMMIT;
SELECT check_all();
:files;
BEGIN;
DO $$
BEGIN
    FOR i IN 1 .. 12 LOOP
        BEGIN
            UPDATE t SET v = v + 1 WHERE id > 6000;
            RAISE EXCEPTION 'no';
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
    UPDATE t SET v = v + 1 WHERE id > 6000;
END $$;
SELECT size < 500000 AS small FROM pg_ls_tmpdir() WHERE name ~ ('^pgsql_tmp' || pg_backend_pid() || '[.]');
COMMIT;
SELECT check_all();
-- the files are counted by temp_file_limit; without them the rest of the transaction is right
SET temp_file_limit = '100kB';
UPDATE t SET v = v + 1;
SELECT check_all();
BEGIN;
UPDATE t SET v = v + 1 WHERE id < 500;
SAVEPOINT a;
UPDATE t SET v = v + 1;
ROLLBACK TO a;
DELETE FROM t WHERE id IN (3, 5);
RESET temp_file_limit;
SELECT check_all();
COMMIT;
SELECT check_all();
:files;
-- and are in temp_tablespaces
SET allow_in_place_tablespaces = true;
CREATE TABLESPACE dbsp_regress_temp LOCATION '';
SET temp_tablespaces = dbsp_regress_temp;
BEGIN;
UPDATE t SET v = v + 1;
:files;
SELECT count(*) FROM pg_tablespace s, pg_ls_tmpdir(s.oid) WHERE spcname = 'dbsp_regress_temp';
COMMIT;
SELECT count(*) FROM pg_tablespace s, pg_ls_tmpdir(s.oid) WHERE spcname = 'dbsp_regress_temp';
RESET temp_tablespaces;
DROP TABLESPACE dbsp_regress_temp;
-- procedures that commit as they go
CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 4 LOOP
        UPDATE t SET v = v + i WHERE id % 2 = i % 2;
        IF i = 3 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
    UPDATE t SET v = v + 1 WHERE id > 1000;
END $$;
CALL work();
SELECT check_all();
:files;
-- a cursor, and a view that is declared and dropped in between
BEGIN;
DECLARE c CURSOR FOR SELECT g, n FROM s_sum ORDER BY g;
FETCH 1 FROM c;
UPDATE t SET g = g + 1;
SELECT test_view('s_late', 'SELECT x, count(*) AS n FROM t GROUP BY x');
UPDATE t SET x = left(x, 1);
SELECT test_check('s_late');
FETCH 1 FROM c;
UPDATE t SET g = g - 1;
DROP VIEW s_bag;
UPDATE t SET v = v + 1;
COMMIT;
SELECT test_check('s_sum', 's_join', 's_late');
-- no memory at all: each row goes to the file
SET dbsp_ivm.delta_mem = 0;
BEGIN;
INSERT INTO t VALUES (20001, 1, 1, 'a', NULL), (20002, 1, 1, 'a', NULL);
UPDATE t SET v = 2 WHERE id = 20001;
:files;
DELETE FROM t WHERE id = 20002;
SAVEPOINT a;
UPDATE t SET v = 3 WHERE id = 20001;
ROLLBACK TO a;
COMMIT;
SELECT test_check('s_sum', 's_join', 's_late');
-- rows of any size and type, NULLs, values out of line
CREATE TABLE w (id int PRIMARY KEY, a text, b numeric, c uuid, d bytea, e int[]);
ALTER TABLE w ALTER COLUMN a SET STORAGE EXTERNAL;
SELECT test_view('s_wide', 'SELECT id, a, b, c, d, e FROM w WHERE id > 0');
BEGIN;
INSERT INTO w SELECT i, repeat(chr(97 + i % 26), i * i * 100), i / 7.0, md5(i::text)::uuid, decode(md5(i::text), 'hex'), ARRAY[i, NULL]
FROM generate_series(1, 60) i;
INSERT INTO w (id) SELECT i FROM generate_series(101, 130) i;
:files;
UPDATE w SET b = -b, a = a || 'x';
UPDATE w SET d = NULL WHERE id % 3 = 0;
COMMIT;
SELECT test_check('s_wide');
:files;
-- a function that writes while a fold reads rows from memory and files (and is not as immutable as it says)
CREATE TABLE log (v int);
CREATE FUNCTION note(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sl.log VALUES (i), (i);
    RETURN i;
END $$;
CREATE FUNCTION noted(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM sl.note(i); RETURN i; END $$;
SELECT test_view('s_log', 'SELECT v, count(*) AS n FROM log GROUP BY v');
SELECT test_view('s_noted', 'SELECT id, noted(v) AS v FROM t WHERE id > 10000');
SELECT test_check('s_log');
BEGIN;
UPDATE t SET v = v + 1 WHERE id > 10500;
SAVEPOINT a;
UPDATE t SET v = v + 1 WHERE id > 10200;
SELECT count(*) FROM s_noted;
SELECT test_check('s_log');
ROLLBACK TO a;
SET dbsp_ivm.delta_mem = '64kB';
UPDATE t SET v = v + 2 WHERE id > 10000;
COMMIT;
SELECT test_check('s_log');
SELECT count(*) FROM dbsp_ivm.verify('s_noted');
SELECT test_check('s_log');
:files;
-- it was spilled
SELECT pg_stat_force_next_flush();
SELECT temp_files > 50 AS many, temp_bytes > 5000000 AS large FROM pg_stat_database WHERE datname = current_database();
RESET dbsp_ivm.delta_mem;
DROP SCHEMA sl CASCADE;
SELECT * FROM test_leftovers;

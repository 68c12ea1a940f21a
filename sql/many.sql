-- Many rows, many groups, many views, many changes at once.
SET client_min_messages = warning;
CREATE SCHEMA many;
SET search_path = many, public;
CREATE TABLE t (id int PRIMARY KEY, g int, v int, x text);
CREATE TABLE d (g int PRIMARY KEY, name text);
INSERT INTO t SELECT i, i % 5000, i, md5(i::text) FROM generate_series(1, 50000) i;
INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 4999) i;
SELECT test_view('l_sum', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(x) AS hi FROM t GROUP BY g');
SELECT test_view('l_join', 'SELECT t.id, d.name FROM t JOIN d USING (g)');
SELECT test_view('l_hist', 'SELECT n, count(*) FROM (SELECT g, count(*) AS n FROM t GROUP BY g) q GROUP BY n');
SELECT test_check('l_sum', 'l_join', 'l_hist');
-- more keys than there are lock slots
UPDATE t SET v = v + 1;
SELECT test_check('l_sum', 'l_join', 'l_hist');
BEGIN;
UPDATE d SET name = name || '!';
DELETE FROM t WHERE id % 3 = 0;
SELECT test_check('l_sum', 'l_join', 'l_hist');
INSERT INTO t SELECT i, i % 7000, i, 'new' FROM generate_series(60001, 70000) i;
UPDATE t SET g = g + 1 WHERE id < 20000;
COMMIT;
SELECT test_check('l_sum', 'l_join', 'l_hist');
DELETE FROM t;
SELECT test_check('l_sum', 'l_join', 'l_hist');
-- wide rows
CREATE TABLE wide (id int PRIMARY KEY, body text);
SELECT test_view('l_wide', 'SELECT length(body) AS n, max(body) AS m, count(*) FROM wide GROUP BY length(body)');
SELECT test_view('l_wide_rows', 'SELECT DISTINCT body FROM wide');
INSERT INTO wide SELECT i, repeat(md5(i::text), 400) FROM generate_series(1, 20) i;
SELECT test_check('l_wide', 'l_wide_rows');
UPDATE wide SET body = body || 'x' WHERE id % 2 = 0;
SELECT test_check('l_wide', 'l_wide_rows');
DELETE FROM wide WHERE id > 3;
SELECT test_check('l_wide', 'l_wide_rows');
-- a wide view
DO $$
BEGIN
    PERFORM dbsp_ivm.create_view('many.l_columns', 'SELECT g, ' || (SELECT string_agg('sum(v + ' || i || ') AS c' || i, ', ') FROM generate_series(1, 250) i) || ' FROM many.t GROUP BY g');
    INSERT INTO many.t VALUES (1, 1, 1);
    RAISE WARNING 'right: %', (SELECT count(*) = 0 FROM dbsp_ivm.verify('many.l_columns'));
END $$;
-- many views on one table
DO $$
BEGIN
    FOR i IN 1 .. 60 LOOP
        PERFORM dbsp_ivm.create_view('many.w' || i, format('SELECT g, count(*) AS n FROM many.t WHERE v %% 60 = %s GROUP BY g', i - 1));
    END LOOP;
END $$;
INSERT INTO t SELECT i, i % 10, i, NULL FROM generate_series(100, 500) i;
SELECT sum((SELECT count(*) FROM dbsp_ivm.verify('many.w' || i))) AS differences FROM generate_series(1, 60) i;
SELECT n FROM w7 ORDER BY g LIMIT 3;
DROP SCHEMA many CASCADE;
SELECT * FROM test_leftovers;

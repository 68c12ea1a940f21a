-- GROUP BY: groups are born, change, die; keys of every kind.
CREATE SCHEMA grp;
SET search_path = grp, public;
SET client_min_messages = warning;
CREATE TABLE sale (id int PRIMARY KEY, region text, city text, day date, amount int, rate numeric);
INSERT INTO sale SELECT i, (ARRAY['n', 's', NULL])[1 + i % 3], 'c' || i % 5, date '2024-01-01' + i, i, i / 4.0 FROM generate_series(1, 40) i;
SELECT test_view('g_one', 'SELECT region, count(*) AS n, sum(amount) AS total FROM sale GROUP BY region');
SELECT test_view('g_two', 'SELECT region, city, count(*) FROM sale GROUP BY region, city');
-- the key is not in the output
SELECT test_view('g_hidden', 'SELECT sum(amount) AS total FROM sale GROUP BY region, city');
-- part of the key is
SELECT test_view('g_half', 'SELECT city, count(amount) AS n FROM sale GROUP BY region, city');
-- expressions, positions, names
SELECT test_view('g_expr', $$ SELECT lower(city) || '!' AS c, amount / 10 AS ten, sum(rate) FROM sale GROUP BY lower(city), amount / 10 $$);
SELECT test_view('g_position', 'SELECT day - date ''2024-01-01'' AS d, count(*) FROM sale GROUP BY 1');
SELECT test_view('g_name', 'SELECT amount % 3 AS rest, count(*) FROM sale GROUP BY rest');
-- no aggregate at all
SELECT test_view('g_none', 'SELECT region, city FROM sale GROUP BY region, city');
SELECT test_view('g_only_key_expr', 'SELECT upper(region) || city AS x FROM sale GROUP BY region, city');
-- the primary key lets other columns through
SELECT test_view('g_pk', 'SELECT id, region, city, count(*) FROM sale GROUP BY id');
-- by a constant, and by the empty grouping
SELECT test_view('g_numeric', 'SELECT rate, count(*) FROM sale GROUP BY rate');
SELECT test_view('g_having', 'SELECT region, count(*) AS n FROM sale GROUP BY region HAVING count(*) > 13 AND sum(amount) > 10');
SELECT test_view('g_having_only', 'SELECT city FROM sale GROUP BY city HAVING max(amount) % 2 = 0');
SELECT test_view('g_having_key', 'SELECT city, min(amount) FROM sale GROUP BY city HAVING city > ''c1''');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$
    SELECT test_check('g_one', 'g_two', 'g_hidden', 'g_half', 'g_expr', 'g_position', 'g_name', 'g_none', 'g_only_key_expr', 'g_pk', 'g_having', 'g_having_only', 'g_having_key') || ' + ' || test_check_loose('g_numeric') $$;
SELECT check_all();
-- a group is born
INSERT INTO sale VALUES (100, 'new', 'town', '2025-01-01', 7, 1.50);
SELECT check_all();
-- grows by a NULL amount, and by a NULL key
INSERT INTO sale VALUES (101, 'new', 'town', NULL, NULL, NULL), (102, NULL, NULL, NULL, 3, 1.5);
SELECT check_all();
-- rows move between groups
UPDATE sale SET region = 'n' WHERE region = 's' AND id % 2 = 0;
SELECT check_all();
UPDATE sale SET region = NULL WHERE id IN (100, 3, 4);
SELECT check_all();
-- a group dies, is empty for a moment, is refilled in the same transaction
DELETE FROM sale WHERE city = 'c1';
SELECT check_all();
BEGIN;
DELETE FROM sale WHERE city = 'c2';
SELECT check_all();
INSERT INTO sale VALUES (103, 'n', 'c2', NULL, 1, 1);
COMMIT;
SELECT check_all();
BEGIN;
DELETE FROM sale WHERE city = 'c3';
INSERT INTO sale VALUES (104, 'n', 'c3', NULL, 1, 1), (105, 's', 'c3', NULL, 2, 1.0);
COMMIT;
SELECT check_all();
-- having: a group comes into sight and goes out of it
INSERT INTO sale SELECT i, 's', 'c9', NULL, i, NULL FROM generate_series(200, 220) i;
SELECT check_all();
SELECT * FROM g_having ORDER BY region;
DELETE FROM sale WHERE id BETWEEN 203 AND 220;
SELECT check_all();
SELECT * FROM g_having ORDER BY region;
UPDATE sale SET id = id + 1000, amount = -amount;
SELECT check_all();
DELETE FROM sale;
SELECT check_all();
DROP SCHEMA grp CASCADE;
SELECT * FROM test_leftovers;
-- keys by the type's equality and collation, not by their bytes
CREATE SCHEMA grp;
CREATE TABLE k (id int PRIMARY KEY, n numeric, f float8, j jsonb, a int[], ch char(5), i interval, x int);
INSERT INTO k VALUES (1, 1.0, 0, '{"a": 1}', '{1,2}', 'x', '1 day', 1), (2, 1.00, '-0', '{"a": 1.0}', '{1,2}', 'x  ', '24 hours', 2),
    (3, 1, 'NaN', '{"a":1}', '[0:1]={1,2}', 'x    ', '1 day', 3), (4, NULL, NULL, NULL, NULL, NULL, NULL, 4);
SELECT test_view('k_n', 'SELECT count(*), sum(x), n * 0 = 0 AS z FROM k GROUP BY n');
SELECT test_view('k_f', 'SELECT count(*), sum(x) FROM k GROUP BY f');
SELECT test_view('k_j', 'SELECT count(*), sum(x) FROM k GROUP BY j');
SELECT test_view('k_a', 'SELECT count(*), sum(x) FROM k GROUP BY a');
SELECT test_view('k_ch', 'SELECT ch, count(*), sum(x) FROM k GROUP BY ch');
SELECT test_view('k_i', 'SELECT count(*), sum(x) FROM k GROUP BY i');
SELECT test_check_loose('k_n', 'k_f', 'k_j', 'k_a', 'k_ch', 'k_i');
INSERT INTO k SELECT id + 10, n * 1.000, -f, j, a, ch, i * 1, x FROM k;
SELECT test_check_loose('k_n', 'k_f', 'k_j', 'k_a', 'k_ch', 'k_i');
DELETE FROM k WHERE id < 3;
SELECT test_check_loose('k_n', 'k_f', 'k_j', 'k_a', 'k_ch', 'k_i');
UPDATE k SET n = 1.0000, f = 0, i = '23 hours 60 minutes' WHERE id > 10;
SELECT test_check_loose('k_n', 'k_f', 'k_j', 'k_a', 'k_ch', 'k_i');
DELETE FROM k WHERE id > 4;
SELECT test_check_loose('k_n', 'k_f', 'k_j', 'k_a', 'k_ch', 'k_i');
DROP SCHEMA grp CASCADE;
SELECT * FROM test_leftovers;

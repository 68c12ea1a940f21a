-- SELECT DISTINCT, alone and over everything else.
CREATE SCHEMA dist;
SET search_path = dist, public;
SET client_min_messages = warning;
CREATE TABLE tag (id int PRIMARY KEY, doc int, tag text, n numeric);
CREATE TABLE doc (doc int PRIMARY KEY, owner text);
INSERT INTO tag SELECT i, i % 7, CASE WHEN i % 5 = 0 THEN NULL ELSE 't' || i % 3 END, i % 4 FROM generate_series(1, 30) i;
INSERT INTO doc SELECT i, 'o' || i % 2 FROM generate_series(0, 5) i;
SELECT test_view('d_tag', 'SELECT DISTINCT tag FROM tag');
SELECT test_view('d_two', 'SELECT DISTINCT doc, tag FROM tag WHERE n > 0');
SELECT test_view('d_expr', 'SELECT DISTINCT doc % 2 AS odd, upper(tag) AS tag FROM tag');
SELECT test_view('d_join', 'SELECT DISTINCT owner, tag FROM tag JOIN doc USING (doc)');
SELECT test_view('d_group', 'SELECT DISTINCT count(*) AS n FROM tag GROUP BY doc');
SELECT test_view('d_having', 'SELECT DISTINCT max(n) AS m, doc % 2 AS odd FROM tag GROUP BY doc HAVING count(*) > 2');
SELECT test_view('d_union', 'SELECT DISTINCT x FROM (SELECT tag AS x FROM tag UNION ALL SELECT owner FROM doc) u');
SELECT test_view('d_total', 'SELECT DISTINCT count(*) FROM tag');
SELECT test_view('d_numeric', 'SELECT DISTINCT n + 0.0 = 1 AS one FROM tag');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$
    SELECT test_check('d_tag', 'd_two', 'd_expr', 'd_join', 'd_group', 'd_having', 'd_union', 'd_total', 'd_numeric') $$;
SELECT check_all();
-- a duplicate comes, one of two goes, the last goes
INSERT INTO tag VALUES (100, 1, 'solo', 1);
SELECT check_all();
INSERT INTO tag VALUES (101, 1, 'solo', 2);
SELECT check_all();
DELETE FROM tag WHERE id = 100;
SELECT check_all();
DELETE FROM tag WHERE id = 101;
SELECT check_all();
-- comes and goes in one transaction; goes and comes back
BEGIN;
INSERT INTO tag VALUES (100, 1, 'solo', 1);
SELECT check_all();
DELETE FROM tag WHERE id = 100;
COMMIT;
SELECT check_all();
BEGIN;
DELETE FROM tag WHERE tag = 't1';
SELECT check_all();
INSERT INTO tag VALUES (102, 2, 't1', 1);
COMMIT;
SELECT check_all();
-- NULLs are one value
DELETE FROM tag WHERE tag IS NULL AND id > 10;
SELECT check_all();
DELETE FROM tag WHERE tag IS NULL;
SELECT check_all();
INSERT INTO tag VALUES (103, NULL, NULL, NULL), (104, NULL, NULL, NULL);
SELECT check_all();
UPDATE tag SET tag = 'same', doc = 1;
SELECT check_all();
UPDATE doc SET owner = 'o1';
SELECT check_all();
UPDATE doc SET doc = doc + 10;
SELECT check_all();
DELETE FROM tag;
SELECT check_all();
DROP SCHEMA dist CASCADE;
SELECT * FROM test_leftovers;

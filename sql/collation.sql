-- A collation in which different texts are equal (run where PostgreSQL was built with ICU).
CREATE SCHEMA coll;
SET search_path = coll, public;
SET client_min_messages = warning;
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE a (id int PRIMARY KEY, c text COLLATE nocase, v int);
CREATE TABLE b (id int PRIMARY KEY, c text COLLATE nocase);
CREATE TABLE named (c text COLLATE nocase PRIMARY KEY, v int);
INSERT INTO a VALUES (1, 'Ab', 1), (2, 'aB', 2), (3, 'ab', 3), (4, 'x', 4), (5, NULL, 5);
INSERT INTO b VALUES (1, 'AB'), (2, 'X'), (3, NULL), (4, 'none');
INSERT INTO named VALUES ('One', 1), ('two', 2);
SELECT test_view('l_group', 'SELECT count(*), sum(v), min(v) AS lo FROM a GROUP BY c');
SELECT test_view('l_distinct', 'SELECT DISTINCT c FROM a');
SELECT test_view('l_join', 'SELECT a.id, b.id AS b, a.c, b.c AS bc FROM a JOIN b ON a.c = b.c');
SELECT test_view('l_min', 'SELECT min(c) AS lo, max(c) AS hi FROM a');
SELECT test_view('l_key', 'SELECT c, v FROM named');
SELECT test_view('l_where', 'SELECT id FROM a WHERE c = ''AB''');
SELECT test_view('l_exact', 'SELECT id, c FROM a WHERE c = ''ab'' COLLATE "C"');
SELECT test_view('l_list', 'SELECT id, c FROM a WHERE c IN (''AB'', ''x'', ''Ab'')');
SELECT test_check('l_group', 'l_join', 'l_key', 'l_where', 'l_exact', 'l_list'), test_check_loose('l_distinct', 'l_min');
SELECT * FROM l_group ORDER BY 1, 2;
-- the representative of a group goes
DELETE FROM a WHERE id = 1;
SELECT test_check('l_group', 'l_join', 'l_key', 'l_where', 'l_exact', 'l_list'), test_check_loose('l_distinct', 'l_min');
-- what is shown is there
SELECT c COLLATE "C" AS invented FROM l_distinct EXCEPT SELECT c COLLATE "C" FROM a;
SELECT lo COLLATE "C" AS invented FROM l_min EXCEPT SELECT c COLLATE "C" FROM a;
SELECT hi COLLATE "C" AS invented FROM l_min EXCEPT SELECT c COLLATE "C" FROM a;
UPDATE a SET c = upper(c);
SELECT test_check('l_group', 'l_join', 'l_key', 'l_where', 'l_exact', 'l_list'), test_check_loose('l_distinct', 'l_min');
INSERT INTO a VALUES (6, 'aB', 6), (7, 'NONE', 7);
INSERT INTO b VALUES (5, 'aB');
SELECT test_check('l_group', 'l_join', 'l_key', 'l_where', 'l_exact', 'l_list'), test_check_loose('l_distinct', 'l_min');
-- a key changes to an equal one
UPDATE named SET c = 'ONE' WHERE v = 1;
SELECT test_check('l_key');
SELECT * FROM l_key ORDER BY v;
INSERT INTO named VALUES ('TWO', 3) ON CONFLICT (c) DO UPDATE SET c = EXCLUDED.c, v = EXCLUDED.v;
SELECT test_check('l_key');
DELETE FROM a WHERE c COLLATE "C" = 'AB';
-- what is shown is there
SELECT c COLLATE "C" AS invented FROM l_distinct EXCEPT SELECT c COLLATE "C" FROM a;
SELECT lo COLLATE "C" AS invented FROM l_min EXCEPT SELECT c COLLATE "C" FROM a;
SELECT hi COLLATE "C" AS invented FROM l_min EXCEPT SELECT c COLLATE "C" FROM a;
DELETE FROM a WHERE c = 'ab';
DELETE FROM b WHERE c = 'x';
SELECT test_check('l_group', 'l_join', 'l_key', 'l_where', 'l_exact', 'l_list'), test_check_loose('l_distinct', 'l_min');
-- the collation gets another version: said so, and what is in its order is made anew
SELECT dbsp_ivm.create_index('l_distinct', 'c DESC');
UPDATE pg_collation SET collversion = 'old' WHERE oid = 'coll.nocase'::regcollation;
SELECT name, state FROM dbsp_ivm.views WHERE state <> 'ok' ORDER BY name::text COLLATE "C";
SET client_min_messages = error;
SELECT dbsp_ivm.refresh('l_min'), dbsp_ivm.refresh('l_group');
INSERT INTO a VALUES (10, 'AB', 1), (11, 'new', 2);
SELECT test_check('l_group', 'l_join', 'l_key', 'l_where', 'l_exact', 'l_list'), test_check_loose('l_distinct', 'l_min');
CREATE TABLE files (relation regclass, file oid);
INSERT INTO files SELECT oid, relfilenode FROM pg_class WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT relation FROM dbsp_ivm_internal.state_catalog));
ALTER COLLATION nocase REFRESH VERSION;
-- every index of views that use it is another file
SELECT DISTINCT relfilenode <> file AS built_anew FROM pg_class JOIN files ON relation = pg_class.oid
    JOIN pg_index ON indexrelid = pg_class.oid WHERE indrelid IN (SELECT state_catalog.relation FROM dbsp_ivm_internal.state_catalog JOIN dbsp_ivm_internal.view_catalog ON number = view
        WHERE view_catalog.relation::text IN ('l_group', 'l_distinct', 'l_min', 'l_key'));
SELECT count(*) FROM dbsp_ivm.views WHERE state <> 'ok';
INSERT INTO a VALUES (12, 'nEw', 1);
DELETE FROM b WHERE c = 'ab';
SELECT test_check('l_group', 'l_join', 'l_key', 'l_where', 'l_exact', 'l_list'), test_check_loose('l_distinct', 'l_min');
DROP SCHEMA coll CASCADE;
SELECT * FROM test_leftovers;

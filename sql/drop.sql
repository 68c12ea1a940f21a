-- Every way to drop a view leaves nothing behind.
SET client_min_messages = warning;
CREATE SCHEMA dr;
SET search_path = dr, public;
CREATE TABLE a (id int PRIMARY KEY, g int, v int);
CREATE TABLE b (id int PRIMARY KEY, g int);
INSERT INTO a SELECT i, i % 3, i FROM generate_series(1, 9) i;
INSERT INTO b SELECT i, i % 3 FROM generate_series(1, 5) i;
CREATE FUNCTION make() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM test_view('dr.v1', 'SELECT g, count(*) AS n, min(v) AS lo FROM dr.a GROUP BY g');
    PERFORM test_view('dr.v2', 'SELECT a.id, b.id AS b FROM dr.a JOIN dr.b USING (g)');
    PERFORM test_view('dr.v3', 'SELECT n, count(*) FROM (SELECT g, count(*) AS n, max(v) AS m FROM dr.a GROUP BY g) x GROUP BY n');
END $$;
-- by the function, by plain DROP VIEW
SELECT make();
SELECT count(*) > 0 AS something FROM test_leftovers;
SELECT dbsp_ivm.drop_view('v1');
SELECT dbsp_ivm.drop_view('dr.v2');
DROP VIEW v3;
SELECT * FROM test_leftovers;
INSERT INTO a VALUES (10, 1, 10);
-- several at once, and rolled back
SELECT make();
BEGIN;
DROP VIEW v1, v2;
UPDATE a SET v = v + 1;
ROLLBACK;
UPDATE a SET v = v + 1;
SELECT test_check('dr.v1', 'dr.v2', 'dr.v3');
-- one view goes, the others stay right
DROP VIEW v1;
UPDATE a SET v = v + 1, g = g + 1;
SELECT test_check('dr.v2', 'dr.v3');
-- what others made over the view
CREATE VIEW over AS SELECT * FROM v2;
DROP VIEW v2;
SELECT dbsp_ivm.drop_view('v2');
SELECT test_check('dr.v2', 'dr.v3');
DROP VIEW v2 CASCADE;
SELECT to_regclass('dr.over') IS NULL AS gone;
DROP VIEW v3;
SELECT * FROM test_leftovers;
-- the base table: refused, then with CASCADE
SELECT make();
\set VERBOSITY terse
DROP TABLE b;
\set VERBOSITY default
SELECT test_check('dr.v1', 'dr.v2', 'dr.v3');
DROP TABLE b CASCADE;
SELECT relname FROM pg_class WHERE relnamespace = 'dr'::regnamespace AND relkind = 'v' ORDER BY 1;
UPDATE a SET v = v + 1;
SELECT test_check('dr.v1', 'dr.v3');
DROP TABLE a CASCADE;
SELECT * FROM test_leftovers;
-- a column
CREATE TABLE a (id int PRIMARY KEY, g int, v int, unused int);
CREATE TABLE b (id int PRIMARY KEY, g int);
INSERT INTO a SELECT i, i % 3, i FROM generate_series(1, 9) i;
SELECT make();
ALTER TABLE a DROP COLUMN unused;
UPDATE a SET v = v + 1;
SELECT test_check('dr.v1', 'dr.v2', 'dr.v3');
ALTER TABLE a DROP COLUMN v CASCADE;
SELECT relname FROM pg_class WHERE relnamespace = 'dr'::regnamespace AND relkind = 'v' ORDER BY 1;
UPDATE a SET id = id + 100;
SELECT test_check('dr.v2');
-- the schema
DROP SCHEMA dr CASCADE;
SELECT * FROM test_leftovers;
-- the base tables in another schema than the view
CREATE SCHEMA dr;
CREATE SCHEMA dr_views;
SET search_path = dr, public;
CREATE TABLE a (id int PRIMARY KEY, g int, v int);
SELECT test_view('dr_views.v', 'SELECT g, sum(v) FROM dr.a GROUP BY g');
INSERT INTO a VALUES (1, 1, 1);
SELECT test_check('dr_views.v');
DROP SCHEMA dr_views CASCADE;
INSERT INTO a VALUES (2, 1, 1);
SELECT * FROM test_leftovers;
-- a function that the view uses
CREATE FUNCTION dbl(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
SELECT test_view('v', 'SELECT id, dbl(v) AS d FROM a');
UPDATE a SET v = 7;
SELECT test_check('v');
DROP FUNCTION dbl(int) CASCADE;
SELECT * FROM test_leftovers;
UPDATE a SET v = 8;
-- what belongs to a role
CREATE ROLE regress_dbsp_owner;
GRANT ALL ON SCHEMA dr TO regress_dbsp_owner;
GRANT SELECT, TRIGGER ON a TO regress_dbsp_owner;
SET ROLE regress_dbsp_owner;
SELECT dbsp_ivm.create_view('owned', 'SELECT g, count(*) FROM a GROUP BY g', create_indexes => false);
RESET ROLE;
INSERT INTO a VALUES (3, 3, 3);
SELECT * FROM owned ORDER BY g;
DROP OWNED BY regress_dbsp_owner CASCADE;
DROP ROLE regress_dbsp_owner;
SELECT * FROM test_leftovers;
INSERT INTO a VALUES (4, 3, 3);
-- dropped in the transaction that wrote
SELECT test_view('v', 'SELECT g, count(*) FROM a GROUP BY g');
BEGIN;
INSERT INTO a VALUES (5, 3, 3);
DROP VIEW v;
COMMIT;
BEGIN;
INSERT INTO a VALUES (6, 3, 3);
SELECT test_view('v', 'SELECT g, count(*) FROM a GROUP BY g');
INSERT INTO a VALUES (7, 3, 3);
DROP TABLE a CASCADE;
COMMIT;
SELECT * FROM test_leftovers;
-- parts of a view cannot be dropped by themselves
CREATE TABLE a (id int PRIMARY KEY, g int, v int);
SELECT test_view('v', 'SELECT g, count(*) FROM a GROUP BY g');
DO $$
DECLARE shadow regclass := (SELECT shadow FROM dbsp_ivm_internal.view_catalog);
BEGIN
    EXECUTE format('DROP TABLE %s', shadow);
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE WARNING 'the shadow table stays';
END $$;
DO $$
DECLARE shadow regclass := (SELECT shadow FROM dbsp_ivm_internal.view_catalog);
BEGIN
    EXECUTE format('DELETE FROM %s', shadow);
    RAISE WARNING 'the shadow table was written';
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the shadow table cannot be written: %', SQLSTATE;
END $$;
DROP SCHEMA dr CASCADE;
SELECT * FROM test_leftovers;

-- The extension goes, with everything, and comes back; runs last.
SET client_min_messages = warning;
DROP VIEW test_leftovers;
CREATE SCHEMA ext;
SET search_path = ext, public;
CREATE TABLE a (id int PRIMARY KEY, g int, v int);
SELECT test_view('v', 'SELECT g, count(*) FROM a GROUP BY g');
INSERT INTO a VALUES (0, 1, 1);
\set VERBOSITY terse
DROP EXTENSION dbsp_ivm;
\set VERBOSITY default
SELECT test_check('v');
BEGIN;
INSERT INTO a VALUES (5, 1, 1);
DROP EXTENSION dbsp_ivm CASCADE;
INSERT INTO a VALUES (6, 1, 1);
ROLLBACK;
INSERT INTO a VALUES (7, 1, 1);
SELECT test_check('v');
DROP EXTENSION dbsp_ivm CASCADE;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'a'::regclass;
SELECT nspname FROM pg_namespace WHERE nspname = 'dbsp_ivm_internal';
SELECT evtname FROM pg_event_trigger WHERE evtname LIKE 'dbsp%';
INSERT INTO a VALUES (1, 1, 1);
SELECT to_regclass('v') IS NULL AS gone;
CREATE EXTENSION dbsp_ivm;
SELECT test_view('v', 'SELECT g, count(*) FROM a GROUP BY g');
INSERT INTO a VALUES (2, 1, 1);
SELECT test_check('v');
-- into a schema of the user's choice it does not go
DROP SCHEMA ext CASCADE;
DROP EXTENSION dbsp_ivm;
CREATE EXTENSION dbsp_ivm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS dbsp_ivm;

-- What a query means can change under a view: functions, types and configurations that it uses.
SET client_min_messages = notice;
CREATE SCHEMA mean;
SET search_path = mean, public;
CREATE TABLE t (id int PRIMARY KEY, v int, x text);
INSERT INTO t VALUES (1, 1, 'the cats'), (2, 2, 'a dog'), (3, NULL, NULL);
-- a function replaced; other options than its body count as well
CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT coalesce($1, 0) + 1';
SELECT test_view('uses_f', 'SELECT id, f(v) AS f FROM t');
CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT coalesce($1, 0) + 2';
SELECT * FROM uses_f ORDER BY id;
ALTER FUNCTION f(int) STRICT;
SELECT test_check('uses_f');
INSERT INTO t VALUES (4, NULL, 'more');
SELECT * FROM uses_f ORDER BY id;
ALTER FUNCTION f(int) COST 1000 PARALLEL SAFE;
ALTER FUNCTION f(int) CALLED ON NULL INPUT;
ALTER FUNCTION f(int) SET extra_float_digits = 0;
ALTER ROUTINE f(int) RESET ALL;
ALTER FUNCTION f(int) VOLATILE;
ALTER FUNCTION f(int) STABLE STRICT;
CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1 / ($1 - 1)';
SELECT test_check('uses_f');
ALTER FUNCTION f(int) RENAME TO g;
ALTER FUNCTION g(int) SET SCHEMA public;
SELECT test_check_loose('uses_f');
\set VERBOSITY terse
DROP FUNCTION g(int);
\set VERBOSITY default
ALTER FUNCTION public.g(int) SET SCHEMA mean;
ALTER FUNCTION g(int) RENAME TO f;
-- with changes that the transaction has not folded yet
BEGIN;
UPDATE t SET v = 10 WHERE id = 1;
CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT coalesce($1, 0) * 3';
UPDATE t SET v = v + 1 WHERE id = 2;
SELECT test_check('uses_f');
COMMIT;
SELECT test_check('uses_f');
-- rolled back to a savepoint
BEGIN;
UPDATE t SET v = 11 WHERE id = 1;
SAVEPOINT s;
CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 7';
UPDATE t SET v = v + 1 WHERE id = 2;
ROLLBACK TO s;
SELECT test_check('uses_f');
UPDATE t SET v = v + 1 WHERE id = 2;
COMMIT;
SELECT test_check('uses_f');
-- not under a snapshot that has to stay
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM t;
CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 8';
ROLLBACK;
DROP VIEW uses_f;
-- behind an operator, another function, a view
CREATE FUNCTION twice(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 2 * $2';
CREATE OPERATOR <+> (LEFTARG = int, RIGHTARG = int, FUNCTION = twice);
CREATE FUNCTION calls(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN f($1) + 1;
CREATE VIEW plain AS SELECT id, calls(v) AS c FROM t;
SELECT test_view('behind', 'SELECT id, v <+> 1 AS o FROM t');
SELECT test_view('far', 'SELECT c, count(*) AS n FROM plain GROUP BY c');
CREATE OR REPLACE FUNCTION twice(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 100 + $2';
CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT coalesce($1, 0) - 5';
SELECT * FROM behind ORDER BY id;
SELECT test_check('behind', 'far');
ALTER OPERATOR <+> (int, int) SET (RESTRICT = NONE);
\set VERBOSITY terse
DROP OPERATOR <+> (int, int);
CREATE OR REPLACE VIEW plain AS SELECT id, calls(v) + 1 AS c FROM t;
\set VERBOSITY default
DROP VIEW behind, far;
-- domains (functions in SQL would be inlined into their constraints, which PostgreSQL itself then keeps for the session)
CREATE FUNCTION allowed(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 < 1000; END';
CREATE DOMAIN small AS int CHECK (allowed(VALUE));
CREATE DOMAIN smaller AS small;
SELECT test_view('cast_up', 'SELECT id, length((v * 10)::smaller::text) AS n FROM t');
SELECT test_view('sums', 'SELECT (v::small) % 2 AS odd, sum(v::small) AS s FROM t GROUP BY 1');
INSERT INTO t VALUES (5, 150, NULL);
ALTER DOMAIN small ADD CONSTRAINT lower CHECK (VALUE < 50);
ALTER DOMAIN small ADD CONSTRAINT low CHECK (VALUE < 900);
INSERT INTO t VALUES (5, 95, NULL);
SELECT test_check('cast_up', 'sums');
ALTER DOMAIN smaller ADD CONSTRAINT lower CHECK (VALUE < 800) NOT VALID;
INSERT INTO t VALUES (5, 85, NULL);
ALTER DOMAIN small SET NOT NULL;
CREATE OR REPLACE FUNCTION allowed(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 < 5; END';
CREATE OR REPLACE FUNCTION allowed(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 < 500; END';
INSERT INTO t VALUES (5, 70, NULL);
ALTER DOMAIN small DROP CONSTRAINT low;
ALTER DOMAIN smaller DROP CONSTRAINT lower;
ALTER DOMAIN small DROP NOT NULL;
ALTER DOMAIN small RENAME TO little;
INSERT INTO t VALUES (5, 40, NULL);
SELECT test_check_loose('cast_up', 'sums');
\set VERBOSITY terse
DROP DOMAIN smaller;
\set VERBOSITY default
DROP VIEW cast_up, sums;
-- a column of a domain
CREATE TABLE d (id int PRIMARY KEY, v little);
INSERT INTO d VALUES (1, 1), (2, 499);
SELECT test_view('of_domain', 'SELECT v, count(*) AS n FROM d GROUP BY v');
ALTER DOMAIN little ADD CONSTRAINT low CHECK (VALUE < 500) NOT VALID;
INSERT INTO d VALUES (3, 3);
SELECT test_check('of_domain');
-- composite types: by what rows compare, are NULL
CREATE TYPE pair AS (a int, b int);
CREATE TABLE p (id int PRIMARY KEY, c pair);
INSERT INTO p VALUES (1, (1, 1)), (2, (1, 2)), (3, (2, 1)), (4, (2, 1)), (5, NULL);
SELECT test_view('groups', 'SELECT c, count(*) AS n FROM p GROUP BY c');
SELECT test_view('parts', 'SELECT id, (c).b AS b, c IS NOT NULL AS set FROM p');
ALTER TYPE pair ADD ATTRIBUTE more int;
SELECT test_check('groups', 'parts');
INSERT INTO p VALUES (6, (1, 1, 1));
SELECT test_check('groups', 'parts');
ALTER TYPE pair RENAME ATTRIBUTE more TO rest;
ALTER TYPE pair DROP ATTRIBUTE a;
SELECT test_check('groups', 'parts');
INSERT INTO p VALUES (7, (2, NULL)), (8, (1, 1));
DELETE FROM p WHERE id = 1;
SELECT * FROM groups ORDER BY c;
SELECT test_check('groups', 'parts');
\set VERBOSITY terse
ALTER TYPE pair ALTER ATTRIBUTE rest TYPE bigint;
ALTER TYPE pair DROP ATTRIBUTE b;
\set VERBOSITY default
SELECT test_check('groups', 'parts');
-- a table's rows as values
CREATE TABLE shape (a int, b int);
CREATE TABLE q (id int PRIMARY KEY, s shape);
INSERT INTO q VALUES (1, (1, 1)), (2, (1, 2));
SELECT test_view('shapes', 'SELECT s, count(*) AS n FROM q GROUP BY s');
ALTER TABLE shape DROP COLUMN b;
SELECT test_check('shapes');
INSERT INTO q VALUES (3, ROW(1));
SELECT * FROM shapes;
-- a type from which a table is made
CREATE TYPE made AS (id int, g int);
CREATE TABLE typed OF made (PRIMARY KEY (id));
INSERT INTO typed VALUES (1, 1), (2, 1);
SELECT test_view('of_typed', 'SELECT g, count(*) AS n FROM typed GROUP BY g');
ALTER TYPE made ADD ATTRIBUTE more int CASCADE;
INSERT INTO typed VALUES (3, 2, 3);
SELECT test_check('of_typed');
\set VERBOSITY terse
ALTER TYPE made DROP ATTRIBUTE g CASCADE;
\set VERBOSITY default
INSERT INTO typed VALUES (4, 2);
SELECT to_regclass('of_typed') IS NULL AS gone;
-- enumerations: order and names
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE e (id int PRIMARY KEY, m mood);
INSERT INTO e VALUES (1, 'sad'), (2, 'happy'), (3, 'sad');
SELECT test_view('moods', 'SELECT max(m) AS hi, min(m) AS lo FROM e');
SELECT test_view('better', $$SELECT m, count(*) AS n FROM e WHERE m > 'sad' GROUP BY m$$);
ALTER TYPE mood ADD VALUE 'ok' AFTER 'sad';
ALTER TYPE mood ADD VALUE 'awful' BEFORE 'sad';
INSERT INTO e VALUES (4, 'awful'), (5, 'ok');
DELETE FROM e WHERE id = 2;
SELECT * FROM moods;
SELECT test_check('moods', 'better');
ALTER TYPE mood RENAME VALUE 'sad' TO 'down';
ALTER TYPE mood RENAME TO state;
INSERT INTO e VALUES (6, 'down');
SELECT * FROM better;
SELECT definition LIKE '%down%' AS renamed FROM dbsp_ivm.views WHERE name = 'better'::regclass;
SELECT count(*) FROM dbsp_ivm.verify('better');
\set VERBOSITY terse
DROP TYPE state;
\set VERBOSITY default
-- text search
CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION cfg (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION cfg ALTER MAPPING FOR asciiword WITH words;
SELECT test_view('lexemes', $$SELECT id, to_tsvector('mean.cfg', x) AS l FROM t$$);
ALTER TEXT SEARCH DICTIONARY words (STOPWORDS);
SELECT test_check('lexemes');
ALTER TEXT SEARCH CONFIGURATION cfg ALTER MAPPING FOR asciiword WITH english_stem;
UPDATE t SET x = 'some cats' WHERE id = 2;
SELECT test_check('lexemes');
SELECT * FROM lexemes WHERE id < 3 ORDER BY id;
SET client_min_messages = warning;
DROP SCHEMA mean CASCADE;
SELECT * FROM test_leftovers;

-- Pending deltas whose views or tables are dropped; the library loaded in the middle of a statement; indexes of users.
CREATE SCHEMA pend;
SET search_path = pend, public;
SET client_min_messages = warning;
CREATE TABLE a (id int PRIMARY KEY, g int, tags int[]);
CREATE TABLE b (id int PRIMARY KEY, g int);
CREATE TABLE c (id int PRIMARY KEY, g int);
CREATE INDEX ON a (g);
CREATE INDEX ON b (g);
INSERT INTO a SELECT i, i % 3, ARRAY[i, i + 1] FROM generate_series(1, 9) i;
INSERT INTO b SELECT i, i % 3 FROM generate_series(1, 6) i;
SELECT test_view('p_join', 'SELECT a.id AS a, b.id AS b, a.g FROM pend.a JOIN pend.b USING (g)');
SELECT test_view('p_sum', 'SELECT g, count(*) AS n FROM pend.a GROUP BY g');
SELECT test_view('p_other', 'SELECT g, count(*) AS n FROM pend.b GROUP BY g');
SELECT test_view('p_rows', 'SELECT id, tags FROM pend.a');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$
    SELECT public.test_check('pend.p_join', 'pend.p_sum', 'pend.p_other', 'pend.p_rows') $$;
UPDATE test_query SET name = 'pend.' || name WHERE name LIKE 'p\_%' AND query LIKE '%pend.%';
SELECT check_all();
-- what a dropped view has not folded for good is still there when the drop is rolled back
BEGIN;
INSERT INTO a VALUES (101, 1, '{101}');
SELECT n FROM p_sum WHERE g = 1;
SAVEPOINT s;
DROP VIEW p_join;
INSERT INTO a VALUES (102, 1, '{102}');
SELECT n FROM p_sum WHERE g = 1;
ROLLBACK TO s;
COMMIT;
SELECT check_all();
-- likewise when no view is left on the table
BEGIN;
INSERT INTO a VALUES (103, 2, '{103}');
SAVEPOINT s;
DROP VIEW p_join, p_sum, p_rows;
INSERT INTO b VALUES (103, 2);
SELECT n FROM p_other WHERE g = 2;
ROLLBACK TO s;
COMMIT;
SELECT check_all();
-- a table that is gone at commit, with deltas of an outer level
SELECT test_view('p_gone', 'SELECT g, count(*) AS n FROM pend.c GROUP BY g');
BEGIN;
INSERT INTO c VALUES (1, 1);
SAVEPOINT s;
DROP TABLE c CASCADE;
RELEASE s;
INSERT INTO a VALUES (104, 1, '{104}');
COMMIT;
SELECT check_all();
-- indexes of kinds that keep a state between insertions
SELECT shadow AS shadow FROM dbsp_ivm_internal.view_catalog WHERE relation = 'p_rows'::regclass \gset
CREATE INDEX p_rows_gin ON :shadow USING gin (tags) WITH (fastupdate = off);
CREATE INDEX p_rows_gist ON :shadow USING gist (int4range(id, id + 1));
INSERT INTO a SELECT i, 1, ARRAY[i] FROM generate_series(200, 220) i;
REINDEX TABLE :shadow;
INSERT INTO a SELECT i, 1, ARRAY[i] FROM generate_series(221, 240) i;
INSERT INTO a VALUES (241, 1, '{241}'), (242, 1, '{242}');
SET enable_seqscan = off;
SELECT id FROM p_rows WHERE tags && '{205, 230, 242}' ORDER BY id;
SELECT id FROM p_rows WHERE int4range(id, id + 1) && '[241, 242]' ORDER BY id;
RESET enable_seqscan;
SELECT check_all();
-- the index that a join needs calls a function found by the search_path
CREATE FUNCTION to_int(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length($1)';
CREATE TABLE d (id int PRIMARY KEY, t text);
SELECT test_view('p_expr', 'SELECT d.id, a.id AS a FROM d JOIN a ON to_int(d.t) = a.g');
SELECT indexdef FROM pg_indexes WHERE tablename = 'd' AND indexname <> 'd_pkey';
INSERT INTO d VALUES (1, ''), (2, 'x'), (3, 'long');
SELECT test_check('p_expr');
-- a default that reads a view, in a command that has no plan
CREATE FUNCTION rows_of_one() RETURNS bigint LANGUAGE sql AS 'SELECT n FROM pend.p_sum WHERE g = 1';
CREATE TABLE e (id int, n bigint DEFAULT rows_of_one());
BEGIN;
DELETE FROM a WHERE id > 200;
COPY e (id) FROM stdin;
1
\.
SELECT e.n = p_sum.n AS same FROM e, p_sum WHERE g = 1;
ROLLBACK;
-- the library is loaded by a function of a statement that writes another table of the same view
CREATE FUNCTION add_and_read(key int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pend.a VALUES (key, 1, NULL);
    RETURN (SELECT count(*) FROM pend.p_join WHERE a = key);
END $$;
SELECT test_view('p_join_bag', 'SELECT a.g FROM pend.a JOIN pend.b USING (g)');
\c -
SET client_min_messages = warning;
DO $$ BEGIN INSERT INTO pend.b SELECT 1000 + i, 1 + 0 * pend.add_and_read(300 + i) FROM generate_series(1, 4) i; END $$;
SELECT pend.check_all();
SELECT count(*) FROM dbsp_ivm.verify('pend.p_join_bag');
\c -
SET client_min_messages = warning;
DO $$ BEGIN UPDATE pend.b SET g = 1 + 0 * pend.add_and_read(310 + id) WHERE id < 4; END $$;
SELECT pend.check_all();
SELECT count(*) FROM dbsp_ivm.verify('pend.p_join_bag');
\c -
SET client_min_messages = warning;
DO $$ BEGIN DELETE FROM pend.b WHERE id < 4 AND pend.add_and_read(320 + id) IS NOT NULL; END $$;
SELECT pend.check_all();
SELECT count(*) FROM dbsp_ivm.verify('pend.p_join_bag');
DROP SCHEMA pend CASCADE;
SELECT * FROM test_leftovers;

-- Definitions that change under a view: followed, or refused.
SET client_min_messages = warning;
CREATE SCHEMA ddl;
SET search_path = ddl, public;
CREATE TABLE t (id int PRIMARY KEY, g int, v int, x text);
CREATE TABLE u (g int PRIMARY KEY, name text);
INSERT INTO t SELECT i, i % 3, i, 'x' || i FROM generate_series(1, 9) i;
INSERT INTO u VALUES (0, 'zero'), (1, 'one'), (2, 'two');
SELECT test_view('c_sum', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo FROM t GROUP BY g');
SELECT test_view('c_join', 'SELECT t.id, u.name FROM t JOIN u USING (g)');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$ SELECT test_check('c_sum', 'c_join') $$;
-- with pending changes in the same transaction
BEGIN;
INSERT INTO t VALUES (20, 1, 20, 'y');
ALTER TABLE t ADD COLUMN more int DEFAULT 7;
INSERT INTO t VALUES (21, 1, 21, 'y', 1);
SELECT check_all();
COMMIT;
SELECT check_all();
BEGIN;
DELETE FROM t WHERE id = 20;
CREATE INDEX ON t (g);
UPDATE t SET g = 2 WHERE id = 21;
COMMIT;
SELECT check_all();
ALTER TABLE t DROP COLUMN more;
INSERT INTO t VALUES (22, 0, 22, 'z');
SELECT check_all();
-- a rewrite keeps what the view holds
ALTER TABLE t ADD COLUMN stamp text DEFAULT md5(random()::text);
INSERT INTO t VALUES (23, 0, 22, 'z');
SELECT check_all();
CLUSTER t USING t_pkey;
UPDATE t SET v = v + 1 WHERE g = 0;
SELECT check_all();
VACUUM FULL t;
UPDATE t SET v = v + 1 WHERE g = 1;
SELECT check_all();
ALTER TABLE t SET UNLOGGED;
ALTER TABLE t ALTER COLUMN x TYPE varchar(50);
DELETE FROM t WHERE id = 23;
SELECT check_all();
-- the type of a column that a view reads
\set VERBOSITY terse
ALTER TABLE t ALTER COLUMN v TYPE bigint;
SELECT check_all();
ALTER TABLE t ALTER COLUMN g TYPE bigint;
SELECT check_all();
-- the key
ALTER TABLE t DROP CONSTRAINT t_pkey;
\set VERBOSITY default
ALTER TABLE t ALTER COLUMN v SET NOT NULL;
ALTER TABLE t ALTER COLUMN v DROP NOT NULL;
SELECT check_all();
-- triggers
ALTER TABLE t DISABLE TRIGGER USER;
INSERT INTO t VALUES (30, 1, 30);
ALTER TABLE t ENABLE TRIGGER USER;
SELECT check_all();
ALTER TABLE t DISABLE TRIGGER ALL;
INSERT INTO t VALUES (31, 1, 31);
ALTER TABLE t ENABLE TRIGGER ALL;
SELECT check_all();
-- inheritance, partitions
CREATE TABLE kid () INHERITS (t);
ALTER TABLE t INHERIT u;
CREATE TABLE p (LIKE t) PARTITION BY RANGE (id);
ALTER TABLE p ATTACH PARTITION t DEFAULT;
INSERT INTO t VALUES (40, 1, 40);
SELECT check_all();
-- the public view itself
CREATE OR REPLACE VIEW c_sum AS SELECT 1::bigint AS g, 1::bigint AS n, 1::bigint AS s, 1 AS lo;
ALTER VIEW c_sum SET (security_invoker = true);
CREATE RULE r AS ON INSERT TO c_sum DO INSTEAD NOTHING;
SELECT check_all();
-- the owner
CREATE ROLE regress_dbsp_new;
GRANT ALL ON SCHEMA ddl TO regress_dbsp_new;
GRANT ALL ON t, u TO regress_dbsp_new;
ALTER VIEW c_sum OWNER TO regress_dbsp_new;
INSERT INTO t VALUES (50, 1, 50);
SELECT check_all();
SET ROLE regress_dbsp_new;
SELECT * FROM ddl.c_sum ORDER BY g;
SELECT * FROM dbsp_ivm.verify('ddl.c_sum');
RESET ROLE;
DROP OWNED BY regress_dbsp_new CASCADE;
DROP ROLE regress_dbsp_new;
-- functions replaced under a view
CREATE FUNCTION f(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
SELECT test_view('c_fn', 'SELECT id, f(v) AS f FROM t');
INSERT INTO t VALUES (60, 1, 60);
SELECT test_check('c_fn');
DROP SCHEMA ddl CASCADE;
SELECT * FROM test_leftovers;

-- A view that gets another query, and ALTER VIEW.
SET client_min_messages = warning;
-- the number of the view appears in a plan
SELECT setval('dbsp_ivm_internal.view_number_seq', 5000) > 0 AS ok;
CREATE ROLE regress_dbsp_owner;
CREATE ROLE regress_dbsp_reader;
CREATE ROLE regress_dbsp_other;
CREATE SCHEMA alt;
GRANT ALL ON SCHEMA alt TO regress_dbsp_owner;
GRANT USAGE ON SCHEMA alt TO regress_dbsp_reader, regress_dbsp_other;
SET search_path = alt, public;
SET ROLE regress_dbsp_owner;
CREATE TABLE o (id int PRIMARY KEY, c int, amount int, status text);
CREATE TABLE c (c int PRIMARY KEY, name text);
CREATE TABLE more (id int PRIMARY KEY, x numeric(8,2));
INSERT INTO o SELECT i, i % 3, i, CASE WHEN i % 4 = 0 THEN 'void' ELSE 'paid' END FROM generate_series(1, 20) i;
INSERT INTO c SELECT i, 'name ' || i FROM generate_series(0, 2) i;
CREATE INDEX ON o (c);
SELECT dbsp_ivm.create_view('v', 'SELECT c, count(*) AS n, sum(amount) AS s FROM o GROUP BY c');
-- Alters the view v, says whether it is right and whether everything is as it was
CREATE FUNCTION alter_v(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before oid := 'alt.v'::regclass;
BEGIN
    PERFORM dbsp_ivm.alter_view('alt.v', query);
    IF before <> 'alt.v'::regclass THEN
        RAISE EXCEPTION 'the view is another one';
    END IF;
    RETURN check_v(query);
END $$;
CREATE FUNCTION check_v(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((SELECT * FROM alt.v EXCEPT ALL (%1$s)) UNION ALL ((%1$s) EXCEPT ALL SELECT * FROM alt.v)) x', query) INTO n;
    IF n > 0 THEN
        RAISE EXCEPTION '% rows differ', n;
    END IF;
    SELECT count(*) INTO n FROM dbsp_ivm.verify('alt.v');
    IF n > 0 THEN
        RAISE EXCEPTION 'verify finds % differences', n;
    END IF;
    RETURN 'right';
END $$;
-- what is on the view stays
COMMENT ON VIEW v IS 'a comment';
COMMENT ON COLUMN v.n IS 'how many';
GRANT SELECT (c, n) ON v TO regress_dbsp_reader;
GRANT SELECT ON v TO regress_dbsp_other WITH GRANT OPTION;
ALTER VIEW v SET (security_barrier = true);
ALTER VIEW v ALTER COLUMN n SET DEFAULT 0;
CREATE VIEW over AS SELECT n FROM v WHERE s > 5;
CREATE MATERIALIZED VIEW frozen AS SELECT * FROM v;
PREPARE p AS SELECT * FROM v ORDER BY c;
EXECUTE p;
-- another condition: the table behind the view stays, with what is on it
RESET ROLE;
SELECT format('ALTER TABLE %s SET (autovacuum_vacuum_threshold = 77)', shadow) FROM dbsp_ivm_internal.view_catalog WHERE relation = 'v'::regclass \gexec
SELECT shadow::oid AS shadow FROM dbsp_ivm_internal.view_catalog WHERE relation = 'v'::regclass \gset
SET ROLE regress_dbsp_owner;
SELECT alter_v($$SELECT c, count(*) AS n, sum(amount) AS s FROM alt.o WHERE status <> 'void' GROUP BY c$$);
RESET ROLE;
SELECT shadow::oid = :shadow AS stays FROM dbsp_ivm_internal.view_catalog WHERE relation = 'v'::regclass;
SET ROLE regress_dbsp_owner;
EXECUTE p;
INSERT INTO o VALUES (21, 1, 1, 'paid'), (22, 1, 1, 'void');
SELECT check_v($$SELECT c, count(*) AS n, sum(amount) AS s FROM alt.o WHERE status <> 'void' GROUP BY c$$);
-- more columns, other tables, another operator at the root
SELECT alter_v('SELECT o.c, count(*) AS n, sum(amount) AS s, max(name) AS name FROM alt.o JOIN alt.c ON o.c = c.c GROUP BY o.c');
EXECUTE p;
DEALLOCATE p;
UPDATE c SET name = 'changed' WHERE c = 1;
SELECT * FROM v ORDER BY c;
SELECT * FROM over ORDER BY n;
SELECT obj_description('v'::regclass), col_description('v'::regclass, 2);
SELECT relacl, reloptions FROM pg_class WHERE oid = 'v'::regclass;
SELECT attname, attacl FROM pg_attribute WHERE attrelid = 'v'::regclass AND attacl IS NOT NULL;
SELECT column_default FROM information_schema.columns WHERE table_name = 'v' AND column_name = 'n';
SELECT state, definition FROM dbsp_ivm.views WHERE name = 'v'::regclass;
RESET ROLE;
SELECT reloptions FROM pg_class WHERE oid = (SELECT shadow FROM dbsp_ivm_internal.view_catalog WHERE relation = 'v'::regclass);
SET ROLE regress_dbsp_reader;
SELECT c, n FROM v ORDER BY c;
SELECT s FROM v;
SELECT name FROM v;
SET ROLE regress_dbsp_other;
SELECT count(name) FROM v;
SET ROLE regress_dbsp_owner;
UPDATE v SET n = 1;
-- no table of the old query is left with a trigger, a view without a key, HAVING
SELECT alter_v('SELECT c.c, c.c::bigint AS n, c.c::bigint AS s, name FROM alt.c');
SELECT tgrelid::regclass AS table, tgname FROM pg_trigger WHERE tgname ~ '^dbsp_ivm_capture' ORDER BY 1, 2;
INSERT INTO o VALUES (23, 1, 1, 'paid');
INSERT INTO c VALUES (3, 'three');
SELECT alter_v('SELECT c AS c, count(*) AS n, sum(amount) AS s, status AS name FROM alt.o GROUP BY c, status HAVING count(*) > 2');
SELECT alter_v('SELECT c AS c, 1::bigint AS n, 1::bigint AS s, status AS name FROM alt.o UNION ALL SELECT c, 2, 2, name FROM alt.c');
SELECT alter_v('SELECT DISTINCT c AS c, 1::bigint AS n, 1::bigint AS s, status AS name FROM alt.o');
DELETE FROM o WHERE status = 'void';
SELECT check_v('SELECT DISTINCT c AS c, 1::bigint AS n, 1::bigint AS s, status AS name FROM alt.o');
SELECT count(*) FROM over;
-- what is in the way
SELECT dbsp_ivm.alter_view('v', 'SELECT c AS d, 1::bigint AS n, 1::bigint AS s, status AS name FROM o');
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1 AS n, 1::bigint AS s, status AS name FROM o');
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1::bigint AS n, 1::bigint AS s, status::varchar(9) AS name FROM o');
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1::bigint AS n, 1::bigint AS s, status COLLATE "C" AS name FROM o');
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1::bigint AS n FROM o');
SELECT dbsp_ivm.alter_view('v', 'SELECT n AS n, 1::bigint AS c, 1::bigint AS s, status AS name FROM o');
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1::bigint AS n, 1::bigint AS s, status AS name FROM o ORDER BY 1');
SELECT dbsp_ivm.alter_view('v', 'SELECT * FROM v');
SELECT dbsp_ivm.alter_view('v', 'SELECT c, n, n AS s, NULL::text AS name FROM over');
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1 / (c - 1)::bigint AS n, 1::bigint AS s, status AS name FROM o');
SELECT dbsp_ivm.alter_view('v', NULL);
SELECT dbsp_ivm.alter_view(NULL, 'SELECT 1');
SELECT dbsp_ivm.alter_view('nothing', 'SELECT 1');
SELECT dbsp_ivm.alter_view('over', 'SELECT 1');
SELECT dbsp_ivm.alter_view('o', 'SELECT 1');
SELECT check_v('SELECT DISTINCT c AS c, 1::bigint AS n, 1::bigint AS s, status AS name FROM alt.o');
BEGIN;
DECLARE cur CURSOR FOR SELECT * FROM v;
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 2::bigint AS n, 1::bigint AS s, status AS name FROM o');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 2::bigint AS n, 1::bigint AS s, status AS name FROM o');
ROLLBACK;
BEGIN READ ONLY;
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 2::bigint AS n, 1::bigint AS s, status AS name FROM o');
ROLLBACK;
-- what hangs on internal tables directly
RESET ROLE;
SELECT shadow, split_part(shadow::text, '.', 2) AS shadow_name FROM dbsp_ivm_internal.view_catalog WHERE relation = 'v'::regclass \gset
CREATE VIEW direct AS SELECT c FROM :shadow;
\set VERBOSITY sqlstate
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1::bigint AS n, 1::bigint AS s, status AS name, 1 AS more FROM o');
\set VERBOSITY default
DROP VIEW direct;
SET client_min_messages = error;
CREATE PUBLICATION regress_dbsp_pub FOR TABLE :shadow;
SET client_min_messages = warning;
-- a table of the same form may be published
SELECT alter_v('SELECT DISTINCT c AS c, 7::bigint AS n, 1::bigint AS s, status AS name FROM alt.o');
\set VERBOSITY sqlstate
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1::bigint AS n, 1::bigint AS s, status AS name, 1 AS more FROM o');
\set VERBOSITY default
DROP PUBLICATION regress_dbsp_pub;
CREATE INDEX hidden ON :shadow (__dbsp_n);
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 1::bigint AS n, 1::bigint AS s, status AS name, 1 AS more FROM o');
DROP INDEX dbsp_ivm_internal.hidden;
-- what comes along to a table of another form
CREATE INDEX by_n ON :shadow USING hash (n) WHERE c > 0;
CREATE INDEX by_expr ON :shadow (lower(name) DESC NULLS LAST, c) INCLUDE (s) WITH (fillfactor = 80);
COMMENT ON INDEX dbsp_ivm_internal.by_expr IS 'it''s an index';
CREATE STATISTICS alt.st (ndistinct) ON c, (n + s) FROM :shadow;
COMMENT ON STATISTICS alt.st IS 'correlated';
GRANT SELECT ON :shadow TO regress_dbsp_reader;
GRANT SELECT (n) ON :shadow TO PUBLIC;
COMMENT ON TABLE :shadow IS 'behind v';
SET ROLE regress_dbsp_owner;
SELECT alter_v('SELECT c AS c, 1::bigint AS n, 1::bigint AS s, status AS name, id FROM alt.o');
RESET ROLE;
SELECT replace(indexdef, :'shadow_name', 'shadow') AS indexdef FROM pg_indexes WHERE tablename = :'shadow_name' AND indexname LIKE 'by%' ORDER BY 1;
SELECT obj_description('dbsp_ivm_internal.by_expr'::regclass), obj_description(:'shadow'::regclass);
SELECT replace(pg_get_statisticsobjdef(oid), :'shadow_name', 'shadow') AS def, stxowner::regrole, obj_description(oid) FROM pg_statistic_ext WHERE stxname = 'st';
SELECT relacl, reloptions, relowner::regrole FROM pg_class WHERE oid = :'shadow'::regclass;
SELECT attname, attacl FROM pg_attribute WHERE attrelid = :'shadow'::regclass AND attacl IS NOT NULL;
INSERT INTO o VALUES (30, 5, 5, 'Paid');
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT c, name FROM v WHERE lower(name) = 'paid' AND c = 5;
SELECT c, name FROM v WHERE lower(name) = 'paid' AND c = 5;
RESET enable_seqscan;
SET ROLE regress_dbsp_owner;
SELECT check_v('SELECT c AS c, 1::bigint AS n, 1::bigint AS s, status AS name, id FROM alt.o');
-- in a transaction, with savepoints, over pending changes
BEGIN;
INSERT INTO o VALUES (40, 1, 1, 'new');
SAVEPOINT a;
INSERT INTO o VALUES (41, 1, 1, 'new');
SELECT alter_v('SELECT c AS c, 2::bigint AS n, 1::bigint AS s, status AS name, id FROM alt.o WHERE id > 5');
INSERT INTO o VALUES (42, 1, 1, 'new');
ROLLBACK TO a;
SELECT check_v('SELECT c AS c, 1::bigint AS n, 1::bigint AS s, status AS name, id FROM alt.o');
INSERT INTO o VALUES (43, 1, 1, 'new');
SELECT alter_v('SELECT c AS c, 3::bigint AS n, amount::bigint AS s, status AS name, id FROM alt.o');
INSERT INTO o VALUES (44, 1, 1, 'new');
SAVEPOINT b;
SELECT alter_v('SELECT c AS c, 3::bigint AS n, 8::bigint AS s, name AS name, c AS id, name AS name2 FROM alt.c');
UPDATE c SET name = name || '!';
RELEASE b;
UPDATE o SET amount = 0;
COMMIT;
SELECT check_v('SELECT c AS c, 3::bigint AS n, 8::bigint AS s, name AS name, c AS id, name AS name2 FROM alt.c');
BEGIN;
UPDATE c SET name = name || '?';
SELECT alter_v('SELECT c AS c, 3::bigint AS n, 8::bigint AS s, name AS name, c AS id, name AS name2 FROM alt.c WHERE c > 1');
ROLLBACK;
SELECT check_v('SELECT c AS c, 3::bigint AS n, 8::bigint AS s, name AS name, c AS id, name AS name2 FROM alt.c');
DO $$
BEGIN
    UPDATE alt.c SET name = name || 'x' WHERE c = 1;
    BEGIN
        PERFORM dbsp_ivm.alter_view('alt.v', 'SELECT c, 3::bigint AS n, 8::bigint AS s, name, c AS id, (1 / (c - 2))::text AS name2 FROM alt.c');
    EXCEPTION WHEN division_by_zero THEN
        RAISE WARNING 'as it was';
    END;
    UPDATE alt.c SET name = name || 'y' WHERE c = 1;
END $$;
SELECT check_v('SELECT c AS c, 3::bigint AS n, 8::bigint AS s, name AS name, c AS id, name AS name2 FROM alt.c');
-- rights: those of the owner count, whoever changes the query
SET ROLE regress_dbsp_other;
SELECT dbsp_ivm.alter_view('alt.v', 'SELECT 1');
RESET ROLE;
CREATE TABLE secret (c int PRIMARY KEY, name text);
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 3::bigint AS n, 8::bigint AS s, name, c AS id, name AS name2 FROM secret');
GRANT SELECT ON secret TO regress_dbsp_owner;
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 3::bigint AS n, 8::bigint AS s, name, c AS id, name AS name2 FROM secret');
GRANT TRIGGER ON secret TO regress_dbsp_owner;
SELECT dbsp_ivm.alter_view('v', 'SELECT c, 3::bigint AS n, 8::bigint AS s, name, c AS id, name AS name2 FROM secret');
SELECT DISTINCT relowner::regrole FROM pg_class c JOIN dbsp_ivm_internal.state_catalog s ON s.relation = c.oid;
INSERT INTO secret VALUES (1, 'told');
SELECT * FROM v;
-- ALTER VIEW: name, schema, columns, owner
SET ROLE regress_dbsp_owner;
RESET ROLE;
GRANT CREATE ON DATABASE :DBNAME TO regress_dbsp_owner;
SET ROLE regress_dbsp_owner;
CREATE SCHEMA alt2;
ALTER VIEW v RENAME TO w;
ALTER VIEW w SET SCHEMA alt2;
ALTER TABLE alt2.w RENAME COLUMN n TO number;
ALTER VIEW alt2.w RENAME COLUMN s TO n;
ALTER VIEW alt2.w RENAME COLUMN c TO "__dbsp_c";
ALTER VIEW alt2.w RENAME COLUMN c TO n;
SELECT definition FROM dbsp_ivm.views WHERE name = 'alt2.w'::regclass;
SELECT dbsp_ivm.alter_view('alt2.w', 'SELECT c, 3::bigint AS number, 9::bigint AS n, name, c AS id, name AS name2 FROM alt.secret');
RESET ROLE;
SELECT attname FROM pg_attribute WHERE attrelid = (SELECT shadow FROM dbsp_ivm_internal.view_catalog WHERE relation = 'alt2.w'::regclass) AND attnum > 0 AND attnum < 7 ORDER BY attnum;
INSERT INTO secret VALUES (2, 'more');
SELECT * FROM alt2.w ORDER BY c;
SELECT * FROM dbsp_ivm.verify('alt2.w');
SELECT * FROM over;
ALTER VIEW alt2.w OWNER TO regress_dbsp_other;
SELECT DISTINCT relowner::regrole FROM pg_class WHERE oid IN (SELECT relation FROM dbsp_ivm_internal.state_catalog UNION SELECT definition FROM dbsp_ivm_internal.view_catalog);
INSERT INTO secret VALUES (3, 'others');
SET ROLE regress_dbsp_other;
SELECT count(*) FROM alt.secret;
GRANT USAGE ON SCHEMA alt2 TO regress_dbsp_other;
RESET ROLE;
GRANT USAGE ON SCHEMA alt2 TO regress_dbsp_other;
SET ROLE regress_dbsp_other;
SELECT * FROM alt2.w ORDER BY c;
SELECT dbsp_ivm.alter_view('alt2.w', 'SELECT c, 3::bigint AS number, 10::bigint AS n, name, c AS id, name AS name2 FROM alt.secret');
RESET ROLE;
REASSIGN OWNED BY regress_dbsp_other TO regress_dbsp_owner;
INSERT INTO secret VALUES (4, 'back');
SELECT * FROM dbsp_ivm.verify('alt2.w');
SELECT DISTINCT relowner::regrole FROM pg_class WHERE oid IN (SELECT relation FROM dbsp_ivm_internal.state_catalog UNION SELECT definition FROM dbsp_ivm_internal.view_catalog);
CREATE OR REPLACE VIEW alt2.w AS SELECT 1;
ALTER VIEW alt2.w SET (security_invoker);
ALTER VIEW alt2.w RESET (security_invoker);
DROP SCHEMA alt, alt2 CASCADE;
DROP OWNED BY regress_dbsp_owner, regress_dbsp_reader, regress_dbsp_other;
DROP ROLE regress_dbsp_owner, regress_dbsp_reader, regress_dbsp_other;
SELECT * FROM test_leftovers;

-- Rights that change while a view exists; what functions of a definition can do; what errors tell.
SET client_min_messages = warning;
SELECT setval('dbsp_ivm_internal.view_number_seq', 7000) > 0 AS ok;
CREATE ROLE regress_dbsp_alice;
CREATE ROLE regress_dbsp_bob;
CREATE ROLE regress_dbsp_writer;
CREATE ROLE regress_dbsp_group;
CREATE SCHEMA r;
GRANT ALL ON SCHEMA r TO regress_dbsp_alice, regress_dbsp_bob;
GRANT USAGE ON SCHEMA r TO regress_dbsp_writer;
SET search_path = r, public;
SET ROLE regress_dbsp_alice;
CREATE TABLE t (id int PRIMARY KEY, g int, secret text);
INSERT INTO t VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');
CREATE VIEW plain AS SELECT id, g FROM t;
GRANT SELECT, TRIGGER ON t, plain TO regress_dbsp_bob;
GRANT ALL ON t TO regress_dbsp_writer;
SET ROLE regress_dbsp_bob;
SELECT dbsp_ivm.create_view('sums', 'SELECT g, count(*) AS n, max(secret) AS s FROM t GROUP BY g');
SELECT dbsp_ivm.create_view('through', 'SELECT id, g FROM plain');
CREATE FUNCTION check_both() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT dbsp_ivm.verify('r.sums') UNION ALL SELECT dbsp_ivm.verify('r.through')) x $$;
-- as with a materialized view, the owner goes on seeing through; whoever revokes is told
SET ROLE regress_dbsp_alice;
REVOKE INSERT ON t FROM regress_dbsp_bob;
REVOKE SELECT ON t FROM regress_dbsp_bob;
REVOKE ALL ON t, plain FROM regress_dbsp_bob;
INSERT INTO t VALUES (4, 2, 'd');
SET ROLE regress_dbsp_bob;
SELECT * FROM sums ORDER BY g;
SELECT * FROM t;
SELECT check_both();
SELECT dbsp_ivm.refresh('sums');
SELECT dbsp_ivm.create_view('again', 'SELECT g FROM t');
SELECT dbsp_ivm.alter_view('sums', 'SELECT g, count(*) AS n, min(secret) AS s FROM t GROUP BY g');
SET ROLE regress_dbsp_writer;
TRUNCATE t;
INSERT INTO t VALUES (5, 3, 'e'), (6, 3, 'f');
SET ROLE regress_dbsp_bob;
SELECT * FROM sums ORDER BY g;
SELECT check_both();
RESET ROLE;
SELECT name, state FROM dbsp_ivm.views ORDER BY 1;
-- row-level security that comes later
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
SET ROLE regress_dbsp_alice;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
RESET ROLE;
ALTER ROLE regress_dbsp_bob BYPASSRLS;
SET ROLE regress_dbsp_alice;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON t USING (secret = 'e');
CREATE POLICY all_of_it ON t TO regress_dbsp_writer USING (true);
INSERT INTO t VALUES (7, 4, 'g');
RESET ROLE;
SELECT name, state FROM dbsp_ivm.views ORDER BY 1;
SET ROLE regress_dbsp_bob;
SELECT check_both();
RESET ROLE;
-- no command tells that the role is bound now: the view follows its tables as before, and says so
ALTER ROLE regress_dbsp_bob NOBYPASSRLS;
\c -
SET client_min_messages = warning;
SET search_path = r, public;
SELECT name, state FROM dbsp_ivm.views ORDER BY 1;
SET ROLE regress_dbsp_writer;
SET row_security = off;
INSERT INTO t VALUES (8, 4, 'h');
RESET row_security;
UPDATE t SET g = 5 WHERE id = 7;
TRUNCATE t;
INSERT INTO t VALUES (9, 4, 'i');
SET ROLE regress_dbsp_bob;
SELECT * FROM sums;
SELECT * FROM dbsp_ivm.verify('sums');
SELECT dbsp_ivm.refresh('sums');
SELECT dbsp_ivm.create_view('again', 'SELECT g FROM t');
RESET ROLE;
ALTER ROLE regress_dbsp_bob BYPASSRLS;
SELECT name, state FROM dbsp_ivm.views ORDER BY 1;
SET ROLE regress_dbsp_bob;
SELECT check_both();
RESET ROLE;
-- the owner of the view becomes one whom policies bind
GRANT regress_dbsp_group TO regress_dbsp_bob;
GRANT ALL ON SCHEMA r TO regress_dbsp_group;
SET ROLE regress_dbsp_bob;
ALTER VIEW sums OWNER TO regress_dbsp_group;
RESET ROLE;
ALTER TABLE t DISABLE ROW LEVEL SECURITY;
SET ROLE regress_dbsp_bob;
ALTER VIEW sums OWNER TO regress_dbsp_group;
-- members of the owning role are owners
SELECT dbsp_ivm.refresh('sums');
SELECT count(*) FROM dbsp_ivm.verify('sums');
SET ROLE regress_dbsp_writer;
SELECT * FROM sums;
SELECT * FROM dbsp_ivm.verify('sums');
SELECT dbsp_ivm.create_index('sums', 'n');
SELECT dbsp_ivm.alter_view('sums', 'SELECT 1');
SELECT dbsp_ivm.refresh('sums');
SELECT dbsp_ivm.drop_view('sums');
DROP VIEW sums;
ALTER VIEW sums RENAME TO x;
RESET ROLE;
DROP VIEW through;
-- triggers that somebody disables where no event trigger sees it
ALTER EVENT TRIGGER dbsp_ivm_on_ddl_end DISABLE;
ALTER TABLE t DISABLE TRIGGER dbsp_ivm_capture;
ALTER EVENT TRIGGER dbsp_ivm_on_ddl_end ENABLE ALWAYS;
SELECT name, state FROM dbsp_ivm.views ORDER BY 1;
ALTER TABLE t ENABLE ALWAYS TRIGGER dbsp_ivm_capture;
SELECT name, state FROM dbsp_ivm.views ORDER BY 1;
-- a role that owns views, or had rights to what they read, goes
DROP ROLE regress_dbsp_group;
DROP OWNED BY regress_dbsp_group;
DROP ROLE regress_dbsp_group;
SELECT * FROM test_leftovers;
-- functions of a definition: as the view's owner, restricted, also where another function does it for them
SET ROLE regress_dbsp_alice;
CREATE TABLE log (who text);
CREATE FUNCTION does(command text) RETURNS text VOLATILE LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN current_user;
END $$;
CREATE FUNCTION wrap(id int, command text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF id < 100 THEN RETURN NULL; END IF;
    RETURN r.does(command);
END $$;
CREATE FUNCTION tries(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM r.t;
    PERFORM dbsp_ivm.drop_view('r.evil', if_exists => true);
    PERFORM dbsp_ivm.create_view('r.evil', format('SELECT id, r.wrap(id, %L) AS w FROM r.t', command));
    RETURN command;
END $$;
CREATE FUNCTION as_writer() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO r.t VALUES (100, 1, 'x');
    SET CONSTRAINTS ALL IMMEDIATE;
    PERFORM count(*) FROM r.evil;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
GRANT EXECUTE ON FUNCTION as_writer() TO regress_dbsp_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA r TO regress_dbsp_writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA r GRANT SELECT ON TABLES TO regress_dbsp_writer;
RESET ROLE;
CREATE FUNCTION attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    SET LOCAL ROLE regress_dbsp_alice;
    PERFORM r.tries(command);
    RESET ROLE;
    SET LOCAL ROLE regress_dbsp_writer;
    answer := r.as_writer();
    RESET ROLE;
    RETURN answer;
END $$;
SELECT command, attempt(command) FROM unnest(ARRAY[
    'SELECT 1',
    'CREATE TEMP TABLE x (a int)',
    'SET ROLE regress_dbsp_writer',
    'SET SESSION AUTHORIZATION regress_dbsp_writer',
    'RESET ROLE',
    'SET search_path = r',
    'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
    'PREPARE p AS SELECT 1',
    'DISCARD TEMP',
    'LISTEN x',
    'CREATE ROLE x',
    'GRANT regress_dbsp_alice TO regress_dbsp_writer',
    'INSERT INTO r.log VALUES (current_user)',
    'SELECT dbsp_ivm.refresh(''r.evil'')',
    'SELECT dbsp_ivm.alter_view(''r.evil'', ''SELECT id, NULL::text AS w FROM r.t'')',
    'SELECT dbsp_ivm.drop_view(''r.evil'')',
    'SELECT dbsp_ivm.create_view(''r.nested'', ''SELECT id FROM r.t'')',
    'SELECT dbsp_ivm.create_index(''r.evil'', ''id'')',
    'DROP VIEW r.evil',
    'DROP TABLE r.t CASCADE',
    'ALTER TABLE r.t ADD COLUMN x int',
    'ALTER VIEW r.evil RENAME TO good',
    'CREATE INDEX ON r.t (g)',
    'TRUNCATE r.t',
    'INSERT INTO r.t VALUES (50, 9, NULL) ON CONFLICT DO NOTHING',
    'SELECT count(*) FROM r.evil',
    'SELECT * FROM dbsp_ivm.verify(''r.evil'')',
    'SELECT * FROM dbsp_ivm.explain(''r.evil'')',
    'SELECT * FROM dbsp_ivm.check_query(''SELECT id FROM r.t'')']) AS command;
SELECT * FROM dbsp_ivm.verify('evil');
-- what a function writes while the view is maintained is folded as well
SELECT attempt('TRUNCATE r.t');
SELECT * FROM dbsp_ivm.verify('evil');
SELECT attempt('INSERT INTO r.t VALUES (50, 9, NULL) ON CONFLICT DO NOTHING');
SELECT * FROM dbsp_ivm.verify('evil');
SELECT attempt('SELECT 1');
SELECT w FROM evil;
SELECT DISTINCT who FROM log;
SHOW search_path;
SELECT current_user = session_user AS same;
-- what an error in somebody else's view tells the writer: the view, and nothing of its rows
CREATE TABLE hidden (g int PRIMARY KEY, divisor int, name text);
ALTER TABLE hidden OWNER TO regress_dbsp_alice;
SET ROLE regress_dbsp_alice;
DROP VIEW evil;
INSERT INTO hidden VALUES (1, 1, 'known to alice only'), (2, 0, 'zero of alice');
SELECT dbsp_ivm.create_view('ratio', 'SELECT t.id, t.g / h.divisor AS r FROM t JOIN hidden h USING (g)');
SET ROLE regress_dbsp_writer;
SELECT * FROM ratio;
INSERT INTO t VALUES (201, 2, 'x');
INSERT INTO t VALUES (202, 1, 'x');
SET ROLE regress_dbsp_alice;
INSERT INTO t VALUES (203, 2, 'x');
SELECT dbsp_ivm.create_view('numbers', 'SELECT t.id, h.name::int AS n FROM t JOIN hidden h ON h.g = t.id');
SET ROLE regress_dbsp_writer;
INSERT INTO t VALUES (2, 1, 'x');
DO $$
BEGIN
    INSERT INTO r.t VALUES (2, 1, 'x');
    PERFORM count(*) FROM r.numbers;
EXCEPTION WHEN invalid_text_representation THEN
    RAISE WARNING '%', SQLERRM;
END $$;
SET ROLE regress_dbsp_alice;
GRANT SELECT ON hidden TO regress_dbsp_writer;
SET ROLE regress_dbsp_writer;
INSERT INTO t VALUES (2, 1, 'x');
RESET ROLE;
SELECT name, last_error FROM dbsp_ivm.views WHERE name = 'numbers'::regclass;
SET ROLE regress_dbsp_writer;
SELECT name, last_error FROM dbsp_ivm.views WHERE name = 'numbers'::regclass;
SELECT name, last_error, last_error_at IS NOT NULL AS happened FROM dbsp_ivm.stats WHERE name = 'numbers'::regclass;
-- the right to execute what a definition calls is the owner's
SET ROLE regress_dbsp_alice;
CREATE FUNCTION private(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 + 1; END';
CREATE FUNCTION handed(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 + 2; END';
REVOKE EXECUTE ON FUNCTION private(int), handed(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handed(int) TO regress_dbsp_bob;
GRANT SELECT, TRIGGER ON t TO regress_dbsp_bob;
SELECT dbsp_ivm.create_view('calls', 'SELECT id, private(g) AS g FROM t');
SELECT dbsp_ivm.create_index('calls', 'private(g)', condition => 'private(1) = 2');
SET ROLE regress_dbsp_bob;
SELECT dbsp_ivm.create_view('theirs', 'SELECT id, private(g) AS g FROM t');
SELECT dbsp_ivm.create_view('theirs', 'SELECT id, handed(g) AS g FROM t');
RESET ROLE;
\c -
SET client_min_messages = warning;
SET search_path = r, public;
SET ROLE regress_dbsp_writer;
INSERT INTO t VALUES (300, 3, 'x');
SET ROLE regress_dbsp_alice;
SELECT * FROM calls WHERE id = 300;
SELECT * FROM dbsp_ivm.verify('calls');
REVOKE EXECUTE ON FUNCTION handed(int) FROM regress_dbsp_bob;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA r FROM regress_dbsp_bob;
RESET ROLE;
DROP VIEW theirs;
REVOKE EXECUTE ON FUNCTION handed(int) FROM regress_dbsp_bob;
-- the extension's own tables and functions
SET ROLE regress_dbsp_writer;
\set VERBOSITY sqlstate
INSERT INTO dbsp_ivm_internal.view_catalog VALUES (1, 't', 't', 't', now(), 'ok');
UPDATE dbsp_ivm_internal.source_catalog SET view = 1;
DELETE FROM dbsp_ivm_internal.state_catalog;
TRUNCATE dbsp_ivm_internal.state_catalog;
SELECT nextval('dbsp_ivm_internal.view_number_seq');
SELECT dbsp_ivm_internal.capture();
SELECT dbsp_ivm_internal.on_drop();
CREATE TABLE dbsp_ivm_internal.mine (a int);
CREATE FUNCTION dbsp_ivm.mine() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.capture();
\set VERBOSITY default
RESET ROLE;
DROP SCHEMA r CASCADE;
DROP OWNED BY regress_dbsp_alice, regress_dbsp_bob, regress_dbsp_writer;
DROP ROLE regress_dbsp_alice, regress_dbsp_bob, regress_dbsp_writer;
SELECT * FROM test_leftovers;

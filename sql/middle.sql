-- Commands that fold or read tables, in the middle of a statement that writes: refused where it writes tables of views.
CREATE SCHEMA middle;
SET search_path = middle, public;
CREATE TABLE t (id int PRIMARY KEY, g int);
CREATE TABLE child (id int PRIMARY KEY, t_id int REFERENCES t ON DELETE CASCADE);
CREATE TABLE other (id int PRIMARY KEY, answer text);
CREATE FUNCTION changed(i int) RETURNS int IMMUTABLE LANGUAGE sql RETURN i;
SELECT test_view('pairs', 'SELECT x.g, count(*) AS n FROM t x JOIN t y USING (g) GROUP BY x.g');
SELECT test_view('groups', 'SELECT changed(g) AS g, count(*) AS n FROM t GROUP BY changed(g)');
SELECT test_view('children', 'SELECT t.g, count(*) AS n FROM t JOIN child c ON c.t_id = t.id GROUP BY t.g');
-- Runs a command; an error becomes the answer.
CREATE FUNCTION attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
CREATE FUNCTION tries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('middle.tries') <> 'done' THEN
        RAISE NOTICE '%', middle.attempt(current_setting('middle.command'));
        PERFORM set_config('middle.tries', 'done', false);
    END IF;
    RETURN NULL;
END $$;
-- One row of several has been captured when the trigger fires for the first time.
CREATE TRIGGER zz AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION tries();
CREATE FUNCTION in_the_middle(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('middle.command', command, false), set_config('middle.tries', '', false);
    INSERT INTO middle.t SELECT (SELECT max(id) FROM middle.t) + i, i % 2 FROM generate_series(1, 4) i;
    PERFORM set_config('middle.tries', '', false);
    DELETE FROM middle.t WHERE id > 10 AND g = 0;
END $$;
INSERT INTO other VALUES (0, 'none');
SELECT set_config('middle.command', 'SELECT 1', false), set_config('middle.tries', '', false);
INSERT INTO t SELECT i, i % 2 FROM generate_series(1, 20) i;
INSERT INTO child SELECT i, i FROM generate_series(1, 20) i;
SELECT in_the_middle('SELECT * FROM dbsp_ivm.verify(''middle.pairs'')');
SELECT in_the_middle('SELECT dbsp_ivm.refresh(''middle.groups'')');
SELECT in_the_middle('SELECT dbsp_ivm.create_view(''middle.more'', ''SELECT id, answer FROM middle.other'')');
SELECT in_the_middle('CREATE OR REPLACE FUNCTION middle.changed(i int) RETURNS int IMMUTABLE LANGUAGE sql RETURN i + 1');
SELECT test_check('pairs'), test_check('groups'), test_check('children');
-- rows that a cascade has deleted are captured later than the trigger of the statement's own table fires
SELECT set_config('middle.command', 'SELECT dbsp_ivm.refresh(''middle.children'')', false), set_config('middle.tries', '', false);
DELETE FROM t WHERE id < 5;
SELECT test_check('pairs'), test_check('groups'), test_check('children');
-- in functions of the statement, CTEs, COPY and TRUNCATE
INSERT INTO t SELECT 100, length(attempt('SELECT * FROM dbsp_ivm.verify(''middle.pairs'')')) % 3;
WITH x AS (INSERT INTO t VALUES (101, 0) RETURNING id) SELECT attempt('SELECT * FROM dbsp_ivm.verify(''middle.pairs'')') FROM x;
SELECT set_config('middle.command', 'SELECT count(*) FROM dbsp_ivm.verify(''middle.pairs'')', false), set_config('middle.tries', '', false);
COPY t FROM stdin;
200	1
201	1
\.
CREATE TRIGGER zzz BEFORE TRUNCATE ON child FOR EACH STATEMENT EXECUTE FUNCTION tries();
SELECT set_config('middle.command', 'SELECT dbsp_ivm.refresh(''middle.children'')', false), set_config('middle.tries', '', false);
TRUNCATE child;
SELECT test_check('pairs'), test_check('groups'), test_check('children');
-- statements that write other tables do not matter, nor do cursors
INSERT INTO other SELECT 1, attempt('SELECT * FROM dbsp_ivm.verify(''middle.pairs'')') RETURNING answer;
INSERT INTO other SELECT 2, attempt('SELECT dbsp_ivm.refresh(''middle.groups'')') RETURNING answer;
INSERT INTO other SELECT count(*) + 100, 'differences' FROM dbsp_ivm.verify('groups') RETURNING *;
BEGIN;
INSERT INTO t VALUES (300, 1), (301, 1);
DECLARE c CURSOR FOR SELECT * FROM t;
FETCH 1 FROM c;
SELECT * FROM dbsp_ivm.verify('pairs');
SELECT dbsp_ivm.refresh('groups');
COMMIT;
SELECT test_check('pairs'), test_check('groups'), test_check('children');
-- sessions whose first use of the library is in the middle
\c -
SET search_path = middle, public;
SELECT set_config('middle.command', 'SELECT dbsp_ivm.refresh(''middle.groups'')', false), set_config('middle.tries', '', false);
INSERT INTO t VALUES (400, 1), (401, 1), (402, 1);
SELECT test_check('pairs'), test_check('groups');
\c -
SET search_path = middle, public;
SET middle.tries = 'done';
INSERT INTO t SELECT 410, length(attempt('SELECT dbsp_ivm.refresh(''middle.groups'')')) % 3 FROM generate_series(1, 1);
INSERT INTO t SELECT 411 + i, length(attempt('SELECT dbsp_ivm.refresh(''middle.groups'')')) % 3 FROM generate_series(1, 3) i;
SELECT test_check('pairs'), test_check('groups');
\c -
SET search_path = middle, public;
-- fires before the capture trigger does
CREATE TRIGGER aa AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tries();
\c -
SET search_path = middle, public;
SELECT set_config('middle.command', 'SELECT dbsp_ivm.refresh(''middle.groups'')', false), set_config('middle.tries', '', false);
INSERT INTO t VALUES (420, 1), (421, 1), (422, 1);
SELECT test_check('pairs'), test_check('groups');
SET client_min_messages = warning;
DROP SCHEMA middle CASCADE;

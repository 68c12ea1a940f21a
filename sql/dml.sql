-- Every way in which rows change.
CREATE SCHEMA dml;
SET search_path = dml, public;
SET client_min_messages = warning;
CREATE TABLE parent (id int PRIMARY KEY, name text UNIQUE, n int NOT NULL DEFAULT 0);
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, v int);
CREATE TABLE friend (id int PRIMARY KEY, parent_id int DEFAULT 1 REFERENCES parent ON DELETE SET NULL ON UPDATE SET DEFAULT);
SELECT test_view('m_join', 'SELECT c.id, p.name, c.v FROM child c JOIN parent p ON p.id = c.parent_id');
SELECT test_view('m_sum', 'SELECT p.id, p.name, count(*) AS n, sum(v) AS s, max(v) AS m FROM child c JOIN parent p ON p.id = c.parent_id GROUP BY p.id');
SELECT test_view('m_total', 'SELECT count(*) AS n, sum(n) AS s FROM parent');
SELECT test_view('m_friend', 'SELECT parent_id, count(*) FROM friend GROUP BY parent_id');
SELECT test_view('m_names', 'SELECT DISTINCT name FROM parent');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$ SELECT test_check('m_join', 'm_sum', 'm_total', 'm_friend', 'm_names') $$;
-- COPY
COPY parent (id, name, n) FROM stdin;
1	one	10
2	two	20
3	three	30
4	\N	40
\.
SELECT check_all();
COPY child FROM stdin (FORMAT csv);
1,1,5
2,1,6
3,2,7
4,,8
\.
SELECT check_all();
BEGIN;
CREATE TABLE frozen (id int PRIMARY KEY);
SELECT test_view('m_frozen', 'SELECT count(*) FROM frozen');
COPY frozen FROM stdin;
1
2
\.
SELECT test_check('m_frozen');
COMMIT;
SELECT test_check('m_frozen');
-- INSERT ... SELECT, RETURNING, DEFAULT VALUES
INSERT INTO child SELECT 10 + i, 1 + i % 3, i FROM generate_series(1, 9) i RETURNING id;
INSERT INTO friend SELECT i FROM generate_series(1, 4) i;
SELECT check_all();
-- ON CONFLICT: nothing, update, update with a condition, both branches in one statement
INSERT INTO parent VALUES (1, 'again') ON CONFLICT DO NOTHING;
INSERT INTO parent VALUES (1, 'ONE', 1), (5, 'five', 5) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, n = parent.n + 1;
SELECT check_all();
INSERT INTO parent VALUES (2, 'x', 0), (6, 'six', 0) ON CONFLICT (id) DO UPDATE SET n = 0 WHERE parent.n > 100;
INSERT INTO parent VALUES (9, 'six', 3) ON CONFLICT (name) DO UPDATE SET n = EXCLUDED.n RETURNING id, n;
SELECT check_all();
-- UPDATE ... FROM, DELETE ... USING, self-reference
UPDATE child SET v = p.n FROM parent p WHERE p.id = child.parent_id AND p.id > 1;
SELECT check_all();
UPDATE child SET v = (SELECT sum(x.v) FROM child x WHERE x.parent_id = child.parent_id);
SELECT check_all();
DELETE FROM child USING parent p WHERE p.id = child.parent_id AND p.name = 'two' AND child.id % 2 = 0;
SELECT check_all();
-- a row updated twice in one transaction, and updated then deleted
BEGIN;
UPDATE child SET v = 1 WHERE id = 1;
UPDATE child SET v = 2 WHERE id = 1;
UPDATE child SET v = 3 WHERE id = 2;
DELETE FROM child WHERE id = 2;
COMMIT;
SELECT check_all();
-- MERGE
MERGE INTO child c USING (VALUES (1, 100), (3, 300), (500, 500)) AS s (id, v) ON c.id = s.id
    WHEN MATCHED AND s.v < 200 THEN UPDATE SET v = s.v
    WHEN MATCHED THEN DELETE
    WHEN NOT MATCHED THEN INSERT VALUES (s.id, 3, s.v);
SELECT check_all();
-- data-modifying CTEs, over several tables that a view joins
WITH new AS (INSERT INTO parent VALUES (20, 'twenty', 0) RETURNING id), gone AS (DELETE FROM child WHERE id = 1 RETURNING *)
    INSERT INTO child SELECT 600, new.id, gone.v FROM new, gone;
SELECT check_all();
WITH moved AS (DELETE FROM child WHERE parent_id = 3 RETURNING *), up AS (UPDATE parent SET n = n + 1 WHERE id IN (SELECT parent_id FROM moved) RETURNING id)
    SELECT count(*) FROM moved, up;
SELECT check_all();
-- foreign keys: cascades, SET NULL, SET DEFAULT
UPDATE parent SET id = 200 WHERE id = 20;
SELECT check_all();
UPDATE parent SET id = 300 WHERE id = 3;
SELECT check_all();
INSERT INTO child SELECT 700 + i, 2, i FROM generate_series(1, 5) i;
DELETE FROM parent WHERE id IN (2, 200);
SELECT check_all();
UPDATE friend SET parent_id = 5 WHERE id < 3;
DELETE FROM parent WHERE id = 5;
SELECT check_all();
-- a deferred constraint, a deferred trigger that writes at commit
CREATE TABLE audit (n int);
SELECT test_view('m_audit', 'SELECT count(*) AS c, sum(n) AS s FROM audit');
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO dml.audit VALUES (NEW.v); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON child DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
INSERT INTO child VALUES (800, 1, 8), (801, 1, 9);
SELECT test_check('m_audit'), check_all();
BEGIN;
INSERT INTO child VALUES (802, 1, 8);
SELECT test_check('m_audit'), check_all();
SET CONSTRAINTS ALL IMMEDIATE;
SELECT test_check('m_audit'), check_all();
INSERT INTO child VALUES (803, 1, 8);
COMMIT;
SELECT test_check('m_audit'), check_all();
-- a trigger that writes another table of the same join, and reads the view
CREATE FUNCTION early() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE dml.parent SET n = n + (SELECT count(*) FROM dml.m_join) WHERE id = NEW.parent_id; RETURN NEW; END $$;
CREATE TRIGGER early AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION early();
INSERT INTO child VALUES (900, 1, 1), (901, 1, 2), (902, 6, 3);
SELECT check_all();
-- a rule, an updatable view, a cursor
CREATE VIEW easy AS SELECT id, v FROM child WHERE v < 1000;
UPDATE easy SET v = v + 1;
INSERT INTO easy VALUES (950, 1);
DELETE FROM easy WHERE id = 901;
SELECT check_all();
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM child ORDER BY id FOR UPDATE;
FETCH 2 FROM c;
UPDATE child SET v = -1 WHERE CURRENT OF c;
FETCH 1 FROM c;
DELETE FROM child WHERE CURRENT OF c;
SELECT check_all();
COMMIT;
SELECT check_all();
-- under session_replication_role = replica triggers of users rest, maintenance does not
SET session_replication_role = replica;
INSERT INTO child VALUES (960, 1, 1);
UPDATE parent SET name = 'replica' WHERE id = 1;
RESET session_replication_role;
SELECT check_all();
-- TRUNCATE (which PostgreSQL refuses while triggers are pending): alone, after and before other changes, cascading, rolled back
DROP TRIGGER late ON child;
BEGIN;
TRUNCATE child;
SELECT check_all();
ROLLBACK;
SELECT check_all();
BEGIN;
INSERT INTO child VALUES (970, 1, 1);
TRUNCATE friend;
TRUNCATE child;
INSERT INTO child VALUES (971, 1, 1), (972, 6, 2);
COMMIT;
SELECT check_all();
BEGIN;
INSERT INTO child VALUES (973, 6, 9);
SAVEPOINT a;
TRUNCATE child;
INSERT INTO child VALUES (974, 6, 9);
SELECT check_all();
ROLLBACK TO a;
SELECT check_all();
INSERT INTO child VALUES (975, 6, 9);
COMMIT;
SELECT check_all();
TRUNCATE parent CASCADE;
SELECT check_all();
INSERT INTO parent VALUES (1, 'one', 1);
INSERT INTO child VALUES (1, 1, 1);
SELECT check_all();
TRUNCATE parent, child, friend;
SELECT check_all();
-- one partition of a partitioned table
CREATE TABLE part (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (100);
CREATE TABLE part2 (v int, extra int, id int);
ALTER TABLE part2 DROP COLUMN extra;
ALTER TABLE part ATTACH PARTITION part2 FOR VALUES FROM (100) TO (200);
SELECT test_view('m_part1', 'SELECT id, v FROM part1');
SELECT test_view('m_parts', 'SELECT count(*) AS n, sum(v) AS s FROM (SELECT id, v FROM part1 UNION ALL SELECT id, v FROM part2) p');
INSERT INTO part VALUES (1, 1), (2, 2), (101, 3);
SELECT test_check('m_part1', 'm_parts');
UPDATE part SET id = id + 100 WHERE id = 2;
UPDATE part SET v = v + 1;
SELECT test_check('m_part1', 'm_parts');
TRUNCATE part;
SELECT test_check('m_part1', 'm_parts');
INSERT INTO part VALUES (3, 1), (102, 2);
ALTER TABLE part DETACH PARTITION part1;
INSERT INTO part1 VALUES (3, 1);
SELECT test_check('m_part1', 'm_parts');
DROP TABLE part CASCADE;
DROP TABLE part1 CASCADE;
-- a failed statement leaves nothing
INSERT INTO parent VALUES (1, 'a', 1);
INSERT INTO parent VALUES (2, 'b', 2), (1, 'c', 3);
INSERT INTO child VALUES (1, 99, 1);
SELECT check_all();
-- a prepared statement with parameters, many times
PREPARE ins (int, text) AS INSERT INTO parent VALUES ($1, $2, $1);
EXECUTE ins (10, 'p10');
EXECUTE ins (11, 'p11');
EXECUTE ins (12, NULL);
DEALLOCATE ins;
SELECT check_all();
-- writing the view itself is refused
INSERT INTO m_total VALUES (1, 1);
UPDATE m_join SET v = 1;
DELETE FROM m_names;
TRUNCATE m_names;
DROP SCHEMA dml CASCADE;
SELECT * FROM test_leftovers;

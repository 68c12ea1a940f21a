-- Partitioned tables: every way in which rows come, move and go; every step is followed by a check.
CREATE SCHEMA part;
SET search_path = part, public;
CREATE TABLE d (k int PRIMARY KEY, name text);
INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 60, 5) i;
-- two levels, a default partition, leaves with other columns in another order, dropped ones among them
CREATE TABLE root (id int, k int, v int, x text, PRIMARY KEY (id, k, v)) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF root FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 (x text, gone int, v int NOT NULL, k int NOT NULL, id int NOT NULL);
ALTER TABLE p2 DROP COLUMN gone;
INSERT INTO p2 VALUES ('early', 1, 15, 1), ('early', 2, 16, 2);
ALTER TABLE root ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20);
CREATE TABLE p3 (v int NOT NULL, x text, k int NOT NULL, id int NOT NULL) PARTITION BY LIST (v);
ALTER TABLE root ATTACH PARTITION p3 FOR VALUES FROM (20) TO (40);
CREATE TABLE p3a PARTITION OF p3 FOR VALUES IN (1, 2, 3);
CREATE TABLE p3d (gone text, id int NOT NULL, k int NOT NULL, v int NOT NULL, x text);
ALTER TABLE p3d DROP COLUMN gone;
ALTER TABLE p3 ATTACH PARTITION p3d DEFAULT;
INSERT INTO root SELECT i, i % 40, i % 7, 'x' || i FROM generate_series(1, 80) i;
SELECT test_view('v_keyed', 'SELECT id, k, v FROM root WHERE v > 1');
SELECT test_view('v_bag', 'SELECT v, x FROM root');
SELECT test_view('v_sum', 'SELECT k, count(*) AS n, sum(v) AS s, min(x) AS lo, max(x) AS hi FROM root GROUP BY k');
SELECT test_view('v_total', 'SELECT count(*) AS n, sum(v) AS s, avg(k) AS a FROM root');
SELECT test_view('v_join', 'SELECT id, k, v, name FROM root JOIN d USING (k)');
SELECT test_view('v_self', 'SELECT a.id, b.id AS bid, b.x FROM root a JOIN root b ON a.v = b.k');
SELECT test_view('v_names', 'SELECT DISTINCT name, v FROM d JOIN root ON d.k = root.k + 0');
-- a level below, a leaf alone, and both with the whole
SELECT test_view('v_mid', 'SELECT v, count(*) AS n FROM p3 GROUP BY v');
SELECT test_view('v_leaf', 'SELECT id, x FROM p2');
SELECT test_view('v_both', 'SELECT root.id, p3.id AS mid, p2.id AS leaf FROM root JOIN p3 ON p3.v = root.v JOIN p2 ON p2.v = root.v WHERE root.k < 5');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$ SELECT test_check('v_keyed', 'v_bag', 'v_sum', 'v_total', 'v_join', 'v_self',
    'v_names', 'v_mid', 'v_leaf', 'v_both') $$;
SELECT check_all();
-- DML through the table, a level and a leaf
INSERT INTO root VALUES (100, 5, 1, 'n'), (101, 15, 2, 'n'), (102, 25, 3, 'n'), (103, 35, 9, 'n'), (104, 35, 3, 'n') RETURNING tableoid::regclass, id;
SELECT check_all();
INSERT INTO p3 (id, k, v, x) VALUES (110, 30, 2, 'mid'), (111, 30, 8, 'mid');
INSERT INTO p3d (id, k, v, x) VALUES (112, 30, 5, 'leaf');
INSERT INTO p2 (id, k, v, x) VALUES (113, 15, 5, 'leaf');
SELECT check_all();
UPDATE root SET v = v + 1 WHERE k < 30;
SELECT check_all();
UPDATE p3 SET x = x || '.' WHERE v < 4;
UPDATE p2 SET x = 'direct', id = id + 1000 WHERE v = 3;
SELECT check_all();
DELETE FROM root WHERE id % 5 = 0;
DELETE FROM p3 WHERE id % 5 = 1;
DELETE FROM p1 WHERE id % 5 = 2;
SELECT check_all();
UPDATE d SET name = name || '!' WHERE k < 20;
INSERT INTO d VALUES (7, 'seven');
DELETE FROM d WHERE k = 30;
SELECT check_all();
-- a column that no view reads
ALTER TABLE root ADD COLUMN unread int;
UPDATE root SET unread = id;
SELECT check_all();
-- rows that move between partitions, one level and two, and back; in one transaction with a read between
UPDATE root SET k = k + 10 WHERE id IN (103, 104, 7, 8) AND k < 30;
SELECT check_all();
UPDATE p3 SET v = v + 3;
SELECT check_all();
BEGIN;
UPDATE root SET k = 39 - k WHERE k < 40;
SELECT check_all();
SAVEPOINT s;
UPDATE root SET k = (k + 17) % 40;
SELECT check_all();
ROLLBACK TO s;
SELECT check_all();
UPDATE root SET k = 39 - k WHERE k < 40;
COMMIT;
SELECT check_all();
-- other statements
COPY root (id, k, v, x) FROM stdin;
200	1	1	copied
201	11	2	copied
202	21	3	\N
203	39	77	copied
\.
SELECT check_all();
INSERT INTO root (id, k, v, x) VALUES (200, 1, 1, 'again'), (205, 1, 1, 'new') ON CONFLICT (id, k, v) DO UPDATE SET x = EXCLUDED.x || '+';
INSERT INTO root (id, k, v) VALUES (201, 11, 2) ON CONFLICT DO NOTHING;
SELECT check_all();
MERGE INTO root r USING (VALUES (200, 1, 1), (203, 39, 77), (206, 25, 1)) AS s (id, k, v) ON r.id = s.id AND r.k = s.k
    WHEN MATCHED AND s.v = 1 THEN UPDATE SET k = 12
    WHEN MATCHED THEN DELETE
    WHEN NOT MATCHED THEN INSERT (id, k, v) VALUES (s.id, s.k, s.v);
SELECT check_all();
WITH gone AS (DELETE FROM root WHERE v = 2 RETURNING *), moved AS (UPDATE root SET k = 33 WHERE v = 4 RETURNING *)
    INSERT INTO root (id, k, v, x) SELECT 5000 + row_number() OVER (ORDER BY id, k), 3, v, 'cte' FROM gone
    UNION ALL SELECT 6000 + row_number() OVER (ORDER BY id, v), 3, v, 'cte' FROM moved;
SELECT check_all();
UPDATE root SET x = d.name FROM d WHERE d.k = root.k;
DELETE FROM root USING d WHERE d.k = root.k AND d.k = 15;
SELECT check_all();
-- triggers of users on the table and on a leaf: they change rows, drop rows, write the other table of the join
CREATE FUNCTION change_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.x = 'drop me' THEN RETURN NULL; END IF;
    NEW.x := NEW.x || '*'; RETURN NEW; END $$;
CREATE TRIGGER aa BEFORE INSERT OR UPDATE ON p1 FOR EACH ROW EXECUTE FUNCTION change_row();
CREATE FUNCTION write_other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE part.d SET name = name || '~' WHERE k = (SELECT min(k) FROM part.v_sum) OR k = NEW.k; RETURN NULL; END $$;
CREATE TRIGGER zz AFTER INSERT ON root FOR EACH ROW EXECUTE FUNCTION write_other();
INSERT INTO root (id, k, v, x) VALUES (300, 0, 1, 'changed'), (301, 1, 1, 'drop me'), (302, 25, 1, 'not');
SELECT check_all();
UPDATE root SET k = 2 WHERE id = 302;
SELECT check_all();
DROP TRIGGER aa ON p1;
DROP TRIGGER zz ON root;
-- foreign keys into and out of a partitioned table
CREATE TABLE child (id int PRIMARY KEY, pid int, pk int, pv int, FOREIGN KEY (pid, pk, pv) REFERENCES root ON UPDATE CASCADE ON DELETE CASCADE);
SELECT test_view('v_child', 'SELECT child.id, root.x FROM child JOIN root ON root.id = child.pid AND root.k = child.pk AND root.v = child.pv');
INSERT INTO child SELECT row_number() OVER (ORDER BY id), id, k, v FROM root WHERE id < 40;
SELECT check_all(), test_check('v_child');
UPDATE root SET k = (k + 10) % 40 WHERE id BETWEEN 10 AND 20;
SELECT check_all(), test_check('v_child');
DELETE FROM root WHERE id BETWEEN 20 AND 30;
SELECT check_all(), test_check('v_child');
SET client_min_messages = warning;
DROP TABLE child CASCADE;
RESET client_min_messages;
CREATE TABLE owner (k int PRIMARY KEY);
INSERT INTO owner SELECT generate_series(0, 49);
ALTER TABLE root ADD FOREIGN KEY (k) REFERENCES owner ON UPDATE CASCADE ON DELETE CASCADE;
DELETE FROM owner WHERE k BETWEEN 1 AND 3;
UPDATE owner SET k = 1 WHERE k = 33;
UPDATE owner SET k = 2 WHERE k = 5;
SELECT check_all();
DELETE FROM owner WHERE k IN (1, 12, 25);
SELECT check_all();
ALTER TABLE root DROP CONSTRAINT root_k_fkey;
-- session_replication_role
SET session_replication_role = replica;
INSERT INTO root (id, k, v, x) VALUES (400, 3, 3, 'replica'), (401, 33, 3, 'replica');
UPDATE root SET k = 13 WHERE id = 400;
RESET session_replication_role;
SELECT check_all();
-- TRUNCATE of a leaf, a level, the whole; rolled back; with other changes around it
BEGIN;
INSERT INTO root (id, k, v, x) VALUES (500, 11, 1, 'before'), (501, 21, 1, 'before');
TRUNCATE p2;
SELECT check_all();
SAVEPOINT s;
INSERT INTO root (id, k, v, x) VALUES (502, 11, 1, 'after');
TRUNCATE p3;
SELECT check_all();
ROLLBACK TO s;
SELECT check_all();
INSERT INTO root (id, k, v, x) VALUES (503, 11, 1, 'after');
COMMIT;
SELECT check_all();
BEGIN;
TRUNCATE root;
SELECT check_all();
INSERT INTO root (id, k, v, x) VALUES (504, 11, 1, 'after');
SELECT check_all();
ROLLBACK;
SELECT check_all();
BEGIN ISOLATION LEVEL REPEATABLE READ;
TRUNCATE p1;
SELECT check_all();
COMMIT;
TRUNCATE p3a, p2;
SELECT check_all();
INSERT INTO root (id, k, v, x) SELECT i, i % 40, i % 7, 'r' || i FROM generate_series(520, 599) i;
SELECT check_all();
-- a partition that is created, and filled, with and without others around
CREATE TABLE p4 PARTITION OF root FOR VALUES FROM (40) TO (60);
SELECT check_all();
INSERT INTO root (id, k, v, x) SELECT i, 35 + i % 25, i % 7, 'y' || i FROM generate_series(600, 650) i;
SELECT check_all();
BEGIN;
CREATE TABLE p5 PARTITION OF root FOR VALUES FROM (60) TO (70) PARTITION BY HASH (id);
CREATE TABLE p5a PARTITION OF p5 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE p5b PARTITION OF p5 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO d VALUES (65, 'd65');
INSERT INTO root (id, k, v, x) SELECT i, 60 + i % 10, i % 7, 'z' || i FROM generate_series(700, 720) i;
SELECT check_all();
COMMIT;
SELECT check_all();
-- DETACH and ATTACH of rows, one level and two; other changes pending in the transaction
ALTER TABLE root DETACH PARTITION p4;
SELECT check_all();
INSERT INTO p4 (id, k, v, x) VALUES (800, 41, 1, 'detached');
SELECT check_all();
ALTER TABLE root ATTACH PARTITION p4 FOR VALUES FROM (40) TO (60);
SELECT check_all();
BEGIN;
UPDATE root SET v = v + 1 WHERE k >= 20;
ALTER TABLE root DETACH PARTITION p3;
DELETE FROM p3 WHERE v = 5;
INSERT INTO root (id, k, v, x) VALUES (801, 41, 1, 'meanwhile');
SELECT check_all();
ALTER TABLE p3 DETACH PARTITION p3d;
INSERT INTO p3d (id, k, v, x) VALUES (802, 22, 6, 'twice detached');
SELECT check_all();
ALTER TABLE p3 ATTACH PARTITION p3d DEFAULT;
ALTER TABLE root ATTACH PARTITION p3 FOR VALUES FROM (20) TO (40);
SELECT check_all();
COMMIT;
SELECT check_all();
BEGIN;
SAVEPOINT s;
ALTER TABLE root DETACH PARTITION p2;
INSERT INTO p2 (id, k, v, x) VALUES (803, 12, 1, 'gone again');
SELECT check_all();
ROLLBACK TO s;
SELECT check_all();
INSERT INTO p2 (id, k, v, x) VALUES (804, 12, 1, 'here');
COMMIT;
SELECT check_all();
-- a table that a view reads becomes a partition, and is none any more: its view goes on, and so do its triggers
CREATE TABLE p6 (LIKE root INCLUDING ALL);
INSERT INTO p6 (id, k, v, x) VALUES (900, 75, 1, 'own'), (901, 76, 2, 'own');
ALTER TABLE root ATTACH PARTITION p6 FOR VALUES FROM (70) TO (80);
ALTER TABLE root DETACH PARTITION p6;
SELECT test_view('v_own', 'SELECT id, x FROM p6');
ALTER TABLE root ATTACH PARTITION p6 FOR VALUES FROM (70) TO (80);
SELECT check_all(), test_check('v_own');
INSERT INTO root (id, k, v, x) VALUES (902, 75, 3, 'through');
UPDATE p6 SET x = 'direct' WHERE id = 900;
SELECT check_all(), test_check('v_own');
TRUNCATE p6;
SELECT check_all(), test_check('v_own');
INSERT INTO root (id, k, v, x) VALUES (903, 75, 3, 'through');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'p6'::regclass AND NOT tgisinternal ORDER BY 1;
ALTER TABLE root DETACH PARTITION p6;
INSERT INTO p6 (id, k, v, x) VALUES (904, 75, 3, 'alone');
SELECT check_all(), test_check('v_own');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'p6'::regclass AND NOT tgisinternal ORDER BY 1;
ALTER TABLE root ATTACH PARTITION p6 FOR VALUES FROM (70) TO (80);
DROP VIEW v_own;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'p6'::regclass AND NOT tgisinternal ORDER BY 1;
INSERT INTO root (id, k, v, x) VALUES (905, 75, 3, 'through');
SELECT check_all();
ALTER TABLE root DETACH PARTITION p6;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'p6'::regclass AND NOT tgisinternal ORDER BY 1;
DROP TABLE p6;
-- DROP of a leaf, of a level with its leaves, of several; with pending changes, rolled back
BEGIN;
INSERT INTO root (id, k, v, x) VALUES (1000, 41, 1, 'dropped'), (1001, 61, 1, 'dropped'), (1002, 1, 1, 'stays');
DROP TABLE p4;
SELECT check_all();
DROP TABLE p5;
SELECT check_all();
ROLLBACK;
SELECT check_all();
DROP TABLE p4;
SELECT check_all();
DROP TABLE p5;
SELECT check_all();
-- DROP of what was detached, or attached, in the same transaction
BEGIN;
CREATE TABLE p7 (LIKE root INCLUDING ALL);
INSERT INTO p7 (id, k, v, x) VALUES (1010, 75, 1, 'short');
ALTER TABLE root ATTACH PARTITION p7 FOR VALUES FROM (70) TO (80);
SELECT check_all();
DROP TABLE p7;
SELECT check_all();
CREATE TABLE p7 PARTITION OF root FOR VALUES FROM (70) TO (80);
INSERT INTO root (id, k, v, x) VALUES (1011, 75, 1, 'short');
ALTER TABLE root DETACH PARTITION p7;
DROP TABLE p7;
COMMIT;
SELECT check_all();
-- DROP by schema
CREATE SCHEMA elsewhere
    CREATE TABLE p8 PARTITION OF part.root FOR VALUES FROM (80) TO (90);
INSERT INTO root (id, k, v, x) VALUES (1020, 85, 1, 'elsewhere');
SELECT check_all();
DROP SCHEMA elsewhere CASCADE;
SELECT check_all();
-- a default partition comes, takes rows, goes
CREATE TABLE rest PARTITION OF root DEFAULT;
INSERT INTO root (id, k, v, x) VALUES (1030, 500, 1, 'rest');
UPDATE root SET k = -1 WHERE id < 5;
SELECT check_all();
ALTER TABLE root DETACH PARTITION rest;
SELECT check_all();
DROP TABLE rest;
-- DROP of several: a level and one of its leaves, in either order; what is there twice, or not at all
CREATE TABLE p4 PARTITION OF root FOR VALUES FROM (40) TO (60) PARTITION BY RANGE (id);
CREATE TABLE p4a PARTITION OF p4 FOR VALUES FROM (0) TO (1050);
CREATE TABLE p4b PARTITION OF p4 FOR VALUES FROM (1050) TO (2000);
INSERT INTO root (id, k, v, x) SELECT i, 40 + i % 20, i % 7, 'p4' FROM generate_series(1040, 1060) i;
SELECT check_all();
BEGIN;
DROP TABLE p4a, p4;
SELECT check_all();
ROLLBACK;
BEGIN;
DROP TABLE IF EXISTS p4, p4a, p4b, nowhere;
SELECT check_all();
ROLLBACK;
BEGIN;
DROP TABLE p4b;
INSERT INTO root (id, k, v, x) VALUES (1049, 40, 1, 'more');
DROP TABLE p4;
COMMIT;
SELECT check_all();
-- what somebody writes into a partition that is about to be dropped
CREATE TABLE p4 PARTITION OF root FOR VALUES FROM (40) TO (60);
INSERT INTO root (id, k, v, x) VALUES (1049, 40, 1, 'more');
CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO part.root (id, k, v, x) VALUES (1050, 41, 2, 'late'); END $$;
CREATE EVENT TRIGGER zz_meddle ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION meddle();
DROP TABLE p4;
DROP EVENT TRIGGER zz_meddle;
SELECT check_all();
-- rows that come or go are folded as a delta; as many as all others are not, then the view is computed again, under locks of
-- whole operators
SET dbsp_ivm.max_key_locks = 2000;
CREATE FUNCTION computed_again() RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(DISTINCT v.relation::text, ', ' ORDER BY v.relation::text) FROM pg_locks, dbsp_ivm_internal.view_catalog v
       WHERE locktype = 'advisory' AND objid = 0 AND mode = 'ExclusiveLock' AND pid = pg_backend_pid() AND number = classid::bigint / 256 $$;
CREATE TABLE big (LIKE root INCLUDING ALL) WITH (fillfactor = 10);
INSERT INTO big (id, k, v, x) SELECT i, 40 + i % 20, i, repeat('x', 700) FROM generate_series(2000, 3010) i;
BEGIN;
TRUNCATE p2;
SELECT check_all(), computed_again();
ALTER TABLE p3 DETACH PARTITION p3d;
SELECT check_all(), computed_again();
ROLLBACK;
BEGIN;
ALTER TABLE root ATTACH PARTITION big FOR VALUES FROM (40) TO (60);
SELECT check_all(), computed_again();
COMMIT;
BEGIN;
INSERT INTO root (id, k, v, x) SELECT i, 40 + i % 20, i, 'small' FROM generate_series(4000, 4100) i;
TRUNCATE big;
INSERT INTO root (id, k, v, x) SELECT i, 40 + i % 20, i, 'small' FROM generate_series(4100, 4120) i;
SELECT check_all(), computed_again();
ROLLBACK;
BEGIN;
DROP TABLE big;
SELECT check_all(), computed_again();
COMMIT;
RESET dbsp_ivm.max_key_locks;
-- in the middle of a statement that writes the leaf
CREATE FUNCTION run(command text, value int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; RETURN value + 100;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; RETURN value + 1; END $$;
UPDATE p1 SET v = CASE v WHEN 3 THEN run('ALTER TABLE root DETACH PARTITION p1', v) ELSE v + 7 END;
SELECT check_all();
UPDATE p1 SET v = CASE WHEN v > 100 THEN run('ALTER TABLE root ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10)', v) ELSE v + 7 END;
SELECT check_all();
UPDATE p1 SET v = CASE WHEN v > 100 THEN run('TRUNCATE p1', v) ELSE v + 7 END;
UPDATE p1 SET v = CASE WHEN v > 100 THEN run('TRUNCATE p2', v) ELSE v + 7 END WHERE id < 1000;
SELECT check_all();
UPDATE root SET v = CASE WHEN v > 100 THEN run('DROP TABLE p2', v) ELSE v + 7 END WHERE id < 1000;
UPDATE root SET v = v % 7, x = left(x, 1) || id;
SELECT check_all();
-- look-ups: by the key of the partition in one leaf, by another in all; with indexes of the table, of leaves, without
SELECT * FROM dbsp_ivm.explain('SELECT id, name FROM root JOIN d USING (k)');
SELECT * FROM dbsp_ivm.explain('SELECT root.id, name FROM root JOIN d ON root.k = d.k AND root.v = length(d.name)');
SELECT * FROM dbsp_ivm.explain('SELECT root.id, p3.id AS mid FROM root JOIN p3 USING (v)');
SELECT * FROM dbsp_ivm.explain('SELECT root.id, name FROM root JOIN d ON root.x = d.name');
CREATE INDEX ON p1 (x);
CREATE INDEX ON p2 (x);
CREATE INDEX ON p3 (x);
SELECT * FROM dbsp_ivm.explain('SELECT root.id, name FROM root JOIN d ON root.x = d.name');
-- an index of a leaf goes: the fold reads the leaf; it comes again
DROP INDEX root_v_idx;
SELECT check_all();
UPDATE d SET name = name || '?';
INSERT INTO root (id, k, v, x) VALUES (1100, 3, 3, 'a'), (1101, 13, 3, 'b'), (1102, 23, 3, 'c');
SELECT check_all();
CREATE INDEX root_v_idx ON root (v);
INSERT INTO root (id, k, v, x) VALUES (1103, 3, 3, 'a'), (1104, 13, 3, 'b'), (1105, 23, 3, 'c');
SELECT check_all();
-- guards: the triggers of leaves and of the table, foreign and unlogged partitions, CONCURRENTLY, internal tables
ALTER TABLE p1 DISABLE TRIGGER ALL;
ALTER TABLE p1 DISABLE TRIGGER dbsp_ivm_capture;
ALTER TABLE p3a ENABLE REPLICA TRIGGER dbsp_ivm_capture_partition_truncate;
ALTER TABLE root DISABLE TRIGGER ALL;
ALTER TABLE root ENABLE TRIGGER ALL;
SELECT count(*) AS triggers, count(*) FILTER (WHERE tgenabled = 'A') AS always FROM pg_trigger WHERE tgname LIKE 'dbsp_ivm_capture%';
DROP TRIGGER dbsp_ivm_capture ON p1;
DROP TRIGGER dbsp_ivm_capture_partition_truncate ON p3d;
ALTER TRIGGER dbsp_ivm_capture ON p1 RENAME TO other;
ALTER TABLE p1 SET UNLOGGED;
ALTER TABLE root DETACH PARTITION p1 CONCURRENTLY;
ALTER TABLE p3 DETACH PARTITION p3a CONCURRENTLY;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE TABLE plain (id int, k int) PARTITION BY RANGE (k);
CREATE FOREIGN TABLE far PARTITION OF plain FOR VALUES FROM (0) TO (10) SERVER nowhere;
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM plain');
ALTER TABLE plain DETACH PARTITION far;
CREATE UNLOGGED TABLE light PARTITION OF plain FOR VALUES FROM (10) TO (20);
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM plain');
ALTER TABLE light SET LOGGED;
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM ONLY plain');
SELECT test_view('v_plain', 'SELECT id FROM plain');
ALTER TABLE plain ATTACH PARTITION far FOR VALUES FROM (0) TO (10);
CREATE FOREIGN TABLE far2 PARTITION OF plain FOR VALUES FROM (30) TO (40) SERVER nowhere;
CREATE UNLOGGED TABLE light2 PARTITION OF plain FOR VALUES FROM (30) TO (40);
CREATE UNLOGGED TABLE light2 (id int, k int);
ALTER TABLE plain ATTACH PARTITION light2 FOR VALUES FROM (30) TO (40);
ALTER TABLE light SET UNLOGGED;
-- columns
\set VERBOSITY terse
ALTER TABLE root DROP COLUMN x;
ALTER TABLE root ALTER COLUMN x TYPE varchar(50);
ALTER TABLE root DROP CONSTRAINT root_pkey;
\set VERBOSITY default
ALTER TABLE root RENAME COLUMN x TO y;
INSERT INTO root (id, k, v, y) VALUES (1200, 3, 3, 'renamed'), (1201, 23, 3, 'renamed');
SELECT count(*) FROM dbsp_ivm.verify('v_bag');
ALTER TABLE root RENAME COLUMN y TO x;
SELECT check_all();
-- an empty partitioned table, and one that is all default
CREATE TABLE empty (id int, k int, PRIMARY KEY (id)) PARTITION BY HASH (id);
SELECT test_view('v_empty', 'SELECT empty.id, name FROM empty JOIN d ON d.k = empty.k');
SELECT test_view('v_none', 'SELECT count(*) FROM empty');
UPDATE d SET name = name || '.';
SELECT test_check('v_empty', 'v_none');
CREATE TABLE e0 PARTITION OF empty FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE e1 PARTITION OF empty FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE e2 (k int, id int NOT NULL);
INSERT INTO e2 SELECT i % 20, i FROM generate_series(1, 60) i WHERE satisfies_hash_partition('empty'::regclass, 3, 2, i);
ALTER TABLE empty ATTACH PARTITION e2 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
SELECT test_check('v_empty', 'v_none');
INSERT INTO empty SELECT i, i % 20 FROM generate_series(1, 60) i ON CONFLICT DO NOTHING;
UPDATE empty SET id = id + 100;
SELECT test_check('v_empty', 'v_none');
SELECT * FROM dbsp_ivm.explain('SELECT e.id, f.k FROM empty e JOIN empty f ON e.k = f.id');
-- routing by expressions, by several columns, by types that the other side compares across, by collations and NULLs
CREATE TABLE routed (a int, b text, c numeric, d date) PARTITION BY RANGE ((a % 10), c);
CREATE TABLE routed1 PARTITION OF routed FOR VALUES FROM (MINVALUE, MINVALUE) TO (3, 5);
CREATE TABLE routed2 (d date, c numeric, b text, a int);
ALTER TABLE routed ATTACH PARTITION routed2 FOR VALUES FROM (3, 5) TO (7, MAXVALUE);
CREATE TABLE routed3 PARTITION OF routed FOR VALUES FROM (7, MAXVALUE) TO (MAXVALUE, MAXVALUE);
CREATE TABLE listed (a bigint, b text COLLATE "C") PARTITION BY LIST (b);
CREATE TABLE listed1 PARTITION OF listed FOR VALUES IN ('a', 'b', NULL);
CREATE TABLE listed2 PARTITION OF listed FOR VALUES IN ('c') PARTITION BY RANGE (a);
CREATE TABLE listed2x PARTITION OF listed2 FOR VALUES FROM (0) TO (5);
CREATE TABLE listed2y PARTITION OF listed2 DEFAULT;
CREATE TABLE asked (a smallint, b varchar(10) COLLATE "C", c numeric(6, 2));
SELECT test_view('v_routed', 'SELECT r.b, r.d, q.a FROM routed r JOIN asked q ON r.a % 10 = q.a AND r.c = q.c');
SELECT test_view('v_listed', 'SELECT l.a, l.b FROM listed l JOIN asked q ON l.a = q.a AND l.b = q.b');
SELECT test_view('v_listed2', 'SELECT l.a, l.b FROM listed l JOIN asked q ON l.b = q.b COLLATE "POSIX"');
SELECT * FROM dbsp_ivm.explain('SELECT r.b, r.d, q.a FROM routed r JOIN asked q ON r.a % 10 = q.a AND r.c = q.c');
SELECT * FROM dbsp_ivm.explain('SELECT l.a, l.b FROM listed l JOIN asked q ON l.a = q.a AND l.b = q.b');
INSERT INTO routed SELECT i, 'b' || i, i % 8, date '2024-01-01' + i FROM generate_series(1, 80) i;
INSERT INTO listed SELECT i % 9, CASE i % 4 WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 2 THEN 'c' END FROM generate_series(1, 60) i;
INSERT INTO asked SELECT i % 10, chr(96 + i % 5), i % 8 FROM generate_series(1, 40) i;
SELECT test_check('v_routed', 'v_listed', 'v_listed2');
UPDATE asked SET c = c + 1, b = chr(ascii(b) + 1), a = (a + 3) % 10;
SELECT test_check('v_routed', 'v_listed', 'v_listed2');
UPDATE asked SET c = NULL WHERE a = 1;
UPDATE asked SET b = NULL WHERE a = 2;
DELETE FROM asked WHERE a = 3;
SELECT test_check('v_routed', 'v_listed', 'v_listed2');
UPDATE listed SET b = NULL WHERE a = 1;
UPDATE listed SET b = 'c' WHERE b = 'a';
UPDATE routed SET a = a + 5, c = c + 0.5;
SELECT test_check('v_routed', 'v_listed', 'v_listed2');
-- rights: SELECT and TRIGGER on the table and, as CREATE TRIGGER asks for it, TRIGGER on its partitions
CREATE ROLE regress_part_user;
CREATE TABLE owned (id int, k int) PARTITION BY RANGE (k);
CREATE TABLE owned1 PARTITION OF owned FOR VALUES FROM (0) TO (10);
GRANT ALL ON SCHEMA part TO regress_part_user;
GRANT SELECT, TRIGGER ON owned TO regress_part_user;
SET ROLE regress_part_user;
SELECT dbsp_ivm.create_view('v_owned', 'SELECT id FROM owned');
RESET ROLE;
GRANT TRIGGER ON owned1 TO regress_part_user;
SET ROLE regress_part_user;
SELECT dbsp_ivm.create_view('v_owned', 'SELECT id FROM owned');
RESET ROLE;
CREATE TABLE owned2 PARTITION OF owned FOR VALUES FROM (10) TO (20);
INSERT INTO owned VALUES (1, 1), (2, 11);
SELECT * FROM v_owned ORDER BY id;
-- who owns a partitioned table without being superuser creates and attaches partitions
ALTER TABLE owned OWNER TO regress_part_user;
SET ROLE regress_part_user;
CREATE TABLE owned3 PARTITION OF owned FOR VALUES FROM (20) TO (30);
CREATE TABLE owned4 (k int, id int);
INSERT INTO owned4 VALUES (35, 4);
ALTER TABLE owned ATTACH PARTITION owned4 FOR VALUES FROM (30) TO (40);
INSERT INTO owned VALUES (3, 21), (5, 35);
SELECT * FROM v_owned ORDER BY id;
DROP TABLE owned3;
SELECT * FROM v_owned ORDER BY id;
RESET ROLE;
SET client_min_messages = warning;
DROP TABLE owned CASCADE;
DROP OWNED BY regress_part_user;
DROP ROLE regress_part_user;
-- the table goes with its views; nothing is left
DROP TABLE root CASCADE;
SELECT test_check('v_empty', 'v_none', 'v_routed', 'v_listed', 'v_listed2', 'v_plain');
DROP SCHEMA part CASCADE;
SELECT * FROM test_leftovers;
DROP FOREIGN DATA WRAPPER nothing CASCADE;

-- A little of everything in one session; `make check-discard` runs it with every cache emptied whenever it may be.
\getenv discard DBSP_DISCARD
\if :{?discard}
SET debug_discard_caches = 1;
\endif
SET client_min_messages = warning;
CREATE SCHEMA kinds;
SET search_path = kinds, public;
CREATE TABLE t (id int PRIMARY KEY, g int, v int, x text);
CREATE TABLE d (g int PRIMARY KEY, name text);
CREATE TABLE p (id int, k int, v int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE p0 PARTITION OF p FOR VALUES IN (0, 1);
CREATE TABLE p1 PARTITION OF p DEFAULT;
INSERT INTO t SELECT i, i % 3, i, 'x' || i % 2 FROM generate_series(1, 10) i;
INSERT INTO d SELECT i, 'd' || i FROM generate_series(0, 2) i;
SELECT dbsp_ivm.create_view('sums', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo, max(x) AS hi FROM t GROUP BY g');
SELECT dbsp_ivm.create_view('joined', 'SELECT t.id, d.name, t.v FROM t JOIN d USING (g)');
SELECT dbsp_ivm.create_view('united', 'SELECT DISTINCT x FROM t UNION ALL SELECT name FROM d');
SELECT dbsp_ivm.create_view('parted', 'SELECT p.k, d.name, count(*) AS n FROM p JOIN d ON d.g = p.k GROUP BY p.k, d.name');
INSERT INTO p VALUES (1, 0, 1), (2, 1, 2), (3, 2, 3);
UPDATE t SET v = v + 1, g = (g + 1) % 3 WHERE id < 5;
-- folds in savepoints
BEGIN;
UPDATE d SET name = name || '!';
SAVEPOINT a;
DELETE FROM t WHERE id = 3;
SELECT count(*) FROM joined;
ROLLBACK TO a;
INSERT INTO t VALUES (20, 1, 5, 'y');
SELECT * FROM sums ORDER BY g;
COMMIT;
-- partitions
UPDATE p SET k = (k + 1) % 3;
CREATE TABLE p9 PARTITION OF p FOR VALUES IN (9);
INSERT INTO p VALUES (9, 9, 9);
ALTER TABLE p DETACH PARTITION p9;
-- recomputing
TRUNCATE t;
INSERT INTO t VALUES (1, 1, 1, 'a'), (2, 1, 3, 'b');
SELECT dbsp_ivm.alter_view('joined', 'SELECT t.id, d.name, t.v + 1 AS v FROM t JOIN d USING (g)');
SELECT dbsp_ivm.refresh('sums');
-- DDL between writes
ALTER TABLE t RENAME COLUMN v TO w;
UPDATE t SET w = 7 WHERE id = 1;
DELETE FROM d WHERE g = 2;
SELECT * FROM joined ORDER BY id;
SELECT 'sums', * FROM dbsp_ivm.verify('sums') UNION ALL SELECT 'joined', * FROM dbsp_ivm.verify('joined')
    UNION ALL SELECT 'united', * FROM dbsp_ivm.verify('united') UNION ALL SELECT 'parted', * FROM dbsp_ivm.verify('parted');
DROP SCHEMA kinds CASCADE;

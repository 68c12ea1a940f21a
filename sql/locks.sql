-- The number of key locks of a transaction is bounded, whatever it changes and however often it reads.
CREATE TABLE locks_item (id int PRIMARY KEY, g int NOT NULL, v int NOT NULL);
INSERT INTO locks_item SELECT i, i, i FROM generate_series(1, 500) i;
SELECT test_view('locks_group', 'SELECT g, sum(v) AS s FROM locks_item GROUP BY g');
SELECT test_view('locks_pair', 'SELECT a.id, b.id AS other FROM locks_item a JOIN locks_item b ON b.id = a.g');
CREATE VIEW locks_held AS SELECT mode, objid = 0 AS whole, count(*) AS n
    FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid NOT IN (1, 2) GROUP BY 1, 2 ORDER BY 1, 2;
SET dbsp_ivm.max_key_locks = 20;
-- Few keys: one by one.
BEGIN;
UPDATE locks_item SET v = v + 1 WHERE id <= 5;
SELECT count(*) FROM locks_group;
SELECT * FROM locks_held;
-- More, in a second fold: up to twice the bound they are taken one by one, because others may do the same.
UPDATE locks_item SET v = v + 1 WHERE id BETWEEN 6 AND 25;
SELECT count(*) FROM locks_group;
SELECT * FROM locks_held;
-- Many: the whole operator.
UPDATE locks_item SET v = v + 1, g = id % 7;
SELECT count(*) FROM locks_group;
SELECT * FROM locks_held;
-- So with the join of the other view; not with its sink, which has a key and needs no locks of single ones.
SELECT count(*) FROM locks_pair;
SELECT * FROM locks_held;
SELECT test_check('locks_group', 'locks_pair');
COMMIT;
SELECT test_check('locks_group', 'locks_pair');
-- Many at once: whole from the start.
BEGIN;
UPDATE locks_item SET v = v + 1, g = id;
SELECT count(*) FROM locks_group;
SELECT * FROM locks_held;
ROLLBACK;
SELECT test_check('locks_group', 'locks_pair');
RESET dbsp_ivm.max_key_locks;
SET client_min_messages = warning;
DROP TABLE locks_item CASCADE;
DROP VIEW locks_held;
SELECT * FROM test_leftovers;

-- Rows of a view cannot be locked, as those of a materialized view cannot.
CREATE TABLE lock_t (id int PRIMARY KEY, g int NOT NULL);
INSERT INTO lock_t SELECT i, i % 3 FROM generate_series(1, 10) i;
SELECT test_view('lock_v', 'SELECT g, count(*) AS n FROM lock_t GROUP BY g');
CREATE VIEW lock_over AS SELECT g FROM lock_v WHERE n > 3;
SELECT * FROM lock_v FOR UPDATE;
SELECT * FROM lock_v FOR NO KEY UPDATE;
SELECT * FROM lock_v FOR SHARE NOWAIT;
SELECT * FROM lock_v FOR KEY SHARE SKIP LOCKED;
SELECT * FROM lock_over FOR UPDATE;
SELECT * FROM lock_t JOIN lock_v USING (g) FOR UPDATE;
EXPLAIN SELECT * FROM lock_v FOR UPDATE;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM lock_v FOR UPDATE;
ROLLBACK;
-- those of its tables can
SELECT id, n FROM lock_t JOIN lock_v USING (g) WHERE id < 3 ORDER BY id FOR UPDATE OF lock_t;
UPDATE lock_t SET g = lock_v.g + 1 FROM lock_v WHERE lock_t.g = lock_v.g AND lock_v.n > 3;
SELECT test_check('lock_v');
SET client_min_messages = warning;
DROP TABLE lock_t CASCADE;
SELECT * FROM test_leftovers;

-- an exception block takes back a part that a read had folded; MERGE and ON CONFLICT in the same transaction
-- setup
CREATE TABLE t (id int PRIMARY KEY, k int, v int);
INSERT INTO t SELECT i, i % 4, i FROM generate_series(1, 12) i;
SELECT dbsp_ivm.create_view('v0', $$SELECT t.k AS c0, count(*) AS c1, sum(t.v) AS c2, max(t.v) AS c3 FROM t GROUP BY t.k$$);
SELECT dbsp_ivm.create_view('v1', $$SELECT a.id AS c0, b.id AS c1 FROM t AS a JOIN t AS b ON a.k = b.v$$);
SELECT dbsp_ivm.create_view('v2', $$SELECT t.k AS c0 FROM t WHERE t.v > 3 UNION ALL SELECT count(*)::int FROM t$$);
-- transaction
BEGIN;
DELETE FROM t WHERE k = 0;
DO $do$ BEGIN INSERT INTO t VALUES (50, 0, 1); PERFORM count(*) FROM v0; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN INSERT INTO t VALUES (51, 9, 9); END $do$;
MERGE INTO t USING (SELECT DISTINCT k FROM t) AS o ON t.id = o.k WHEN MATCHED AND o.k % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET k = 6 WHEN NOT MATCHED THEN INSERT VALUES (o.k + 100, 1, 1);
-- read v1
INSERT INTO t VALUES (3, 3, 33), (60, 3, 3) ON CONFLICT (id) DO UPDATE SET k = EXCLUDED.k;
-- read v0
COMMIT;
-- transaction
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE t SET id = t.id + 1000, v = t.k;
-- read v1
-- read v2
COMMIT;
-- transaction
BEGIN;
DELETE FROM t;
-- read v0
ROLLBACK;
-- transaction
TRUNCATE t;

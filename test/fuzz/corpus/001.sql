-- both sides of a join change in one transaction, with a savepoint that a read has folded
-- setup
CREATE TABLE a (id int PRIMARY KEY, k int, x text);
CREATE TABLE b (k int, y numeric);
INSERT INTO a SELECT i, i % 3, 'x' || i % 2 FROM generate_series(1, 9) i;
INSERT INTO b VALUES (0, 1.5), (1, 2), (1, 2), (NULL, 3);
SELECT dbsp_ivm.create_view('v0', $$SELECT a.id AS c0, b.y AS c1 FROM a JOIN b ON a.k = b.k$$);
SELECT dbsp_ivm.create_view('v1', $$SELECT a.k AS c0, count(*) AS c1, sum(b.y) AS c2, min(a.x) AS c3 FROM a, b WHERE a.k = b.k GROUP BY a.k HAVING count(*) > 1$$);
SELECT dbsp_ivm.create_view('v2', $$SELECT q.c1 AS c0, count(*) AS c1 FROM (SELECT DISTINCT a.k AS c0, a.x AS c1 FROM a) AS q GROUP BY q.c1$$);
SELECT dbsp_ivm.create_view('v3', $$SELECT count(*) AS c0, max(b.y) AS c1 FROM b$$); -- loose
-- transaction
BEGIN;
INSERT INTO a VALUES (20, 1, 'new');
INSERT INTO b VALUES (1, 7);
SAVEPOINT s;
DELETE FROM b WHERE k = 1;
-- read v0
-- read v1
ROLLBACK TO s;
UPDATE a SET k = k + 1;
COMMIT;
-- transaction
BEGIN;
DELETE FROM a WHERE k = 1;
-- read v2
INSERT INTO a VALUES (21, 1, 'x0'), (22, 1, 'x0');
SAVEPOINT s;
TRUNCATE b;
INSERT INTO b VALUES (1, 1);
-- read v3
ROLLBACK TO s;
COPY b (k, y) FROM stdin;
2	9
\N	\N
\.
-- read v0
COMMIT;
-- transaction
DELETE FROM b;
-- transaction
DELETE FROM a;

-- What cannot be maintained is refused at declaration: what it is, where it is, what to write instead.
CREATE SCHEMA ref;
SET search_path = ref, public;
CREATE TABLE t (id int PRIMARY KEY, g int, v int, x text, at timestamptz);
CREATE TABLE u (id int PRIMARY KEY, g int, w int);
CREATE TEMP TABLE temp_table (id int PRIMARY KEY);
CREATE UNLOGGED TABLE unlogged_table (id int PRIMARY KEY);
CREATE TABLE part (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE parent (id int);
CREATE TABLE child () INHERITS (parent);
CREATE MATERIALIZED VIEW mv AS SELECT * FROM t;
CREATE SEQUENCE seq;
CREATE FUNCTION vol(int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION sta(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION srf(int) RETURNS SETOF int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE AGGREGATE my_sum(int) (SFUNC = int4pl, STYPE = int);
-- outer and semi joins
SELECT dbsp_ivm.create_view('r', 'SELECT t.id FROM t LEFT JOIN u ON u.id = t.g');
SELECT dbsp_ivm.create_view('r', 'SELECT t.id FROM t RIGHT JOIN u ON u.id = t.g');
SELECT dbsp_ivm.create_view('r', 'SELECT t.id FROM t FULL JOIN u ON u.id = t.g');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t WHERE EXISTS (SELECT FROM u WHERE u.g = t.g)');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t WHERE g IN (SELECT g FROM u)');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t WHERE g NOT IN (SELECT g FROM u)');
SELECT dbsp_ivm.create_view('r', 'SELECT id, (SELECT max(w) FROM u) AS m FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, ARRAY(SELECT w FROM u) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT t.id, x.w FROM t, LATERAL (SELECT w FROM u WHERE u.g = t.g) x');
-- set operations
SELECT dbsp_ivm.create_view('r', 'SELECT g FROM t UNION SELECT g FROM u');
SELECT dbsp_ivm.create_view('r', 'SELECT g FROM t INTERSECT SELECT g FROM u');
SELECT dbsp_ivm.create_view('r', 'SELECT g FROM t EXCEPT ALL SELECT g FROM u');
-- order, limits, windows, locks
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t ORDER BY id');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t LIMIT 5');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t OFFSET 5');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM (SELECT id FROM t ORDER BY v LIMIT 3) x');
SELECT dbsp_ivm.create_view('r', 'SELECT DISTINCT ON (g) g, id FROM t ORDER BY g, id');
SELECT dbsp_ivm.create_view('r', 'SELECT id, rank() OVER (ORDER BY v) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t FOR UPDATE');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t TABLESAMPLE system (10)');
-- grouping sets
SELECT dbsp_ivm.create_view('r', 'SELECT g, count(*) FROM t GROUP BY ROLLUP (g)');
SELECT dbsp_ivm.create_view('r', 'SELECT g, count(*) FROM t GROUP BY CUBE (g, v)');
SELECT dbsp_ivm.create_view('r', 'SELECT g, grouping(g) FROM t GROUP BY GROUPING SETS ((g), ())');
-- aggregates
SELECT dbsp_ivm.create_view('r', 'SELECT count(DISTINCT g) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT string_agg(x, '','' ORDER BY id) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT string_agg(x, '','') FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT array_agg(id) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT g, percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FROM t GROUP BY g');
SELECT dbsp_ivm.create_view('r', 'SELECT my_sum(v) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT corr(v, g) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT json_agg(t) FROM t');
-- recursion, WITH that writes
SELECT dbsp_ivm.create_view('r', 'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r');
SELECT dbsp_ivm.create_view('r', 'WITH w AS (DELETE FROM t RETURNING id) SELECT id FROM w');
-- functions: by their name
SELECT dbsp_ivm.create_view('r', 'SELECT id, now() AS at FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t WHERE random() < 0.5');
SELECT dbsp_ivm.create_view('r', 'SELECT id, vol(v) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, sta(v) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t WHERE at > CURRENT_TIMESTAMP');
SELECT dbsp_ivm.create_view('r', 'SELECT id, CURRENT_USER AS me FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, nextval(''seq'') FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, to_char(at, ''YYYY'') FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, at::date FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, generate_series(1, g) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, srf(g) FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT count(*) FROM t GROUP BY g HAVING sta(g) > 1');
-- sources
SELECT dbsp_ivm.create_view('r', 'SELECT n FROM generate_series(1, 3) n');
SELECT dbsp_ivm.create_view('r', 'VALUES (1), (2)');
SELECT dbsp_ivm.create_view('r', 'SELECT t.id FROM t JOIN (VALUES (1)) v(id) ON v.id = t.id');
SELECT dbsp_ivm.create_view('r', 'SELECT 1 AS one');
SELECT dbsp_ivm.create_view('r', 'SELECT * FROM temp_table');
SELECT dbsp_ivm.create_view('r', 'SELECT * FROM unlogged_table');
SELECT dbsp_ivm.create_view('r', 'SELECT * FROM ONLY part');
SELECT dbsp_ivm.create_view('r', 'SELECT * FROM parent');
SELECT dbsp_ivm.create_view('r', 'SELECT * FROM mv');
SELECT dbsp_ivm.create_view('r', 'SELECT last_value FROM seq');
SELECT dbsp_ivm.create_view('r', 'SELECT relname FROM pg_class');
SELECT dbsp_ivm.create_view('r', 'SELECT table_name FROM information_schema.tables');
-- system columns, reserved names, doubtful columns
SELECT dbsp_ivm.create_view('r', 'SELECT ctid, id FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, xmin FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT tableoid, id FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id AS __dbsp_n FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id, v AS id FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT FROM t');
-- not a query, not one query, not a good one
SELECT dbsp_ivm.create_view('r', '');
SELECT dbsp_ivm.create_view('r', 'DELETE FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT 1 FROM t; SELECT 2 FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t WHERE id = $1');
SELECT dbsp_ivm.create_view('r', 'SELECT id FORM t');
SELECT dbsp_ivm.create_view('r', 'SELECT nope FROM t');
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM nowhere');
SELECT dbsp_ivm.create_view('r', 'SELECT id INTO other FROM t');
SELECT dbsp_ivm.create_view('r', 'EXPLAIN SELECT id FROM t');
SELECT dbsp_ivm.create_view(NULL, 'SELECT id FROM t');
SELECT dbsp_ivm.create_view('r', NULL);
-- the second line of a longer query is marked
SELECT dbsp_ivm.create_view('r', 'SELECT g,
       count(*)
  FROM t
 WHERE x = to_char(at, ''YYYY'')
 GROUP BY g');
-- several reasons at once: the first is raised, check_query lists all
SELECT * FROM dbsp_ivm.check_query('SELECT g, array_agg(t.id), random() FROM t LEFT JOIN u USING (g) GROUP BY g ORDER BY 1 LIMIT 3');
SELECT * FROM dbsp_ivm.check_query('SELECT g, count(*) FROM t GROUP BY g');
SELECT * FROM dbsp_ivm.check_query('SELECT nope FROM t');
-- names that are taken, or do not exist
CREATE VIEW taken AS SELECT 1;
SELECT dbsp_ivm.create_view('taken', 'SELECT id FROM t');
SELECT dbsp_ivm.create_view('t', 'SELECT id FROM t');
SELECT dbsp_ivm.create_view('no_such_schema.r', 'SELECT id FROM t');
SELECT dbsp_ivm.create_view('a.b.c.d', 'SELECT id FROM t');
SELECT dbsp_ivm.create_view('', 'SELECT id FROM t');
SELECT dbsp_ivm.drop_view('nowhere');
SELECT dbsp_ivm.drop_view('nowhere', if_exists => true);
SELECT dbsp_ivm.drop_view('t');
SELECT dbsp_ivm.drop_view('taken');
SELECT dbsp_ivm.refresh('t');
SELECT dbsp_ivm.verify('taken');
SELECT dbsp_ivm.refresh('nowhere');
SELECT * FROM dbsp_ivm.explain('nowhere');
-- in a snapshot that is already old
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM t;
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t');
ROLLBACK;
BEGIN READ ONLY;
SELECT dbsp_ivm.create_view('r', 'SELECT id FROM t');
ROLLBACK;
SELECT * FROM test_leftovers;
SET client_min_messages = warning;
DROP SCHEMA ref CASCADE;

-- explain, check_query, refresh, verify, create_indexes, views, stats.
-- the numbers of views appear in what explain prints
SELECT setval('dbsp_ivm_internal.view_number_seq', 1000) > 0 AS ok;
CREATE SCHEMA fn;
SET search_path = fn, public;
CREATE TABLE customer (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, amount numeric);
INSERT INTO customer SELECT i, 'c' || i FROM generate_series(1, 5) i;
INSERT INTO orders SELECT i, 1 + i % 5, i FROM generate_series(1, 20) i;
-- every function says what it does
SELECT p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), obj_description(p.oid, 'pg_proc') IS NOT NULL AS commented
    FROM pg_proc p WHERE pronamespace = 'dbsp_ivm'::regnamespace ORDER BY 1, 2;
SELECT relname, relkind, obj_description(oid, 'pg_class') IS NOT NULL AS commented FROM pg_class WHERE relnamespace = 'dbsp_ivm'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1;
-- the return value is the view; a missing index is made and named, or only advised
SELECT dbsp_ivm.create_view('joined', 'SELECT o.id, c.name, o.amount FROM orders o JOIN customer c ON c.id = o.customer_id');
SELECT count(*) AS indexes FROM pg_index WHERE indrelid = 'orders'::regclass;
SELECT dbsp_ivm.create_view('per_amount', 'SELECT a.id, b.id AS b FROM orders a JOIN orders b ON a.amount = b.amount', create_indexes => false);
SELECT count(*) AS indexes FROM pg_index WHERE indrelid = 'orders'::regclass;
SELECT dbsp_ivm.create_view(name => 'totals', query => 'SELECT customer_id, count(*) AS n, sum(amount) AS total, max(amount) AS top FROM orders GROUP BY customer_id');
SELECT dbsp_ivm.create_view('rare', 'SELECT n, count(*) FROM (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id HAVING sum(amount) > 3) x GROUP BY n');
INSERT INTO orders VALUES (21, 1, 100);
SELECT * FROM totals ORDER BY customer_id;
-- explain by name and by query
SELECT * FROM dbsp_ivm.explain('joined');
SELECT * FROM dbsp_ivm.explain('per_amount');
SELECT * FROM dbsp_ivm.explain('totals');
SELECT * FROM dbsp_ivm.explain('rare');
SELECT * FROM dbsp_ivm.explain('SELECT DISTINCT c.name FROM customer c, orders o WHERE o.amount > c.id');
SELECT * FROM dbsp_ivm.explain('SELECT id FROM customer UNION ALL SELECT id FROM orders WHERE amount > 3');
SELECT * FROM dbsp_ivm.explain($$SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.customer_id IN (3, 4) AND c.name = 'it''s'$$);
SELECT * FROM dbsp_ivm.explain('SELECT id FROM orders WHERE customer_id IN (1, 2, 3, 4, 5, 6)');
-- check_query creates nothing
SELECT * FROM dbsp_ivm.check_query('SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer_id');
SELECT * FROM dbsp_ivm.check_query('SELECT * FROM orders ORDER BY amount LIMIT 3');
-- verify shows what differs, with weights; refresh repairs it
SELECT shadow AS shadow FROM dbsp_ivm_internal.view_catalog WHERE relation = 'fn.totals'::regclass \gset
SELECT * FROM dbsp_ivm.verify('totals');
SET allow_system_table_mods = on;
UPDATE pg_class SET relhastriggers = false WHERE oid = :'shadow'::regclass;
UPDATE :shadow SET n = 99 WHERE customer_id = 2;
DELETE FROM :shadow WHERE customer_id = 3;
UPDATE pg_class SET relhastriggers = true WHERE oid = :'shadow'::regclass;
RESET allow_system_table_mods;
SELECT * FROM dbsp_ivm.verify('totals') ORDER BY 2, 1;
SELECT dbsp_ivm.refresh('totals');
SELECT * FROM dbsp_ivm.verify('totals');
SELECT * FROM totals ORDER BY customer_id;
UPDATE orders SET amount = amount + 1;
SELECT * FROM dbsp_ivm.verify('totals');
-- refresh in a transaction that wrote, and rolled back
BEGIN;
DELETE FROM orders WHERE id = 21;
SELECT dbsp_ivm.refresh('totals');
SELECT * FROM dbsp_ivm.verify('totals');
INSERT INTO orders VALUES (22, 2, 5);
ROLLBACK;
SELECT * FROM dbsp_ivm.verify('totals');
SELECT * FROM dbsp_ivm.verify('joined');
-- the lists
SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'dbsp_ivm' AND table_name = 'views' ORDER BY ordinal_position;
SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'dbsp_ivm' AND table_name = 'stats' ORDER BY ordinal_position;
SELECT name, definition, state, last_error FROM dbsp_ivm.views ORDER BY name::text;
INSERT INTO orders VALUES (30, 1, 1), (31, 2, 2);
SELECT count(*) FROM dbsp_ivm.stats;
-- a view is an ordinary relation
\d totals
CREATE TABLE copy_of AS TABLE totals;
SELECT t.customer_id, c.name FROM totals t JOIN customer c ON c.id = t.customer_id WHERE t.n > 4 ORDER BY 1;
COMMENT ON VIEW totals IS 'sums';
CREATE VIEW on_top AS SELECT sum(total) FROM totals;
SELECT * FROM on_top;
-- column types that depend on others; indexes that go away
SELECT indexrelid::regclass AS made FROM pg_index WHERE indrelid = 'orders'::regclass AND NOT indisprimary \gset
DROP INDEX :made;
INSERT INTO customer VALUES (6, 'c6');
INSERT INTO orders VALUES (40, 6, 6);
UPDATE customer SET name = 'C6' WHERE id = 6;
SELECT * FROM dbsp_ivm.verify('joined');
SET client_min_messages = warning;
DROP SCHEMA fn CASCADE;
SELECT * FROM test_leftovers;

-- Subqueries in FROM, CTEs, plain views; nested; aggregates of aggregates, joins with aggregates.
CREATE SCHEMA sub;
SET search_path = sub, public;
SET client_min_messages = warning;
CREATE TABLE customer (id int PRIMARY KEY, name text, country text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, amount int, status text);
INSERT INTO customer SELECT i, 'c' || i, (ARRAY['AT', 'DE', 'CH'])[1 + i % 3] FROM generate_series(1, 9) i;
INSERT INTO orders SELECT i, 1 + i % 9, i * 3 % 17, CASE WHEN i % 4 = 0 THEN 'void' ELSE 'paid' END FROM generate_series(1, 50) i;
CREATE VIEW paid AS SELECT id, customer_id, amount FROM orders WHERE status <> 'void';
CREATE VIEW per_customer AS SELECT customer_id, count(*) AS n, sum(amount) AS total, max(amount) AS top FROM paid GROUP BY customer_id;
SELECT test_view('s_from', 'SELECT x.id, x.double FROM (SELECT id, amount * 2 AS double, status FROM orders) x WHERE x.status = ''paid'' AND x.double > 5');
SELECT test_view('s_cte', 'WITH p AS (SELECT * FROM orders WHERE status = ''paid''), q AS (SELECT customer_id, amount FROM p WHERE amount > 3) SELECT customer_id, sum(amount) FROM q GROUP BY customer_id');
SELECT test_view('s_cte_twice', 'WITH p AS (SELECT customer_id, sum(amount) AS s FROM orders GROUP BY customer_id) SELECT a.customer_id, b.customer_id AS other FROM p a JOIN p b ON a.s = b.s AND a.customer_id < b.customer_id');
SELECT test_view('s_cte_mat', 'WITH p AS MATERIALIZED (SELECT id, amount FROM orders) SELECT * FROM p WHERE amount = 3');
SELECT test_view('s_view', 'SELECT * FROM paid WHERE amount > 2');
SELECT test_view('s_view_agg', 'SELECT c.country, count(*) AS customers, sum(p.total) AS total, max(p.top) AS top FROM per_customer p JOIN customer c ON c.id = p.customer_id GROUP BY c.country');
SELECT test_view('s_agg_agg', 'SELECT n, count(*) AS customers, min(total) AS least FROM per_customer GROUP BY n');
SELECT test_view('s_agg3', 'SELECT count(*) AS n, max(customers) AS m FROM (SELECT n, count(*) AS customers FROM (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) x GROUP BY n) y');
SELECT test_view('s_join_agg', 'SELECT c.name, t.n, t.total FROM customer c JOIN (SELECT customer_id, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer_id) t ON t.customer_id = c.id');
SELECT test_view('s_agg_join_agg', 'SELECT a.customer_id, a.s, b.m FROM (SELECT customer_id, sum(amount) AS s FROM orders GROUP BY customer_id) a JOIN (SELECT customer_id, min(amount) AS m FROM orders WHERE status = ''paid'' GROUP BY customer_id) b USING (customer_id)');
SELECT test_view('s_share', 'SELECT o.id, o.amount, t.total FROM orders o JOIN (SELECT customer_id, sum(amount) AS total FROM orders GROUP BY customer_id HAVING count(*) > 2) t ON t.customer_id = o.customer_id');
SELECT test_view('s_distinct_agg', 'SELECT customer_id, count(*) AS n FROM (SELECT DISTINCT customer_id, amount FROM orders) d GROUP BY customer_id');
SELECT test_view('s_distinct_join', 'SELECT c.name FROM customer c JOIN (SELECT DISTINCT customer_id FROM orders WHERE amount > 12) d ON d.customer_id = c.id');
SELECT test_view('s_distinct_of_agg', 'SELECT DISTINCT n FROM per_customer');
SELECT test_view('s_total_join', 'SELECT o.id, t.s FROM orders o CROSS JOIN (SELECT sum(amount) AS s FROM orders) t WHERE o.amount * 20 > t.s');
SELECT test_view('s_union_agg', 'SELECT k, sum(n) AS n FROM (SELECT country AS k, count(*) AS n FROM customer GROUP BY country UNION ALL SELECT status, sum(amount) FROM orders GROUP BY status) u GROUP BY k');
SELECT test_view('s_deep', 'SELECT d.country, d.n FROM (SELECT c.country, count(*) AS n FROM (SELECT DISTINCT x.customer_id FROM (SELECT customer_id, sum(amount) AS s FROM (SELECT * FROM paid WHERE amount > 1) y GROUP BY customer_id) x WHERE x.s > 20) z JOIN customer c ON c.id = z.customer_id GROUP BY c.country) d WHERE d.n > 1');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$
    SELECT test_check('s_from', 's_cte', 's_cte_twice', 's_cte_mat', 's_view', 's_view_agg', 's_agg_agg', 's_agg3', 's_join_agg', 's_agg_join_agg', 's_share',
        's_distinct_agg', 's_distinct_join', 's_distinct_of_agg', 's_total_join', 's_union_agg', 's_deep') $$;
SELECT check_all();
INSERT INTO orders VALUES (51, 1, 16, 'paid'), (52, 1, 16, 'paid'), (53, 77, 1, 'void');
SELECT check_all();
INSERT INTO customer VALUES (77, 'c77', 'AT'), (78, 'c78', NULL);
SELECT check_all();
UPDATE orders SET amount = amount + 1 WHERE customer_id = 2;
SELECT check_all();
UPDATE orders SET status = 'void' WHERE id % 5 = 0;
SELECT check_all();
UPDATE orders SET customer_id = 3 WHERE customer_id = 4;
SELECT check_all();
UPDATE customer SET country = 'FR' WHERE id < 4;
SELECT check_all();
BEGIN;
DELETE FROM orders WHERE customer_id = 5;
SELECT check_all();
INSERT INTO orders VALUES (60, 5, 9, 'paid');
UPDATE customer SET id = 500 WHERE id = 6;
SELECT check_all();
UPDATE orders SET customer_id = 500 WHERE customer_id = 6;
COMMIT;
SELECT check_all();
DELETE FROM customer WHERE country = 'FR';
SELECT check_all();
DELETE FROM orders;
SELECT check_all();
INSERT INTO orders SELECT i, 1 + i % 9, i, 'paid' FROM generate_series(1, 20) i;
SELECT check_all();
-- what a view over a plain view depends on cannot be changed under it
\set VERBOSITY terse
DROP VIEW paid;
\set VERBOSITY default
DROP SCHEMA sub CASCADE;
SELECT * FROM test_leftovers;

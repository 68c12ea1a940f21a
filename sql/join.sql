-- Inner joins in all spellings, of two to four inputs.
CREATE SCHEMA joins;
SET search_path = joins, public;
SET client_min_messages = warning;
CREATE TABLE customer (id int PRIMARY KEY, name text, country text, referrer int);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, amount numeric, day date);
CREATE TABLE line (order_id int, no int, product text, qty int, PRIMARY KEY (order_id, no));
CREATE TABLE product (product text PRIMARY KEY, price numeric, country text);
INSERT INTO customer SELECT i, 'c' || i, (ARRAY['AT', 'DE', NULL])[1 + i % 3], nullif(i / 2, 0) FROM generate_series(1, 10) i;
INSERT INTO orders SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE 1 + i % 12 END, i * 10, date '2024-01-01' + i FROM generate_series(1, 30) i;
INSERT INTO line SELECT o, n, 'p' || (o + n) % 5, n FROM generate_series(1, 30) o, generate_series(1, 2) n;
INSERT INTO product SELECT 'p' || i, i * 2, (ARRAY['AT', 'DE'])[1 + i % 2] FROM generate_series(0, 3) i;
SELECT test_view('j_on', 'SELECT o.id, c.name, o.amount FROM orders o JOIN customer c ON c.id = o.customer_id');
SELECT test_view('j_comma', 'SELECT o.id, c.name FROM orders o, customer c WHERE c.id = o.customer_id AND o.amount > 50 AND c.country = ''AT''');
SELECT test_view('j_using', 'SELECT * FROM line JOIN product USING (product)');
SELECT test_view('j_natural', 'SELECT product, price, qty FROM line NATURAL JOIN product');
SELECT test_view('j_cross', 'SELECT c.id, p.product FROM customer c CROSS JOIN product p');
SELECT test_view('j_nonequi', 'SELECT c.id AS c, p.product FROM customer c JOIN product p ON c.id < p.price AND c.name <> p.product');
SELECT test_view('j_self', 'SELECT a.id, a.name, b.name AS referrer FROM customer a JOIN customer b ON b.id = a.referrer');
SELECT test_view('j_self3', 'SELECT a.id, b.id AS b, c.id AS c FROM customer a JOIN customer b ON b.id = a.referrer JOIN customer c ON c.id = b.referrer');
SELECT test_view('j_three', 'SELECT c.name, o.id, l.no, l.product FROM customer c JOIN orders o ON o.customer_id = c.id JOIN line l ON l.order_id = o.id');
SELECT test_view('j_four', 'SELECT c.name, o.id, l.no, p.price * l.qty AS total FROM customer c JOIN orders o ON o.customer_id = c.id JOIN line l ON l.order_id = o.id JOIN product p USING (product) WHERE p.country = c.country');
SELECT test_view('j_nested', 'SELECT c.id, x.amount FROM customer c JOIN (orders o JOIN line l ON l.order_id = o.id AND l.no = 1) AS x ON x.customer_id = c.id');
SELECT test_view('j_expr', 'SELECT a.id, b.id AS b FROM orders a JOIN orders b ON a.id % 10 = b.customer_id + 1 AND a.day < b.day');
SELECT test_view('j_coltypes', 'SELECT o.id FROM orders o JOIN product p ON o.amount = p.price * 10');
SELECT test_view('j_indirect', 'SELECT o.id, l.no FROM orders o JOIN line l ON l.order_id = o.id WHERE l.order_id = 5');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$
    SELECT test_check('j_on', 'j_comma', 'j_using', 'j_natural', 'j_cross', 'j_nonequi', 'j_self', 'j_self3', 'j_three', 'j_four', 'j_nested', 'j_expr', 'j_coltypes', 'j_indirect') $$;
SELECT check_all();
-- the left side, the right side
INSERT INTO orders VALUES (31, 3, 310, '2024-03-01'), (32, NULL, 320, NULL), (33, 999, 1, NULL);
SELECT check_all();
INSERT INTO customer VALUES (11, 'c11', 'AT', 3), (12, 'c12', 'DE', 12), (999, NULL, NULL, 11);
SELECT check_all();
-- both sides in one transaction, in both orders, with a read between
BEGIN;
INSERT INTO customer VALUES (50, 'c50', 'AT', 50);
INSERT INTO orders VALUES (50, 50, 5, '2024-05-05'), (51, 50, 6, '2024-05-06');
INSERT INTO line VALUES (50, 1, 'p9', 1), (51, 1, 'p1', 2);
INSERT INTO product VALUES ('p9', 9, 'AT');
SELECT check_all();
UPDATE orders SET customer_id = 1 WHERE id = 50;
UPDATE customer SET id = 51 WHERE id = 50;
UPDATE product SET product = 'p8' WHERE product = 'p9';
SELECT check_all();
DELETE FROM line WHERE order_id = 50;
INSERT INTO line VALUES (50, 1, 'p8', 4), (50, 7, 'p8', 4);
COMMIT;
SELECT check_all();
-- both sides change the same join key
BEGIN;
DELETE FROM customer WHERE id = 3;
DELETE FROM orders WHERE customer_id = 3;
COMMIT;
SELECT check_all();
BEGIN;
UPDATE customer SET id = id + 1000;
UPDATE orders SET customer_id = customer_id + 1000;
COMMIT;
SELECT check_all();
-- a self-join's one table, in bulk
UPDATE customer SET referrer = referrer + 1000;
SELECT check_all();
UPDATE customer SET name = lower(name), country = CASE country WHEN 'AT' THEN 'DE' ELSE 'AT' END;
SELECT check_all();
-- one statement changes all sides
WITH d AS (DELETE FROM line WHERE no = 2 RETURNING *), u AS (UPDATE product SET price = price + 1 RETURNING *)
    INSERT INTO orders SELECT 100 + row_number() OVER (), 1004, 1, NULL FROM d;
SELECT check_all();
DELETE FROM product;
SELECT check_all();
SELECT * FROM j_self ORDER BY id;
DROP SCHEMA joins CASCADE;
SELECT * FROM test_leftovers;
-- equality of different types, of NULL, of text in a collation, without a hash function
CREATE SCHEMA joins;
CREATE TABLE a (id int PRIMARY KEY, i int, n numeric, t text, f float8, ts timestamp, m money);
CREATE TABLE b (id int PRIMARY KEY, i bigint, n numeric, t varchar(10), f float4, ts timestamptz, m money);
INSERT INTO a VALUES (1, 1, 1.0, 'x', 'NaN', '2024-01-01', '1.00'), (2, 2, 2, 'y', 0.0, NULL, '2.00'), (3, NULL, NULL, NULL, NULL, NULL, NULL), (4, 1, 1.00, '', '-0', NULL, NULL);
INSERT INTO b VALUES (1, 1, 1.000, 'x', 'NaN', '2024-01-01', '1.00'), (2, 1, 2.0, 'Y', '-0', NULL, '2.00'), (3, NULL, NULL, NULL, NULL, NULL, NULL), (4, 5, NULL, '', 0, NULL, NULL);
SELECT test_view('t_int', 'SELECT a.id, b.id AS b FROM a JOIN b ON a.i = b.i');
SELECT test_view('t_numeric', 'SELECT a.id, b.id AS b, a.n, b.n AS bn FROM a JOIN b ON a.n = b.n');
SELECT test_view('t_mixed', 'SELECT a.id, b.id AS b FROM a JOIN b ON a.n = b.i');
SELECT test_view('t_text', 'SELECT a.id, b.id AS b FROM a JOIN b ON a.t = b.t');
SELECT test_view('t_float', 'SELECT a.id, b.id AS b FROM a JOIN b ON a.f = b.f');
SELECT test_view('t_money', 'SELECT a.id, b.id AS b FROM a JOIN b ON a.m = b.m');
SELECT test_view('t_null', 'SELECT a.id, b.id AS b FROM a JOIN b ON a.i IS NOT DISTINCT FROM b.i');
SELECT test_view('t_row', 'SELECT a.id, b.id AS b FROM a JOIN b ON (a.i, a.t) = (b.i, b.t)');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$
    SELECT test_check('t_int', 't_numeric', 't_mixed', 't_text', 't_float', 't_money', 't_null', 't_row') $$;
SELECT check_all();
INSERT INTO a SELECT id + 10, i, n, t, f, ts, m FROM a;
SELECT check_all();
INSERT INTO b SELECT id + 10, i + 1, n + 1, upper(t), f, ts, m FROM b;
SELECT check_all();
UPDATE a SET n = n * 1.000;
SELECT check_all();
UPDATE b SET i = NULL, n = 1, t = '', f = 'NaN', m = '1.00';
SELECT check_all();
DELETE FROM a WHERE id % 2 = 0;
SELECT check_all();
DROP SCHEMA joins CASCADE;
SELECT * FROM test_leftovers;

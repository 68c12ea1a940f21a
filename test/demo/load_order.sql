\set buyer random(1, 50000)
\set amount random(1, 200)
\set old random(1, 150000)
BEGIN;
INSERT INTO orders (user_id, amount, status) VALUES (:buyer, :amount, 'open');
UPDATE orders SET status = 'paid' WHERE id = :old AND status = 'open';
COMMIT;

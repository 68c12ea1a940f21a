\set c random(1, :rows / 10)
\set a random(1, 500)
INSERT INTO orders (customer_id, amount) VALUES (:c, :a);

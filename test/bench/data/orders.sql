-- Orders of customers, ten each.
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id int NOT NULL, amount int NOT NULL);
INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, :groups) i;
INSERT INTO orders (customer_id, amount) SELECT 1 + i % :groups, i % 500 FROM generate_series(1, :rows) i;
CREATE INDEX ON orders (customer_id);

CREATE TABLE acct (id int PRIMARY KEY, g int NOT NULL, v int NOT NULL);
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id int NOT NULL, amount int NOT NULL);
INSERT INTO acct SELECT i, i % (:rows / 10), i % 1000 FROM generate_series(1, :rows) i;
INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, :rows / 10) i;
INSERT INTO orders (customer_id, amount) SELECT 1 + i % (:rows / 10), i % 500 FROM generate_series(1, :rows) i;
CREATE INDEX ON orders (customer_id);

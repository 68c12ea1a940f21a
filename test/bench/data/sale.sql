-- Sales of products in stores.
CREATE TABLE store (id int PRIMARY KEY, region int NOT NULL);
CREATE TABLE product (id int PRIMARY KEY, category int NOT NULL);
CREATE TABLE sale (id int PRIMARY KEY, product_id int NOT NULL, store_id int NOT NULL, amount int NOT NULL);
INSERT INTO store SELECT i, i % 50 FROM generate_series(1, 1000) i;
INSERT INTO product SELECT i, i % 1000 FROM generate_series(1, :groups) i;
INSERT INTO sale SELECT i, 1 + i % :groups, 1 + i * 7 % 1000, i % 500 FROM generate_series(1, :rows) i;
CREATE INDEX ON product (category);
CREATE INDEX ON sale (product_id);
CREATE INDEX ON sale (store_id);

-- Items of :tenants tenants.
CREATE TABLE item (id int PRIMARY KEY, tenant int NOT NULL, value int NOT NULL);
INSERT INTO item SELECT i, 1 + (i - 1) % :tenants, i % 1000 FROM generate_series(1, :rows) i;
CREATE INDEX ON item (tenant);

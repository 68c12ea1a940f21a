-- Accounts in :groups groups of equal size.
CREATE TABLE acct (id int PRIMARY KEY, g int NOT NULL, v int NOT NULL);
INSERT INTO acct SELECT i, i % :groups, i % 1000 FROM generate_series(1, :rows) i;

-- Base tables of the unit tests' plans, for their row types only: rows are kept in memory.
CREATE TABLE unit_first (id integer PRIMARY KEY, a integer, b bigint, c text, n numeric, m money, x xid);
CREATE TABLE unit_second (id integer PRIMARY KEY, a integer, b bigint, c text, n numeric, m money, x xid);
CREATE TABLE unit_third (id integer, a integer, b bigint, c text, n numeric, m money, x xid);
-- A value out of line, and its like that is compressed only.
CREATE TABLE unit_long (external text, compressed text);
ALTER TABLE unit_long ALTER external SET STORAGE EXTERNAL;
INSERT INTO unit_long VALUES (repeat('dbsp', 5000), repeat('dbsp', 5000));

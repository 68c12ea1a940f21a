-- Tables in the manner of TPC-H, a tenth of its scale for a million rows in all.
CREATE TABLE region (r_regionkey int PRIMARY KEY, r_name text NOT NULL);
CREATE TABLE nation (n_nationkey int PRIMARY KEY, n_name text NOT NULL, n_regionkey int NOT NULL);
CREATE TABLE supplier (s_suppkey int PRIMARY KEY, s_name text NOT NULL, s_nationkey int NOT NULL);
CREATE TABLE customer (c_custkey int PRIMARY KEY, c_name text NOT NULL, c_nationkey int NOT NULL, c_mktsegment text NOT NULL);
CREATE TABLE orders (o_orderkey int PRIMARY KEY, o_custkey int NOT NULL, o_orderstatus "char" NOT NULL,
    o_totalprice numeric(15,2) NOT NULL, o_orderdate date NOT NULL, o_shippriority int NOT NULL);
CREATE TABLE lineitem (l_orderkey int NOT NULL, l_linenumber int NOT NULL, l_suppkey int NOT NULL,
    l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL,
    l_tax numeric(15,2) NOT NULL, l_returnflag text NOT NULL, l_linestatus text NOT NULL, l_shipdate date NOT NULL,
    PRIMARY KEY (l_orderkey, l_linenumber));

INSERT INTO region SELECT i, (ARRAY['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'])[i + 1] FROM generate_series(0, 4) i;
INSERT INTO nation SELECT i, 'NATION ' || i, i % 5 FROM generate_series(0, 24) i;
INSERT INTO supplier SELECT i, 'Supplier ' || i, i % 25 FROM generate_series(1, 1000) i;
INSERT INTO customer SELECT i, 'Customer ' || i, i * 7 % 25,
    (ARRAY['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'MACHINERY', 'HOUSEHOLD'])[1 + i % 5] FROM generate_series(1, 15000) i;
INSERT INTO orders SELECT i, 1 + i::bigint * 7919 % 15000, CASE i % 3 WHEN 0 THEN 'F' WHEN 1 THEN 'O' ELSE 'P' END,
    (i::bigint * 6007 % 40000000)::numeric / 100, date '1992-01-01' + (i::bigint * 104729 % 2406)::int, 0
    FROM generate_series(1, 150000) i;
INSERT INTO lineitem SELECT o, l, 1 + (o * 31 + l * 17) % 1000, q, q * (900 + (o * 13 + l * 29) % 1000), (o * 3 + l) % 11 / 100.0,
    (o + l * 5) % 9 / 100.0, CASE WHEN d > 0 THEN 'N' WHEN o % 2 = 0 THEN 'R' ELSE 'A' END, CASE WHEN d > 0 THEN 'O' ELSE 'F' END, s
    FROM generate_series(1, 150000) o, generate_series(1, 4) l,
    LATERAL (SELECT 1 + (o * 7 + l * 11) % 50, date '1992-01-01' + (o::bigint * 104729 % 2406)::int + 1 + (o * 5 + l * 37) % 121) x (q, s),
    LATERAL (SELECT s - date '1995-06-17') y (d);
CREATE INDEX ON nation (n_regionkey);
CREATE INDEX ON supplier (s_nationkey);
CREATE INDEX ON customer (c_nationkey);
CREATE INDEX ON orders (o_custkey);
CREATE INDEX ON lineitem (l_suppkey);

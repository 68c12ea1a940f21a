-- Views that differ in constants: a row reaches the views whose constants it has, and no others.
SET client_min_messages = warning;
CREATE SCHEMA routing;
SET search_path = routing, public;
-- What the views on a table compare with constants: by which columns rows are routed to each of their inputs.
CREATE VIEW routes AS
    SELECT v.relation, r.operator, r.source,
        coalesce((SELECT string_agg(a.attname || ' ' || o.oprname || ' ' || format_type(r.key_types[k.n - 1], NULL), ', ' ORDER BY k.n)
            FROM generate_subscripts(r.key_columns, 1) WITH ORDINALITY AS k(i, n)
                JOIN pg_attribute a ON a.attrelid = r.source AND a.attnum = r.key_columns[k.n - 1]
                JOIN pg_operator o ON o.oid = r.key_operators[k.n - 1]), 'every row') AS routed_by
    FROM dbsp_ivm_internal.route_catalog r JOIN dbsp_ivm_internal.view_catalog v ON v.number = r.view
    ORDER BY r.view, r.operator;
-- How often each view has been folded since it was last asked, and with how many rows.
CREATE TABLE seen (name regclass PRIMARY KEY, folds bigint, rows_in bigint);
CREATE FUNCTION work(OUT view text, OUT folds bigint, OUT rows_in bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT s.name::text, s.folds - coalesce(n.folds, 0), s.rows_in - coalesce(n.rows_in, 0)
        FROM dbsp_ivm.stats s LEFT JOIN seen n ON n.name = s.name
        WHERE s.folds > coalesce(n.folds, 0) ORDER BY s.name::oid;
    DELETE FROM seen;
    INSERT INTO seen SELECT s.name, s.folds, s.rows_in FROM dbsp_ivm.stats s;
END $$;

--
-- One column, one constant
--
CREATE TABLE item (id int PRIMARY KEY, tenant int, name text, v int, g int);
INSERT INTO item SELECT i, i % 5, 'n' || i, i, i % 3 FROM generate_series(1, 50) i;
SELECT test_view('t0', 'SELECT id, name, v FROM item WHERE tenant = 0');
SELECT test_view('t1', 'SELECT id, name, v FROM item WHERE 1 = tenant AND v > 3');
SELECT test_view('t2', 'SELECT g, count(*) AS n, sum(v) AS s, min(v) AS lo FROM item WHERE v > 3 AND tenant = 2 GROUP BY g');
SELECT test_view('t9', 'SELECT count(*) AS n FROM item WHERE tenant = 9');
SELECT test_view('ta', 'SELECT tenant, count(*) AS n FROM item GROUP BY tenant');
SELECT * FROM routes;
SELECT work();
UPDATE item SET v = v + 100 WHERE id = 5;
SELECT * FROM work();
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
-- from one view to another, into one and out of one; a NULL belongs to none
UPDATE item SET tenant = 1 WHERE id = 5;
SELECT * FROM work();
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
UPDATE item SET tenant = 9 WHERE id IN (1, 2, 3);
SELECT * FROM work();
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
UPDATE item SET tenant = NULL WHERE id IN (1, 7);
SELECT * FROM work();
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
UPDATE item SET tenant = 2 WHERE tenant IS NULL;
INSERT INTO item VALUES (60, 3, 'x', 1, 1), (61, 0, 'y', 1, 1), (62, NULL, 'z', 1, 1);
DELETE FROM item WHERE id IN (60, 62, 12);
SELECT * FROM work();
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
-- many rows, some of which go to views
UPDATE item SET v = v + 1;
SELECT * FROM work();
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
-- changes that no view reads; changes that cancel out
BEGIN;
UPDATE item SET tenant = 1 WHERE id = 10;
UPDATE item SET tenant = 0 WHERE id = 10;
COMMIT;
SELECT * FROM work();
SELECT test_check('t0', 't1', 't2', 't9', 'ta');

--
-- In the middle of transactions
--
BEGIN;
UPDATE item SET v = v + 1 WHERE id IN (10, 11);
SELECT count(*) FROM t0;
SELECT * FROM work();
UPDATE item SET tenant = 2 WHERE id = 10;
SELECT * FROM t9;
SELECT * FROM work();
SELECT count(*) FROM t2;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
SAVEPOINT a;
UPDATE item SET tenant = 9 WHERE id IN (10, 16);
SELECT * FROM t9;
SAVEPOINT b;
DELETE FROM item WHERE tenant = 9;
SELECT * FROM t9;
SELECT * FROM t0 WHERE id = 10;
ROLLBACK TO b;
SELECT * FROM t9;
UPDATE item SET tenant = 0 WHERE id = 16;
RELEASE b;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
ROLLBACK TO a;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
UPDATE item SET v = v + 1 WHERE id = 16;
SAVEPOINT c;
SELECT count(*) FROM t1;
ROLLBACK TO c;
COMMIT;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
-- reads of one view after the other, with changes in between and without
BEGIN;
UPDATE item SET v = v + 1;
SELECT count(*) FROM t0;
SELECT count(*) FROM t1;
UPDATE item SET v = v + 1 WHERE id = 20;
SELECT count(*) FROM t2;
SELECT count(*) FROM t0;
UPDATE item SET tenant = 1 WHERE id = 20;
SELECT count(*) FROM t1;
SELECT n FROM t9;
COMMIT;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
-- TRUNCATE reaches them all
BEGIN;
UPDATE item SET v = 0 WHERE id = 10;
TRUNCATE item;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
INSERT INTO item SELECT i, i % 5, 'n' || i, i, i % 3 FROM generate_series(1, 30) i;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
SAVEPOINT a;
TRUNCATE item;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
ROLLBACK TO a;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
COMMIT;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
-- views that come and go inside a transaction, with changes pending
BEGIN;
UPDATE item SET tenant = 7 WHERE id < 5;
SELECT test_view('t7', 'SELECT id, g FROM item WHERE tenant = 7');
UPDATE item SET tenant = 7 WHERE id = 6;
SELECT test_check('t0', 't1', 't2', 't7', 't9', 'ta');
SAVEPOINT a;
UPDATE item SET tenant = 1 WHERE id = 1;
SELECT dbsp_ivm.drop_view('t7');
UPDATE item SET tenant = 7 WHERE id = 11;
SELECT test_check('t0', 't1', 't2', 't9', 'ta');
ROLLBACK TO a;
SELECT test_check('t0', 't1', 't2', 't7', 't9', 'ta');
UPDATE item SET tenant = 7 WHERE id = 12;
SELECT dbsp_ivm.drop_view('t9');
UPDATE item SET tenant = 9 WHERE id = 13;
COMMIT;
SELECT test_check('t0', 't1', 't2', 't7', 'ta');
UPDATE item SET tenant = 7 WHERE id = 13;
SELECT test_check('t0', 't1', 't2', 't7', 'ta');
BEGIN;
UPDATE item SET tenant = 7 WHERE id = 14;
SAVEPOINT a;
SELECT test_view('t8', 'SELECT id, v FROM item WHERE tenant = 8');
UPDATE item SET tenant = 8 WHERE id = 14;
ROLLBACK TO a;
UPDATE item SET tenant = 8 WHERE id = 15;
COMMIT;
SELECT test_check('t0', 't1', 't2', 't7', 'ta');

--
-- Several columns; lists; what cannot be routed
--
CREATE TABLE doc (id int PRIMARY KEY, kind text, open boolean, n numeric, x bigint, d date);
INSERT INTO doc SELECT i, 'k' || i % 4, i % 2 = 0, i % 3 + 0.50, i % 6, DATE '2020-01-01' + i % 5 FROM generate_series(1, 60) i;
SELECT test_view('d_two', $$SELECT id, n FROM doc WHERE open AND kind = 'k1' AND id > 2$$);
SELECT test_view('d_not', $$SELECT id, n FROM doc WHERE NOT open AND kind = 'k1'$$);
SELECT test_view('d_in', $$SELECT id, kind FROM doc WHERE kind IN ('k1', 'k3', 'k1', NULL)$$);
SELECT test_view('d_in2', $$SELECT id FROM doc WHERE x IN (1, 2, 3) AND kind IN ('k1', 'k2') AND open IS NOT NULL$$);
SELECT test_view('d_any', $$SELECT id FROM doc WHERE x = ANY ('{2, 4}') AND x = 4$$);
SELECT test_view('d_never', $$SELECT id FROM doc WHERE kind = ANY ('{}')$$);
SELECT test_view('d_null', $$SELECT id FROM doc WHERE kind = NULL$$);
SELECT test_view('d_or', $$SELECT id FROM doc WHERE kind = 'k1' OR x = 2$$);
SELECT test_view('d_range', $$SELECT id FROM doc WHERE x > 4 AND d <> '2020-01-02'$$);
SELECT test_view('d_not_in', $$SELECT id FROM doc WHERE kind NOT IN ('k1', 'k2')$$);
SELECT test_view('d_expr', $$SELECT id FROM doc WHERE x + 1 = 4$$);
SELECT test_view('d_both', $$SELECT id FROM doc WHERE kind = 'k1' AND kind = 'k2'$$);
SELECT test_view('d_is', $$SELECT id FROM doc WHERE open IS TRUE AND n IS NOT DISTINCT FROM 1.5$$);
SELECT * FROM routes WHERE source = 'doc'::regclass;
CREATE FUNCTION check_docs() RETURNS text LANGUAGE sql AS $$
    SELECT public.test_check('d_two', 'd_not', 'd_in', 'd_in2', 'd_any', 'd_never', 'd_null', 'd_or', 'd_range', 'd_not_in',
        'd_expr', 'd_both', 'd_is') $$;
SELECT check_docs();
SELECT count(*) > 0 AS worked FROM work();
INSERT INTO doc VALUES (100, 'k1', true, 1.5, 2, '2020-01-01');
SELECT * FROM work();
SELECT check_docs();
UPDATE doc SET kind = 'k3', open = false WHERE id = 100;
SELECT * FROM work();
SELECT check_docs();
UPDATE doc SET kind = NULL, open = NULL, n = NULL, x = NULL WHERE id IN (3, 4, 5, 6);
SELECT check_docs();
UPDATE doc SET kind = 'k' || id % 4, open = id % 3 = 0, x = id % 5 WHERE id < 30;
SELECT check_docs();
DELETE FROM doc WHERE id % 2 = 0;
SELECT check_docs();

--
-- Types: equal is what the operator says
--
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE DOMAIN tenant_id AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE kinds (id int PRIMARY KEY, i2 smallint, i4 int, i8 bigint, f4 real, f8 float8, num numeric, t text, c char(5), vc varchar(9),
    nm name, d date, ts timestamp, tz timestamptz, iv interval, u uuid, e colour, b boolean, dom tenant_id,
    by bytea, j jsonb, a int[], p pair, r int4range, o oid, m money, net inet);
SELECT test_view('k_i2', 'SELECT id FROM kinds WHERE i2 = 1');
SELECT test_view('k_i4', 'SELECT id FROM kinds WHERE i4 = 1::bigint');
SELECT test_view('k_i8', 'SELECT id FROM kinds WHERE i8 = 1');
SELECT test_view('k_i8big', 'SELECT id FROM kinds WHERE i8 = 5000000000');
SELECT test_view('k_i8s', 'SELECT id FROM kinds WHERE i8 = 1::smallint');
SELECT test_view('k_f4', 'SELECT id FROM kinds WHERE f4 = 0');
SELECT test_view('k_f8', 'SELECT id FROM kinds WHERE f8 = ''-0''');
SELECT test_view('k_nan', 'SELECT id FROM kinds WHERE f8 = ''NaN''');
SELECT test_view('k_num', 'SELECT id, num FROM kinds WHERE num = 1.0');
SELECT test_view('k_t', 'SELECT id FROM kinds WHERE t = ''x''');
SELECT test_view('k_c', 'SELECT id FROM kinds WHERE c = ''ab''');
SELECT test_view('k_vc', 'SELECT id FROM kinds WHERE vc = ''ab''');
SELECT test_view('k_vc_in', 'SELECT id FROM kinds WHERE vc IN (''ab'', ''cd'')');
SELECT test_view('k_nm', 'SELECT id FROM kinds WHERE nm = ''ab''');
SELECT test_view('k_d', 'SELECT id FROM kinds WHERE d = ''2020-01-01''');
SELECT test_view('k_dts', 'SELECT id FROM kinds WHERE d = TIMESTAMP ''2020-01-01''');
SELECT test_view('k_ts', 'SELECT id FROM kinds WHERE ts = ''2020-01-01 00:00''');
SELECT test_view('k_tz', 'SELECT id FROM kinds WHERE tz = ''2020-01-01 00:00+00''');
SELECT test_view('k_iv', 'SELECT id FROM kinds WHERE iv = ''1 month''');
SELECT test_view('k_u', 'SELECT id FROM kinds WHERE u = ''a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11''');
SELECT test_view('k_e', 'SELECT id FROM kinds WHERE e = ''green''');
SELECT test_view('k_b', 'SELECT id FROM kinds WHERE b = true');
SELECT test_view('k_bf', 'SELECT id FROM kinds WHERE b = false');
SELECT test_view('k_dom', 'SELECT id FROM kinds WHERE dom = 7');
SELECT test_view('k_by', 'SELECT id FROM kinds WHERE by = ''\x01''');
SELECT test_view('k_j', 'SELECT id FROM kinds WHERE j = ''{"a": 1.0}''');
SELECT test_view('k_a', 'SELECT id FROM kinds WHERE a = ''{1,2}''');
SELECT test_view('k_p', 'SELECT id FROM kinds WHERE p = ROW(1, ''x'')::pair');
SELECT test_view('k_r', 'SELECT id FROM kinds WHERE r = ''[1,3)''');
SELECT test_view('k_o', 'SELECT id FROM kinds WHERE o = 1');
SELECT test_view('k_m', 'SELECT id FROM kinds WHERE m = ''1''');
SELECT test_view('k_net', 'SELECT id FROM kinds WHERE net = ''10.0.0.1''');
SELECT relation, routed_by FROM routes WHERE source = 'kinds'::regclass;
CREATE FUNCTION check_kinds() RETURNS text LANGUAGE sql AS $$
    SELECT public.test_check(VARIADIC (SELECT array_agg(relname::text ORDER BY relname COLLATE "C")
        FROM pg_class WHERE relnamespace = 'routing'::regnamespace AND relname LIKE 'k\_%' AND relkind = 'v')) $$;
INSERT INTO kinds VALUES (1, 1, 1, 1, 0, 0, 1, 'x', 'ab', 'ab', 'ab', '2020-01-01', '2020-01-01', '2020-01-01 00:00+00', '30 days',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'green', true, 7, '\x01', '{"a": 1.00}', '{1,2}', '(1,x)', '[1,2]', 1, '1', '10.0.0.1'),
    (2, 2, 2, 5000000000, '-0', '-0', 1.00, 'X', 'ab ', 'cd', 'abc', '2020-01-02', '2020-01-01 00:00:01', '2020-01-01 02:00+02', '1 mon',
    'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'red', false, 8, '\x0100', '{"a": 1}', '{2,1}', '(1,y)', '(0,3)', 2, '1.00', '10.0.0.1/32'),
    (3, NULL, NULL, NULL, 'NaN', 'NaN', 'NaN', '', '', '', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, 1, 1, 1, 0, 0, 1.000, 'x', 'ab', 'ab', 'ab', '2020-01-01', '2020-01-01', '2020-01-01 00:00+00', '720:00',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'blue', true, 7, '\x01', '{"a": 1e0}', '{1,2}', '(1,x)', '[1,3)', 1, '1', '10.0.0.1');
SELECT check_kinds();
UPDATE kinds SET num = num + 0.0, c = c || '  ', j = j || '{"b": 2}', iv = iv + '0', u = u WHERE id < 3;
SELECT check_kinds();
UPDATE kinds AS k SET (i2, i4, i8, f4, f8, num, t, c, vc, nm, d, ts, tz, iv, u, e, b, dom, by, j, a, p, r, o, m, net) =
    (SELECT i2, i4, i8, f4, f8, num, t, c, vc, nm, d, ts, tz, iv, u, e, b, dom, by, j, a, p, r, o, m, net FROM kinds o WHERE o.id = k.id % 4 + 1);
SELECT check_kinds();
DELETE FROM kinds WHERE id = 1;
SELECT check_kinds();

--
-- One table several times, joins, subqueries, unions
--
CREATE TABLE org (id int PRIMARY KEY, tenant int, name text);
INSERT INTO org SELECT i, i % 4, 'o' || i FROM generate_series(1, 12) i;
SELECT test_view('s_self', 'SELECT a.id, b.id AS other FROM item a JOIN item b ON a.g = b.g WHERE a.tenant = 1 AND b.tenant = 2');
SELECT test_view('s_half', 'SELECT a.id, b.id AS other FROM item a JOIN item b ON a.v = b.id WHERE a.tenant = 1');
SELECT test_view('s_union', 'SELECT id, v FROM item WHERE tenant = 1 UNION ALL SELECT id, g FROM item WHERE tenant = 1 UNION ALL SELECT id, v FROM item WHERE g = 2');
SELECT test_view('s_outer', 'SELECT id FROM (SELECT id, tenant AS t, v FROM item) q WHERE t = 3 AND v > 2');
SELECT test_view('s_union_outer', 'SELECT id FROM (SELECT id, tenant FROM item UNION ALL SELECT id, tenant FROM org) q WHERE tenant = 2');
SELECT test_view('s_group_outer', 'SELECT * FROM (SELECT tenant, count(*) AS n FROM item GROUP BY tenant) q WHERE tenant = 2');
SELECT test_view('s_distinct', 'SELECT DISTINCT g FROM item WHERE tenant = 2');
SELECT test_view('s_join', 'SELECT i.id, o.name FROM item i JOIN org o ON o.id = i.g WHERE i.tenant = 2');
SELECT test_view('s_across', 'SELECT i.id, o.name FROM item i JOIN org o ON o.tenant = i.tenant AND o.id > i.g WHERE i.tenant = 2');
SELECT test_view('s_back', 'SELECT i.id, o.name FROM item i JOIN org o ON o.tenant = i.tenant WHERE o.tenant = 1 AND i.v < 20');
SELECT test_view('s_chain', 'SELECT a.id, b.id AS x, c.id AS y FROM item a JOIN org b ON a.tenant = b.tenant JOIN org c ON c.tenant = b.tenant WHERE a.tenant = 3');
SELECT test_view('s_cte', 'WITH w AS (SELECT id, tenant, g FROM item WHERE g = 1) SELECT a.id, b.id AS x FROM w a JOIN w b USING (tenant) WHERE a.tenant = 1');
SELECT relation, operator, source, routed_by FROM routes WHERE relation::text LIKE 's\_%';
CREATE FUNCTION check_several() RETURNS text LANGUAGE sql AS $$
    SELECT public.test_check('s_self', 's_half', 's_union', 's_outer', 's_union_outer', 's_group_outer', 's_distinct', 's_join', 's_across', 's_back',
        's_chain', 's_cte') $$;
SELECT check_several();
SELECT count(*) > 0 AS worked FROM work();
UPDATE org SET name = name || '!' WHERE tenant = 0;
SELECT * FROM work();
SELECT check_several();
UPDATE org SET tenant = 1 WHERE id = 2;
SELECT * FROM work();
SELECT check_several();
UPDATE item SET g = g + 1 WHERE tenant = 1;
SELECT check_several();
UPDATE item SET tenant = tenant % 4 + 1;
SELECT check_several();
BEGIN;
UPDATE item SET tenant = 2 WHERE id < 10;
UPDATE org SET tenant = 2 WHERE id < 5;
SELECT check_several();
DELETE FROM org WHERE id = 3;
UPDATE item SET tenant = 3 WHERE id < 5;
COMMIT;
SELECT check_several();
TRUNCATE org;
SELECT check_several();

--
-- Partitions, in whose rows the columns stand elsewhere
--
CREATE TABLE part (id int, gone int, tenant int, v int, PRIMARY KEY (id, tenant)) PARTITION BY LIST (tenant);
ALTER TABLE part DROP COLUMN gone;
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1, 2);
CREATE TABLE part2 (v int, tenant int NOT NULL, id int NOT NULL);
ALTER TABLE part ATTACH PARTITION part2 FOR VALUES IN (3, 4);
CREATE TABLE part3 (tenant int NOT NULL, v int, id int NOT NULL);
INSERT INTO part3 VALUES (5, 50, 50), (6, 60, 60);
INSERT INTO part SELECT i, i % 4 + 1, i FROM generate_series(1, 20) i;
SELECT test_view('p_1', 'SELECT id, v FROM part WHERE tenant = 1');
SELECT test_view('p_3', 'SELECT id, v FROM part WHERE tenant = 3 AND v > 2');
SELECT test_view('p_5', 'SELECT count(*) AS n, sum(v) AS s FROM part WHERE tenant = 5');
SELECT test_view('p_leaf', 'SELECT id FROM part2 WHERE tenant = 3');
SELECT relation, source, routed_by FROM routes WHERE relation::text LIKE 'p\_%';
SELECT count(*) > 0 AS worked FROM work();
UPDATE part SET v = v + 1 WHERE id = 4;
UPDATE part2 SET v = v + 1 WHERE id = 2;
SELECT * FROM work();
SELECT test_check('p_1', 'p_3', 'p_5', 'p_leaf');
UPDATE part SET tenant = 3 WHERE id = 4;
UPDATE part SET tenant = 1 WHERE id = 6;
SELECT * FROM work();
SELECT test_check('p_1', 'p_3', 'p_5', 'p_leaf');
ALTER TABLE part ATTACH PARTITION part3 FOR VALUES IN (5, 6);
SELECT * FROM work();
SELECT test_check('p_1', 'p_3', 'p_5', 'p_leaf');
TRUNCATE part1;
SELECT test_check('p_1', 'p_3', 'p_5', 'p_leaf');
ALTER TABLE part DETACH PARTITION part2;
SELECT test_check('p_1', 'p_3', 'p_5', 'p_leaf');
SELECT count(*) > 0 AS worked FROM work();

--
-- A definition that is exchanged
--
SELECT dbsp_ivm.alter_view('t0', 'SELECT id, name, v FROM item WHERE tenant = 4');
UPDATE public.test_query SET query = 'SELECT id, name, v FROM item WHERE tenant = 4' WHERE name = 't0';
SELECT routed_by FROM routes WHERE relation = 't0'::regclass;
UPDATE item SET v = v + 1 WHERE tenant = 4;
SELECT * FROM work() WHERE view = 't0';
SELECT test_check('t0', 't1');
BEGIN;
UPDATE item SET v = v + 1 WHERE tenant IN (1, 4);
SAVEPOINT a;
SELECT dbsp_ivm.alter_view('t0', 'SELECT id, name, v FROM item WHERE tenant = 1');
UPDATE item SET v = v + 1 WHERE tenant IN (1, 4);
SELECT test_rows_differ('t0') > 0 AS altered, (SELECT count(*) FROM dbsp_ivm.verify('t0')) AS wrong;
ROLLBACK TO a;
SELECT test_check('t0', 't1');
UPDATE item SET v = v + 1 WHERE tenant IN (1, 4);
COMMIT;
SELECT test_check('t0', 't1');

--
-- An operator whose code is anybody's is not asked for views that are not his
--
CREATE TYPE box3;
CREATE FUNCTION box3_in(cstring) RETURNS box3 IMMUTABLE STRICT LANGUAGE internal AS 'int4in';
CREATE FUNCTION box3_out(box3) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'int4out';
CREATE TYPE box3 (INPUT = box3_in, OUTPUT = box3_out, INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4);
CREATE CAST (box3 AS int) WITHOUT FUNCTION;
CREATE CAST (int AS box3) WITHOUT FUNCTION;
CREATE FUNCTION box3_eq(box3, box3) RETURNS boolean IMMUTABLE STRICT LANGUAGE sql AS 'SELECT $1::int % 3 = $2::int % 3';
CREATE FUNCTION box3_hash(box3) RETURNS int IMMUTABLE STRICT LANGUAGE sql AS 'SELECT hashint4($1::int % 3)';
CREATE OPERATOR = (LEFTARG = box3, RIGHTARG = box3, FUNCTION = box3_eq, COMMUTATOR = =, HASHES, RESTRICT = eqsel);
CREATE OPERATOR CLASS box3_ops DEFAULT FOR TYPE box3 USING hash AS OPERATOR 1 =, FUNCTION 1 box3_hash(box3);
CREATE TABLE boxes (id int PRIMARY KEY, b box3);
SELECT test_view('b_1', 'SELECT id FROM boxes WHERE b = ''1''');
SELECT relation, routed_by FROM routes WHERE source = 'boxes'::regclass;
INSERT INTO boxes SELECT i, i::box3 FROM generate_series(1, 9) i;
SELECT test_check('b_1');

--
-- What the catalog lacks, after a restore or an update of the extension, is found and put there
--
CREATE TABLE kept AS SELECT * FROM dbsp_ivm_internal.route_catalog;
DELETE FROM dbsp_ivm_internal.route_catalog;
\c -
SET search_path = routing, public;
SET client_min_messages = warning;
SELECT count(*) FROM dbsp_ivm_internal.route_catalog;
UPDATE item SET tenant = tenant % 3, v = v + 1;
SELECT test_check('t0', 't1', 't2', 't7', 'ta');
SELECT check_several();
UPDATE doc SET x = x + 1;
SELECT check_docs();
INSERT INTO kinds (id, i4) VALUES (9, 1);
SELECT check_kinds();
DELETE FROM boxes WHERE id = 1;
INSERT INTO org VALUES (1, 2, 'x');
SELECT count(*) FROM ((TABLE kept EXCEPT TABLE dbsp_ivm_internal.route_catalog) UNION ALL (TABLE dbsp_ivm_internal.route_catalog EXCEPT TABLE kept)) AS d;
-- of a version that the library does not know
UPDATE dbsp_ivm_internal.route_catalog SET version = 0, columns = '' WHERE view % 2 = 0;
\c -
SET search_path = routing, public;
SET client_min_messages = warning;
UPDATE item SET tenant = (tenant + 1) % 3;
SELECT test_check('t0', 't1', 't2', 't7', 'ta');
SELECT count(*) FROM ((TABLE kept EXCEPT TABLE dbsp_ivm_internal.route_catalog) UNION ALL (TABLE dbsp_ivm_internal.route_catalog EXCEPT TABLE kept)) AS d
    WHERE source = 'item'::regclass;

--
-- More views than a session keeps compiled; more rows than it keeps in memory
--
SET dbsp_ivm.delta_mem = '64kB';
DO $$
BEGIN
    FOR i IN 0 .. 39 LOOP
        PERFORM public.test_view('f' || i, format('SELECT id, v FROM routing.item WHERE v = %s', i));
    END LOOP;
END $$;
CREATE FUNCTION check_family() RETURNS text LANGUAGE sql AS $$
    SELECT public.test_check(VARIADIC (SELECT array_agg('f' || i) FROM generate_series(0, 39) i)) $$;
INSERT INTO item SELECT i, i % 5, repeat('x', 100), i % 45, i % 3 FROM generate_series(1000, 4000) i;
SELECT check_family();
BEGIN;
UPDATE item SET v = (v + 7) % 50 WHERE id >= 1000;
SELECT count(*) FROM f3;
SELECT count(*) FROM f4;
UPDATE item SET v = v + 1 WHERE id % 10 = 0;
SELECT count(*) FROM f3;
SAVEPOINT a;
UPDATE item SET v = 3 WHERE id % 7 = 0;
SELECT count(*) FROM f3;
ROLLBACK TO a;
SELECT check_family();
DELETE FROM item WHERE id % 3 = 0;
COMMIT;
SELECT check_family();
SELECT test_check('t0', 't1', 't2', 't7', 'ta');
RESET dbsp_ivm.delta_mem;
UPDATE item SET v = v - 1;
SELECT check_family();

DROP SCHEMA routing CASCADE;
SELECT * FROM test_leftovers;

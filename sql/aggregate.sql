-- Every supported aggregate over every type that PostgreSQL has it for.
CREATE SCHEMA agg;
SET search_path = agg, public;
SET client_min_messages = warning;
CREATE TABLE v (id int PRIMARY KEY, g int, s smallint, i int, b bigint, n numeric, f4 real, f8 double precision, t text, c char(4), d date,
    ts timestamp, tz timestamptz, tm time, iv interval, m money, ip inet, ok boolean, u uuid, a int[], e oid, by bytea);
INSERT INTO v SELECT i, i % 4, i % 100, i, i::bigint * 1000000007, i / 7.0, i / 3.0, i / 9.0, 't' || i, 'c' || i, date '2024-01-01' + i,
    timestamp '2024-01-01' + i * interval '1 hour', timestamptz '2024-01-01 00:00Z' + i * interval '1 hour', time '00:00' + i * interval '1 minute', i * interval '1 day 1 minute',
    (i * 1.25)::numeric::money, ('10.0.0.' || i)::inet, i % 5 <> 0, NULL, ARRAY[i % 3, i], i, NULL FROM generate_series(1, 30) i;
INSERT INTO v (id, g) VALUES (31, 0), (32, 9);
SELECT test_view('a_count', 'SELECT g, count(*), count(i) AS ci, count(t) AS ct, count(*) FILTER (WHERE i > 10) AS f, count(ok) FILTER (WHERE ok) AS o FROM v GROUP BY g');
SELECT test_view('a_sum', 'SELECT g, sum(s) AS s, sum(i) AS i, sum(b) AS b, sum(n) AS n, sum(iv) AS iv, sum(m) AS m FROM v GROUP BY g');
SELECT test_view('a_sum_float', 'SELECT g, sum(f4) AS f4, sum(f8) AS f8, avg(f4) AS a4, avg(f8) AS a8 FROM v GROUP BY g');
SELECT test_view('a_avg', 'SELECT g, avg(s) AS s, avg(i) AS i, avg(b) AS b, avg(n) AS n, avg(iv) AS iv FROM v GROUP BY g');
SELECT test_view('a_min', 'SELECT g, min(s) AS s, min(i) AS i, min(b) AS b, min(n) AS n, min(f4) AS f4, min(f8) AS f8, min(t) AS t, min(c) AS c, min(d) AS d, min(ts) AS ts, min(tz) AS tz, min(tm) AS tm, min(iv) AS iv, min(m) AS m, min(ip) AS ip, min(a) AS a, min(e) AS e FROM v GROUP BY g');
SELECT test_view('a_max', 'SELECT g, max(s) AS s, max(i) AS i, max(b) AS b, max(n) AS n, max(f4) AS f4, max(f8) AS f8, max(t) AS t, max(c) AS c, max(d) AS d, max(ts) AS ts, max(tz) AS tz, max(tm) AS tm, max(iv) AS iv, max(m) AS m, max(ip) AS ip, max(a) AS a, max(e) AS e FROM v GROUP BY g');
SELECT test_view('a_bool', 'SELECT g, bool_and(ok) AS a, bool_or(ok) AS o, every(i > 0) AS e, bool_or(i > 25) FILTER (WHERE ok) AS f FROM v GROUP BY g');
SELECT test_view('a_var', 'SELECT g, variance(i) AS v, var_pop(n) AS vp, var_samp(b) AS vs, stddev(s) AS sd, stddev_pop(i) AS sp, stddev_samp(n) AS ss FROM v GROUP BY g');
SELECT test_view('a_var_float', 'SELECT g, variance(f8) AS v, stddev_pop(f4) AS sp, var_pop(f8) AS vp, stddev(f4) AS s FROM v GROUP BY g');
SELECT test_view('a_filter', 'SELECT g, sum(i) FILTER (WHERE i % 2 = 0) AS even, avg(n) FILTER (WHERE ok) AS a, min(i) FILTER (WHERE i > 100) AS never, max(t) FILTER (WHERE t LIKE ''%1%'') AS t FROM v GROUP BY g');
-- expressions and casts over and in aggregates
SELECT test_view('a_expr', 'SELECT g, sum(i::bigint * 2 + 1) / nullif(count(i), 0) AS x, round(avg(n) * 100, 1) AS y, coalesce(max(i), 0) - coalesce(min(i), 0) AS spread, g + count(*) AS z, CASE WHEN bool_or(ok) THEN ''yes'' ELSE ''no'' END AS w, sum(i)::text || ''/'' || count(*)::text AS s, round(avg(i), 2) AS r FROM v GROUP BY g');
-- no GROUP BY: always one row
SELECT test_view('a_total', 'SELECT count(*) AS n, count(i) AS c, sum(i) AS s, avg(n) AS a, min(t) AS lo, max(d) AS hi, bool_and(ok) AS b, stddev(i) AS sd FROM v');
SELECT test_view('a_total_where', 'SELECT count(*) AS n, sum(b) AS s FROM v WHERE g = 77');
SELECT test_view('a_total_having', 'SELECT sum(i) AS s FROM v HAVING count(*) > 31');
SELECT test_view('a_same', 'SELECT g, sum(i) AS s1, sum(i) AS s2, avg(i) AS a, count(*) AS n1, count(*) AS n2, max(i) AS m, min(i) AS mi FROM v GROUP BY g');
CREATE FUNCTION check_all() RETURNS text LANGUAGE sql AS $$
    SELECT test_check('a_count', 'a_sum', 'a_avg', 'a_min', 'a_max', 'a_bool', 'a_var', 'a_filter', 'a_expr', 'a_total', 'a_total_where', 'a_total_having', 'a_same')
        || ' + ' || test_check_loose('a_sum_float', 'a_var_float') $$;
SELECT check_all();
INSERT INTO v SELECT 100 + id, g + 1, s, -i, b * 2, n * 1.5, f4, f8, t, c, d + 100, ts, tz, tm, iv, m, ip, NOT ok, u, a, e, by FROM v WHERE id % 3 = 0;
SELECT check_all();
-- every value of a group becomes NULL: sum is NULL, count is 0
UPDATE v SET s = NULL, i = NULL, b = NULL, n = NULL, f4 = NULL, f8 = NULL, t = NULL, c = NULL, d = NULL, ts = NULL, tz = NULL, tm = NULL, iv = NULL, m = NULL, ip = NULL, ok = NULL, a = NULL, e = NULL WHERE g = 1;
SELECT check_all();
SELECT s, i, b, n, iv, m FROM a_sum WHERE g = 1;
SELECT * FROM a_bool WHERE g = 1;
-- and values again
UPDATE v SET i = id, n = id, ok = true, t = 'again' WHERE g = 1;
SELECT check_all();
-- the extreme leaves: the next one takes its place, duplicates count
UPDATE v SET i = 0, t = 'a', n = 0, f8 = 0, d = '1999-01-01' WHERE id IN (4, 8);
SELECT check_all();
DELETE FROM v WHERE id = 4;
SELECT check_all();
SELECT g, i, t, d FROM a_min WHERE g = 0;
DELETE FROM v WHERE id = 8;
SELECT check_all();
SELECT g, i, t, d FROM a_min WHERE g = 0;
-- the scale of a numeric sum follows its rows
UPDATE v SET n = 3.0000 WHERE id = 12;
SELECT check_all();
UPDATE v SET n = 3 WHERE id = 12;
SELECT check_all();
-- special values
UPDATE v SET n = 'NaN', f8 = 'NaN' WHERE id = 12;
SELECT check_all();
UPDATE v SET n = 'Infinity', f8 = 'Infinity', f4 = '-Infinity' WHERE id = 16;
SELECT check_all();
UPDATE v SET n = '-Infinity', f8 = '-Infinity' WHERE id = 20;
SELECT check_all();
UPDATE v SET n = 3, f8 = 3, f4 = 3 WHERE id IN (12, 16, 20);
SELECT check_all();
SELECT f4, f8 FROM a_sum_float WHERE g = 0;
-- large values
UPDATE v SET b = 9223372036854775807, i = 2147483647, s = 32767, n = 1e100 WHERE id IN (24, 28);
SELECT check_all();
UPDATE v SET b = 1, i = 1, s = 1, n = 1 WHERE id IN (24, 28);
SELECT check_all();
-- the empty table
DELETE FROM v;
SELECT check_all();
SELECT * FROM a_total;
SELECT * FROM a_total_where;
INSERT INTO v (id, g, i) VALUES (1, 77, 5);
SELECT check_all();
SELECT * FROM a_total;
DROP SCHEMA agg CASCADE;
SELECT * FROM test_leftovers;

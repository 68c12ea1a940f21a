-- Sums of floating-point numbers do not drift, whatever was added and retracted before.
CREATE SCHEMA flt;
SET search_path = flt, public;
SET client_min_messages = warning;
CREATE TABLE p (id int PRIMARY KEY, g int, x float8, y float4);
INSERT INTO p SELECT i, i % 3, 0.1 * i, 0.1 * i FROM generate_series(1, 9) i;
SELECT test_view('fs', 'SELECT g, sum(x) AS x, avg(x) AS ax, sum(y) AS y, var_pop(x) AS vx, stddev(y) AS sy, count(*) FROM p GROUP BY g');
SELECT test_check_loose('fs');
-- a huge value comes and goes: what remains is what was there
INSERT INTO p VALUES (100, 0, 1e100, 1e15);
SELECT test_check_loose('fs');
DELETE FROM p WHERE id = 100;
SELECT test_check_loose('fs');
SELECT g, round(x::numeric, 10) AS x, round(y::numeric, 4) AS y FROM fs ORDER BY g;
INSERT INTO p VALUES (101, 1, 1e3, 10), (102, 1, -1e3, -10), (103, 1, 1, 1);
SELECT test_check_loose('fs');
DELETE FROM p WHERE id IN (101, 102);
SELECT test_check_loose('fs');
-- many updates
DO $$
BEGIN
    FOR i IN 1 .. 2000 LOOP
        UPDATE p SET x = x * 1.0001 + 1e-3, y = (y + 0.01)::float4 WHERE id = 1 + i % 9;
        COMMIT;
    END LOOP;
END $$;
SELECT test_check_loose('fs');
-- overflow is an error of the query, and so of the view: the write that causes it fails
INSERT INTO p VALUES (104, 2, 1.7e308, 0);
SELECT test_check_loose('fs');
UPDATE p SET x = 'NaN', y = 'Infinity' WHERE id = 1;
SELECT test_check_loose('fs');
UPDATE p SET x = 0, y = 0 WHERE id = 1;
SELECT test_check_loose('fs');
DELETE FROM p WHERE id <> 103;
SELECT test_check_loose('fs');
SELECT * FROM fs;
DROP SCHEMA flt CASCADE;
SELECT * FROM test_leftovers;

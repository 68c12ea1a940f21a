-- Large deltas: sorted, looked up in the order of indexes, written by the batch; in memory, and with everything on disk.
CREATE TABLE bulk_item (id int PRIMARY KEY, small int, big bigint, word text, price numeric, maybe int);
CREATE TABLE bulk_part (id bigint PRIMARY KEY, item int, word text, n int);
CREATE INDEX ON bulk_part (item);
CREATE INDEX ON bulk_part (word);
CREATE TABLE bulk_bag (a int, b text);
INSERT INTO bulk_item SELECT i, i % 700, i % 3, 'word ' || i % 900, (i % 50)::numeric(10, 2), nullif(i % 40, 7) FROM generate_series(1, 3000) i;
INSERT INTO bulk_part SELECT i, i % 3000, 'word ' || i % 1200, i % 11 FROM generate_series(1, 4000) i;
INSERT INTO bulk_bag SELECT i % 300, 'b' || i % 7 FROM generate_series(1, 2000) i;
SELECT test_view('bulk_by_int', 'SELECT small, count(*) AS n, sum(price) AS s FROM bulk_item GROUP BY small');
SELECT test_view('bulk_by_word', 'SELECT word, count(*) AS n, max(id) AS last, min(price) AS least FROM bulk_item GROUP BY word');
SELECT test_view('bulk_by_two', 'SELECT big, maybe, word, sum(id) AS s FROM bulk_item GROUP BY big, maybe, word HAVING count(*) > 0');
SELECT test_view('bulk_by_numeric', 'SELECT price, count(maybe) AS n FROM bulk_item GROUP BY price');
SELECT test_view('bulk_total', 'SELECT count(*) AS n, sum(id) AS s, max(word) AS w FROM bulk_item');
SELECT test_view('bulk_words', 'SELECT DISTINCT word FROM bulk_item UNION ALL SELECT DISTINCT word FROM bulk_part');
SELECT test_view('bulk_rows', 'SELECT id, word || ''!'' AS shout FROM bulk_item WHERE small > 10');
SELECT test_view('bulk_join', 'SELECT p.id, i.id AS item, i.price * p.n AS cost FROM bulk_part p JOIN bulk_item i ON i.id = p.item');
SELECT test_view('bulk_join_word', 'SELECT p.id, i.id AS item FROM bulk_part p JOIN bulk_item i ON i.word = p.word AND i.small > p.n');
SELECT test_view('bulk_join_group', 'SELECT i.small, count(*) AS n, max(p.n) AS most FROM bulk_part p JOIN bulk_item i ON p.item = i.id GROUP BY i.small');
SELECT test_view('bulk_join_cross', 'SELECT b.b, i.id FROM (SELECT DISTINCT b FROM bulk_bag) b, bulk_item i WHERE i.id < 20');
SELECT test_view('bulk_copies', 'SELECT a % 10 AS a, b FROM bulk_bag WHERE a > 5');
CREATE FUNCTION bulk_check() RETURNS text LANGUAGE sql AS $$
    SELECT test_check_loose('bulk_by_numeric') || '; ' || test_check('bulk_by_int', 'bulk_by_word', 'bulk_by_two', 'bulk_total', 'bulk_words', 'bulk_rows', 'bulk_join',
        'bulk_join_word', 'bulk_join_group', 'bulk_join_cross', 'bulk_copies');
$$;
-- The same changes with memory, and with none.
CREATE PROCEDURE bulk_changes(memory text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('dbsp_ivm.delta_mem', memory, false);
    UPDATE bulk_item SET price = price + 1, big = big + 1;
    COMMIT;
    RAISE NOTICE 'all rows: %', bulk_check();
    UPDATE bulk_item SET small = (small * 37) % 701, word = 'word ' || (id * 7) % 1000 WHERE id % 3 = 0;
    COMMIT;
    RAISE NOTICE 'moved between groups: %', bulk_check();
    INSERT INTO bulk_item SELECT i, i % 1500, 9, CASE WHEN i % 5 > 0 THEN 'new ' || i % 800 END, 7.00, NULL FROM generate_series(5000, 8000) i;
    INSERT INTO bulk_part SELECT i, i % 9000, 'new ' || i % 900, i % 3 FROM generate_series(5000, 7000) i;
    COMMIT;
    RAISE NOTICE 'both sides grow: %', bulk_check();
    DELETE FROM bulk_item WHERE id % 2 = 1;
    UPDATE bulk_part SET item = item + 1, n = n + 1;
    INSERT INTO bulk_bag SELECT a + 1, b FROM bulk_bag;
    COMMIT;
    RAISE NOTICE 'half gone: %', bulk_check();
    UPDATE bulk_item SET id = -id;
    UPDATE bulk_bag SET a = a + 1 WHERE a % 4 > 0;
    DELETE FROM bulk_bag WHERE b = 'b3' OR a % 5 = 0;
    COMMIT;
    RAISE NOTICE 'other keys: %', bulk_check();
    UPDATE bulk_item SET id = -id;
    UPDATE bulk_item SET maybe = NULL WHERE maybe % 2 = 0;
    DELETE FROM bulk_part WHERE id > 4000;
    DELETE FROM bulk_item WHERE id > 3000;
    INSERT INTO bulk_item SELECT i, i % 700, i % 3, 'word ' || i % 900, (i % 50)::numeric(10, 3), i % 40 FROM generate_series(1, 3000, 2) i;
    COMMIT;
    RAISE NOTICE 'back: %', bulk_check();
END $$;
CALL bulk_changes('32MB');
CALL bulk_changes('0');
CALL bulk_changes('64kB');
-- A large group comes in parts; a value that most of them add or take is written once, and one that stays is not written at all.
CREATE FUNCTION bulk_values_written(OUT inserted bigint, OUT updated bigint, OUT deleted bigint) LANGUAGE sql AS $$
    SELECT pg_stat_get_xact_tuples_inserted(s.relation), pg_stat_get_xact_tuples_updated(s.relation), pg_stat_get_xact_tuples_deleted(s.relation)
    FROM dbsp_ivm_internal.state_catalog s JOIN dbsp_ivm_internal.view_catalog v ON v.number = s.view
    WHERE v.relation = 'bulk_total'::regclass AND s.role = 'values_1';
$$;
BEGIN;
SET LOCAL dbsp_ivm.delta_mem = 0;
UPDATE bulk_item SET id = -id;
SELECT s, w FROM bulk_total;
SELECT * FROM bulk_values_written();
UPDATE bulk_item SET word = 'word ' || id % 3;
SELECT s, w FROM bulk_total;
SELECT * FROM bulk_values_written();
SELECT test_check('bulk_total');
ROLLBACK;
RESET dbsp_ivm.delta_mem;
-- A group of many rows, in parts: extremes, their loss, and what cancels out within the delta.
SET dbsp_ivm.delta_mem = 0;
BEGIN;
INSERT INTO bulk_item SELECT i, 1, 1, 'one', 1.0, 1 FROM generate_series(10001, 10500) i;
UPDATE bulk_item SET price = 1.00 WHERE id > 10000;
UPDATE bulk_item SET price = price + id % 7 WHERE id > 10000;
SELECT bulk_check();
DELETE FROM bulk_item WHERE id BETWEEN 10200 AND 10500;
COMMIT;
SELECT bulk_check();
DELETE FROM bulk_item WHERE word = 'one';
SELECT bulk_check();
RESET dbsp_ivm.delta_mem;
-- Savepoints between bulk changes.
BEGIN;
UPDATE bulk_item SET small = small + 1;
SAVEPOINT a;
UPDATE bulk_item SET small = small * 2, word = word || 'x';
SELECT bulk_check();
ROLLBACK TO a;
SELECT bulk_check();
DELETE FROM bulk_item WHERE id < 1500;
COMMIT;
SELECT bulk_check();
SET client_min_messages = warning;
DROP TABLE bulk_item, bulk_part, bulk_bag CASCADE;
DROP PROCEDURE bulk_changes;
DROP FUNCTION bulk_check, bulk_values_written;
SELECT * FROM test_leftovers;

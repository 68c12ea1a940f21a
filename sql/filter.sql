-- WHERE: rows enter, leave and stay by INSERT, UPDATE and DELETE.
CREATE SCHEMA filter;
SET search_path = filter, public;
SET client_min_messages = warning;
CREATE TABLE item (id int PRIMARY KEY, price numeric, name text, sold boolean);
INSERT INTO item SELECT i, i * 1.5, CASE WHEN i % 4 = 0 THEN NULL ELSE 'item ' || i END, i % 3 = 0 FROM generate_series(1, 20) i;
SELECT test_view('cheap', 'SELECT * FROM item WHERE price < 12');
SELECT test_view('complicated', $$ SELECT id, name FROM item
    WHERE (name LIKE '%1%' OR name IS NULL) AND NOT sold AND price BETWEEN 3 AND 25 AND id NOT IN (4, 5) AND coalesce(name, 'x') <> 'item 13' $$);
SELECT test_view('whole', 'SELECT * FROM item');
SELECT test_view('nothing', 'SELECT * FROM item WHERE false');
SELECT test_view('unknown', 'SELECT id FROM item WHERE sold = NULL OR name > ''item 2''');
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
-- enters by INSERT
INSERT INTO item VALUES (21, 1, 'item 21', false), (22, 100, 'item 22', false), (23, NULL, NULL, NULL);
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
-- leaves and enters by UPDATE
UPDATE item SET price = 50 WHERE id = 2;
UPDATE item SET price = 2 WHERE id = 20;
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
SELECT * FROM cheap ORDER BY id;
-- stays inside, with another value
UPDATE item SET price = price + 0.25 WHERE price < 10;
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
-- to NULL and back
UPDATE item SET sold = NULL, name = NULL WHERE id IN (7, 8);
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
UPDATE item SET sold = false, name = 'item 1' WHERE id IN (7, 8);
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
-- keys move and swap
UPDATE item SET id = id + 100 WHERE id > 15;
UPDATE item SET id = CASE id WHEN 1 THEN 3 WHEN 3 THEN 1 END WHERE id IN (1, 3) AND false;
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
BEGIN;
UPDATE item SET id = -1 WHERE id = 1;
UPDATE item SET id = 1 WHERE id = 3;
UPDATE item SET id = 3 WHERE id = -1;
COMMIT;
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
-- a change that no view reads, and changes that cancel out
BEGIN;
UPDATE item SET price = price WHERE id = 5;
INSERT INTO item VALUES (900, 1, 'gone', false);
DELETE FROM item WHERE id = 900;
COMMIT;
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
DELETE FROM item WHERE id % 2 = 0;
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
DELETE FROM item;
SELECT test_check('cheap', 'complicated', 'whole', 'nothing', 'unknown');
DROP SCHEMA filter CASCADE;
SELECT * FROM test_leftovers;

-- The SELECT list: columns, expressions, names, no key in the output.
CREATE SCHEMA projection;
SET search_path = projection, public;
SET client_min_messages = warning;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE person (id int PRIMARY KEY, first text, last text, born date, mood mood, share percent, tags text[], doc jsonb);
INSERT INTO person SELECT i, 'f' || i % 3, 'l' || i % 2, date '2000-01-01' + i, (ARRAY['sad', 'ok', 'happy']::mood[])[1 + i % 3], i % 101,
    ARRAY['a', i::text], jsonb_build_object('n', i, 'o', jsonb_build_object('k', i % 2)) FROM generate_series(1, 12) i;
-- no key in the output: equal rows stay several
SELECT test_view('names', 'SELECT first, last FROM person');
SELECT test_view('computed', $$ SELECT id AS number, first || ' ' || last AS "full name", upper(first), born + 30 AS "later", share * 2 AS twice,
    CASE mood WHEN 'happy' THEN 1 ELSE 0 END AS happy, doc -> 'o' ->> 'k' AS k, tags[2] AS tag, array_length(tags, 1) AS n,
    coalesce(nullif(first, 'f1'), '-') AS c, 'constant'::text AS word, NULL::int AS nothing, greatest(id, share) AS g,
    born BETWEEN '2000-01-03' AND '2000-01-09' AS inside, id IN (1, 2, 3) AS few FROM person $$);
SELECT test_view('constant', 'SELECT 1 AS one FROM person');
SELECT test_view('twice', 'SELECT id, id AS id2, born FROM person');
SELECT test_view('typed', 'SELECT mood, share, tags, doc, born FROM person WHERE mood > ''sad''');
SELECT test_check('names', 'computed', 'constant', 'twice', 'typed');
SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'projection' AND table_name = 'computed' ORDER BY ordinal_position;
INSERT INTO person VALUES (100, 'f1', 'l1', NULL, 'ok', 100, NULL, '{}'), (101, NULL, NULL, '1999-12-31', NULL, NULL, '{}', NULL);
SELECT test_check('names', 'computed', 'constant', 'twice', 'typed');
UPDATE person SET first = 'f9', tags = array_append(tags, 'more') WHERE id % 3 = 0;
SELECT test_check('names', 'computed', 'constant', 'twice', 'typed');
UPDATE person SET doc = jsonb_set(doc, '{o,k}', '7'), mood = 'happy' WHERE id < 6;
SELECT test_check('names', 'computed', 'constant', 'twice', 'typed');
-- wide values: out of line and compressed
UPDATE person SET first = repeat('0123456789', 10000), tags = ARRAY(SELECT md5(i::text) FROM generate_series(1, 1000) i) WHERE id = 2;
SELECT test_check('names', 'computed', 'constant', 'twice', 'typed');
UPDATE person SET share = 3 WHERE id = 2;
SELECT test_check('names', 'computed', 'constant', 'twice', 'typed');
DELETE FROM person WHERE id IN (2, 100, 3);
SELECT test_check('names', 'computed', 'constant', 'twice', 'typed');
SELECT * FROM names ORDER BY 1, 2;
-- dropped and added columns of the table
CREATE TABLE bent (a int, b int, c text, d int PRIMARY KEY);
ALTER TABLE bent DROP COLUMN b;
INSERT INTO bent VALUES (1, 'one', 1), (2, 'two', 2);
SELECT test_view('straight', 'SELECT c, d, a FROM bent');
SELECT test_view('bent_rows', 'SELECT * FROM bent');
ALTER TABLE bent ADD COLUMN e int DEFAULT 5;
INSERT INTO bent VALUES (3, 'three', 3, 6);
UPDATE bent SET c = upper(c), e = 0 WHERE d < 3;
SELECT test_check('straight');
SELECT * FROM bent_rows ORDER BY d;
-- a generated column is read like any other
CREATE TABLE made (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO made (id, a) VALUES (1, 1), (2, 2);
SELECT test_view('made_rows', 'SELECT id, b FROM made WHERE b > 2');
UPDATE made SET a = a + 5;
SELECT test_check('made_rows');
-- BEFORE triggers change what arrives
CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := NEW.a * 10; RETURN NEW; END $$;
CREATE TRIGGER bump BEFORE INSERT OR UPDATE ON made FOR EACH ROW EXECUTE FUNCTION bump();
INSERT INTO made (id, a) VALUES (3, 3);
UPDATE made SET id = id + 10 WHERE id = 1;
SELECT test_check('made_rows');
SELECT * FROM made_rows ORDER BY id;
DROP SCHEMA projection CASCADE;
SELECT * FROM test_leftovers;

-- Event triggers of users that write a view's tables while commands on the view run.
CREATE TABLE et_t (id int PRIMARY KEY, g int, v int);
INSERT INTO et_t SELECT i, i % 3, i FROM generate_series(1, 9) i;
CREATE FUNCTION et_write() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.et_t SELECT max(id) + 1, 1, 100 FROM public.et_t; END $$;
CREATE EVENT TRIGGER et_end ON ddl_command_end
    WHEN tag IN ('CREATE VIEW', 'CREATE TABLE', 'CREATE INDEX', 'CREATE TRIGGER', 'ALTER VIEW', 'ALTER TABLE', 'GRANT', 'COMMENT')
    EXECUTE FUNCTION et_write();
SELECT test_view('et_first', 'SELECT g, count(*) AS n, sum(v) AS s FROM et_t GROUP BY g');
SELECT test_check('et_first');
INSERT INTO et_t VALUES (500, 1, 7);
SELECT test_view('et_rows', 'SELECT id, v FROM et_t WHERE g = 1');
SELECT test_check('et_first', 'et_rows');
-- with changes that are pending, and an index that is made on the way
BEGIN;
INSERT INTO et_t VALUES (600, 1, 7);
SELECT test_view('et_join', 'SELECT a.id, b.id AS other, b.v FROM et_t a JOIN et_t b ON a.id = b.g');
SELECT test_check('et_first', 'et_rows', 'et_join');
COMMIT;
SELECT test_check('et_first', 'et_rows', 'et_join');
UPDATE test_query SET query = 'SELECT g, count(*) AS n, sum(v) AS s, max(v) AS m FROM et_t GROUP BY g' WHERE name = 'et_first';
SELECT dbsp_ivm.alter_view('et_first', 'SELECT g, count(*) AS n, sum(v) AS s, max(v) AS m FROM et_t GROUP BY g');
SELECT test_check('et_first', 'et_rows', 'et_join');
SELECT dbsp_ivm.create_index('et_first', 's');
GRANT SELECT ON et_first TO PUBLIC;
COMMENT ON VIEW et_first IS 'first';
ALTER VIEW et_first RENAME TO et_second;
UPDATE test_query SET name = 'et_second' WHERE name = 'et_first';
SELECT dbsp_ivm.refresh('et_second');
-- an index that alter_view makes again
UPDATE test_query SET query = 'SELECT g, count(*) AS n, sum(v) AS s, max(v) AS m FROM et_t WHERE v > 0 GROUP BY g' WHERE name = 'et_second';
SELECT dbsp_ivm.alter_view('et_second', 'SELECT g, count(*) AS n, sum(v) AS s, max(v) AS m FROM et_t WHERE v > 0 GROUP BY g');
SELECT test_check('et_second', 'et_rows', 'et_join');
-- the trigger did write
SELECT count(*) > 14 AS wrote FROM et_t;
DROP EVENT TRIGGER et_end;
DROP FUNCTION et_write;
SET client_min_messages = warning;
DROP TABLE et_t CASCADE;
SELECT * FROM test_leftovers;

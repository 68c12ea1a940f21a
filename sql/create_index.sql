-- Indexes for those who read a view.
SET client_min_messages = warning;
-- the number of the view appears in messages
SELECT setval('dbsp_ivm_internal.view_number_seq', 6000) > 0 AS ok;
CREATE ROLE regress_dbsp_owner;
CREATE ROLE regress_dbsp_other;
CREATE SCHEMA ix;
GRANT ALL ON SCHEMA ix TO regress_dbsp_owner;
GRANT USAGE ON SCHEMA ix TO regress_dbsp_other;
SET search_path = ix, public;
SET ROLE regress_dbsp_owner;
CREATE TABLE o (id int PRIMARY KEY, c int, amount int, tags text[], note text);
INSERT INTO o SELECT i, i % 50, i * 7 % 100, ARRAY['t' || i % 5, 'u' || i % 3], 'Note ' || i FROM generate_series(1, 500) i;
CREATE VIEW all_right AS SELECT 1 AS x;
SELECT dbsp_ivm.create_view('totals', 'SELECT c, count(*) AS n, sum(amount) AS total, max(amount) AS "Max" FROM o GROUP BY c HAVING count(*) > 1');
SELECT dbsp_ivm.create_view('orders', 'SELECT id, amount, tags, note FROM o WHERE amount > 10');
CREATE FUNCTION check_all() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    differences bigint;
BEGIN
    SELECT count(*) INTO differences FROM (SELECT dbsp_ivm.verify('ix.totals') UNION ALL SELECT dbsp_ivm.verify('ix.orders')) x;
    RETURN differences;
END $$;
-- the result of a query, and whether the plan uses an index of this name
CREATE FUNCTION by_index(name text, query text) RETURNS TABLE (used bool, answer text) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    SET LOCAL enable_seqscan = off;
    used := false;
    FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
        used := used OR position(' ' || name || ' ' IN line || ' ') > 0;
    END LOOP;
    EXECUTE 'SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (' || query || ') q' INTO answer;
    RETURN NEXT;
END $$;
SELECT dbsp_ivm.create_index('totals', 'total DESC');
SELECT dbsp_ivm.create_index('totals', '"Max", n', condition => 'n > 3', include => 'c');
SELECT dbsp_ivm.create_index('totals', '(total / n)', index_name => '"average of totals"');
SELECT dbsp_ivm.create_index('orders', 'tags', 'gin');
SELECT dbsp_ivm.create_index('orders', 'lower(note) COLLATE "C" text_pattern_ops NULLS FIRST');
SELECT dbsp_ivm.create_index('orders', 'amount', method => 'hash');
SELECT dbsp_ivm.create_index('orders', 'id', method => 'brin', index_name => '"Brin"');
SELECT dbsp_ivm.create_index('orders', 'to_tsvector(''english'', note)', 'gin', index_name => 'words');
SELECT dbsp_ivm.create_index('orders', 'total DESC');
SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'dbsp_ivm_internal' AND tablename LIKE 'shadow%' ORDER BY 1, 2;
SELECT * FROM by_index('totals_total_idx', 'SELECT c, total FROM totals WHERE total > 600');
SELECT * FROM by_index('"average of totals"', 'SELECT c FROM totals WHERE total / n = 49');
SELECT * FROM by_index('orders_tags_idx', $$SELECT count(*) FROM orders WHERE tags @> '{t1,u1}'$$);
SELECT * FROM by_index('orders_lower_idx', $$SELECT id FROM orders WHERE lower(note) COLLATE "C" LIKE 'note 12%'$$);
SELECT * FROM by_index('orders_amount_idx', 'SELECT count(*) FROM orders WHERE amount = 77');
SELECT * FROM by_index('words', $$SELECT id FROM orders WHERE to_tsvector('english', note) @@ 'note & 123'$$);
-- the fold maintains them
INSERT INTO o VALUES (1000, 1, 900, '{new,t1,u1}', 'NOTE 12x'), (1001, 60, 1, '{t1,u1}', 'hidden');
UPDATE o SET amount = amount + 1000 WHERE c = 7;
DELETE FROM o WHERE c = 8 AND id > 20;
BEGIN;
UPDATE o SET tags = '{new}' WHERE id IN (11, 12);
SAVEPOINT a;
UPDATE o SET tags = '{other}', note = 'gone' WHERE id IN (11, 12);
SELECT * FROM by_index('orders_tags_idx', $$SELECT id FROM orders WHERE tags @> '{other}'$$);
ROLLBACK TO a;
SELECT * FROM by_index('orders_tags_idx', $$SELECT id FROM orders WHERE tags @> '{new}'$$);
COMMIT;
SELECT * FROM by_index('totals_total_idx', 'SELECT c, total FROM totals WHERE total > 900');
SELECT * FROM by_index('"average of totals"', 'SELECT c FROM totals WHERE total / n = 1074');
SELECT * FROM by_index('orders_tags_idx', $$SELECT id FROM orders WHERE tags @> '{new}'$$);
SELECT * FROM by_index('orders_lower_idx', $$SELECT id FROM orders WHERE lower(note) COLLATE "C" LIKE 'note 12%'$$);
SELECT * FROM by_index('orders_amount_idx', 'SELECT count(*) FROM orders WHERE amount = 1049');
SELECT check_all();
-- made in a transaction that has written, and dropped in one
BEGIN;
UPDATE o SET note = 'pending' WHERE id = 13;
SELECT dbsp_ivm.create_index('orders', 'note', index_name => 'by_note');
UPDATE o SET note = 'after' WHERE id = 14;
SELECT * FROM by_index('by_note', $$SELECT id, note FROM orders WHERE note IN ('pending', 'after')$$);
COMMIT;
SELECT * FROM by_index('by_note', $$SELECT id, note FROM orders WHERE note IN ('pending', 'after')$$);
BEGIN;
UPDATE o SET note = 'dropped' WHERE id = 13;
DROP INDEX dbsp_ivm_internal.by_note;
UPDATE o SET note = 'dropped' WHERE id = 14;
COMMIT;
SELECT check_all();
-- they survive
SELECT dbsp_ivm.refresh('orders');
TRUNCATE o;
INSERT INTO o SELECT i, i % 50, i * 7 % 100, ARRAY['t' || i % 5, 'u' || i % 3], 'Note ' || i FROM generate_series(1, 500) i;
SELECT dbsp_ivm.alter_view('orders', 'SELECT id, amount, tags, note, c FROM o WHERE amount > 11');
ALTER VIEW orders RENAME COLUMN amount TO money;
SELECT indexname FROM pg_indexes WHERE schemaname = 'dbsp_ivm_internal' AND tablename LIKE 'shadow%' ORDER BY 1;
UPDATE o SET amount = 55 WHERE id = 123;
SELECT * FROM by_index('orders_tags_idx', $$SELECT count(*) FROM orders WHERE tags @> '{t1,u1}'$$);
SELECT * FROM by_index('orders_amount_idx', 'SELECT count(*) FROM orders WHERE money = 55');
SELECT * FROM by_index('words', $$SELECT id, money FROM orders WHERE to_tsvector('english', note) @@ 'note & 123'$$);
SELECT check_all();
-- a new name of a column holds for new indexes
SELECT dbsp_ivm.create_index('orders', 'money, c');
SELECT dbsp_ivm.create_index('orders', 'amount');
DROP INDEX dbsp_ivm_internal.orders_money_c_idx;
-- what is refused
SELECT dbsp_ivm.create_index('totals', '__dbsp_n');
SELECT dbsp_ivm.create_index('totals', '(__dbsp_n + 1)');
SELECT dbsp_ivm.create_index('totals', 'n', condition => '__dbsp_visible');
SELECT dbsp_ivm.create_index('totals', 'n', include => '__dbsp_n');
SELECT dbsp_ivm.create_index('totals', 'ctid');
SELECT dbsp_ivm.create_index('totals', '(shadow_6001.*::text)');
SELECT dbsp_ivm.create_index('totals', 'n) WHERE (n > 1');
SELECT dbsp_ivm.create_index('totals', 'n) TABLESPACE pg_default --');
SELECT dbsp_ivm.create_index('totals', 'n) WITH (fillfactor = 10', condition => 'true');
SELECT dbsp_ivm.create_index('totals', 'n); DROP TABLE o; --');
SELECT dbsp_ivm.create_index('totals', 'n', condition => 'true); DROP TABLE o; SELECT (1');
SELECT dbsp_ivm.create_index('totals', '');
SELECT dbsp_ivm.create_index('totals', 'n n n');
SELECT dbsp_ivm.create_index('totals', 'n', method => 'nothing');
SELECT dbsp_ivm.create_index('totals', 'n', condition => 'n');
SELECT dbsp_ivm.create_index('totals', '(n + random())');
SELECT dbsp_ivm.create_index('totals', '(1 / (n - 10))');
SELECT dbsp_ivm.create_index('totals', 'n', index_name => 'totals_total_idx');
SELECT dbsp_ivm.create_index('totals', 'n', index_name => 'ix.other');
SELECT dbsp_ivm.create_index('totals', 'n', index_name => 'shadow_6001_probe_1');
SELECT dbsp_ivm.create_index('totals', 'n', index_name => repeat('x', 64));
SELECT dbsp_ivm.create_index('o', 'id');
SELECT dbsp_ivm.create_index('all_right', 'x');
SELECT dbsp_ivm.create_index('totals', NULL);
SELECT dbsp_ivm.create_index(NULL, 'n');
SELECT dbsp_ivm.create_index('totals', 'c', NULL, NULL, NULL, NULL);
DROP INDEX dbsp_ivm_internal.totals_c_idx;
BEGIN READ ONLY;
SELECT dbsp_ivm.create_index('totals', 'n');
ROLLBACK;
SELECT count(*) FROM o;
SET ROLE regress_dbsp_other;
SELECT dbsp_ivm.create_index('ix.totals', 'n');
DROP INDEX dbsp_ivm_internal.totals_total_idx;
SET ROLE regress_dbsp_owner;
CREATE INDEX ON dbsp_ivm_internal.shadow_6001 (n);
CREATE UNIQUE INDEX ON dbsp_ivm_internal.shadow_6001 (n);
DROP INDEX dbsp_ivm_internal.shadow_6001_key;
ALTER INDEX dbsp_ivm_internal.shadow_6001_key RENAME TO x;
ALTER INDEX dbsp_ivm_internal.totals_total_idx RENAME TO totals_by_total;
ALTER INDEX dbsp_ivm_internal.totals_by_total SET (fillfactor = 50);
REINDEX INDEX dbsp_ivm_internal.totals_by_total;
RESET ROLE;
CREATE UNIQUE INDEX ON dbsp_ivm_internal.shadow_6001 (n);
CREATE INDEX CONCURRENTLY conc ON dbsp_ivm_internal.shadow_6001 (n, c);
REINDEX INDEX CONCURRENTLY dbsp_ivm_internal.conc;
REINDEX TABLE CONCURRENTLY dbsp_ivm_internal.shadow_6001;
INSERT INTO o VALUES (2000, 1, 900, '{new,t1,u1}', 'NOTE 12x');
SELECT * FROM by_index('conc', 'SELECT c, total FROM totals WHERE n = 11');
DROP INDEX CONCURRENTLY dbsp_ivm_internal.conc;
INSERT INTO o VALUES (2001, 1, 900, '{new,t1,u1}', 'NOTE 12x');
-- an expression that fails for a row makes the write fail, and says where
SELECT dbsp_ivm.create_index('totals', '(1 / (n - 100))', index_name => 'risky');
INSERT INTO o SELECT i, 99, 5 FROM generate_series(3001, 3100) i;
SELECT check_all();
DROP INDEX dbsp_ivm_internal.risky;
-- its functions run as the owner of the view, under the extension's search_path
CREATE FUNCTION who(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN current_user || current_setting('search_path') || abs($1); END $$;
ALTER FUNCTION who(int) OWNER TO regress_dbsp_owner;
SET ROLE regress_dbsp_owner;
SELECT dbsp_ivm.create_view('simple', 'SELECT id, c FROM o');
SELECT dbsp_ivm.create_index('simple', 'ix.who(c)');
RESET ROLE;
CREATE SCHEMA planted;
CREATE FUNCTION planted.abs(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted code runs as %', current_user; END $$;
SET search_path = planted, pg_catalog;
INSERT INTO ix.o VALUES (4000, -5, 1);
SET search_path = ix, public;
SELECT * FROM dbsp_ivm.verify('simple');
DROP SCHEMA planted, ix CASCADE;
SELECT indexname FROM pg_indexes WHERE schemaname = 'dbsp_ivm_internal' AND tablename LIKE 'shadow%' ORDER BY 1;
DROP OWNED BY regress_dbsp_owner, regress_dbsp_other;
DROP ROLE regress_dbsp_owner, regress_dbsp_other;
SELECT * FROM test_leftovers;

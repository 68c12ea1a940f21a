-- Who may declare, read and change what; as whom user functions run.
-- the number of the view appears in what explain prints
SELECT setval('dbsp_ivm_internal.view_number_seq', 3000) > 0 AS ok;
SET client_min_messages = warning;
CREATE ROLE regress_dbsp_alice;
CREATE ROLE regress_dbsp_bob;
CREATE ROLE regress_dbsp_carol;
CREATE SCHEMA sec;
GRANT ALL ON SCHEMA sec TO regress_dbsp_alice, regress_dbsp_bob;
GRANT USAGE ON SCHEMA sec TO regress_dbsp_carol;
SET search_path = sec, public;
SET ROLE regress_dbsp_alice;
CREATE TABLE acct (id int PRIMARY KEY, owner text, balance int, secret text);
INSERT INTO acct VALUES (1, 'x', 10, 's1'), (2, 'x', 20, 's2');
SELECT dbsp_ivm.create_view('totals', 'SELECT owner, count(*) AS n, sum(balance) AS s FROM sec.acct GROUP BY owner');
SELECT * FROM totals;
-- bob may neither read the table nor the view
SET ROLE regress_dbsp_bob;
SELECT * FROM totals;
SELECT dbsp_ivm.create_view('steal', 'SELECT id, secret FROM sec.acct');
SELECT dbsp_ivm.drop_view('totals');
SELECT dbsp_ivm.refresh('totals');
SELECT * FROM dbsp_ivm.verify('totals');
SELECT * FROM dbsp_ivm.explain('totals');
DROP VIEW totals;
-- SELECT on the columns used is not enough: a view makes other people's writes do work
SET ROLE regress_dbsp_alice;
GRANT SELECT (id, balance) ON acct TO regress_dbsp_bob;
SET ROLE regress_dbsp_bob;
SELECT dbsp_ivm.create_view('peek', 'SELECT id, balance FROM sec.acct');
SET ROLE regress_dbsp_alice;
GRANT TRIGGER ON acct TO regress_dbsp_bob;
SET ROLE regress_dbsp_bob;
SELECT dbsp_ivm.create_view('peek', 'SELECT id, balance FROM sec.acct');
SELECT dbsp_ivm.create_view('steal', 'SELECT id, secret FROM sec.acct');
SELECT * FROM peek ORDER BY id;
-- the writer needs no right on the view, and gets none
SET ROLE regress_dbsp_alice;
GRANT SELECT, INSERT, UPDATE, DELETE ON acct TO regress_dbsp_carol;
SET ROLE regress_dbsp_carol;
INSERT INTO acct VALUES (3, 'y', 5, 's3');
UPDATE acct SET balance = balance + 1;
DELETE FROM acct WHERE id = 2;
SELECT * FROM totals;
SELECT * FROM peek;
SET ROLE regress_dbsp_alice;
SELECT * FROM totals ORDER BY owner;
GRANT SELECT ON totals TO regress_dbsp_carol;
SET ROLE regress_dbsp_carol;
SELECT * FROM totals ORDER BY owner;
-- nobody writes what is inside
RESET ROLE;
SELECT shadow AS shadow FROM dbsp_ivm_internal.view_catalog WHERE relation = 'sec.totals'::regclass \gset
SET ROLE regress_dbsp_carol;
\set VERBOSITY sqlstate
SELECT * FROM :shadow;
SET ROLE regress_dbsp_alice;
DELETE FROM :shadow;
UPDATE totals SET s = 0;
INSERT INTO dbsp_ivm_internal.view_catalog DEFAULT VALUES;
DELETE FROM dbsp_ivm_internal.view_catalog;
\set VERBOSITY default
RESET ROLE;
-- functions run as the view's owner, restricted, and under the extension's search_path
SET ROLE regress_dbsp_bob;
CREATE FUNCTION who(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN current_user; END $$;
CREATE FUNCTION evil(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN SET ROLE regress_dbsp_carol; RETURN 'done'; END $$;
CREATE FUNCTION which(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1 + 1; END $$;
SELECT dbsp_ivm.create_view('runs_as', 'SELECT id, who(id) AS who FROM sec.acct');
RESET ROLE;
UPDATE acct SET id = id + 10;
INSERT INTO acct VALUES (50, 'z', 1, NULL);
SELECT * FROM runs_as ORDER BY id;
SET ROLE regress_dbsp_bob;
SELECT dbsp_ivm.create_view('tries', 'SELECT id, evil(id) AS e FROM sec.acct');
SELECT dbsp_ivm.create_view('tries', 'SELECT id, which(id) AS e FROM sec.acct');
RESET ROLE;
-- an operator planted in the writer's path is not used
CREATE SCHEMA planted;
CREATE FUNCTION planted.wrong(int, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR planted.= (LEFTARG = int, RIGHTARG = int, FUNCTION = planted.wrong);
SET search_path = planted, pg_catalog;
UPDATE sec.acct SET balance = 77 WHERE id OPERATOR(pg_catalog.=) 50;
SET search_path = sec, public;
SELECT * FROM tries ORDER BY id;
SELECT * FROM dbsp_ivm.verify('tries');
SELECT * FROM dbsp_ivm.verify('totals');
-- row-level security that binds the owner of the view
SET ROLE regress_dbsp_alice;
CREATE TABLE guarded (id int PRIMARY KEY, who text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
GRANT SELECT, TRIGGER ON guarded TO regress_dbsp_bob;
CREATE POLICY own ON guarded USING (who = current_user);
SET ROLE regress_dbsp_bob;
SELECT dbsp_ivm.create_view('leak', 'SELECT id, who FROM sec.guarded');
RESET ROLE;
-- the owner loses the right to his base table: what then happens is an error or a right view, never a leak
SELECT rolname FROM pg_class c JOIN pg_roles r ON r.oid = relowner WHERE c.oid = 'sec.totals'::regclass;
SET ROLE regress_dbsp_alice;
SELECT name, owner FROM dbsp_ivm.views ORDER BY 1;
SET ROLE regress_dbsp_carol;
SELECT name, owner FROM dbsp_ivm.views ORDER BY 1;
RESET ROLE;
DROP SCHEMA sec CASCADE;
DROP SCHEMA planted CASCADE;
DROP ROLE regress_dbsp_alice, regress_dbsp_bob, regress_dbsp_carol;
SELECT * FROM test_leftovers;

#!/usr/bin/python3
"""Calls every function of the extension with whatever comes to mind: wrong types, NULLs, other people's objects, catalogs,
views, sequences, malformed queries; as superuser and as an ordinary role; in transactions of every kind.  Trigger
functions are put where they do not belong.

    calls.py --seed S [--calls N] [--seconds LIMIT]

No call may crash the server, raise an internal error (SQLSTATE XX...), hang, or leave anything behind; the views that
exist stay right.  The server is the one of PGHOST and PGPORT.  The same seed gives the same calls.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from pgwire import Connection, Lost, ServerError      # noqa: E402

DATABASE = "dbsp_fuzz_calls"

SETUP = '''
CREATE EXTENSION dbsp_ivm;
CREATE SCHEMA theirs AUTHORIZATION dbsp_fuzz_other;
CREATE SCHEMA "Odd ""Schema""";
CREATE TABLE t (id int PRIMARY KEY, g int, v numeric, x text, f float8, a int[], b boolean, d date, j jsonb);
CREATE TABLE u (g int PRIMARY KEY, name text);
CREATE TABLE keyless (a int, b json);
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
CREATE TABLE parted (id int PRIMARY KEY, x text) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE "Ta ""ble" ("Co l" int PRIMARY KEY, "select" text);
CREATE TABLE secured (id int PRIMARY KEY, who text);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN small AS int CHECK (VALUE < 1000);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SEQUENCE seq;
CREATE MATERIALIZED VIEW mat AS SELECT 1 AS id;
CREATE VIEW plain AS SELECT id, g, v FROM t;
CREATE FUNCTION vol(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION imm(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 10 / ($1 - 3); END';
INSERT INTO t SELECT i, i % 4, i * 1.5, 'x' || i % 3, i / 3.0, ARRAY[i], i % 2 = 0, '2024-01-01'::date + i, '{}' FROM generate_series(4, 20) i;
INSERT INTO u SELECT i, 'n' || i FROM generate_series(0, 3) i;
INSERT INTO keyless VALUES (1, '{}'), (1, '{}'), (NULL, NULL);
SELECT dbsp_ivm.create_view('groups', 'SELECT g, count(*) AS n, sum(v) AS s, min(x) AS lo, avg(f) AS af, stddev(f) AS sd, bool_and(b) AS b FROM t GROUP BY g');
SELECT dbsp_ivm.create_view('joined', 'SELECT t.id, u.name FROM t JOIN u USING (g)');
SELECT dbsp_ivm.create_view('bag', 'SELECT a, b FROM keyless');
SELECT dbsp_ivm.create_view('"Odd ""Schema"""."Vi ""ew"', 'SELECT "Co l", "select" FROM "Ta ""ble"');
CREATE VIEW over AS SELECT n FROM groups;
GRANT ALL ON SCHEMA public TO dbsp_fuzz_user;
GRANT SELECT, TRIGGER, INSERT ON t, u, keyless TO dbsp_fuzz_user, dbsp_fuzz_other;
GRANT SELECT ON ALL TABLES IN SCHEMA dbsp_ivm_internal TO dbsp_fuzz_user;
GRANT SELECT ON groups TO dbsp_fuzz_user;
SET ROLE dbsp_fuzz_other;
CREATE TABLE theirs.t (id int PRIMARY KEY, secret text);
SELECT dbsp_ivm.create_view('theirs.v', 'SELECT id, secret FROM theirs.t', false);
RESET ROLE;
SET ROLE dbsp_fuzz_user;
SELECT dbsp_ivm.create_view('mine', 'SELECT x, count(*) AS n FROM t GROUP BY x', false);
RESET ROLE
'''

# The views of SETUP.
KEPT = ("groups", "joined", "bag", '"Odd ""Schema"""."Vi ""ew"', "theirs.v", "mine")

# What must not be there.
LEFT_OVER = """
SELECT 'relation ' || c.relname FROM pg_class c
    WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relkind IN ('r', 'v')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        AND c.oid NOT IN (SELECT relation FROM dbsp_ivm_internal.state_catalog UNION ALL SELECT definition FROM dbsp_ivm_internal.view_catalog)
UNION ALL
SELECT 'view of nothing ' || relation FROM dbsp_ivm_internal.view_catalog WHERE relation NOT IN (SELECT oid FROM pg_class)
UNION ALL
SELECT 'state of nothing ' || relation FROM dbsp_ivm_internal.state_catalog
    WHERE relation NOT IN (SELECT oid FROM pg_class) OR view NOT IN (SELECT number FROM dbsp_ivm_internal.view_catalog)
UNION ALL
SELECT 'source of nothing ' || source FROM dbsp_ivm_internal.source_catalog
    WHERE source NOT IN (SELECT oid FROM pg_class) OR view NOT IN (SELECT number FROM dbsp_ivm_internal.view_catalog)
UNION ALL
SELECT 'trigger on ' || tgrelid::regclass FROM pg_trigger
    WHERE tgname LIKE 'dbsp_ivm_capture%' AND tgrelid NOT IN (SELECT source FROM dbsp_ivm_internal.source_catalog)
UNION ALL
SELECT 'state ' || name || ': ' || state FROM dbsp_ivm.views WHERE state <> 'ok'
UNION ALL
SELECT 'lock ' || locktype || ' ' || mode FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

NAMES = ["groups", "joined", "bag", "mine", "theirs.v", "theirs.t", "over", "plain", "t", "u", "keyless", "mat", "seq", "parted", "part",
         "parent", "secured", "unlogged", "pair", "mood", "pg_class", "pg_catalog.pg_class", "pg_stat_activity", "information_schema.tables",
         "t_pkey", "pg_toast.pg_toast_1255", "dbsp_ivm.views", "dbsp_ivm.stats", "dbsp_ivm_internal.view_catalog",
         "dbsp_ivm_internal.shadow_1", "dbsp_ivm_internal.definition_1", "dbsp_ivm_internal.values_1_2_1", "dbsp_ivm_internal.view_number_seq",
         '"Odd ""Schema"""."Vi ""ew"', '"Ta ""ble"', "nothing", "nothing.at.all", "a.b.c.d", "public", "public.", ".x", "..", '"', '""', '"a', "a b",
         "", " ", "\t\n", "1", "-1", "$1", "é", "日本語", "select", "user", "x" * 63, "x" * 64, '"' + "y" * 63 + '"', "é" * 32, "pg_temp.v", "pg_temp_1.v",
         "public.new", "new", "NEW", '"New"', "Odd", "dbsp_ivm.new", "dbsp_ivm_internal.new", "pg_catalog.new", "information_schema.new", "theirs.new",
         "new; DROP TABLE t", "new'--", "new/**/", "U&\"d\\0061t\"", "current_user", "old", "public.groups ", " groups", "GROUPS", "\"GROUPS\""]

QUERIES = ["SELECT id FROM t", "SELECT * FROM t", "SELECT g, count(*) AS n FROM t GROUP BY g", "SELECT x, count(*) AS n FROM t GROUP BY x",
           "SELECT g, count(*) AS n, sum(v) AS s, min(x) AS lo, avg(f) AS af, stddev(f) AS sd, bool_and(b) AS b FROM t WHERE id > 5 GROUP BY g",
           "SELECT t.id, u.name FROM t JOIN u USING (g) WHERE v > 3", "SELECT a, b FROM keyless WHERE a IS NOT NULL",
           "SELECT DISTINCT x FROM t", "SELECT id, x FROM t UNION ALL SELECT g, name FROM u", "SELECT id, g, v FROM plain", "SELECT n FROM groups",
           "SELECT n FROM over", "SELECT * FROM mine", "SELECT * FROM secured", "SELECT * FROM theirs.t", "SELECT secret FROM theirs.v", "SELECT * FROM mat",
           "SELECT last_value FROM seq", "SELECT * FROM parted", "SELECT * FROM part", "SELECT * FROM parent", "SELECT * FROM ONLY parent", "SELECT * FROM unlogged",
           "SELECT relname FROM pg_class", "SELECT * FROM dbsp_ivm.views", "SELECT * FROM dbsp_ivm_internal.view_catalog", "SELECT * FROM dbsp_ivm_internal.shadow_1",
           "SELECT id FROM t ORDER BY id LIMIT 1", "SELECT DISTINCT ON (g) g, v FROM t", "SELECT id, row_number() OVER (ORDER BY id) FROM t",
           "WITH RECURSIVE r AS (SELECT id FROM t UNION SELECT id + 1 FROM r WHERE id < 3) SELECT * FROM r", "WITH c AS (SELECT g FROM t) SELECT a.g FROM c a, c b WHERE a.g = b.g",
           "SELECT g FROM t GROUP BY GROUPING SETS ((g), ())", "SELECT t FROM t", "SELECT t.*, t FROM t", "SELECT ctid, id FROM t", "SELECT id FROM t FOR UPDATE",
           "SELECT id FROM t TABLESAMPLE system (10)", "SELECT (SELECT max(g) FROM u) FROM t", "SELECT id FROM t WHERE EXISTS (SELECT FROM u WHERE u.g = t.g)",
           "SELECT id FROM t WHERE g IN (SELECT g FROM u)", "SELECT t.id, q.g FROM t LEFT JOIN u q USING (g)", "SELECT t.id FROM t FULL JOIN u USING (g)",
           "SELECT id FROM t INTERSECT SELECT g FROM u", "SELECT generate_series(1, id) FROM t", "SELECT random() FROM t", "SELECT vol(id) FROM t", "SELECT imm(id) AS i FROM t",
           "SELECT now() FROM t", "SELECT string_agg(x, ',') FROM t", "SELECT count(DISTINCT x) FROM t", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f) FROM t",
           "SELECT 1", "SELECT", "SELECT FROM t", "VALUES (1)", "TABLE t", "TABLE groups", "SELECT id AS __dbsp_n FROM t", "SELECT id, id FROM t", "SELECT id AS \"?column?\" FROM t",
           "SELECT NULL AS n FROM t", "SELECT 'x' FROM t", "SELECT ROW(id, x) FROM t", "SELECT ARRAY[id] FROM t", "SELECT a[1] FROM t", "SELECT (j ->> 'a') FROM t",
           "SELECT id::small AS s FROM t", "SELECT x::mood FROM t", "SELECT f::text FROM t", "SELECT d::timestamptz FROM t", "SELECT sum(v) FILTER (WHERE b) FROM t HAVING count(*) > 3",
           "SELECT 1 / (id - 4) FROM t", "SELECT max(f) FROM t", "SELECT sum(id), sum(id::bigint), avg(id::smallint) FROM t", "SELECT x COLLATE \"C\" FROM t", "SELECT $1", "SELECT id FROM t WHERE id = $1",
           "INSERT INTO t VALUES (1)", "DELETE FROM t RETURNING id", "DROP TABLE t", "CREATE TABLE z (a int)", "SELECT id INTO z FROM t", "BEGIN", "COMMIT", "VACUUM", "EXPLAIN SELECT id FROM t",
           "SELECT id FROM t; SELECT id FROM t", "SELECT id FROM t;", ";", "", " ", "--", "/* */", "SELECT id FROM t -- c", "SELECT * FROM (SELECT id FROM t) q", "SELECT * FROM nothing",
           "SELECT nothing FROM t", "SELECT id FROM t WHERE x", "SELECT id + x FROM t", "SELECT (((", "'", "SELECT '", "SELECT $$", "\\", "SELECT id FROM t JOIN", "COPY t TO STDOUT",
           "SELECT dbsp_ivm.drop_view('mine') FROM t", "SELECT dbsp_ivm.create_view('z', 'SELECT id FROM t') FROM t", "SELECT dbsp_ivm_internal.key_digest(x) FROM t",
           "SELECT dbsp_ivm_internal.state_int_sum(id) FROM t", "SELECT pg_sleep(0) FROM t", "SELECT nextval('seq') FROM t", "SELECT a.id FROM t a, t b, t c WHERE a.id = b.id AND b.id = c.id",
           "SELECT id FROM t WHERE id NOT IN (1, 2)", "SELECT CASE WHEN b THEN id END AS c FROM t", "SELECT COALESCE(x, 'y') FROM t", "SELECT xmlelement(name a, x) FROM t",
           "SELECT g, x, count(*) FROM t GROUP BY 1, 2 HAVING max(v) > 2", "SELECT * FROM t a JOIN t b ON a.id < b.id", "SELECT * FROM t CROSS JOIN u", "SELECT q.n FROM (SELECT g, count(*) AS n FROM t GROUP BY g) q GROUP BY q.n",
           "SELECT \"Co l\", \"select\" FROM \"Ta \"\"ble\"", "SELECT id FROM t AS OF SYSTEM TIME 1", "SELECT " + "(" * 200 + "id" + ")" * 200 + " FROM t", "SELECT " + ", ".join("id + %d AS c%d" % (i, i) for i in range(200)) + " FROM t"]

# Queries for views that exist, and indexes of them.
ALTERATIONS = [("groups", "SELECT g, count(*) AS n, sum(v) AS s, min(x) AS lo, avg(f) AS af, stddev(f) AS sd, bool_and(b) AS b FROM t WHERE id > 5 GROUP BY g"),
               ("groups", "SELECT g, count(*) AS n, sum(v) AS s, min(x) AS lo, avg(f) AS af, stddev(f) AS sd, bool_and(b) AS b, max(d) AS hi FROM t GROUP BY g"),
               ("groups", "SELECT g, 1::bigint AS n, v AS s, x AS lo, f AS af, f AS sd, b FROM t"),
               ("joined", "SELECT t.id, u.name FROM t JOIN u USING (g) WHERE v > 5"), ("joined", "SELECT id, x AS name, g FROM t"), ("joined", "SELECT g AS id, max(name) AS name FROM u GROUP BY g"),
               ("bag", "SELECT a, b FROM keyless WHERE a IS NOT NULL"), ("bag", "SELECT id AS a, NULL::json AS b FROM t"),
               ("mine", "SELECT x, count(*) AS n FROM t WHERE b GROUP BY x"), ("mine", "SELECT name AS x, count(*) AS n, max(g) AS g FROM u GROUP BY name"), ("theirs.v", "SELECT id, secret FROM theirs.t WHERE id > 3")]
INDEXES = [("groups", "n"), ("groups", "s DESC, lo"), ("groups", "(s / n)"), ("groups", "lower(lo)"), ("joined", "name, id"), ("joined", "name text_pattern_ops"), ("bag", "a"), ("mine", "n"), ("theirs.v", "secret")]

PARTS = ["n", "g", "s DESC", "n, g", "id", "name", "x", "lower(x)", "(n + 1)", "(1 / (n - 4))", "lo COLLATE \"C\"", "n NULLS FIRST", "__dbsp_n", "ctid", "n)", "n) WHERE (true", "n; DROP TABLE t",
         "n > 1", "n IS NOT NULL", "true", "NULL", "vol(n::int) = 1", "random() < 1", "EXISTS (SELECT FROM t)", "(SELECT 1)", "", " ", "*", "n n", "n int4_ops", "n text_ops", "count(*)", "btree", "hash", "gin", "gist",
         "brin", "spgist", "BTREE", "heap", "nothing", "a.b", "groups.n", "n ASC DESC", "\"n\"", "\"N\"", "generate_series(1, n)", "n::text", "row_number() OVER ()", "$1", "1", "'x'"]

VALUES = ["0", "1", "-1", "2147483647", "-2147483648", "9223372036854775807", "1.5", "'NaN'::numeric", "'Infinity'::float8", "'-0'::float8", "1e300", "''", "'x'::text", "'1'", "true", "NULL", "NULL::int",
          "'2024-01-01'::date", "'infinity'::timestamptz", "'1 mon'::interval", "'-178000000 years'::interval", "ARRAY[1, NULL]", "ARRAY[]::text[]", "'{{1,2},{3,4}}'::int[]", "ROW(1, NULL)", "ROW()", "(1, 'x')::pair",
          "'sad'::mood", "5::small", "'\\x00'::bytea", "'\\x'::bytea", "'{}'::json", "'{\"a\": 1.0}'::jsonb", "'<a/>'::xml", "'(1,2)'::point", "'t'::regclass", "0::oid", "'a'::\"char\"", "'n'::name", "B'101'",
          "'[1,5)'::int4range", "'1.2.3.4'::inet", "'12'::money", "32767::smallint", "'16/B374D848'::pg_lsn", "'a b'::tsvector", "repeat('x', 100000)", "'x'::char(5)", "123456789.123456789::real", "NULL::pair"]

CONTEXTS = ["plain", "plain", "plain", "plain", "rolled back", "pending", "pending", "savepoint", "read only", "repeatable read", "serializable", "cursor", "prepared", "plpgsql", "exception", "twice", "parallel"]

WRITES = ["INSERT INTO t (id, g, v, x) VALUES (%d, 1, 2, 'w')", "UPDATE t SET v = v + 1 WHERE id = %d", "DELETE FROM t WHERE id = %d", "INSERT INTO keyless VALUES (%d, '[]')"]


def quote(text):
    return "'" + text.replace("'", "''") + "'" if "\\" not in text else "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class Calls:
    """Invents calls, makes them, and looks whether all is well."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.admin = None
        self.sessions = {}
        self.functions = []
        self.states = []
        self.codes = {}
        self.problems = 0

    # ---- the place

    def prepare(self):
        admin = Connection("postgres")
        for sql in ("DROP DATABASE IF EXISTS " + DATABASE, "CREATE DATABASE " + DATABASE):
            admin.query(sql)
        for role in ("dbsp_fuzz_user", "dbsp_fuzz_other"):
            admin.query("DO $$ BEGIN CREATE ROLE %s LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$" % role)
        admin.close()
        self.admin = Connection(DATABASE)
        for sql in SETUP.split(";\n"):
            if sql.strip():
                self.admin.query(sql)
        self.functions = self.admin.query(
            "SELECT p.oid::regproc::text, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t), p.prokind, p.pronargdefaults, p.provariadic <> 0 "
            "FROM pg_proc p WHERE pronamespace IN ('dbsp_ivm'::regnamespace, 'dbsp_ivm_internal'::regnamespace) ORDER BY p.oid::regprocedure::text")
        self.states = [row[0] for row in self.admin.query("SELECT __dbsp_agg_1::text FROM dbsp_ivm_internal.shadow_1 UNION ALL SELECT __dbsp_agg_3::text FROM dbsp_ivm_internal.shadow_1")]

    def remove(self):
        for session in self.sessions.values():
            session.close()
        self.admin.close()
        admin = Connection("postgres")
        admin.query("DROP DATABASE %s WITH (FORCE)" % DATABASE)
        admin.query("DROP ROLE dbsp_fuzz_user, dbsp_fuzz_other")
        admin.close()

    def session(self, user):
        if user not in self.sessions:
            session = Connection(DATABASE, user=user)
            session.query("SET statement_timeout = '20s'; SET client_min_messages = error")
            self.sessions[user] = session
        return self.sessions[user]

    # ---- invention

    def mutated(self, text):
        """The text with a piece lost, doubled, exchanged or put in."""
        choice = self.random.random()
        if choice < 0.6 or not text:
            return text
        at = self.random.randrange(len(text))
        end = min(len(text), at + self.random.randint(1, 6))
        if choice < 0.7:
            return text[:at] + text[end:]
        if choice < 0.8:
            return text[:end] + text[at:]
        if choice < 0.9:
            return text[:at] + self.random.choice("'\"();,.*$\\ \n%é0") + text[end:]
        words = text.split(" ")
        self.random.shuffle(words)
        return " ".join(words)

    def text_argument(self, function, position):
        """What a text argument of a function could be: right in kind most of the time."""
        pool = NAMES
        if position == 1 and "create_index" in function:
            pool = PARTS
        elif position == 1 or function.endswith("check_query") or (function.endswith("explain") and self.random.random() < 0.5):
            pool = QUERIES
        elif position > 1:
            pool = PARTS
        if self.random.random() < 0.08:
            pool = self.random.choice([NAMES, QUERIES, PARTS])
        return quote(self.mutated(self.random.choice(pool)))

    def bytea_argument(self):
        if self.states and self.random.random() < 0.5:
            state = self.random.choice(self.states) or "\\x"
            if self.random.random() < 0.7 and len(state) > 4:
                at = 2 * self.random.randrange(1, len(state) // 2)
                state = state[:at] + "%02x" % self.random.randrange(256) + state[at + 2:]
            if self.random.random() < 0.3:
                state = state[:2 * self.random.randrange(1, len(state) // 2 + 1)]
            return "'%s'::bytea" % state
        return "'\\x%s'::bytea" % bytes(self.random.randrange(256) for _ in range(self.random.choice([0, 1, 4, 8, 9, 16, 40, 300]))).hex()

    def argument(self, function, position, kind):
        choice = self.random.random()
        if choice < 0.06:
            return "NULL"
        if choice < 0.12:
            return self.random.choice(VALUES)
        if kind == "text":
            return self.text_argument(function, position)
        if kind == "boolean":
            return self.random.choice(["true", "false", "NULL", "'maybe'", "1", "NULL::boolean"])
        if kind == "bytea":
            return self.bytea_argument()
        if kind == "internal":
            return self.random.choice(["NULL", "NULL", "NULL::internal", "0", "'x'"])
        if kind == '"any"':
            return self.random.choice(VALUES)
        value = self.random.choice(VALUES)
        return value if self.random.random() < 0.3 else "CAST(%s AS %s)" % (value, kind)

    def sane_call(self):
        """One that would succeed, were it not for rights and for what calls before it have done."""
        random_name = "new%d" % self.random.randint(1, 5)
        name, query = self.random.choice(ALTERATIONS)
        view, columns = self.random.choice(INDEXES)
        new_query = self.random.choice(QUERIES[:9] + [query for _, query in ALTERATIONS])
        return self.random.choice([
            "create_view(%s, %s)" % (quote(random_name), quote(new_query)),
            "create_view(%s, %s, false)" % (quote(random_name), quote(new_query)),
            "drop_view(%s)" % quote(self.random.choice([random_name, name])),
            "drop_view(%s, true)" % quote(random_name),
            "alter_view(%s, %s)" % (quote(name), quote(query)),
            "alter_view(%s, %s)" % (quote(name), quote(query)),
            "create_index(%s, %s)" % (quote(view), quote(columns)),
            "create_index(%s, %s, condition => 'true', index_name => 'index%d')" % (quote(view), quote(columns), self.random.randint(1, 3)),
            "refresh(%s)" % quote(name),
            "verify(%s)" % quote(name),
            "explain(%s)" % quote(self.random.choice([name, new_query])),
            "check_query(%s)" % quote(new_query)])

    def call(self):
        if self.random.random() < 0.25:
            return "SELECT * FROM dbsp_ivm." + self.sane_call()
        function, kinds, prokind, ndefaults, variadic = self.random.choices(
            self.functions, weights=[12 if row[0].startswith("dbsp_ivm.") else 1 for row in self.functions])[0]
        kinds = [kind.strip('"') if kind != '"\\"any\\""' else '"any"' for kind in kinds[1:-1].split(",")] if kinds != "{}" else []
        kinds = ['"any"' if kind in ("any", '\\"any\\"') else kind for kind in kinds]
        if int(ndefaults) and self.random.random() < 0.7:
            kinds = kinds[:len(kinds) - self.random.randint(0, int(ndefaults))]
        if variadic == "t":
            kinds = kinds[:-1] + kinds[-1:] * self.random.randint(0, 5)
        if self.random.random() < 0.02:
            kinds = kinds + ["text"]
        arguments = [self.argument(function, position, kind) for position, kind in enumerate(kinds)]
        text = "%s(%s)" % (function, ", ".join(arguments))
        shape = self.random.random()
        if prokind == "a":
            return "SELECT %s%s FROM t%s" % (text, " OVER (ORDER BY id)" if shape < 0.2 else "", " GROUP BY g" if 0.2 <= shape < 0.5 else "")
        if shape < 0.7:
            return "SELECT * FROM " + text
        if shape < 0.9:
            return "SELECT " + text
        return "SELECT %s FROM t WHERE id < 6" % text

    def trigger_statement(self):
        """A trigger function where it does not belong, fired, and rolled back."""
        function = "dbsp_ivm_internal." + self.random.choice(["capture", "capture_truncate", "guard", "guard_view", "on_drop", "on_ddl_start", "on_ddl_end"])
        table = self.random.choice(["t", "keyless", "plain", "groups", "parted", "part", "unlogged", "dbsp_ivm_internal.shadow_1", "dbsp_ivm_internal.view_catalog"])
        if self.random.random() < 0.3:
            make = "CREATE EVENT TRIGGER z ON %s EXECUTE FUNCTION %s()" % (
                self.random.choice(["ddl_command_start", "ddl_command_end", "sql_drop", "table_rewrite"]), function)
            fire = self.random.choice(["CREATE TABLE z (a int)", "DROP TABLE unlogged", "ALTER TABLE unlogged ADD COLUMN x float8 DEFAULT random()", "DROP VIEW groups CASCADE", "COMMENT ON TABLE t IS 'x'"])
        else:
            make = "CREATE TRIGGER z %s %s ON %s FOR EACH %s EXECUTE FUNCTION %s(%s)" % (
                self.random.choice(["BEFORE", "AFTER", "INSTEAD OF"]), self.random.choice(["INSERT", "INSERT OR UPDATE OR DELETE", "TRUNCATE", "UPDATE OF id"]), table,
                self.random.choice(["ROW", "STATEMENT"]), function, self.random.choice(["", "'x'"]))
            fire = self.random.choice(["INSERT INTO %s DEFAULT VALUES", "UPDATE %s SET id = id", "DELETE FROM %s", "TRUNCATE %s CASCADE", "INSERT INTO %s (id) VALUES (50)"]) % table
        return "DO $do$ BEGIN %s; %s; RAISE 'rolled back'; END $do$" % (make, fire)

    def statements(self, call):
        """The call in one of the contexts, as statements of one session."""
        context = self.random.choice(CONTEXTS)
        write = self.random.choice(WRITES) % self.random.randint(4, 40)
        return {
            "plain": [call],
            "rolled back": ["BEGIN", call, "ROLLBACK"],
            "pending": ["BEGIN", write, call, write, self.random.choice(["COMMIT", "ROLLBACK"])],
            "savepoint": ["BEGIN", write, "SAVEPOINT a", call, "ROLLBACK TO a", write, call, "COMMIT"],
            "read only": ["BEGIN READ ONLY", call, "COMMIT"],
            "repeatable read": ["BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM t", call, "COMMIT"],
            "serializable": ["BEGIN ISOLATION LEVEL SERIALIZABLE", write, call, "COMMIT"],
            "cursor": ["BEGIN", "DECLARE c CURSOR FOR SELECT * FROM groups", "FETCH c", call, "FETCH c", "COMMIT"],
            "prepared": ["PREPARE p AS " + call, "EXECUTE p", "EXECUTE p", "DEALLOCATE p"],
            "plpgsql": ["DO $do$ BEGIN PERFORM * FROM (%s) q; END $do$" % call],
            "exception": ["DO $do$ BEGIN BEGIN PERFORM * FROM (%s) q; EXCEPTION WHEN OTHERS THEN PERFORM count(*) FROM groups; "
                          "IF SQLSTATE LIKE 'XX%%' THEN RAISE; END IF; END; END $do$" % call],
            "twice": ["%s; %s" % (call, call)],
            "parallel": ["SET force_parallel_mode = on", call, "RESET force_parallel_mode"],
        }[context]

    # ---- judgement

    def fail(self, what, statements):
        self.problems += 1
        print("not ok - %s" % what)
        for sql in statements:
            print("#   %s" % sql[:2000].replace("\n", "\n#   "))
        sys.stdout.flush()

    def make(self, user, statements):
        """Makes a call; False if the session is lost."""
        session = self.session(user)
        for sql in statements:
            try:
                session.query(sql)
                code = "00000"
            except ServerError as error:
                code = error.sqlstate
                if code.startswith("XX") or code in ("57014", "40P01"):
                    self.fail("%s for %s: %s" % (code, user, error), statements)
            except Lost as error:
                self.fail("connection lost for %s: %s" % (user, error), statements)
                del self.sessions[user]
                return False
            self.codes[code] = self.codes.get(code, 0) + 1
        if session.status != "I":
            session.query("ROLLBACK")
        for sql in ("DEALLOCATE ALL", "RESET force_parallel_mode"):
            session.query(sql)
        return True

    def clean(self, recent):
        """Drops what the calls have made; then only what was there may be there, and right."""
        found = []
        try:
            for row in self.admin.query("SELECT format('DROP VIEW %s CASCADE', name) FROM dbsp_ivm.views WHERE NOT name::text = ANY (ARRAY[%s])"
                                        % ("%s", ", ".join(quote(name) for name in KEPT))):
                self.admin.query(row[0])
            present = {row[0] for row in self.admin.query("SELECT name::text FROM dbsp_ivm.views")}
            found += [row[0] for row in self.admin.query(LEFT_OVER)]
            for name in present:
                found += ["%s differs: %s" % (name, row) for row in self.admin.query("SELECT * FROM dbsp_ivm.verify(%s)" % quote(name))]
        except (ServerError, Lost) as error:
            found.append("looking after it: %s" % error)
        for what in found:
            self.fail(what, recent)
        self.restore()

    def restore(self):
        """Makes the views again that calls have dropped or changed, so that the next ones find something."""
        for sql in SETUP.split(";\n"):
            if "create_view" not in sql and "VIEW over" not in sql:
                continue
            for statement in ("SET ROLE dbsp_fuzz_other" if "theirs.v" in sql else "SET ROLE dbsp_fuzz_user" if "'mine'" in sql else "RESET ROLE", sql, "RESET ROLE"):
                try:
                    self.admin.query(statement)
                except ServerError:
                    pass

    def run(self, ncalls, seconds):
        deadline = time.time() + seconds
        recent = []
        made = 0
        while made < ncalls and time.time() < deadline and self.problems < 20:
            user = self.random.choice([os.environ.get("PGUSER", "postgres"), "dbsp_fuzz_user"])
            statements = [self.trigger_statement()] if self.random.random() < 0.02 else self.statements(self.call())
            recent.append("-- %s: %s" % (user, "; ".join(statements)[:300]))
            if not self.make(user, statements):
                time.sleep(2)
                self.admin = Connection(DATABASE)
            made += 1
            if made % 100 == 0:
                self.clean(recent[-100:])
                recent = []
        self.clean(recent)
        return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--calls", type=int, default=10000)
    parser.add_argument("--seconds", type=int, default=100000)
    arguments = parser.parse_args()
    print("# seed %d" % arguments.seed, flush=True)
    calls = Calls(arguments.seed)
    calls.prepare()
    made = calls.run(arguments.calls, arguments.seconds)
    print("# %s" % ", ".join("%s: %d" % item for item in sorted(calls.codes.items(), key=lambda item: -item[1])))
    calls.remove()
    if calls.problems == 0:
        print("ok - calls: seed %d, %d calls of %d functions" % (arguments.seed, made, len(calls.functions)))
    sys.exit(1 if calls.problems else 0)


if __name__ == "__main__":
    main()

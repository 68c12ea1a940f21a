"""A case: a schema, views, transactions; its text form; how it is run and made smaller."""

import json
import os
import re
import time

from pgwire import Connection, Lost, ServerError

# Errors that random changes may cause by themselves: constraints, one row changed twice, a number out of range.
EXPECTED = re.compile(r"^(23|21000|22003|25P02|3B001|25P01|2201E)")
IS_COPY = re.compile(r"(/\* \d+&? \*/ )?COPY\b")


# What must be gone with the views.
LEFT_OVER = """SELECT string_agg(thing, ', ') FROM (
    SELECT relname::text AS thing FROM pg_class c WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relkind IN ('r', 'v')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL SELECT 'view ' || number FROM dbsp_ivm_internal.view_catalog
    UNION ALL SELECT 'source of ' || view FROM dbsp_ivm_internal.source_catalog
    UNION ALL SELECT 'state of ' || view FROM dbsp_ivm_internal.state_catalog) AS t"""


class View:
    def __init__(self, name, query, loose):
        self.name = name
        self.query = query
        self.loose = loose      # only verify can compare: several texts are right
        self.slow = False       # seen to be: dropped at the end of the transaction


class Difference(Exception):
    """The oracle's verdict."""


class Case:
    def __init__(self, title):
        self.title = title
        self.setup = []
        self.views = []
        self.transactions = []

    def is_scheduled(self):
        """Transactions are rounds of several sessions (schedule.py)."""
        return any(s.startswith("/* ") for t in self.transactions for s in t)

    def copy(self):
        other = Case(self.title)
        other.setup = list(self.setup)
        other.views = list(self.views)
        other.transactions = [list(t) for t in self.transactions]
        return other

    def text(self):
        lines = ["-- " + self.title, "-- setup"]
        lines += [statement_text(s) for s in self.setup]
        for view in self.views:
            lines.append("SELECT dbsp_ivm.create_view('%s', $$%s$$);%s" % (view.name, view.query, " -- loose" if view.loose else ""))
        for transaction in self.transactions:
            lines.append("-- transaction")
            lines += [statement_text(s) for s in transaction]
        return "\n".join(lines) + "\n"


def statement_text(statement):
    if statement.startswith("--"):
        return statement
    if IS_COPY.match(statement):
        head, _, data = statement.partition("\n")
        return head + ";\n" + data + "\\."
    return statement + ";"


def parse(text, title):
    """The inverse of Case.text(); a statement may span lines, the last of which ends in a semicolon."""
    case = Case(title)
    target = case.setup
    lines = iter(text.splitlines())
    statement = ""
    for line in lines:
        view = re.match(r"SELECT dbsp_ivm\.create_view\('(\w+)', \$\$(.*)\$\$\);( -- loose)?$", line)
        if view:
            case.views.append(View(view.group(1), view.group(2), bool(view.group(3))))
        elif line == "-- transaction":
            target = []
            case.transactions.append(target)
        elif line.startswith("-- read "):
            target.append(line)
        elif line.startswith("--") and not statement or not line.strip():
            continue
        elif IS_COPY.match(line) and line.endswith("FROM stdin;"):
            data = ""
            for row in lines:
                if row == "\\.":
                    break
                data += row + "\n"
            target.append(line[:-1] + "\n" + data)
        else:
            statement += ("\n" if statement else "") + line
            if line.endswith(";"):
                target.append(statement[:-1])
                statement = ""
    return case


def comparison(view):
    have = "SELECT md5(__row::text) FROM %s AS __row" % view.name
    want = "SELECT md5(__row::text) FROM (%s) AS __row" % view.query
    return "SELECT count(*) FROM ((%s EXCEPT ALL %s) UNION ALL (%s EXCEPT ALL %s)) AS d" % (have, want, want, have)


class Runner:
    """Runs cases."""

    limit = 4000        # a view whose query handles more rows than this is left out: it would only slow the run down

    def __init__(self):
        self.admin = Connection("postgres")
        self.databases = []
        self.transactions = 0
        self.views = 0
        self.reads = 0      # by one of several sessions
        self.errors = {}
        self.new_database()

    def new_database(self):
        """A database that nothing has happened in.  Cases share one, each in a schema that is dropped, until one fails."""
        name = "dbsp_fuzz_%d_%d" % (os.getpid(), len(self.databases))
        self.admin.query("CREATE DATABASE %s" % name)
        self.databases.append(name)
        connection = Connection(name)
        connection.query("CREATE EXTENSION dbsp_ivm")
        connection.close()

    def end(self):
        for name in self.databases:
            self.admin.query("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)
        self.admin.close()

    def reconnect(self):
        """After a crash the server needs a moment."""
        for _ in range(100):
            try:
                self.admin = Connection("postgres")
                return
            except (Lost, ServerError, OSError):
                time.sleep(0.2)
        raise Lost("the server does not come back")

    def open(self):
        connection = Connection(self.databases[-1])
        connection.query("SET statement_timeout = '30s'")
        connection.query("SET client_min_messages = warning")
        connection.query("SET jit = off")       # many small partitions look expensive
        connection.query("SET search_path = f")
        return connection

    def run(self, case):
        """Returns None when every view was right after every transaction, else what was wrong."""
        connection = None
        problem = None
        try:
            connection = self.open()
            connection.query("CREATE SCHEMA f")
            connection = self.play(connection, case)
            connection.query("DROP SCHEMA f CASCADE")
            left = connection.query(LEFT_OVER)[0][0]
            if left:
                raise Difference("left over after DROP SCHEMA CASCADE: %s" % left)
        except Difference as difference:
            problem = str(difference)
        except ServerError as error:
            problem = "at the end: %s" % error
        except (Lost, OSError) as error:
            problem = "connection lost: %s" % error
            self.reconnect()
        if connection:
            connection.close()
        if problem:
            self.new_database()
        return problem

    def play(self, connection, case):
        """Returns the connection, which may be another one after a crash that was meant."""
        for statement in case.setup:
            try:
                connection.query(statement)
            except ServerError as error:
                if not EXPECTED.match(error.sqlstate):
                    raise Difference("in the setup: %s\n  %s" % (error, statement)) from error
        views = self.create_views(connection, case)
        self.verify(connection, views, "after create_view", 0)
        if case.is_scheduled():
            return self.play_rounds(connection, views, case)
        for number, transaction in enumerate(case.transactions):
            self.transactions += 1
            started = time.monotonic()
            for statement in transaction:
                self.execute(connection, views, statement, number)
            if connection.status != "I":
                connection.query("ROLLBACK")
            self.verify(connection, views, "after transaction %d" % number, number)
            if number % 6 == 5 or time.monotonic() - started > 0.3:
                self.drop_expensive(connection, views)
        return connection

    def play_rounds(self, connection, views, case):
        from sessions import Player     # which needs this module

        player = Player(self, self.databases[-1], views)
        try:
            for number, steps in enumerate(case.transactions):
                player.play(steps, "round %d" % number)
                connection = self.still_connected(connection, views)
                self.verify(connection, views, "after round %d" % number, number)
                if number % 4 == 3:
                    self.drop_expensive(connection, views)
        finally:
            self.reads += player.reads
            player.close()
        return connection

    def still_connected(self, connection, views):
        try:
            connection.query("SELECT")
            return connection
        except Lost:
            connection.close()
        connection = self.open()
        self.prepare(connection, views.values())
        return connection

    @staticmethod
    def prepare(connection, views):
        for view in views:
            if not view.loose:
                connection.query("PREPARE r_%s AS %s" % (view.name, comparison(view)))

    @staticmethod
    def work(connection, query):
        """How many rows all steps of the query's plan handle."""
        plan = connection.query("EXPLAIN (ANALYZE, TIMING off, FORMAT json) " + query)

        def count(node):
            rows = sum(value for key, value in node.items() if key == "Actual Rows" or key.startswith("Rows Removed"))
            return rows * node["Actual Loops"] + sum(count(child) for child in node.get("Plans", ()))
        return count(json.loads("".join(row[0] for row in plan))[0]["Plan"])

    def drop_expensive(self, connection, views):
        """Tables grow, and some views faster than they."""
        for view in list(views.values()):
            try:
                if view.slow or self.work(connection, view.query) > self.limit:
                    connection.query("DROP VIEW %s" % view.name)
                    del views[view.name]
            except ServerError as error:
                if not EXPECTED.match(error.sqlstate):
                    raise Difference("drop of %s: %s" % (view.name, error)) from error

    def create_views(self, connection, case):
        views = {}
        for view in case.views:
            try:
                rows = self.work(connection, view.query)
            except ServerError as error:
                if error.sqlstate in ("22003", "57014", "42P01"):
                    continue        # the query itself fails here, or reads a plain view that does
                raise Difference("the generator's query is wrong: %s\n  %s" % (error, view.query)) from error
            if rows > self.limit:
                continue
            try:
                connection.query("SELECT dbsp_ivm.create_view('%s', $dbsp$%s$dbsp$)" % (view.name, view.query))
            except ServerError as error:
                raise Difference("refused: %s\n  %s" % (error, view.query)) from error
            self.prepare(connection, [view])
            views[view.name] = view
            self.views += 1
        return views

    def execute(self, connection, views, statement, number):
        try:
            if statement.startswith("-- read "):
                self.read(connection, views, statement[8:].strip(), number)
            elif statement.startswith("COPY"):
                head, _, data = statement.partition("\n")
                connection.query(head, data)
            else:
                connection.query(statement)
        except ServerError as error:
            self.errors[error.sqlstate] = self.errors.get(error.sqlstate, 0) + 1
            if not EXPECTED.match(error.sqlstate):
                raise Difference("transaction %d: %s\n  %s" % (number, error, statement)) from error

    @staticmethod
    def compare(connection, view):
        """In how many rows a view differs from its query, by a prepared statement with a cached plan."""
        started = time.monotonic()
        count = connection.query("EXECUTE r_%s" % view.name)[0][0]
        view.slow = time.monotonic() - started > 0.3
        return count

    def read(self, connection, views, name, number):
        view = views.get(name)
        if view is None or connection.status == "E":
            return
        if view.loose:
            rows = connection.query("SELECT * FROM dbsp_ivm.verify('%s')" % name)
            if rows:
                raise Difference("transaction %d, read of %s: %s" % (number, name, rows[:5]))
            return
        count = self.compare(connection, view)
        if count != "0":
            raise Difference("transaction %d, read of %s: %s rows differ from the query" % (number, name, count))

    def verify(self, connection, views, when, number):
        """All views by verify; one of them, in turn, by the query itself as well."""
        if not views:
            return
        sql = " UNION ALL ".join("SELECT '%s', * FROM dbsp_ivm.verify('%s')" % (v, v) for v in views)
        exact = [v for v in views.values() if not v.loose]
        exact = exact[number % len(exact):][:1] if exact else []
        try:
            rows = connection.query(sql)
            if rows:
                raise Difference("%s: verify: %s" % (when, rows[:5]))
            for view in exact:
                count = self.compare(connection, view)
                if count != "0":
                    raise Difference("%s: %s: %s rows differ from the query, and verify did not see it" % (when, view.name, count))
        except ServerError as error:
            if error.sqlstate != "22003":
                raise Difference("%s: %s" % (when, error)) from error
            if connection.status != "I":
                connection.query("ROLLBACK")

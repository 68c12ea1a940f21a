"""Random schedules: what several sessions do, interleaved.

A round is a list of steps, each a statement after the number of its session: "/* 2 */ UPDATE ...".  "/* 2& */" is not
waited for.  Besides SQL there are
    READ v        compares a view with its query where the session is just now
    CHECK         compares all views in one snapshot, in a transaction of its own; the reader does that
    KILL n, CANCEL n, CRASH n     ends session n, stops its statement, or kills its process
    SLEEP s       lets the others go on for some seconds
"""

from generate import Generator

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
READER = "9"


class Scheduler(Generator):
    def __init__(self, random, sessions, crashes):
        super().__init__(random)
        self.sessions = sessions
        self.crashes = crashes

    # ---- statements ----

    def picked(self, table):
        """Some rows that nobody else has locked, so that sessions do not wait for each other's rows all the time."""
        return "(%s.tableoid, %s.ctid) IN (SELECT o.tableoid, o.ctid FROM %s AS o WHERE %s LIMIT %d FOR UPDATE SKIP LOCKED)" % (
            table.name, table.name, table.name, self.where(table, "o"), self.random.choice((1, 1, 2, 4)))

    def narrow(self):
        table = self.random.choice(self.tables)
        scope = [("%s.%s" % (table.name, column), kind) for column, kind in table.columns]
        roll = self.random.random()
        if roll < 0.45:
            names = ", ".join(name for name, _ in table.columns)
            rows = ", ".join("(%s)" % ", ".join(self.row(table, self.chance(0.7))) for _ in range(self.random.choice((1, 1, 2))))
            return "INSERT INTO %s (%s) VALUES %s" % (table.name, names, rows)
        if roll < 0.8:
            return "UPDATE %s SET %s WHERE %s" % (table.name, self.assignments(table, scope), self.picked(table))
        return "DELETE FROM %s WHERE %s" % (table.name, self.picked(table))

    def statement(self):
        if self.chance(0.7):
            return self.narrow()
        sql = super().statement()
        # These wait for everybody, and everybody for them.
        while sql.startswith(("TRUNCATE", "DO $do$ BEGIN IF", "DO $do$ BEGIN DROP")) and self.chance(0.8):
            sql = super().statement()
        return sql

    # ---- DDL ----

    def column_ddl(self, table):
        r = self.random
        one, two = r.sample(("z1", "z2", "z3"), 2)
        kind = r.choice(("int DEFAULT 1", "int DEFAULT (random() * 9)::int", "text", "numeric NOT NULL DEFAULT 2.50"))
        return r.choice((
            ["ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s" % (table.name, one, kind)],
            ["ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s" % (table.name, one, kind)],
            ["ALTER TABLE %s DROP COLUMN IF EXISTS %s" % (table.name, one)],
            ["ALTER TABLE %s RENAME COLUMN %s TO %s" % (table.name, one, two)],
            ["ALTER TABLE %s ALTER COLUMN %s TYPE %s" % (table.name, one, r.choice(("text", "varchar(100)")))],
            ["ALTER TABLE %s ALTER COLUMN k TYPE numeric" % table.name],
            ["ALTER TABLE %s RENAME COLUMN k TO kk" % table.name,
             "UPDATE %s SET kk = %d WHERE kk = %d" % (table.name, r.randint(0, 6), r.randint(0, 6)),
             "ALTER TABLE %s RENAME COLUMN kk TO k" % table.name]))

    def index_ddl(self, table):
        r = self.random
        column = r.choice(table.columns)[0]
        name = "i_%s_%s" % (table.name, column)
        how = r.choice(("", "", "USING hash "))
        concurrently = "" if table.partitioned or self.chance(0.6) else "CONCURRENTLY "
        return r.choice((
            ["CREATE INDEX %sIF NOT EXISTS %s ON %s %s(%s)" % (concurrently, name, table.name, how, column)],
            ["DROP INDEX %sIF EXISTS %s" % (concurrently, name)],
            ["REINDEX TABLE %s%s" % (concurrently, table.name)],
            [r.choice(("ANALYZE %s", "VACUUM %s", "VACUUM FULL %s")) % table.name]))

    def view_ddl(self):
        r = self.random
        name = r.choice(self.view_names)
        query = self.queries[name]
        other = r.choice((query, "SELECT * FROM (%s) AS same" % query, "WITH same AS (%s) SELECT * FROM same WHERE true" % query))
        return r.choice((
            ["SELECT dbsp_ivm.refresh('%s')" % name],
            ["SELECT dbsp_ivm.alter_view('%s', $dbsp$%s$dbsp$)" % (name, other)],
            ["DROP VIEW %s" % name, "SELECT dbsp_ivm.create_view('%s', $dbsp$%s$dbsp$)" % (name, other)]))

    def ddl(self):
        roots = [table for table in self.tables if table.key or not any(p.name == table.name for p in self.partitions)]
        roll = self.random.random()
        if roll < 0.35:
            return self.column_ddl(self.random.choice(roots))
        if roll < 0.6:
            return self.index_ddl(self.random.choice(roots))
        if roll < 0.8 and self.view_names:
            return self.view_ddl()
        if roll < 0.95 and self.partitions:
            return [self.partition_statement()]
        return ["TRUNCATE %s" % self.random.choice(roots).name]

    def ddl_transaction(self):
        statements = self.ddl()
        alone = len(statements) == 1 and statements[0].startswith(("VACUUM", "ANALYZE", "REINDEX")) or "CONCURRENTLY" in statements[0]
        if alone or len(statements) == 1 and self.chance(0.7):
            return statements
        if self.chance(0.5):
            statements.insert(0, self.statement())
        if self.chance(0.5):
            statements.append(self.statement())
        return ["BEGIN"] + statements + ["COMMIT" if self.chance(0.8) else "ROLLBACK"]

    # ---- transactions ----

    def session_transaction(self):
        r = self.random
        if self.chance(0.07):
            return self.ddl_transaction()
        if self.chance(0.15):
            return [self.statement()]
        reads = self.view_names and self.chance(0.35)
        statements = ["BEGIN ISOLATION LEVEL " + r.choices(LEVELS, (5, 3, 2))[0]]
        if self.chance(0.08):
            statements.append("SET LOCAL lock_timeout = '%dms'" % r.choice((20, 100)))
        if self.chance(0.2):
            statements.append("SET LOCAL dbsp_ivm.delta_mem = 0")
        savepoints = []
        for _ in range(r.choice((1, 2, 3, 4, 6))):
            roll = r.random()
            if roll < 0.12:
                savepoints.append("s%d" % len(savepoints))
                statements.append("SAVEPOINT " + savepoints[-1])
            elif roll < 0.2 and savepoints:
                at = r.randrange(len(savepoints))
                statements.append("ROLLBACK TO " + savepoints[at])
                savepoints = savepoints[:at + 1]
            elif roll < 0.25 and savepoints:
                at = r.randrange(len(savepoints))
                statements.append("RELEASE " + savepoints[at])
                savepoints = savepoints[:at]
            elif roll < 0.45 and reads:
                statements.append("READ " + r.choice(self.view_names))
            else:
                statements.append(self.statement())
        if self.chance(0.06):
            # Each has its own name, should one be left over.
            self.serial += 1
            end = "COMMIT" if self.chance(0.8) else "ROLLBACK"
            return statements + ["PREPARE TRANSACTION 'p%d'" % self.serial, "%s PREPARED 'p%d'" % (end, self.serial)]
        statements.append("COMMIT" if self.chance(0.9) else "ROLLBACK")
        return statements

    def session_script(self, number, sessions):
        """All that one session does in a round."""
        script = []
        for _ in range(self.random.choice((1, 2, 3, 4))):
            script += self.session_transaction()
        for word, probability in (("KILL", 0.06), ("CANCEL", 0.12), ("CRASH", self.crashes)):
            if self.chance(probability):
                other = self.random.choice([n for n in range(sessions) if n != number])
                at = self.random.randint(0, len(script))
                script[at:at] = ["SLEEP %.4f" % (self.random.random() * 0.004)] * self.random.randint(0, 1) + ["%s %d" % (word, other)]
        return script

    def transaction(self):
        """A round, in place of one session's transaction."""
        sessions = self.sessions or self.random.randint(2, 4)
        race = self.chance(0.4)
        scripts = {str(n): self.session_script(n, sessions) for n in range(sessions)}
        scripts[READER] = ["CHECK"] * self.random.randint(0, 3)
        steps = []
        while any(scripts.values()):
            name = self.random.choice([n for n, script in scripts.items() for _ in script])
            wait = "&" if race or self.chance(0.1) else ""
            steps.append("/* %s%s */ %s" % (name, wait, scripts[name].pop(0)))
        return steps

"""How a schedule (schedule.py) is played: several connections, each with a queue of statements.

A step is given to its session, which starts it as soon as it has nothing else to do.  Unless the step says otherwise, the
next one comes when every session has either answered or waits for a lock, so most schedules go the same way each time.

Views must equal their queries wherever a session looks, in the snapshots of a reader of its own, and when all sessions
have ended their transactions.  Wrong, too, is an error that the statement could not meet without views: a deadlock may
have to do with keys of folds only if one of its transactions folded before its commit; 40001 needs a snapshot that stays.
"""

import collections
import os
import re
import signal
import time

from case import EXPECTED, Difference, comparison
from pgwire import Connection, Lost, ServerError
from schedule import READER

STEP = re.compile(r"/\* (\d+)(&?) \*/ (.*)", re.S)
DDL = re.compile(r"(ALTER|CREATE|DROP|TRUNCATE|REINDEX|VACUUM|ANALYZE|CLUSTER|DO \$do\$ BEGIN (IF|DROP)|SELECT dbsp_ivm\.)")
# What older snapshots do not see as it was, in PostgreSQL itself or by our own documentation.
BREAKS_SNAPSHOTS = re.compile(r"(ALTER TABLE|TRUNCATE|VACUUM FULL|DROP VIEW|DO \$do\$ BEGIN (IF|DROP)|SELECT dbsp_ivm\.(alter|create)_view)")
# Of DDL that others have been faster with, or that a view forbids; of COMMIT and the like after a session was killed.
OF_DDL = re.compile(r"^(42703|42701|42P07|42P01|42P16|42704|42804|0A000|2BP01|25001|55006|55000|55P03|25006)")
WAIT = re.compile(r"Process (\d+) waits for (\w+) on (.*?); blocked by process (\d+)\.")
SETTINGS = ("statement_timeout = '60s'", "client_min_messages = warning", "jit = off", "search_path = f", "deadlock_timeout = '30ms'")
HANG = 40


class Session:
    def __init__(self, name, database):
        self.name = name
        self.database = database
        self.queue = collections.deque()
        self.prepared = {}          # of views, the names of statements
        self.serial = 0
        self.statement = None       # that runs
        self.cancelled = False
        self.two_phase = False      # between PREPARE TRANSACTION and its end
        self.skip = False           # to the end of the transaction that it was killed in
        self.again = False          # the read that runs is the second try
        self.connection = None
        self.clock = 0              # of the player, when the statement began
        self.ended = collections.deque(maxlen=50)   # transactions, which others may have met before they were heard of
        self.connect()

    def connect(self):
        self.connection = Connection(self.database)
        self.prepared.clear()
        for setting in SETTINGS:
            self.connection.query("SET " + setting)
        self.statement = None
        self.begin_transaction("")

    def begin_transaction(self, level):
        self.level = level
        self.folded = False         # may have folded before its end
        self.ddl = False
        self.breaks = False         # does what older snapshots do not see
        self.stale = False          # somebody else did so since it began

    @property
    def in_transaction(self):
        return self.connection.status != "I"

    def end_transaction(self, clock):
        self.ended.append((clock, self.folded, self.ddl))

    def folded_since(self, clock):
        return self.folded or any(folded for end, folded, _ in self.ended if end >= clock)

    def ddl_since(self, clock):
        return self.ddl or any(ddl for end, _, ddl in self.ended if end >= clock)

    @property
    def disturbs(self):
        return self.breaks and (self.in_transaction or self.statement is not None or self.two_phase)


class Player:
    """Plays rounds over one database."""

    def __init__(self, runner, database, views):
        self.runner = runner
        self.database = database
        self.views = views
        self.sessions = {}
        self.problem = None
        self.where = ""
        self.reads = 0
        self.clock = 0
        self.trace = []             # what was done, in the order in which it was

    def close(self):
        for session in self.sessions.values():
            session.connection.close()

    def session(self, name):
        if name not in self.sessions:
            self.sessions[name] = Session(name, self.database)
        return self.sessions[name]

    def fail(self, session, what):
        if self.problem is None:
            self.problem = "%s, session %s: %s" % (self.where, session.name, what)

    # ---- a round ----

    def play(self, steps, where):
        self.where = where
        self.trace = []
        for step in steps:
            name, race, sql = STEP.match(step).groups()
            self.session(name).queue.append(sql)
            self.advance()
            if not race:
                self.settle()
            if self.problem:
                break
        self.finish()
        if self.problem:
            raise Difference(self.problem + "\n  as it went:\n" + "\n".join(self.trace[-60:]))

    def advance(self):
        """Takes what has come, starts what can start.  True if anything happened."""
        moved = False
        for session in list(self.sessions.values()):
            if session.statement is not None and self.poll(session):
                moved = True
            while session.statement is None and session.queue and not self.problem:
                self.start(session, session.queue.popleft())
                moved = True
        return moved

    def settle(self):
        """Until every session has nothing to do or waits for a lock."""
        deadline = time.monotonic() + HANG
        patience = 0.002
        while time.monotonic() < deadline:
            if self.advance():
                patience = 0.002
                continue
            busy = [s for s in self.sessions.values() if s.statement is not None]
            if not busy:
                return
            time.sleep(0.0005)
            if self.advance():
                continue
            if all(self.is_blocked(s) for s in busy):
                return
            time.sleep(patience)
            patience = min(2 * patience, 0.05)
        self.fail(busy[0], "hangs: %s" % self.describe())

    def is_blocked(self, session):
        return self.runner.admin.query("SELECT pg_blocking_pids(%d) <> '{}'" % session.connection.pid)[0][0] == "t"

    def describe(self):
        rows = self.runner.admin.query("SELECT pid, wait_event_type, wait_event, pg_blocking_pids(pid), left(query, 120) FROM pg_stat_activity "
                                       "WHERE datname = '%s'" % self.database)
        return "\n".join(str(row) for row in rows)

    def finish(self):
        """All transactions end: those whose end was cut off are rolled back."""
        if self.problem:
            for session in self.sessions.values():
                session.queue.clear()
        deadline = time.monotonic() + HANG
        while True:
            moved = self.advance()
            waiting = [s for s in self.sessions.values() if s.statement is not None or s.queue]
            if not moved:
                for session in self.sessions.values():
                    if session.statement is None and not session.queue and session.in_transaction:
                        self.start(session, "ROLLBACK")
                        moved = True
            moved = moved or self.end_prepared()
            if not waiting and not moved:
                return
            if not moved:
                time.sleep(0.001)
            if time.monotonic() > deadline:
                self.fail(waiting[0] if waiting else next(iter(self.sessions.values())), "hangs: %s" % self.describe())
                return

    def end_prepared(self):
        """Ends a prepared transaction that nobody is going to end.  True if there was one."""
        idle = [s for s in self.sessions.values() if s.statement is None and not s.queue and not s.in_transaction]
        todo = " ".join((s.statement or "") + " ".join(s.queue) for s in self.sessions.values())
        for (gid,) in self.runner.admin.query("SELECT gid FROM pg_prepared_xacts WHERE database = '%s'" % self.database) if idle else ():
            if " PREPARED '%s'" % gid not in todo:
                idle[0].two_phase = True
                self.send(idle[0], "ROLLBACK PREPARED '%s'" % gid)
                return True
        return False

    # ---- statements ----

    def start(self, session, sql):
        word = sql.split()[0]
        if word == "SLEEP":
            time.sleep(float(sql.split()[1]))
        elif word in ("KILL", "CANCEL", "CRASH"):
            self.trace.append("%s: %s" % (session.name, sql))
            self.end_other(word, sql.split()[1])
        elif not self.is_skipped(session, sql):
            self.send(session, sql)

    def is_skipped(self, session, sql):
        if " PREPARED " in sql:
            return not session.two_phase
        ends = sql in ("COMMIT", "ROLLBACK") or sql.startswith("PREPARE TRANSACTION")
        if session.skip:
            session.skip = not ends and not sql.startswith("BEGIN")
            return session.skip or ends
        if session.connection.status == "E":
            return not ends and not sql.startswith("ROLLBACK TO")
        named = re.search(r"\bv\d+\b", sql) if sql.startswith(("READ", "DROP VIEW", "SELECT dbsp_ivm.")) else None
        return bool(named and named.group() not in self.views)

    def note(self, session, sql):
        """What the statement means for its transaction and for others."""
        if " PREPARED " in sql:
            return
        session.two_phase = sql.startswith("PREPARE TRANSACTION") and session.connection.status == "T"
        if sql.startswith("BEGIN") or not session.in_transaction:
            session.begin_transaction(sql[len("BEGIN ISOLATION LEVEL "):] if sql.startswith("BEGIN ISO") else "READ COMMITTED")
            session.stale = any(other.disturbs for other in self.sessions.values() if other is not session)
        if DDL.match(sql):
            session.ddl = session.folded = True
        if sql.startswith(("READ", "DO ")):
            session.folded = True
        if BREAKS_SNAPSHOTS.match(sql):
            session.breaks = True
            for other in self.sessions.values():
                if other is not session:
                    other.stale = True

    def sql_of(self, session, sql):
        """READ and CHECK in SQL."""
        if sql.startswith("READ"):
            view = self.views[sql.split()[1]]
            if view.loose:
                return "SELECT '%s', count(*) FROM dbsp_ivm.verify('%s')" % (view.name, view.name)
            prepare = ""
            if view.name not in session.prepared:
                session.serial += 1
                session.prepared[view.name] = "r_%d" % session.serial
                prepare = "PREPARE r_%d AS SELECT '%s', (%s); " % (session.serial, view.name, comparison(view))
            return prepare + "EXECUTE " + session.prepared[view.name]
        counts = ["SELECT '%s', (%s)" % (v.name, comparison(v)) if not v.loose else
                  "SELECT '%s', count(*) FROM dbsp_ivm.verify('%s')" % (v.name, v.name) for v in self.views.values()]
        return "BEGIN ISOLATION LEVEL REPEATABLE READ; %s; COMMIT" % " UNION ALL ".join(counts or ["SELECT '', 0"])

    def send(self, session, sql):
        self.clock += 1
        self.note(session, sql)
        session.clock = self.clock
        self.trace.append("%s: %s" % (session.name, sql))
        session.statement = sql
        try:
            if sql.startswith("COPY"):
                head, _, data = sql.partition("\n")
                session.connection.begin(head, data)
            elif sql.startswith(("READ", "CHECK")):
                session.connection.begin(self.sql_of(session, sql))
            else:
                session.connection.begin(sql)
        except Lost as lost:
            self.lost(session, lost)

    def poll(self, session):
        try:
            if not session.connection.step(0):
                return False
        except Lost as lost:
            self.lost(session, lost)
            return True
        sql, session.statement = session.statement, None
        if not session.in_transaction:
            session.end_transaction(self.clock)
        leaks = [text for text in session.connection.warnings if re.search("leak|not closed|refcount|still active", text)]
        session.connection.warnings.clear()
        if leaks:
            self.fail(session, "%s\n  %s" % (leaks, sql))
        try:
            rows = session.connection.result()
        except ServerError as error:
            self.trace.append("%s:    %s" % (session.name, error))
            session.two_phase = session.two_phase and not sql.startswith("PREPARE TRANSACTION")
            self.judge(session, sql, error)
            if sql.startswith("READ"):
                session.prepared.pop(sql.split()[1], None)
            if sql.startswith("CHECK") and session.in_transaction:
                session.queue.appendleft("ROLLBACK")
            return True
        if sql.startswith(("READ", "CHECK")):
            self.judge_rows(session, sql, rows)
        if " PREPARED " in sql:
            session.two_phase = False
        elif not session.in_transaction and not sql.startswith(("ROLLBACK", "READ", "CHECK")):
            self.runner.transactions += 1
        return True

    # ---- verdicts ----

    def judge_rows(self, session, sql, rows):
        self.reads += len(rows)
        bad = [row for row in rows if row[1] != "0"]
        again, session.again = session.again, False
        if not bad:
            return
        if session.stale and (sql.startswith("CHECK") or session.level == "READ COMMITTED") and not again:
            session.again = True
            session.stale = any(other.disturbs for other in self.sessions.values() if other is not session)
            session.queue.appendleft(sql)
        elif not session.stale:
            self.fail(session, "read of %s: differs from the query in %s rows" % (bad[0][0], bad[0][1]))

    def judge(self, session, sql, error):
        errors = self.runner.errors
        errors[error.sqlstate] = errors.get(error.sqlstate, 0) + 1
        if EXPECTED.match(error.sqlstate) or error.sqlstate == "22012":
            return
        # A session that was killed does not know how far it came.
        if " PREPARED " in sql and error.sqlstate == "42704":
            return
        if error.sqlstate == "57014" and session.cancelled:
            session.cancelled = False
            return
        verdict = {"40P01": self.judge_deadlock, "40001": self.judge_serialization}.get(error.sqlstate, self.judge_other)
        problem = verdict(session, sql, error)
        if problem:
            self.fail(session, "%s: %s\n  %s\n  %s" % (problem, error, sql, error.context or ""))

    def judge_other(self, session, sql, error):
        if error.sqlstate == "55P03" or OF_DDL.match(error.sqlstate) and (
                any(other.ddl_since(session.clock) for other in self.sessions.values())):
            return None
        # PostgreSQL's own words for two commands that change one catalog row.
        if session.ddl and error.message in ("tuple concurrently updated", "tuple concurrently deleted"):
            return None
        return "error"

    @staticmethod
    def judge_serialization(session, sql, error):
        if "moved to another partition" in error.message or session.level == "SERIALIZABLE":
            return None
        if session.level == "REPEATABLE READ" and not sql.startswith(("COMMIT", "PREPARE")):
            return None
        return "serialization failure without a cause"

    def judge_deadlock(self, session, sql, error):
        """The cycle is in the error's detail."""
        by_pid = {str(s.connection.pid): s for s in self.sessions.values()}
        cycle = [(by_pid.get(pid), what) for pid, _, what, _ in WAIT.findall(error.detail or "")]
        known = [s for s, _ in cycle if s]
        if any(s.folded_since(session.clock) for s in known):
            return None
        if any("advisory" in what for _, what in cycle):
            return "deadlock of folds at commit"
        if sql.startswith(("COMMIT", "PREPARE")):
            return "deadlock at commit"
        return None

    # ---- violence ----

    def end_other(self, word, name):
        other = self.sessions.get(name)
        if other is None:
            return
        if word == "CRASH":
            os.kill(other.connection.pid, signal.SIGKILL)
            self.wait_for_crash()
            self.runner.reconnect()
            for session in self.sessions.values():
                self.replace(session)
        elif word == "KILL":
            self.runner.admin.query("SELECT pg_terminate_backend(%d)" % other.connection.pid)
            for _ in range(4000):
                gone = self.runner.admin.query("SELECT count(*) FROM pg_stat_activity WHERE pid = %d" % other.connection.pid)[0][0] == "0"
                if gone:
                    break
                time.sleep(0.001)
            else:
                self.fail(other, "cannot be terminated: %s" % self.describe())
            self.replace(other)
        elif other.statement is not None:
            other.cancelled = True
            self.runner.admin.query("SELECT pg_cancel_backend(%d)" % other.connection.pid)

    def wait_for_crash(self):
        """For a moment the server takes connections as if nothing had happened."""
        try:
            for _ in range(1000):
                self.runner.admin.query("SELECT")
                time.sleep(0.01)
        except (Lost, ServerError):
            self.runner.admin.close()

    def replace(self, session):
        within = session.in_transaction or (session.statement or "").startswith("BEGIN")
        within = within and not (session.statement or "").startswith(("COMMIT", "ROLLBACK", "PREPARE TRANSACTION"))
        session.connection.close()
        session.end_transaction(self.clock)
        session.connect()
        session.skip = within
        session.cancelled = False

    def lost(self, session, lost):
        self.fail(session, "connection lost: %s\n  %s" % (lost, session.statement))
        session.connection.close()
        try:
            self.runner.reconnect()
            self.replace(session)
        except (Lost, ServerError, OSError) as error:
            raise Lost(str(error)) from error

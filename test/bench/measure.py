"""How one run is measured: four ways, each a function (workload, variant, database, session) -> figures.

Figures: value (tps, ms or microseconds of CPU per transaction), and where the way can tell them wal (bytes per
transaction or row), cpu (ms of client and backends, per transaction), mem (MB), p99 (ms), deadlocks, shadow (row writes per transaction in shadow tables).
"""

import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz"))
from pgwire import Connection, Lost, ServerError  # noqa: E402

UNITS = {"pgbench": "tps", "loop": "us", "statement": "ms", "session": "ms"}
# NULL, and so an error, if there is no shadow table.
WRITES = ("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_all_tables"
          " WHERE schemaname = 'dbsp_ivm_internal' AND relname LIKE 'shadow%'")


class Session:
    """A backend that one variant keeps through all runs of a workload."""

    def __init__(self, database):
        self.connection = Connection(database)
        self.pid = int(self.query("SELECT pg_backend_pid()")[0][0])

    def query(self, sql):
        return self.connection.query(sql)

    def close(self):
        self.connection.close()

    def cpu_ms(self):
        with open("/proc/%d/schedstat" % self.pid, encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e6

    def private_mb(self):
        """Memory that is the backend's alone: shared buffers and the program's files do not count."""
        with open("/proc/%d/status" % self.pid, encoding="ascii") as file:
            return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1)) / 1024


class PeakMemory(threading.Thread):
    """Looks at a session's private memory every few milliseconds until it is stopped."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session, self.peak, self.done = session, session.private_mb(), threading.Event()

    def run(self):
        while not self.done.wait(0.005):
            self.peak = max(self.peak, self.session.private_mb())

    def stop(self):
        self.done.set()
        self.join()
        return self.peak


class Log:
    """Bytes of WAL since it was made, all sessions together."""

    def __init__(self, control):
        self.control, self.start = control, self._position(control)

    @staticmethod
    def _position(control):
        return int(control.query("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")[0][0])

    def bytes(self):
        return self._position(self.control) - self.start


def set_cores(pid, cores):
    """Lets a process run on these cores only; threads and children of it follow."""
    try:
        os.sched_setaffinity(pid, cores)
    except (OSError, AttributeError):
        pass


def client_cores(pinned):
    """Pinned, one client and its backend share a core, and everything else has the others: no time goes by between them, so a view's share is the largest."""
    every = set(range(os.cpu_count()))
    return {max(every)} if pinned and len(every) > 1 else every


def seconds():
    """How long a run of pgbench lasts; loops in the server scale with it."""
    return int(os.environ.get("SECONDS_PER_RUN") or "2")


def _latencies(prefix):
    values = []
    directory = os.path.dirname(prefix)
    for name in os.listdir(directory):
        if name.startswith(os.path.basename(prefix)):
            with open(os.path.join(directory, name), encoding="ascii") as file:
                values += [int(line.split()[2]) / 1000 for line in file if line.split()[2].isdigit()]
            os.remove(os.path.join(directory, name))
    return sorted(values)


class Processor:
    """CPU time of the client and its backends, once they have ended: little disturbed by what else the machine does."""

    def __init__(self, control):
        self.control = control
        self.start = self._used()

    def _used(self):
        """Waits for backends that are ending: only then their time is in the postmaster's."""
        with open(os.path.join(os.environ["WORK"], "data", "postmaster.pid"), encoding="ascii") as file:
            postmaster = int(file.readline())
        while True:
            with open("/proc/%d/task/%d/children" % (postmaster, postmaster), encoding="ascii") as file:
                children = set(file.read().split())
            if children <= {row[0] for row in self.control.query("SELECT pid FROM pg_stat_activity")}:
                break
            time.sleep(0.02)
        with open("/proc/%d/stat" % postmaster, encoding="ascii") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[13:15]
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK") + (own.ru_utime + own.ru_stime) * 1000

    def ms(self):
        return self._used() - self.start


def pgbench(workload, variant, database, control, _session):
    """Transactions per second through sockets."""
    skip = int(workload.options.get("skip", "0"))
    with tempfile.TemporaryDirectory() as directory:
        script = os.path.join(directory, "script.sql")
        with open(script, "w", encoding="utf8") as file:
            file.write(workload.text("script", variant).strip() + "\n")
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(workload.clients), "-j", str(min(workload.clients, 2)),
                   "-T", str(seconds() + skip), "-f", script]
        command += ["-D", "serial=%d" % random.randint(10 ** 9, 2 * 10 ** 9)]
        if skip:
            command += ["-P", "1"]
        if workload.clients > 1:
            command += ["-l", "--log-prefix=%s/latency" % directory]
        log, processor = Log(control), Processor(control)
        deadlocks = _deadlocks(control, database)
        cores = client_cores(workload.pinned)
        done = subprocess.run(command + [database], capture_output=True, encoding="utf8", cwd=directory,
                              preexec_fn=lambda: set_cores(0, cores), check=False)
        wal = log.bytes()
        if done.returncode != 0 or "aborted" in done.stderr:
            raise RuntimeError(done.stderr.strip()[-500:])
        count = int(re.search(r"actually processed: (\d+)", done.stdout).group(1))
        figures = {"value": float(re.search(r"tps = ([0-9.]+)", done.stdout).group(1)), "wal": wal / count,
                   "cpu": processor.ms() / count}
        if skip:
            rates = [float(tps) for tps in re.findall(r"progress: [0-9.]+ s, ([0-9.]+) tps", done.stderr)]
            figures["value"] = statistics.mean(rates[skip:])
        if workload.clients > 1:
            latencies = _latencies(directory + "/latency")
            figures["p99"] = latencies[int(len(latencies) * 0.99)]
            figures["deadlocks"] = _deadlocks(control, database) - deadlocks
        figures["count"] = count
        return figures


def _deadlocks(control, database):
    return int(control.query("SELECT deadlocks FROM pg_stat_database WHERE datname = '%s'" % database)[0][0])


def loop(workload, _variant, _database, control, session):
    """A loop in the server, one COMMIT per turn: no client, no socket; the backend's CPU time is the figure."""
    turns = int(workload.options.get("iterations", "20000")) * seconds()
    log, cpu, start = Log(control), session.cpu_ms(), time.monotonic()
    session.query("CALL bench_loop(%d)" % turns)
    wall = (time.monotonic() - start) * 1000
    used = session.cpu_ms() - cpu
    return {"value": used * 1000 / turns, "wal": log.bytes() / turns, "wall": wall, "count": turns}


def statement(workload, variant, _database, control, session):
    """One statement (or transaction in one message), its time at the client."""
    log, cpu, memory = Log(control), session.cpu_ms(), PeakMemory(session)
    memory.start()
    start = time.monotonic()
    try:
        session.query(workload.text("script", variant))
        value = (time.monotonic() - start) * 1000
    finally:
        peak = memory.stop()
    figures = {"value": value, "wal": log.bytes() / workload.units, "mem": peak, "count": 1}
    # Parallel workers are not in the backend's own time.
    return {**figures, "cpu": session.cpu_ms() - cpu} if workload.pinned else figures


def session(workload, variant, database, _control, _session):
    """New sessions: what the first write takes longer than a later one, and the memory they then have."""
    extra, memory = [], []
    for _ in range(10):
        fresh = Session(database)
        times = []
        for _ in range(6):
            text = workload.text("script", variant).replace(":id", str(random.randint(1, workload.variables["rows"])))
            start = time.monotonic()
            fresh.query(text)
            times.append((time.monotonic() - start) * 1000)
        extra.append(times[0] - statistics.median(times[1:]))
        memory.append(fresh.private_mb())
        fresh.close()
    return {"value": statistics.median(extra), "mem": max(memory), "count": 1}


MEASURES = {"pgbench": pgbench, "loop": loop, "statement": statement, "session": session}


def run(workload, variant, database, control, own_session):
    """The figures of one run; writes to shadow tables are added for every way that can count them."""
    counts = variant == "dbsp" and any(goal.metric == "shadow" for goal in workload.goals)
    before = _shadow_writes(database) if counts else 0
    figures = MEASURES[workload.measure](workload, variant, database, control, own_session)
    if counts:
        figures["shadow"] = (_shadow_writes(database) - before) / figures["count"]
    return figures


def _shadow_writes(database):
    # A backend reports its counts when it ends; it may still be ending.
    time.sleep(0.3)
    reader = Session(database)
    try:
        return int(reader.query(WRITES)[0][0])
    finally:
        reader.close()

#!/usr/bin/python3
"""Runs the workloads that BENCH names, each with its variants in turn, and prints the table of results.

The server is there already (bench.sh); this makes databases, measures, verifies every view after each run,
and writes one JSON line per run.
"""

import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time

import measure
import report
import workload as workloads

RUNS = int(os.environ.get("RUNS") or "3")
ROWS = int(os.environ.get("ROWS") or "1000000")
LONG = os.environ.get("BENCH_LONG") == "1"


def say(text):
    print(text, flush=True)


def psql(database, sql, variables=None):
    command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database]
    for key, value in (variables or {}).items():
        command += ["-v", "%s=%s" % (key, value)]
    done = subprocess.run(command, input=sql, capture_output=True, encoding="utf8", check=False)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (database, done.stderr.strip()[-500:]))
    return done.stdout.strip()


class Bench:
    """The server, the databases made so far and the results."""

    def __init__(self):
        self.control = measure.Connection("postgres")
        self.templates = {}
        self.results = []
        self.work = os.environ["WORK"]
        self.file = open(os.path.join(os.environ["OUT"], "test/bench/results.jsonl"), "a", encoding="utf8")
        with open(os.path.join(self.work, "data", "postmaster.pid"), encoding="ascii") as file:
            self.postmaster = int(file.readline())

    def template(self, workload):
        """The database with a workload's data, loaded once for all that use it."""
        data, variables = workload.template()
        key = "%s %s" % (data, sorted(variables.items()))
        if key not in self.templates:
            name = "data_%s" % hashlib.sha256(key.encode()).hexdigest()[:12]
            say("  loading %s %s" % (data, " ".join("%s=%s" % item for item in variables.items())))
            self.control.query("CREATE DATABASE %s" % name)
            psql(name, "SET synchronous_commit = off;\n" + workloads.read("data/%s.sql" % data), variables)
            psql(name, "VACUUM ANALYZE")
            self.templates[key] = name
        return self.templates[key]

    def make_database(self, workload, variant):
        """A copy of the data with the variant's views, settings and procedures."""
        name = "bench_" + variant
        self.control.query("CREATE DATABASE %s TEMPLATE %s" % (name, self.template(workload)))
        if variant == "dbsp":
            psql(name, "CREATE EXTENSION dbsp_ivm")
            for number, query in enumerate(workload.view_queries(), 1):
                psql(name, "SELECT dbsp_ivm.create_view('v%d', $query$%s$query$)" % (number, query))
        setup = workload.text("setup", variant)
        if setup:
            psql(name, setup)
        if workload.measure == "loop":
            psql(name, "CREATE PROCEDURE bench_loop(turns int) LANGUAGE plpgsql AS $loop$\n"
                 "DECLARE x int; BEGIN FOR turn IN 1 .. turns LOOP\n"
                 "%s;\nCOMMIT;\nEND LOOP; END $loop$" % workload.text("script", variant).strip().rstrip(";"))
        for setting in workload.options.get("settings", "").split():
            self.control.query("ALTER DATABASE %s SET %s" % (name, setting.replace("=", " = ")))
        return name

    def set_cores(self, pinned):
        """Background processes keep off the core of the client and its backend."""
        measure.set_cores(self.postmaster, measure.client_cores(pinned))
        others = measure.client_cores(False) - measure.client_cores(True) if pinned else measure.client_cores(False)
        done = subprocess.run(["pgrep", "-P", str(self.postmaster)], capture_output=True, encoding="ascii", check=False)
        for pid in done.stdout.split():
            measure.set_cores(int(pid), others or measure.client_cores(False))

    def verify(self, workload, variant, database):
        """Raises if a view, or the hand-written summary of the variant, is not what its query says."""
        if variant == "dbsp":
            query = "SELECT count(*), string_agg(DISTINCT v.name::text, ' ') FROM dbsp_ivm.views v, dbsp_ivm.verify(v.name::text)"
        else:
            query = workload.text("verify", variant)
        if query:
            differences, *which = psql(database, query).split("|")
            if int(differences) != 0:
                raise RuntimeError("the view of %s is wrong: %s differences %s" % (variant, differences, " ".join(which)))

    def record(self, workload, variant, run, figures):
        line = {
            "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "commit": os.environ.get("DBSP_COMMIT", ""),
            "server": self.control.query("SHOW server_version")[0][0],
            "workload": workload.name, "variant": variant, "run": run, "unit": measure.UNITS[workload.measure],
            **{key: round(value, 4) for key, value in figures.items()},
            "settings": {**{key: value for key, value in workload.variables.items() if key in workloads.SIZES},
                         "seconds": measure.seconds(), "pinned": workload.pinned,
                         "set": workload.options.get("settings", "synchronous_commit=off")},
        }
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def round(self, workload, run, databases, sessions):
        """One run of each variant, next to each other in time, and untimed what precedes and follows them."""
        low = int(run * workload.units % workload.variables["rows"])
        workload.variables.update(run=run, low=low, high=low + int(workload.units))
        figures = {}
        for variant, database in databases.items():
            if workload.text("prepare", variant):
                psql(database, workload.text("prepare", variant))
        with exclusive():
            for variant, database in databases.items():
                if run == 0 and "warmup" in workload.options:
                    sessions[variant].query(workload.text("warmup", variant))
                else:
                    figures[variant] = measure.run(workload, variant, database, self.control, sessions.get(variant))
        for variant, database in databases.items():
            self.verify(workload, variant, database)
            if workload.text("after", variant):
                psql(database, workload.text("after", variant))
        return figures

    def measure(self, workload, result):
        self.set_cores(False)
        databases = {variant: self.make_database(workload, variant) for variant in workload.variants}
        sessions = {}
        try:
            self.set_cores(workload.pinned)
            if workload.measure in ("loop", "statement"):
                sessions = {variant: measure.Session(name) for variant, name in databases.items()}
            # Nobody writes the pages that the load made dirty while others are timed.
            self.control.query("CHECKPOINT")
            for run in range(0, min(RUNS, int(workload.options.get("runs", RUNS))) + 1):
                for variant, figures in self.round(workload, run, databases, sessions).items():
                    if run > 0:
                        result.add(variant, figures)
                        self.record(workload, variant, run, figures)
        finally:
            for session in sessions.values():
                session.close()

    def drop_databases(self):
        for (name,) in self.control.query("SELECT datname FROM pg_database WHERE datname LIKE 'bench%'"):
            self.control.query("DROP DATABASE %s WITH (FORCE)" % name)

    def run(self, chosen):
        for workload in chosen:
            result = report.Result(workload, measure.UNITS[workload.measure])
            say(workload.name)
            try:
                self.measure(workload, result)
            except (RuntimeError, measure.ServerError, measure.Lost) as error:
                result.failure = str(error)
            self.drop_databases()
            self.results.append(result)
            for line in report.lines(result):
                say("  " + line)


@contextlib.contextmanager
def exclusive():
    """Nothing else runs meanwhile, if everybody who works on this machine asks the same file; waits BENCH_WAIT seconds at most."""
    path = os.environ.get("BENCH_LOCK")
    if not path:
        yield
        return
    with open(path, "rb") as file:
        end = time.monotonic() + float(os.environ.get("BENCH_WAIT") or "60")
        while time.monotonic() < end:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.2)
        yield


def results_of(path, every):
    """The last figures of each workload in a file of JSON lines."""
    by_name = {workload.name: workload for workload in every}
    results = {}
    with open(path, encoding="utf8") as file:
        for line in file:
            run = json.loads(line)
            workload = by_name.get(run["workload"])
            if workload is None:
                continue
            if workload.name not in results or (run["run"] == 1 and run["variant"] in results[workload.name].figures):
                if workload.name not in results or run["variant"] == workload.variants[0]:
                    results[workload.name] = report.Result(workload, run["unit"])
            results[workload.name].add(run["variant"], run)
    return [results[name] for name in by_name if name in results]


def main():
    every = workloads.load(ROWS, LONG)
    if sys.argv[1:] == ["list"]:
        for workload in every:
            print("%-28s %s" % (workload.name, workload.title))
        return 0
    if sys.argv[1:2] == ["table"]:
        print(report.table(results_of(sys.argv[2], every)))
        return 0
    bench = Bench()
    bench.run(workloads.select(every, os.environ.get("BENCH", "").split()))
    say("\nmedian (min..max) of %d runs, %s rows; ratio of speeds, no view = 1; goal: must / aim\n" % (RUNS, format(ROWS, ",")))
    say(report.table(bench.results))
    wrong = [result.workload.name for result in bench.results if result.failure]
    if wrong:
        say("\nvoid: " + " ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

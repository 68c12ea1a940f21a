#!/usr/bin/python3
"""The differential fuzzer: random schemas, views and transactions; every view must equal its query after each.

    fuzz.py --seed S [--schemas N] [--views V] [--transactions T] [--seconds LIMIT]
    fuzz.py --sessions N [...]          every schema with the transactions of 2 to N sessions, interleaved; else every third is
    fuzz.py --corpus DIRECTORY          replays the failures of the past
    fuzz.py --replay FILE               replays one script

The server is the one of PGHOST and PGPORT; databases are made and dropped there.
The same seed gives the same run.  A failure is made smaller and printed as a script.
"""

import argparse
import glob
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from case import Runner, parse      # noqa: E402
from generate import Generator      # noqa: E402
from schedule import Scheduler      # noqa: E402


def kind_of(problem):
    """Two failures of one kind are taken for the same while shrinking."""
    for word in ("refused", "left over", "connection lost", "setup", "generator", "read of", "verify:", "did not see",
                 "differs from", "deadlock", "serialization", "hangs"):
        if word in problem:
            return word
    return problem.split(":")[1][:40] if ":" in problem else problem[:40]


def shrink(runner, case, problem, seconds):
    """Removes transactions, views, statements and set-up, larger pieces first, while the same kind of failure remains."""
    deadline = time.time() + seconds
    kind = kind_of(problem)

    def fails(candidate):
        found = runner.run(candidate)
        return found is not None and kind_of(found) == kind

    def reduce(get):
        size = max(1, len(get(case)) // 2)
        while True:
            at = 0
            while at < len(get(case)) and time.time() < deadline:
                candidate = case.copy()
                del get(candidate)[at:at + size]
                if fails(candidate):
                    get(case)[:] = get(candidate)
                else:
                    at += size
            if size == 1 or time.time() > deadline:
                return
            size //= 2

    case = case.copy()
    reduce(lambda c: c.views)
    reduce(lambda c: c.transactions)
    for number in range(len(case.transactions)):
        reduce(lambda c, n=number: c.transactions[n])
    case.transactions = [t for t in case.transactions if t]
    reduce(lambda c: c.setup)
    return case


def is_invalid(problem):
    """True if plain PostgreSQL refuses what was invented: that says nothing about the extension."""
    return "the generator's query is wrong" in problem or ("in the setup: 42" in problem and "create_view" not in problem)


def report(runner, name, case, problem, seconds):
    print("not ok - %s: %s" % (name, problem))
    small = shrink(runner, case, problem, seconds)
    print("# reduced to:")
    print(small.text(), flush=True)


def replay(runner, path):
    with open(path, encoding="utf8") as file:
        case = parse(file.read(), os.path.basename(path))
    problem = runner.run(case)
    if problem:
        print("not ok - %s: %s" % (os.path.basename(path), problem), flush=True)
        return False
    print("ok - corpus %s" % os.path.basename(path), flush=True)
    return True


def make_case(options, number):
    random_numbers = random.Random("%d:%d" % (options.seed, number))
    sessions = options.sessions if options.sessions >= 0 else 3 if number % 3 == 2 else 0
    name = "fuzz seed %d schema %d" % (options.seed, number)
    if sessions < 2:
        return Generator(random_numbers).case(name, options.views, options.transactions)
    name += ", sessions"
    return Scheduler(random_numbers, sessions, options.crashes).case(name, options.views, max(options.transactions // 6, 1))


def fuzz(runner, options):
    started = time.time()
    good = True
    for number in range(options.first, options.first + options.schemas):
        if options.seconds and time.time() - started > options.seconds:
            break
        case = make_case(options, number)
        name = case.title
        if options.print:
            print(case.text())
        problem = runner.run(case)
        if problem and is_invalid(problem):
            print("# skipped, not valid SQL: %s: %s" % (name, problem.splitlines()[0]), flush=True)
        elif problem:
            good = False
            report(runner, name, case, problem, options.shrink)
        else:
            print("ok - " + name, flush=True)
    spent = time.time() - started
    print("# %d transactions over %d views, %d reads amid sessions, in %.0f s, %.0f a second; errors met: %s" % (
        runner.transactions, runner.views, runner.reads, spent, runner.transactions / max(spent, 0.001), runner.errors or "none"))
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first schema of the seed")
    parser.add_argument("--schemas", type=int, default=30)
    parser.add_argument("--views", type=int, default=6)
    parser.add_argument("--transactions", type=int, default=60)
    parser.add_argument("--sessions", type=int, default=-1, help="at most so many at the same time; 0: only one")
    parser.add_argument("--crashes", type=float, default=0, help="probability of a killed process in each session of a round")
    parser.add_argument("--seconds", type=float, default=0, help="start no schema after this time")
    parser.add_argument("--shrink", type=float, default=60, help="seconds for making a failure smaller")
    parser.add_argument("--print", action="store_true", help="print the scripts that are run")
    parser.add_argument("--corpus")
    parser.add_argument("--replay")
    options = parser.parse_args()
    if not options.corpus and not options.replay:
        print("# seed %d" % options.seed, flush=True)
    runner = Runner()
    try:
        if options.replay:
            good = replay(runner, options.replay)
        elif options.corpus:
            good = all([replay(runner, path) for path in sorted(glob.glob(os.path.join(options.corpus, "*.sql")))])
        else:
            good = fuzz(runner, options)
    finally:
        runner.end()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Medians, spread and ratios of the runs in a file of JSON lines."""

import json
import statistics
import sys

# (scenario, title, goal for the ratio to no view: of times for bulk, else of transactions per second)
GOALS = (
    ("group_update", "one-row UPDATE under GROUP BY", 0.70),
    ("join_insert", "one-row INSERT under a join", 0.62),
    ("bulk", "UPDATE of 100,000 rows", 1.5),
)


def main():
    runs = {}
    with open(sys.argv[1], encoding="utf8") as file:
        for line in file:
            run = json.loads(line)
            runs.setdefault((run["scenario"], run["variant"]), []).append(run["value"])
    for scenario, title, goal in GOALS:
        unit = "ms" if scenario == "bulk" else "tps"
        print("\n%s (%s)" % (title, unit))
        median = {}
        for variant in ("none", "plpgsql", "dbsp"):
            values = runs.get((scenario, variant))
            if values:
                median[variant] = statistics.median(values)
                print("  %-8s median %10.1f   from %10.1f to %10.1f" % (variant, median[variant], min(values), max(values)))
        if "dbsp" not in median:
            continue
        ratio = median["dbsp"] / median["none"]
        met = ratio <= goal if scenario == "bulk" else ratio >= goal
        print("  dbsp / none    %.2f  (goal: %s %.2f, %s)" % (ratio, "at most" if scenario == "bulk" else "at least", goal, "met" if met else "not met"))
        other = median["dbsp"] / median["plpgsql"]
        print("  dbsp / plpgsql %.2f" % other)


if __name__ == "__main__":
    main()

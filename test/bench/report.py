"""From runs to a table: medians, spread, and each goal with whether it is met."""

import statistics

ARROWS = {True: "≥", False: "≤"}
NAMES = {
    "speed": "speed", "time": "time", "wal": "WAL bytes", "row_us": "µs per row above", "mem": "MB above", "extra": "ms above",
    "p99": "p99 latency, ratio", "deadlocks": "deadlocks", "shadow": "writes to shadow tables", "plpgsql": "PL/pgSQL trigger",
    "growth": "cost against the first case",
}


def number(value):
    if abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "%.1f" % value if abs(value) >= 10 else "%.2f" % value


def spread(values):
    """Median (min..max)."""
    if len(values) == 1:
        return number(values[0])
    return "%s (%s..%s)" % (number(statistics.median(values)), number(min(values)), number(max(values)))


class Result:
    """The runs of one workload: figures[variant] is a list of dictionaries."""

    def __init__(self, workload, unit):
        self.workload, self.unit, self.figures, self.failure = workload, unit, {}, None

    def add(self, variant, figures):
        self.figures.setdefault(variant, []).append(figures)

    def values(self, variant, figure="value"):
        return [figures[figure] for figures in self.figures.get(variant, []) if figure in figures]

    def median(self, variant, figure="value"):
        return statistics.median(self.values(variant, figure))

    def above(self, figure):
        return self.median("dbsp", figure) - self.median("none", figure)

    def cost(self):
        """Microseconds per transaction, or per statement, above the ceiling."""
        if self.unit == "tps":
            return 1e6 / self.median("dbsp") - 1e6 / self.median("none")
        return self.above("value") * (1 if self.unit == "us" else 1000)

    def metric(self, name, first_case):
        if name == "speed":
            none, dbsp = self.median("none"), self.median("dbsp")
            return dbsp / none if self.unit == "tps" else none / dbsp
        if name == "time":
            return self.median("dbsp") / self.median("none")
        if name in ("wal", "mem"):
            return self.above(name)
        if name == "extra":
            return self.above("value")
        if name == "row_us":
            return self.cost() / self.workload.units
        if name == "p99":
            return self.median("dbsp", "p99") / self.median("none", "p99")
        if name in ("deadlocks", "shadow"):
            return max(self.values("dbsp", name))
        if name == "plpgsql":
            return self.median("plpgsql") / self.median("dbsp")
        if name == "growth":
            return self.cost() / first_case.cost() if first_case else None
        raise ValueError("unknown metric " + name)


def _columns(result, goal, first_case):
    """The figures that a goal compares, as text: of no view (or the first case) and of ours."""
    if goal.metric == "growth":
        return number(first_case.cost()) + " µs", number(result.cost()) + " µs"
    if goal.metric in ("speed", "time", "extra", "row_us"):
        return spread(result.values("none")), spread(result.values("dbsp"))
    if goal.metric in ("wal", "mem", "p99"):
        return spread(result.values("none", goal.metric)), spread(result.values("dbsp", goal.metric))
    if goal.metric == "plpgsql":
        return spread(result.values("plpgsql")), spread(result.values("dbsp"))
    return "", ""


def _verdict(goal, value):
    if not goal.reached(value, goal.must):
        return "**no**"
    return "yes" if goal.reached(value, goal.aim) else "yes, aim missed"


def lines(result, first_case=None):
    """The rows of the table for one workload, one for each goal."""
    title = "%s (`%s`)" % (result.workload.title, result.workload.name)
    if result.failure:
        yield "| %s | | | | | | **void**: %s |" % (title, result.failure.replace("\n", " ").replace("|", "/"))
        return
    by_cpu = result.values("none", "cpu") and number(result.median("none", "cpu") / result.median("dbsp", "cpu"))
    unit = {"us": "µs CPU"}.get(result.unit, result.unit)
    for number_of, goal in enumerate(result.workload.goals):
        value = result.metric(goal.metric, first_case)
        if value is None:
            continue
        what = "%s, %s" % (title, unit) if number_of == 0 else "… " + NAMES[goal.metric]
        none, dbsp = _columns(result, goal, first_case)
        limit = "%s %s" % (ARROWS[goal.at_least], number(goal.must))
        if goal.aim != goal.must:
            limit += " / " + number(goal.aim)
        yield "| %s | %s | %s | %s | %s | %s | %s |" % (
            what, none, dbsp, number(value), by_cpu if goal.metric == "speed" and by_cpu else "", limit, _verdict(goal, value))


HEADER = "| workload | no view | dbsp_ivm | ratio | by CPU | goal | met? |\n| --- | --- | --- | --- | --- | --- | --- |"


def table(results):
    """All of it, in Markdown."""
    first = {}
    out = [HEADER]
    for result in results:
        if not result.failure:
            first.setdefault(result.workload.base, result)
        out += lines(result, first.get(result.workload.base))
    return "\n".join(out)

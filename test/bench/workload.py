"""What is measured: the descriptions in workloads/*.ini, read into Workload objects."""

import configparser
import fnmatch
import glob
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
OPTIONS = ("title", "like", "measure", "data", "view", "views", "setup", "prepare", "after", "script", "iterations",
           "units", "cores", "settings", "skip", "each", "each_long", "variants", "verify", "warmup", "runs", "goals",
           "rows", "groups", "clients", "size")
SIZES = ("rows", "groups", "clients", "size", "tenants")


class Goal:
    """One line of goals: metric, direction, what must and what should be reached."""

    def __init__(self, text):
        words = text.split()
        self.metric, self.at_least = words[0], words[1] == ">="
        self.must = float(words[2])
        self.aim = float(words[3]) if len(words) > 3 else self.must

    def reached(self, value, limit):
        return value >= limit if self.at_least else value <= limit


def _cores(measure):
    """A client over a socket and its backend run as they do everywhere; what the server does alone is steadier on one core."""
    return "all" if measure == "pgbench" and os.environ.get("BENCH_PIN") != "1" else "one"


class Workload:
    """One row of the report: a section of an .ini file, with the variables of its case filled in."""

    def __init__(self, name, base, options, variables):
        self.name, self.base, self.options, self.variables = name, base, options, variables
        self.title = re.sub(r":(\w+)", lambda m: _short(variables[m.group(1)]), options["title"])
        self.measure = options.get("measure", "pgbench")
        self.variants = options.get("variants", "none dbsp").split()
        self.pinned = options.get("cores", _cores(self.measure)) == "one"
        self.clients = int(variables["clients"])
        self.units = float(self.fill(options.get("units", "1")))
        self.goals = [Goal(line) for line in options.get("goals", "").splitlines() if line.strip()]

    def fill(self, text):
        """The text with :rows and the other variables of the case replaced; pgbench's own stay."""
        return re.sub(r"(?<![:\w]):(\w+)", lambda m: str(self.variables.get(m.group(1), m.group(0))), text)

    def text(self, option, variant):
        """An option, or its form for one variant (script_dbsp)."""
        text = self.options.get("%s_%s" % (option, variant), self.options.get(option, ""))
        return self.fill(re.sub(r"(?m)^(\d+) times: (.*)$", _repeat, text))

    def view_queries(self):
        return [self.fill(query) for query in re.split(r"\n\s*\n", self.options.get("view", "").strip()) if query.strip()]

    def template(self):
        """What the databases of several workloads have in common: the data, loaded for these variables."""
        data = self.options["data"]
        used = set(re.findall(r":(\w+)", read(os.path.join("data", data + ".sql"))))
        return data, {key: value for key, value in self.variables.items() if key in used}


def _short(value):
    for size, letter in ((10 ** 6, "M"), (10 ** 3, "k")):
        if value >= size and value % size == 0:
            return "%d %s" % (value // size, letter)
    return str(value)


def _repeat(match):
    return "\n".join(match.group(2).replace("#", str(i)) for i in range(int(match.group(1))))


def read(path):
    with open(os.path.join(HERE, path), encoding="utf8") as file:
        return file.read()


def _sections():
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), default_section="defaults")
    for path in sorted(glob.glob(os.path.join(HERE, "workloads", "*.ini"))):
        parser.read(path, encoding="utf8")
    sections = {}
    for name in parser.sections():
        options = dict(parser[name])
        for option in options:
            if option not in OPTIONS and option.rsplit("_", 1)[0] not in OPTIONS:
                raise SystemExit("workload %s: unknown option %s" % (name, option))
        # The variants of an option go with the option: an heir that sets one drops the others.
        inherited = dict(sections[options["like"]]) if "like" in options else {}
        sections[name] = {**inherited, **options}
    for options in sections.values():
        if "views" in options:
            options["view"] = "\n\n".join(sections[other]["view"] for other in options["views"].split())
    return sections


def _case(name, base, options, rows, chosen):
    given = {key: int(options[key]) for key in SIZES if key in options}
    given.update(chosen)
    rows = given.get("rows", rows)
    variables = {"rows": rows, "groups": rows // 10, "tenants": 10000, "clients": 1, "work": os.environ.get("WORK", ""), **given}
    return Workload(name, base, options, variables)


def _cases(name, options, rows, long):
    if "each" not in options:
        return [_case(name, name, options, rows, {})]
    key, *values = options["each"].split()
    if long:
        values += options.get("each_long", "").split()
    return [_case("%s_%s" % (name, value), name, options, rows, {key: int(value)}) for value in values]


def load(rows, long):
    """Every workload, in the order of the files."""
    found = []
    for name, options in _sections().items():
        found += _cases(name, options, rows, long)
    return found


def select(workloads, patterns):
    """Those that a pattern names, alone or with all of their cases."""
    if not patterns:
        return workloads
    chosen = [w for w in workloads if any(fnmatch.fnmatch(w.name, p) or w.base == p for p in patterns)]
    for pattern in patterns:
        if not any(fnmatch.fnmatch(w.name, pattern) or w.base == pattern for w in workloads):
            raise SystemExit("no workload is called %s; make bench BENCH=list shows the names" % pattern)
    return chosen

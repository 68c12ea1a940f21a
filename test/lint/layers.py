#!/usr/bin/python3
"""Includes go down the list of folders only: a file includes from its own folder and from folders before it."""

import glob
import os
import re
import sys

# circuit/agg, the aggregate classes, knows nothing of plans and circuits: both use it.
ORDER = ("base", "row", "zset", "circuit/agg", "plan", "circuit", "catalog", "store", "fold", "compile", "engine", "capture", "command")


def layer(path):
    folder = os.path.dirname(path)
    if folder not in ORDER:
        folder = path.split("/")[0]
    return ORDER.index(folder) if folder in ORDER else None


def problems():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
    for path in sorted(glob.glob(root + "/**/*.[ch]", recursive=True)):
        name = os.path.relpath(path, root)
        own = layer(name)
        if own is None and "/" in name:
            yield "%s: folder is not in the list of layers" % name
            continue
        with open(path, encoding="utf8") as file:
            lines = file.read().splitlines()
        seen = []
        for number, line in enumerate(lines, 1):
            found = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
            if not found:
                continue
            target = found.group(2)
            if found.group(1) == '"' and os.path.exists(os.path.join(root, target)):
                seen.append(target)
                if own is not None and (layer(target) or 0) > own:
                    yield "%s:%d: includes %s from a layer above" % (name, number, target)
            elif found.group(1) == '"' and os.path.exists(os.path.join(os.path.dirname(path), target)):
                yield "%s:%d: include %s by its path from src/" % (name, number, target)
            if "uthash.h" in target and name != "zset/uthash_pg.h":
                yield "%s:%d: uthash is included through zset/uthash_pg.h only" % (name, number)
        if name.endswith(".c") and seen and seen[0] != "base/dbsp.h":
            yield "%s: the first include is not base/dbsp.h" % name
        for number, line in enumerate(lines, 1):
            if "PG_VERSION_NUM" in line and name != "base/compat.h":
                yield "%s:%d: version tests belong in base/compat.h" % (name, number)


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)

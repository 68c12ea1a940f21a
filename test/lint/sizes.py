#!/usr/bin/python3
"""No source file above 900 lines, no function above 80."""

import glob
import os
import re
import sys

FILE_LINES = 900
FUNCTION_LINES = 80


def problems():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    paths = glob.glob(root + "/src/**/*.[ch]", recursive=True) + glob.glob(root + "/test/unit/*.[ch]")
    for path in sorted(paths):
        name = os.path.relpath(path, root)
        with open(path, encoding="utf8") as file:
            lines = file.read().splitlines()
        if len(lines) > FILE_LINES:
            yield "%s: %d lines, at most %d" % (name, len(lines), FILE_LINES)
        start, previous = None, ""
        for number, line in enumerate(lines, 1):
            if line == "{" and re.search(r"\)\s*(/\*.*\*/)?$", previous):
                start = number
            elif line == "}" and start is not None:
                length = number - start - 1
                if length > FUNCTION_LINES:
                    yield "%s:%d: function of %d lines, at most %d" % (name, start, length, FUNCTION_LINES)
                start = None
            if line.strip():
                previous = line


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)

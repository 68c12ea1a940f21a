#!/usr/bin/env bash
# coverage.sh - branch coverage of the regress and isolation tests, by folder.
# shellcheck source=test/harness/lib.sh
source "$(dirname "$0")/lib.sh"
enter "$@"
trap stop_server EXIT
build DBSP_COVERAGE=1 || { cat "$WORK/build.log"; exit 1; }
start_server
make installcheck DBSP_COVERAGE=1 ISOLATION_EXCEPT= >"$WORK/tests.log" 2>&1 || say "some tests failed; the figures are from what ran"
# Backends write their counts when they end: the server must stop first.
stop_server
mkdir -p "$OUT/coverage"
find src -name '*.gcda' | while IFS= read -r data; do
    gcov -b -o "$(dirname "$data")" "${data%.gcda}.c" 2>/dev/null
done | awk '
    /^File / { gsub("\x27", ""); file = $2; keep = file ~ /^src\// && file ~ /\.c$/ }
    /^Lines executed/ && keep { split($0, a, /[:% ]+/); lines[file] = a[3]; nlines[file] = $NF }
    /^Branches executed/ && keep { next }
    /^Taken at least once/ && keep { split($0, a, /[:% ]+/); taken[file] = a[5]; ntaken[file] = $NF }
    END { for (f in lines) printf "%-40s %6.1f %% of %4d lines  %6.1f %% of %4d branches\n", f, lines[f], nlines[f], taken[f], ntaken[f] }' |
    sort | tee "$OUT/coverage/summary.txt"

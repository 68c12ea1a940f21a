#!/usr/bin/env bash
# bench.sh - what a view costs the writer, against no view (the ceiling, 1.0).
#
#   make bench                                         every workload
#   make bench BENCH=list                              their names
#   make bench BENCH="group_update join_*" RUNS=3      some of them
#   make bench BENCH=table                             the last results of each, again
#
# RUNS, SECONDS_PER_RUN, ROWS choose the size; BENCH_LONG=1 adds the large
# cases; BENCH_LOCK=file holds an exclusive lock on that file during each timed
# round, for machines that do other work, too.  README.md beside this file says
# how a workload is described.
# shellcheck source=test/harness/lib.sh
source "$(dirname "$0")/../harness/lib.sh"
case ${BENCH:-} in
    list) exec /usr/bin/python3 "$(dirname "$0")/bench.py" list ;;
    table) exec /usr/bin/python3 "$(dirname "$0")/bench.py" table "$(dirname "$0")/results.jsonl" ;;
esac
enter "$@"

mkdir -p "$OUT/test/bench"
if [[ -f test/bench/results.jsonl ]]; then cp test/bench/results.jsonl "$OUT/test/bench/"; fi
trap stop_server EXIT
build || { cat "$WORK/build.log"; exit 1; }
# A workload that lost its index must not run for hours.
LIMIT=100s
if [[ ${BENCH_LONG:-} == 1 ]]; then LIMIT=0; fi
# Without images of whole pages the WAL of a transaction is the same at any distance from a checkpoint.
start_server "statement_timeout=$LIMIT" full_page_writes=off shared_buffers=2GB synchronous_commit=off fsync=on max_wal_size=64GB checkpoint_timeout=1d autovacuum=off jit=off
/usr/bin/python3 test/bench/bench.py run

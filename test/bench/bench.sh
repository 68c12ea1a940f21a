#!/usr/bin/env bash
# bench.sh - what a view costs the writer, against no view (the ceiling) and a
# summary that a hand-written PL/pgSQL trigger maintains.
#
#   RUNS=5 SECONDS_PER_RUN=5 ROWS=1000000 make bench
#
# One client, prepared statements, synchronous_commit = off.  The three
# variants live in three databases of one server and take turns; medians are
# compared.  After each run the view is verified: a wrong view voids the figure.
# shellcheck source=test/harness/lib.sh
source "$(dirname "$0")/../harness/lib.sh"
enter "$@"

RUNS=${RUNS:-5}
SECONDS_PER_RUN=${SECONDS_PER_RUN:-5}
ROWS=${ROWS:-1000000}
VARIANTS=(none plpgsql dbsp)
RESULTS=$OUT/test/bench/results.jsonl
mkdir -p "$(dirname "$RESULTS")"
if [[ -f test/bench/results.jsonl ]]; then cp test/bench/results.jsonl "$RESULTS"; fi
trap stop_server EXIT

sql() { psql -XAtq -v ON_ERROR_STOP=1 -v rows="$ROWS" -d "$1" "${@:2}"; }

record() {
    local scenario=$1 variant=$2 run=$3 value=$4 unit=$5
    printf '{"time": "%s", "commit": "%s", "server": "%s", "rows": %s, "scenario": "%s", "variant": "%s", "run": %s, "value": %s, "unit": "%s"}\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${DBSP_COMMIT:-}" "$(postgres --version)" "$ROWS" "$scenario" "$variant" "$run" "$value" "$unit" |
        tee -a "$RESULTS" >>"$WORK/now.jsonl"
}

# The views of the dbsp database, and the summaries of the trigger, must be right.
verify() {
    local variant=$1 differences=0
    case $variant in
        dbsp) differences=$(sql dbsp -c "SELECT (SELECT count(*) FROM dbsp_ivm.verify('per_group')) + (SELECT count(*) FROM dbsp_ivm.verify('joined'))") ;;
        plpgsql) differences=$(sql plpgsql -f test/bench/verify_plpgsql.sql) ;;
    esac
    if [[ $differences -ne 0 ]]; then
        die "the view of variant $variant is wrong ($differences differences): this run is void"
    fi
}

# A run of pgbench: transactions per second of one client.
pgbench_run() {
    local scenario=$1 variant=$2 run=$3 tps
    tps=$(${PIN[@]+"${PIN[@]}"} pgbench -n -M prepared -c 1 -T "$SECONDS_PER_RUN" -D rows="$ROWS" -f "test/bench/$scenario.sql" "$variant" |
        sed -nE 's/^tps = ([0-9.]+).*/\1/p')
    record "$scenario" "$variant" "$run" "$tps" tps
}

# One UPDATE of 100,000 rows: milliseconds.
bulk_run() {
    local variant=$1 run=$2 time low
    low=$((run * 100000 % ROWS))
    time=$(sql "$variant" -c '\timing on' -c "UPDATE acct SET v = v + 1 WHERE id > $low AND id <= $low + 100000" | sed -nE 's/^Time: ([0-9.]+) ms.*/\1/p')
    record bulk "$variant" "$run" "$time" ms
}

build || { cat "$WORK/build.log"; exit 1; }
start_server shared_buffers=1GB synchronous_commit=off fsync=on max_wal_size=32GB checkpoint_timeout=1d autovacuum=off jit=off
# The client and its backend share one core, background processes have the
# others: between cores, wake-ups are most of what a small machine measures.
PIN=()
if command -v taskset >/dev/null && (($(nproc) > 1)); then
    postmaster=$(head -n 1 "$WORK/data/postmaster.pid")
    for pid in $(pgrep -P "$postmaster"); do taskset -cp 0 "$pid" >/dev/null; done
    taskset -cp 1 "$postmaster" >/dev/null
    PIN=(taskset -c 1)
fi
say "loading $ROWS rows"
createdb base
sql base -f test/bench/load.sql
for variant in "${VARIANTS[@]}"; do
    createdb -T base "$variant"
    sql "$variant" -f "test/bench/setup_$variant.sql" >/dev/null
    sql "$variant" -c 'VACUUM ANALYZE'
done
sql base -c CHECKPOINT
# After a checkpoint the first change of a page writes all of it to the WAL: that is for the warm-up, not for the first run.
say "warming up"
for scenario in group_update join_insert; do
    for variant in "${VARIANTS[@]}"; do
        pgbench -n -M prepared -c 1 -T "$((SECONDS_PER_RUN + 3))" -D rows="$ROWS" -f "test/bench/$scenario.sql" "$variant" >/dev/null
    done
done

for ((run = 1; run <= RUNS; run++)); do
    for scenario in group_update join_insert bulk; do
        for variant in "${VARIANTS[@]}"; do
            if [[ $scenario == bulk ]]; then bulk_run "$variant" "$run"; else pgbench_run "$scenario" "$variant" "$run"; fi
            verify "$variant"
            # Nobody pays for the dead rows of another scenario.
            if [[ $scenario == bulk ]]; then sql "$variant" -c VACUUM; fi
        done
    done
    say "run $run of $RUNS done; views verified"
done
/usr/bin/python3 test/bench/report.py "$WORK/now.jsonl"

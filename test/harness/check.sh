#!/usr/bin/env bash
# check.sh [part ...] - the tests, counted.  Without arguments everything but
# the long runs; `all` means those too.  The last line is the result.
# shellcheck source=test/harness/lib.sh
source "$(dirname "$0")/lib.sh"
enter "$@"

passed=0
failed=0

pass() { passed=$((passed + 1)); say "ok - $1"; }
fail() { failed=$((failed + 1)); say "not ok - $1"; }

result() {
    local status=$?
    trap - EXIT
    stop_server
    check_crashes
    if [[ $status -ne 0 && $failed -eq 0 ]]; then
        fail "check.sh itself (exit status $status)"
    fi
    say "$passed passed, $failed failed"
    if [[ $failed -eq 0 && $passed -gt 0 ]]; then exit 0; else exit 1; fi
}
trap result EXIT

part() { say ""; say "== $1 =="; }

# The server of the parts must not crash, whatever became of the test that made it.
check_crashes() {
    local found='TRAP:|PANIC:|was terminated by signal|Failed process was running'
    if grep -aqE "$found" "$WORK/server.log" 2>/dev/null; then
        grep -aE "$found" "$WORK/server.log"
        fail "the server crashed"
    fi
}

# Counts the lines "ok ..." and "not ok ..." that a command prints; a command
# that fails without a "not ok" is a failure named $1.
counted() {
    local name=$1 log=$WORK/part.log status=0 good bad
    shift
    "$@" 2>&1 | tee "$log" || status=1
    good=$(grep -c '^ok\b' "$log" || true)
    bad=$(grep -c '^not ok\b' "$log" || true)
    passed=$((passed + good))
    failed=$((failed + bad))
    if [[ $status -ne 0 && $bad -eq 0 ]]; then fail "$name (exit status)"; fi
    if [[ $status -eq 0 && $good -eq 0 && $bad -eq 0 ]]; then fail "$name (no result)"; fi
}

# pg_regress's own report, as "ok" and "not ok" lines.
regress_lines() {
    sed -u -nE -e 's/^(test| )  *([A-Za-z0-9_-]+) +\.\.\. ok .*/ok - '"$1"' \2/p' \
        -e 's/^(test| )  *([A-Za-z0-9_-]+) +\.\.\. FAILED.*/not ok - '"$1"' \2/p' \
        -e '/^(pg_regress|pg_isolation_regress|make|psql|could)/p'
}

run_regress() {
    local status=0
    # DBSP_REGRESS names some scripts instead of all; the first and the last belong to any choice.
    make installcheck ISOLATION= ${DBSP_REGRESS:+REGRESS="init $DBSP_REGRESS extension"} 2>&1 | regress_lines regress || status=1
    if [[ -f regression.diffs ]]; then cat regression.diffs; fi
    return $status
}

run_isolation() {
    local status=0
    PGISOLATIONTIMEOUT=60 make installcheck REGRESS= ISOLATION_EXCEPT= 2>&1 | regress_lines isolation || status=1
    if [[ -f output_iso/regression.diffs ]]; then cat output_iso/regression.diffs; fi
    return $status
}

check_build() {
    part "build (warnings are errors)"
    # shellcheck disable=SC2086
    if build ${DBSP_DEBUG:+DBSP_DEBUG=$DBSP_DEBUG}; then
        pass "build"
    else
        cat "$WORK/build.log"
        fail "build"
        exit 1
    fi
}

check_lint() { part lint; counted lint test/lint/lint.sh; }
check_regress() { part regress; counted regress run_regress; }
check_isolation() { part isolation; counted isolation run_isolation; }
check_corpus() { part corpus; counted corpus /usr/bin/python3 test/fuzz/fuzz.py --corpus test/fuzz/corpus; }

check_model() {
    part model
    if spin_present; then
        counted model test/model/run.sh
    else
        say "# skipped: spin is not installed, which checks the model of locks and folds"
    fi
}

check_unit() {
    if compgen -G 'test/unit/*.c' >/dev/null; then
        part unit
        counted unit test/unit/run.sh
    fi
}

check_fuzz() {
    part fuzz
    if [[ -n ${SEED:-} ]]; then
        counted fuzz /usr/bin/python3 test/fuzz/fuzz.py --seed "$SEED" --schemas "${N:-30}"
        return
    fi
    counted fuzz /usr/bin/python3 test/fuzz/fuzz.py --seed 1 --schemas "${N:-30}" --seconds 75
    counted fuzz /usr/bin/python3 test/fuzz/fuzz.py --seed "$((RANDOM * 32768 + RANDOM))" --schemas "${N:-30}" --seconds 75
}

check_calls() {
    part calls
    if [[ -n ${SEED:-} ]]; then
        counted calls /usr/bin/python3 test/fuzz/calls.py --seed "$SEED" --calls "${N:-10000}"
        return
    fi
    counted calls /usr/bin/python3 test/fuzz/calls.py --seed 1 --calls 2500 --seconds 60
    counted calls /usr/bin/python3 test/fuzz/calls.py --seed "$((RANDOM * 32768 + RANDOM))" --calls 2500 --seconds 60
}

check_tap() {
    local file config_lib before
    part tap
    config_lib=$(pg_config --pkglibdir)/pgxs/src/test
    if [[ ! -d $config_lib/perl ]]; then config_lib=$(dirname "$(dirname "$(dirname "$(pg_config --pgxs)")")")/src/test; fi
    for file in test/tap/*.pl; do
        before=$failed
        counted "tap $(basename "$file")" env PERL5LIB="$config_lib/perl" PG_REGRESS="$config_lib/regress/pg_regress" \
            TESTDATADIR="$WORK/tap" TESTDIR="$WORK/tap" PGHOST= PGPORT= \
            timeout 900 perl "$file"
        if [[ $failed -gt $before ]]; then
            tail -n 30 "$WORK/tap/tmp_check/log/regress_log_$(basename "$file" .pl)" || true
        fi
    done
}

check_long() {
    part "long runs"
    counted fuzz /usr/bin/python3 test/fuzz/fuzz.py --seed 1 --schemas 320 --transactions 40
    counted fuzz /usr/bin/python3 test/fuzz/fuzz.py --seed "$((RANDOM * 32768 + RANDOM))" --sessions 4 --schemas 200 --transactions 120 --crashes 0.002
    counted calls /usr/bin/python3 test/fuzz/calls.py --seed "$((RANDOM * 32768 + RANDOM))" --calls 50000
    DBSP_LONG=1 check_tap
    DBSP_LONG=1 check_model
}

# What valgrind found, with the stack of each error.
check_valgrind() {
    local file
    part valgrind
    for file in "$WORK"/valgrind/*.log; do
        if grep -q VALGRINDERROR-BEGIN "$file" 2>/dev/null; then
            cat "$file"
            fail "valgrind: $(grep -c VALGRINDERROR-BEGIN "$file") errors in one process"
        fi
    done
    if [[ $failed -eq 0 ]]; then pass "valgrind: no errors in $(find "$WORK/valgrind" -name '*.log' | wc -l) processes"; fi
}

parts=("$@")
if [[ ${#parts[@]} -eq 0 ]]; then parts=(lint model regress isolation unit corpus fuzz calls tap); fi
if [[ ${parts[0]} == all ]]; then parts=(long); fi

mkdir -p "$WORK/tap"
say "$(postgres --version), $(nproc) processors"
check_build
for each in "${parts[@]}"; do
    if [[ $each != tap && $each != lint && $each != model ]]; then
        start_server shared_buffers=256MB
        break
    fi
done
for each in "${parts[@]}"; do
    "check_$each"
done
if [[ -n ${DBSP_VALGRIND:-} ]]; then
    stop_server
    check_valgrind
fi
say ""

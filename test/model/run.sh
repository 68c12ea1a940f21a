#!/usr/bin/env bash
# run.sh - checks the models of the fold protocol with spin, one counted line
# each (README.md here).  The runs are listed in `runs`: those that are right
# must be without error in every state, those of a weakened protocol must find
# one.
#
#   run.sh                             the short runs: under a minute, under 1 GB, one core
#   DBSP_LONG=1 run.sh                 the long ones: under 100 seconds of processor time and 8 GB each
#   DBSP_LONG=1 FROM=10 TO=19 run.sh   some of them, by their place in the list
#   run.sh show join2,NT=3 "weak=NO_LOCK"   the shortest schedule of one run that leads to an error
#
# Where spin is not installed it says so and succeeds.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
if [[ $(spin -V 2>/dev/null) != "Spin Version"* ]]; then
    echo "# model: skipped: spin is not installed (Debian: apt-get install spin)"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seconds=95
memory=900
depth=300000
slots=20
if [[ -n ${DBSP_LONG:-} ]]; then memory=8000 depth=2000000 slots=24; fi

# Makes the verifier of a model with its sizes, join2,NT=3, once; prints its directory.
verifier() {
    local model=$1 directory=$work/$1 flags=() size
    shift
    if [[ -d $directory ]]; then echo "$directory"; return; fi
    mkdir "$directory"
    cp "$source"/*.inc "$source/${model%%,*}.pml" "$directory/"
    IFS=, read -ra flags <<<"$model"
    for size in "${!flags[@]}"; do flags[size]=-D${flags[size]}; done
    (
        cd "$directory"
        # No partial-order reduction: it does not know what the models' C code reads.
        spin -a "${flags[@]:1}" "${model%%,*}.pml" >spin.out 2>&1 &&
            gcc -O1 -w -DSAFETY -DNOREDUCE -DCOLLAPSE -DVECTORSZ=4096 -DMEMLIM=$memory "$@" -o pan pan.c >gcc.out 2>&1
    ) || { cat "$directory"/*.out >&2; return 1; }
    echo "$directory"
}

# Runs one; fills error, states, time and complete.
explore() {
    local directory=$1 options=$2 arguments=("-m$depth" "-w$slots") out=$1/out
    if [[ $options == *deadlocks-allowed* ]]; then
        arguments+=(-E)
        options=${options/deadlocks-allowed/}
    fi
    (cd "$directory" && ulimit -t "$seconds" && MODEL=$options exec ./pan "${arguments[@]}" >out 2>&1) || true
    error=$(sed -nE 's/^pan:1: (.*) \(at depth.*/\1/p' "$out" | head -n 1)
    states=$(awk '/states, stored/ {print $1}' "$out")
    time=$(sed -nE 's/.*elapsed time ([0-9.]+) seconds.*/\1/p' "$out")
    complete=no
    if grep -q 'errors: 0' "$out" && ! grep -qE 'Search not completed|max search depth too small|out of memory|aborted' "$out"; then complete=yes; fi
}

# What the run found, in one word.
finding() {
    case $error in
        "") if [[ $complete == yes ]]; then echo right; else echo unfinished; fi ;;
        "invalid end state") echo deadlock ;;
        "a wrong view"* | "a transaction sees a wrong view" | "the segments"* | "a fold gets"*) echo wrong ;;
        "two transactions"*) echo collision ;;
        *) echo broken ;;
    esac
}

check() {
    local expected=$1 model=$2 options=$3 directory error states time complete found name allowed=
    name="model: ${model//,/ } (${options:-nothing else})"
    # Between folds in mid-transaction deadlocks are allowed; those that fold at commit must have none.
    if [[ $expected == right && $options =~ reads=|late ]] || [[ $expected == wrong ]]; then allowed=" deadlocks-allowed"; fi
    if ! directory=$(verifier "$model"); then
        echo "not ok - $name: no verifier"
        return 1
    fi
    explore "$directory" "$options$allowed"
    found=$(finding)
    if [[ $found != "$expected" ]]; then
        echo "not ok - $name: expected $expected, found $found"
        echo "#   $error"
        tail -n 5 "$directory/out" | sed 's/^/#   /'
        return 1
    fi
    echo "ok - $name: $expected${error:+ ($error)}, $states states, $time s"
}

show() {
    local directory
    directory=$(verifier "$1" -DBFS)
    # Waits that never end are errors only if nothing else is asked for.
    explore "$directory" "$2${3:+ deadlocks-allowed}"
    echo "$(finding)${error:+: $error}, $states states"
    if compgen -G "$directory/*.trail" >/dev/null; then
        (cd "$directory" && MODEL=$2 ./pan -r -C 2>/dev/null | grep -E '^  ')
    fi
}

if [[ ${1:-} == show ]]; then
    show "$2" "${3:-}" "${4:-}"
    exit
fi
length=short
if [[ -n ${DBSP_LONG:-} ]]; then length=long; fi
failed=0
place=0
while read -r when expected model options; do
    if [[ $when != "$length" ]]; then continue; fi
    place=$((place + 1))
    if [[ $place -lt ${FROM:-1} || $place -gt ${TO:-9999} ]]; then continue; fi
    check "$expected" "$model" "$options" || failed=1
done <"$source/runs"
exit $failed

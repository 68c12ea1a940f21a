#!/usr/bin/env bash
# lint.sh - every rule of the house that a machine can check, one counted line each.
set -euo pipefail
cd "$(dirname "$0")/../.."
failed=0
rule() {
    local name=$1 output status=0
    shift
    output=$("$@" 2>&1) || status=$?
    if [[ $status -eq 77 ]]; then
        echo "# $name: skipped: $output"
    elif [[ $status -eq 0 ]]; then
        echo "ok - lint: $name"
    else
        echo "not ok - lint: $name"
        printf '%s\n' "$output" | sed 's/^/#   /'
        failed=1
    fi
}
have() { command -v "$1" >/dev/null; }

# Every regress script and isolation spec has an expected output, and the other way round.
testlist() {
    local file status=0
    for file in sql/*.sql; do
        [[ $file == sql/dbsp_ivm--* || -f expected/$(basename "$file" .sql).out ]] || { echo "$file has no expected output"; status=1; }
    done
    for file in expected/*.out; do
        [[ -f sql/$(basename "$file" .out).sql ]] || { echo "$file has no script"; status=1; }
    done
    for file in test/isolation/specs/*.spec; do
        [[ -f test/isolation/expected/$(basename "$file" .spec).out ]] || { echo "$file has no expected output"; status=1; }
    done
    return "$status"
}

whitespace() {
    ! grep -rnE '[[:blank:]]+$' src test/harness test/fuzz test/bench test/demo test/lint test/tap Makefile .ci \
        --include='*.[ch]' --include='*.sh' --include='*.py' --include='*.pl' --include=Makefile --include=run
}

python_compiles() {
    local file
    for file in test/*/*.py; do
        /usr/bin/python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf8").read())' "$file" || return 1
    done
}

rule "layers" /usr/bin/python3 test/lint/layers.py
rule "sizes" /usr/bin/python3 test/lint/sizes.py
if [[ -f dbsp_ivm.so ]]; then rule "exports" test/lint/exports.sh; fi
rule "list of tests" testlist
rule "white space" whitespace
rule "python" python_compiles
if have shellcheck; then rule "shellcheck" shellcheck -x -S warning test/*/*.sh; fi
if [[ ${LINT_INDENT:-} == 1 ]]; then rule "indent" test/lint/indent.sh; fi
exit $failed

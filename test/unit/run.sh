#!/usr/bin/env bash
# run.sh - the unit tests: functions dbsp_sql_unit_<what>(seed int, rounds int)
# returning text, in test/unit/*.c, that raise an error when something is
# wrong.  They are built, together with the objects of the layers below the
# server boundary, into a module of their own that is never installed.  It is
# loaded without the extension: a layer that calls one above it fails to load.
# The SQL functions that plans call are the module's own.
# Runs inside the private server of the harness, after the build.
# SEED=<integer> runs that seed only, ROUNDS=<integer> sets how much is tried.
set -euo pipefail
cd "$(dirname "$0")/../.."
seeds=(1 2 3)
if [[ -n ${SEED:-} ]]; then seeds=("$SEED"); fi
rounds=${ROUNDS:-30}
build=$WORK/unit
module=$build/dbsp_unit.so
layers=(src/base/error.o src/base/guc.o src/row/*.o src/zset/*.o src/plan/*.o src/circuit/*.o src/circuit/agg/*.o)

mkdir -p "$build"
printf '#include "postgres.h"\n#include "fmgr.h"\nPG_MODULE_MAGIC;\n' >"$build/magic.c"
read -ra flags <<<"$(pg_config --cflags) $(pg_config --cppflags)"
flags+=(-Wall -Wextra -Wshadow -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
    -Wno-declaration-after-statement -Werror -Isrc -Itest/unit -I"$(pg_config --includedir-server)" -D_GNU_SOURCE -fPIC)
if [[ ${DBSP_DEBUG:-} == 1 ]]; then flags+=(-DDBSP_DEBUG -DUSE_ASSERT_CHECKING); fi
printf '%s\n' test/unit/*.c "$build/magic.c" |
    xargs -P "$(nproc)" -I{} sh -c 'source=$1 build=$2; shift 2; gcc "$@" -c -o "$build/$(basename "$source" .c).o" "$source"' \
        compile {} "$build" "${flags[@]}"
link=(-shared "-Wl,-Bsymbolic")
if [[ -n $(find src -name '*.gcno' -print -quit) ]]; then link+=(--coverage); fi
gcc "${link[@]}" -o "$module" "$build"/*.o "${layers[@]}" -lm

dropdb --if-exists unit 2>/dev/null
createdb unit
psql -Xq -v ON_ERROR_STOP=1 -d unit -f test/unit/tables.sql \
    -c 'CREATE SCHEMA dbsp_ivm_internal' \
    -c "CREATE FUNCTION dbsp_ivm_internal.key_digest(VARIADIC \"any\") RETURNS bigint AS '$module', 'dbsp_sql_key_digest' LANGUAGE c IMMUTABLE" \
    -c "CREATE FUNCTION dbsp_ivm_internal.key_image(VARIADIC \"any\") RETURNS bytea AS '$module', 'dbsp_sql_key_image' LANGUAGE c IMMUTABLE"
functions=$(nm -D --defined-only "$module" | sed -nE 's/.* (dbsp_sql_unit_[a-z0-9_]+)$/\1/p' | sort)
if [[ -z $functions ]]; then
    echo "not ok - unit: the module has no tests"
    exit 1
fi
status=0
for function in $functions; do
    name=${function#dbsp_sql_}
    for seed in "${seeds[@]}"; do
        if output=$(psql -XAtq -v ON_ERROR_STOP=1 -d unit \
            -c "CREATE OR REPLACE FUNCTION $name(int, int) RETURNS text AS '$module', '$function' LANGUAGE c STRICT" \
            -c "SELECT $name($seed, $rounds)" 2>&1); then
            echo "ok - $name seed $seed: $output"
        else
            echo "not ok - $name seed $seed"
            printf '%s\n' "$output" | sed 's/^/#   /'
            status=1
        fi
    done
done
exit $status

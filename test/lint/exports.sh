#!/usr/bin/env bash
# exports.sh - symbols that the module shows to the server: only ours.
set -euo pipefail
cd "$(dirname "$0")/../.."
module=dbsp_ivm.so
if [[ ! -f $module ]]; then
    echo "$module is not built: run make first" >&2
    exit 1
fi
wrong=$(nm -D --defined-only "$module" | awk '{ print $3 }' | grep -Ev '^(dbsp_.*|pg_finfo_dbsp_.*|Pg_magic_func|_PG_init|_PG_fini)$' || true)
if [[ -n $wrong ]]; then
    printf 'exported without our prefix:\n%s\n' "$wrong"
    exit 1
fi

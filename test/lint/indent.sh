#!/usr/bin/env bash
# indent.sh [--write] - the formatter of record, pg_bsd_indent, over the sources.
# Without --write it only says which files differ.  Not installed: nothing to say.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v pg_bsd_indent >/dev/null; then
    echo "pg_bsd_indent is not installed (Debian: pg-bsd-indent)"
    exit 77
fi
types=$(mktemp)
trap 'rm -f "$types"' EXIT
# Names of types: those that our headers and sources define, and PostgreSQL's as its headers declare them.
headers=$("${PG_CONFIG:-pg_config}" --includedir-server)
{
    grep -rhoE '^\}[[:space:]]*[A-Za-z_][A-Za-z0-9_]*;' src "$headers" | tr -d '}; \t'
    grep -rhoE '^typedef [^;(]*[ *]([A-Za-z_][A-Za-z0-9_]*);' src "$headers" | sed -E 's/.*[ *]([A-Za-z_][A-Za-z0-9_]*);/\1/'
    printf '%s\n' bool size_t int8 int16 int32 int64 uint8 uint16 uint32 uint64 FILE va_list
} | sort -u >"$types"
status=0
while IFS= read -r file; do
    formatted=$(mktemp)
    cp "$file" "$formatted"
    pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4 \
        -U"$types" "$formatted" "$formatted.new" 2>/dev/null || true
    if [[ -s $formatted.new ]] && ! cmp -s "$file" "$formatted.new"; then
        if [[ ${1:-} == --write ]]; then
            cat "$formatted.new" >"$file"
        else
            echo "$file is not formatted"
            status=1
        fi
    fi
    rm -f "$formatted" "$formatted.new"
done < <(find src -name '*.[ch]' | sort)
exit $status

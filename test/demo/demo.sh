#!/usr/bin/env bash
# demo.sh - a collaborative application with a million rows, a handful of
# views, and a live write load under which they stay right.
# shellcheck source=test/harness/lib.sh
source "$(dirname "$0")/../harness/lib.sh"
enter "$@"
trap stop_server EXIT
LIVE=${LIVE:-7}

sql() { psql -XAtq -v ON_ERROR_STOP=1 -d demo "$@"; }
title() { printf '\n\033[1m%s\033[0m\n' "$1"; }
now() { date +%s%N; }
# Milliseconds that a query takes, the better of two.
milliseconds() {
    sql -c '\timing on' -c "$1" -c "$1" | sed -nE 's/^Time: ([0-9.]+) ms.*/\1/p' | sort -n | head -1
}

title "Building dbsp_ivm; meanwhile a private server in $WORK loads users, threads, comments and orders"
build &
building=$!
start_server shared_buffers=512MB synchronous_commit=off max_wal_size=8GB checkpoint_timeout=1h
createdb demo
psql -Xq -v ON_ERROR_STOP=1 -d demo -f test/demo/load.sql
say "  $(sql -c "SELECT format('%s users, %s threads, %s comments, %s orders', (SELECT count(*) FROM users), (SELECT count(*) FROM threads), (SELECT count(*) FROM comments), (SELECT count(*) FROM orders))")"
wait "$building" || { cat "$WORK/build.log"; exit 1; }
say "  $(postgres --version), dbsp_ivm built and installed for this server only"
sql -c 'CREATE EXTENSION dbsp_ivm'

title "Declaring views"
while IFS= read -r line; do
    [[ -n $line && $line != --* ]] || continue
    name=${line%%:*}
    query=${line#*: }
    start=$(now)
    psql -XAtq -v ON_ERROR_STOP=1 -v name="$name" -v query="$query" -d demo -o /dev/null <<<"SELECT dbsp_ivm.create_view(:'name', :'query');"
    printf '  %-18s %6d rows  %5d ms   %s\n' "$name" "$(sql -c "SELECT count(*) FROM $name")" "$((($(now) - start) / 1000000))" "$query"
done <test/demo/views.txt

title "Writing with 4 clients for $LIVE seconds; what the views show, once a second"
pgbench -n -M prepared -c 4 -j 2 -T "$LIVE" -f test/demo/load_comment.sql@6 -f test/demo/load_order.sql@3 -f test/demo/load_move.sql@1 demo \
    >"$WORK/pgbench.out" 2>"$WORK/pgbench.err" &
load=$!
printf '  %4s %12s %10s %14s %12s %22s\n' "s" "comments" "+" "revenue" "+" "busiest thread"
last_comments=0 last_revenue=0
for ((second = 0; second < LIVE; second++)); do
    IFS='|' read -r comments revenue busiest < <(sql -f test/demo/watch.sql)
    if [[ $second -eq 0 ]]; then last_comments=$comments last_revenue=$revenue; fi
    printf '  %4d %12d %10s %14d %12s %22s\n' "$second" "$comments" "+$((comments - last_comments))" "$revenue" "+$((revenue - last_revenue))" "$busiest"
    last_comments=$comments last_revenue=$revenue
    sleep 1
done
wait "$load" || { cat "$WORK/pgbench.out" "$WORK/pgbench.err"; exit 1; }
sed -nE 's/^(number of transactions actually processed|tps)/  \1/p' "$WORK/pgbench.out"

title "Verifying: each view against its query, in one snapshot"
bad=0
while IFS= read -r line; do
    [[ -n $line && $line != --* ]] || continue
    name=${line%%:*}
    differences=$(sql -c "SELECT count(*) FROM dbsp_ivm.verify('$name')")
    printf '  %-18s %s\n' "$name" "$([[ $differences -eq 0 ]] && echo right || echo "$differences differences")"
    bad=$((bad + differences))
done <test/demo/views.txt

title "Reading the view against running its query (milliseconds)"
printf '  %-18s %12s %12s %10s\n' "" "view" "query" "factor"
while IFS= read -r line; do
    [[ -n $line && $line != --* ]] || continue
    name=${line%%:*}
    view=$(milliseconds "SELECT count(*) FROM $name")
    query=$(milliseconds "SELECT count(*) FROM (${line#*: }) AS q")
    printf '  %-18s %12s %12s %9.0fx\n' "$name" "$view" "$query" "$(awk -v a="$query" -v b="$view" 'BEGIN { print a / (b > 0 ? b : 0.001) }')"
done <test/demo/views.txt

title "How one of them is maintained"
sql -c "SELECT * FROM dbsp_ivm.explain('revenue')" | sed 's/^/  /'

title "Cleaning up"
say "  done in $SECONDS s; nothing is left behind"
exit $((bad > 0))

# shellcheck shell=bash
# lib.sh - a private place for tests: packages, a work directory, a server.
#
# A script sources this file and calls `enter "$@"`.  Outside, enter installs
# what is missing, copies the source tree and the installed PostgreSQL (as
# links) into a temporary directory, runs the same script again in there as
# an ordinary user, and removes everything afterwards.  Inside, enter returns
# and these are set:
#   WORK   the temporary directory         SRC     the copy of the source tree, current directory
#   BIN    PostgreSQL's programs           OUT     files put here end up in the source tree
# PostgreSQL finds its libraries relative to its own program, so an extension
# installed into the linked copy is visible to servers started from it, and
# to no other.

set -euo pipefail

MAJOR=15
PACKAGES=(postgresql-15 postgresql-server-dev-15 make gcc libc6-dev uthash-dev libipc-run-perl python3 spin)

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# ---- outside -------------------------------------------------------------

# Prints the pg_config to use; fails if there is none.
find_pg_config() {
    local candidate
    if [[ -n ${PG_CONFIG:-} && $PG_CONFIG != pg_config ]]; then
        command -v "$PG_CONFIG" || return 1
        return
    fi
    for candidate in pg_config "/usr/lib/postgresql/$MAJOR/bin/pg_config"; do
        candidate=$(command -v "$candidate") || continue
        if [[ $("$candidate" --version 2>/dev/null) == "PostgreSQL $MAJOR"* ]]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

# True if nothing is missing without which no part works, however it came.
tools_suffice() {
    local config
    config=$(find_pg_config) || return 1
    [[ -f $("$config" --pgxs) && -x $("$config" --bindir)/postgres && -f $("$config" --includedir-server)/postgres.h ]] || return 1
    command -v make >/dev/null && command -v gcc >/dev/null && [[ -x /usr/bin/python3 ]] || return 1
    printf '#include <stdio.h>\n#include <uthash.h>\n' | gcc -E -x c - >/dev/null 2>&1 || return 1
    perl -MIPC::Run -MTest::More -e 1 2>/dev/null
}

# True if spin, the model checker, is there: other programs have that name, too.
spin_present() { [[ $(spin -V 2>/dev/null) == "Spin Version"* ]]; }

# True if everything that the packages provide is there.  Without spin one part is skipped.
tools_present() { tools_suffice && spin_present; }

require_tools() {
    local become=() install
    tools_present && return
    install="apt-get install -y --no-install-recommends ${PACKAGES[*]}"
    if ! command -v apt-get >/dev/null; then
        tools_suffice && return
        die "Missing: PostgreSQL $MAJOR with its server headers, make, gcc, uthash, perl's IPC::Run, python3.
Install them, then set PG_CONFIG if pg_config is not on the path."
    fi
    if [[ $(id -u) -ne 0 ]]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            become=(sudo -n)
        else
            tools_suffice && return
            die "Some packages are missing.  Install them with:
    sudo apt-get update && sudo $install"
        fi
    fi
    say "installing missing packages: ${PACKAGES[*]}"
    # shellcheck disable=SC2086
    if ! { "${become[@]}" apt-get update -qq && "${become[@]}" env DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null; }; then
        tools_suffice && return
        die "The packages could not be installed."
    fi
    tools_suffice || die "The packages are installed, but PostgreSQL $MAJOR was not found; set PG_CONFIG."
}

# Links the installed PostgreSQL into $1: programs are copied, because they
# look for their neighbours where they really are.
link_postgres() {
    local root=$1 config=$2 bin share lib include dir
    bin=$("$config" --bindir) share=$("$config" --sharedir) lib=$("$config" --pkglibdir)
    include=$("$config" --includedir)
    mkdir -p "$root$bin" "$root$share" "$root$lib"
    cp -L "$bin"/* "$root$bin/"
    for dir in "$share" "$lib"; do
        cp -rs "$dir/." "$root$dir/"
    done
    # Headers and shared libraries are read where PG_CONFIG says they are: below the new root.
    for dir in "$include" "$("$config" --includedir-server)" "$("$config" --pkgincludedir)"; do
        if [[ ! -e $root$dir ]]; then
            mkdir -p "$(dirname "$root$dir")"
            ln -s "$dir" "$root$dir"
        fi
    done
    rm -f "$root$lib"/dbsp_ivm.so "$root$share"/extension/dbsp_ivm*
    printf '%s\n' "$root$bin"
}

# The user that servers run as.
server_user() {
    if id -u postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# Stops every server below a directory, each by its own pid file.
stop_servers() {
    local file pid
    while IFS= read -r file; do
        pid=$(head -n 1 "$file" 2>/dev/null) || continue
        [[ $pid =~ ^[0-9]+$ ]] && kill -QUIT "$pid" 2>/dev/null
    done < <(find "$1" -maxdepth 6 -name postmaster.pid 2>/dev/null)
    return 0
}

leave() {
    local status=$?
    trap - EXIT INT TERM
    if [[ -n ${CHILD:-} ]] && kill -0 "$CHILD" 2>/dev/null; then
        kill -TERM "$CHILD" 2>/dev/null || true
        wait "$CHILD" 2>/dev/null || true
    fi
    if [[ -n ${WORK:-} && -d $WORK ]]; then
        stop_servers "$WORK"
        if [[ -n $(ls -A "$WORK/out" 2>/dev/null) ]]; then
            cp -R "$WORK/out/." "$TREE/" 2>/dev/null || true
        fi
        rm -rf "$WORK" 2>/dev/null || { sleep 1; rm -rf "$WORK"; }
    fi
    exit "$status"
}

enter() {
    local script base config user bin commit as=()
    if [[ -n ${DBSP_WORK:-} ]]; then
        inside
        return
    fi
    TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    script=$(realpath --relative-to="$TREE" "$(dirname "$0")/$(basename "$0")")
    require_tools
    config=$(find_pg_config)
    # A socket's path is short: a long TMPDIR would not do.
    base=${TMPDIR:-/tmp}
    if [[ ${#base} -gt 60 ]]; then base=/tmp; fi
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    WORK=$(mktemp -d "$base/dbsp.XXXXXX")
    mkdir "$WORK/src" "$WORK/out" "$WORK/socket" "$WORK/tmp"
    tar -C "$TREE" --exclude=./.git --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude='./results' \
        --exclude='./tmp_check' -cf - . | tar -C "$WORK/src" -xf -
    bin=$(link_postgres "$WORK/root" "$config")
    if [[ $(id -u) -eq 0 ]]; then
        user=$(server_user)
        chown -R "$user" "$WORK"
        as=(runuser -u "$user" --)
    fi
    commit=$(git -C "$TREE" rev-parse --short HEAD 2>/dev/null || true)
    "${as[@]}" env DBSP_WORK="$WORK" DBSP_COMMIT="$commit" DBSP_BIN="$bin" HOME="$WORK" TMPDIR="$WORK/tmp" bash "$WORK/src/$script" "$@" &
    CHILD=$!
    wait "$CHILD"
    exit $?
}

# ---- inside --------------------------------------------------------------

# Variables of a caller's own PostgreSQL environment would lead the tests astray.
inside() {
    WORK=$DBSP_WORK BIN=$DBSP_BIN SRC=$DBSP_WORK/src OUT=$DBSP_WORK/out
    unset PGDATABASE PGUSER PGPASSWORD PGSERVICE PGOPTIONS PGDATA PGPASSFILE PGCLIENTENCODING PGTZ PGDATESTYLE \
        MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
    export WORK BIN SRC OUT PATH="$BIN:$PATH" LC_ALL=C.UTF-8 PGHOST="$WORK/socket" PGPORT=5432 PGUSER=postgres
    export PG_CONFIG="$BIN/pg_config"
    cd "$SRC"
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [[ -n ${DBSP_VALGRIND:-} ]]; then under_valgrind; fi
}

# Has servers, but not initdb's, run under valgrind; DBSP_VALGRIND names the suppressions.
# Each process writes what it finds to a file of its own in $WORK/valgrind.
under_valgrind() {
    mkdir -p "$WORK/valgrind"
    if [[ -e $BIN/postgres.real ]]; then return; fi
    mv "$BIN/postgres" "$BIN/postgres.real"
    cat >"$BIN/postgres" <<WRAPPER
#!/bin/sh
case \$1 in
-D) exec valgrind --quiet --trace-children=yes --leak-check=no --error-limit=no --num-callers=30 --suppressions='$DBSP_VALGRIND' \\
    --error-markers=VALGRINDERROR-BEGIN,VALGRINDERROR-END --log-file='$WORK/valgrind/%p.log' '$BIN/postgres.real' "\$@" ;;
*) exec '$BIN/postgres.real' "\$@" ;;
esac
WRAPPER
    chmod 755 "$BIN/postgres"
}

# Builds the extension and installs it into the private copy.  Arguments go to make.
build() {
    make -j"$(nproc)" "$@" >"$WORK/build.log" 2>&1 && make install "$@" >>"$WORK/build.log" 2>&1
}

# Starts the private server; arguments are settings, name=value.
start_server() {
    local setting
    initdb -D "$WORK/data" -U postgres -A trust --no-sync -E UTF8 --locale=C.UTF-8 >"$WORK/initdb.log"
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$WORK/socket'"
        echo "fsync = off"
        echo "max_connections = 40"
        echo "max_prepared_transactions = 20"
        # shellcheck disable=SC2086
        for setting in "$@" ${DBSP_SETTINGS:-}; do
            echo "${setting%%=*} = '${setting#*=}'"
        done
    } >>"$WORK/data/postgresql.conf"
    pg_ctl -D "$WORK/data" -w -s -l "$WORK/server.log" start
}

stop_server() {
    if [[ -f $WORK/data/postmaster.pid ]]; then
        pg_ctl -D "$WORK/data" -s -m fast stop || true
    fi
}

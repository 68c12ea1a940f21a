#!/usr/bin/env bash
# debug_server.sh {assert|discard|valgrind} [--fresh] [part ...] - the tests on
# a PostgreSQL that checks itself, built from Debian's source package.
#   assert    assertions in PostgreSQL and in the extension; all parts of
#             `make check` but lint and model, or those named.
#   discard   the same server with debug_discard_caches = 1: every cache is
#             emptied whenever it may be.  Runs sql/kinds.sql; ONLY names other regress scripts, for which it takes hours.
#   valgrind  a server compiled for valgrind and run under it: the unit tests
#             and some of the regress scripts; ONLY names others.
# Servers are built once and kept in DBSP_CACHE (default: ~/.cache/dbsp_ivm),
# named by their version.  --fresh looks whether there is a newer one.
# The machine's package sources stay as they are: a copy of them, with source
# packages added, is used in a directory of our own.
# shellcheck source=test/harness/lib.sh
source "$(dirname "$0")/lib.sh"

BUILD_PACKAGES=(dpkg-dev make gcc libc6-dev bison flex perl libipc-run-perl uthash-dev python3 libicu-dev libxml2-dev zlib1g-dev)
TREE=$(cd "$(dirname "$0")/../.." && pwd)
CACHE=${DBSP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dbsp_ivm}

usage() { sed -n '/^#/!q; 2,$s/^# \{0,1\}//p' "$0"; exit 2; }

# What valgrind runs: aggregates, joins, DISTINCT, savepoints, TRUNCATE, spilled changes, errors, partitions.
VALGRIND_SCRIPTS="aggregate bulk distinct errors float group_by join partition read_your_writes representative savepoint spill subquery truncate union_all"

# ---- the server ----------------------------------------------------------

build_tools_present() {
    command -v dpkg-source >/dev/null && command -v make >/dev/null && command -v gcc >/dev/null || return 1
    command -v bison >/dev/null && command -v flex >/dev/null || return 1
    printf '#include <unicode/ucol.h>\n#include <zlib.h>\n#include <uthash.h>\n' | gcc -E -x c - >/dev/null 2>&1 || return 1
    printf '#include <libxml/parser.h>\n' | gcc -E -I/usr/include/libxml2 -x c - >/dev/null 2>&1 || return 1
    if [[ $KIND == valgrind ]]; then
        command -v valgrind >/dev/null && [[ -f /usr/include/valgrind/memcheck.h ]] || return 1
    fi
    perl -MIPC::Run -MTest::More -e 1 2>/dev/null
}

require_build_tools() {
    local install
    if [[ $KIND == valgrind ]]; then BUILD_PACKAGES+=(valgrind); fi
    build_tools_present && return
    install="apt-get install -y --no-install-recommends ${BUILD_PACKAGES[*]}"
    if ! command -v apt-get >/dev/null || [[ $(id -u) -ne 0 ]]; then
        die "Some packages are missing.  Install them with:
    sudo apt-get update && sudo $install"
    fi
    say "installing missing packages: ${BUILD_PACKAGES[*]}"
    # shellcheck disable=SC2086
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null || true
    build_tools_present || die "The packages could not be installed: $install"
}

# A private configuration of apt in $1, with the machine's sources and their source packages.
private_apt() {
    local file place=$1/apt
    mkdir -p "$place/sources.list.d" "$place/lists/partial" "$place/cache/archives/partial"
    : >"$place/sources.list"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [[ -f $file ]]; then sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]/deb-src /p' "$file" | sort -u >>"$place/sources.list"; fi
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        if [[ -f $file ]]; then sed -E 's/^Types:.*/Types: deb-src/; /^Architectures:/d' "$file" >"$place/sources.list.d/$(basename "$file")"; fi
    done
    APT=(-o "Dir::Etc::SourceList=$place/sources.list" -o "Dir::Etc::SourceParts=$place/sources.list.d"
        -o "Dir::State::Lists=$place/lists" -o "Dir::Cache=$place/cache" -o "APT::Sandbox::User=")
    # Sources that have no source packages fail here, which does not matter.
    apt-get "${APT[@]}" update -qq >"$1/apt.log" 2>&1 || true
}

# Unpacks the newest source that can be fetched into $1/source and sets VERSION.
# A mirror may list versions whose files it does not have any more, or not yet.
fetch_source() {
    local work=$1 version
    private_apt "$work"
    while IFS= read -r version; do
        if [[ -x $CACHE/pgsql-$version-$BUILD/bin/postgres ]]; then
            VERSION=$version
            return
        fi
        if (cd "$work" && apt-get "${APT[@]}" source --download-only -qq "postgresql-$MAJOR=$version") >>"$work/apt.log" 2>&1; then
            say "source of PostgreSQL $version"
            (cd "$work" && dpkg-source --no-check -x postgresql-$MAJOR*.dsc source >>"$work/apt.log" 2>&1) || continue
            VERSION=$version
            return
        fi
        say "source of PostgreSQL $version cannot be fetched"
    done < <(apt-cache "${APT[@]}" showsrc "postgresql-$MAJOR" 2>/dev/null | sed -n 's/^Version: //p' | sort -Vru)
    cat "$work/apt.log" >&2
    die "No source of PostgreSQL $MAJOR could be fetched."
}

# Builds the source in $1/source and puts it into the cache.  Its programs find their libraries relative to themselves.
build_server() {
    local work=$1 prefix=$CACHE/pgsql-$VERSION-$BUILD cflags='-O1 -g -fno-omit-frame-pointer' cppflags=
    if [[ $BUILD == valgrind ]]; then cppflags=-DUSE_VALGRIND; fi
    say "building PostgreSQL $VERSION ($BUILD)"
    mkdir -p "$work/build"
    if ! (
        cd "$work/build"
        # shellcheck disable=SC2016
        ../source/configure --prefix="$prefix" --enable-cassert --enable-debug --enable-tap-tests --with-icu --with-libxml \
            --without-readline CFLAGS="$cflags" CPPFLAGS="$cppflags" LDFLAGS_EX='-Wl,--disable-new-dtags,-rpath,\$$ORIGIN/../lib' --disable-rpath &&
            make -s -j"$(nproc)" && make -s -C contrib/amcheck &&
            make -s install DESTDIR="$work/install" && make -s -C contrib/amcheck install DESTDIR="$work/install"
    ) >"$work/build.log" 2>&1; then
        tail -n 50 "$work/build.log" >&2
        die "PostgreSQL could not be built."
    fi
    mkdir -p "$work/install$prefix/share"
    cp "$work/source/src/tools/valgrind.supp" "$work/install$prefix/share/"
    rm -rf "$prefix"
    mv "$work/install$prefix" "$prefix"
}

# Sets SERVER to a server of the kind wanted, which the server's user can read.
find_server() {
    local newest=
    mkdir -p "$CACHE"
    if [[ -z $FRESH ]]; then
        newest=$(find "$CACHE" -maxdepth 1 -name "pgsql-*-$BUILD" 2>/dev/null | sort -V | tail -n 1)
    fi
    if [[ -z $newest || ! -x $newest/bin/postgres ]]; then
        fetch_source "$PLACE"
        if [[ ! -x $CACHE/pgsql-$VERSION-$BUILD/bin/postgres ]]; then build_server "$PLACE"; fi
        newest=$CACHE/pgsql-$VERSION-$BUILD
    fi
    # The cache may be in a directory that is closed to the user that servers run as.
    SERVER=$PLACE/$(basename "$newest")
    cp -al "$newest" "$SERVER" 2>/dev/null || { rm -rf "$SERVER"; cp -a "$newest" "$SERVER"; }
    chmod 755 "$PLACE"
}

# ---- the tests -----------------------------------------------------------

[[ $# -gt 0 ]] || usage
KIND=$1
shift
FRESH=
if [[ ${1:-} == --fresh ]]; then
    FRESH=1
    shift
fi
BUILD=assert
parts=(regress isolation unit corpus fuzz calls tap)
case $KIND in
assert) ;;
discard)
    parts=(regress)
    if [[ -n ${ONLY:-} ]]; then
        export DBSP_SETTINGS="debug_discard_caches=1" DBSP_REGRESS=$ONLY
    else
        # This script sets it itself, which spares the others.
        export DBSP_DISCARD=1 DBSP_REGRESS=kinds
    fi
    ;;
valgrind)
    BUILD=valgrind
    parts=(unit regress)
    export DBSP_REGRESS=${ONLY:-$VALGRIND_SCRIPTS} SEED=${SEED:-1} ROUNDS=${ROUNDS:-5}
    ;;
*) usage ;;
esac
if [[ $# -gt 0 ]]; then parts=("$@"); fi

require_build_tools
base=${TMPDIR:-/tmp}
PLACE=$(mktemp -d "$base/dbsp_server.XXXXXX")
CHILD=
finish() {
    local status=$?
    trap - EXIT INT TERM
    if [[ -n $CHILD ]] && kill -0 "$CHILD" 2>/dev/null; then
        kill -TERM "$CHILD" 2>/dev/null || true
        wait "$CHILD" 2>/dev/null || true
    fi
    rm -rf "$PLACE"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
find_server
if [[ $KIND == valgrind ]]; then export DBSP_VALGRIND=$SERVER/share/valgrind.supp; fi
PG_CONFIG=$SERVER/bin/pg_config DBSP_DEBUG=1 "$TREE/test/harness/check.sh" "${parts[@]}" &
CHILD=$!
status=0
wait "$CHILD" || status=$?
exit "$status"

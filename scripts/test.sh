#!/usr/bin/env bash
# Everything that has to hold: set-up, formatting, lints and tests with and without libtorch, the wheel, shards on a real Slurm
# and a run's page in Chromium (these two as root, who can install them).
# Stops at the first thing that does not hold.
#
# usage: scripts/test.sh
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1-}" in
    "") ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' scripts/test.sh; exit 0 ;;
    *) echo "error: test.sh takes no argument, found '$1' (see: scripts/test.sh --help)" >&2; exit 2 ;;
esac

step() {
    now="$*"
    echo "== $now"
    local start=$SECONDS
    "$@"
    echo "== $now: $((SECONDS - start)) s"
}
now="set-up"
trap 'echo "error: failed: $now" >&2' ERR
trap '[ -z "$aside_process" ] || kill "$aside_process" 2> /dev/null || true' EXIT
aside_process=

# A step beside those that follow, until `together`, which shows what it said.
beside() {
    echo "== $* (in the background)"
    aside="$*" aside_began=$SECONDS aside_said=$(mktemp)
    "$@" > "$aside_said" 2>&1 &
    aside_process=$!
}
together() {
    now="$aside"
    local code=0
    wait "$aside_process" || code=$?
    aside_process=
    cat "$aside_said"
    rm "$aside_said"
    echo "== $aside: $((SECONDS - aside_began)) s, in the background"
    return "$code"
}

# Of the programs that the tests have built.
wheel_goes_anywhere() { scripts/check_wheel.sh "$(scripts/build_wheel.sh --programs target/debug)"; }

# merge, split and inspect of files need no libtorch, so they compile while it is fetched. Their tests are the last: the
# program that they build has no extract.
beside cargo clippy --all-targets --no-default-features -- -D warnings
step scripts/setup.sh
together
step cargo fmt --check
step cargo clippy --all-targets -- -D warnings
step cargo clippy --lib --no-default-features --features images -- -D warnings # what fuzz targets are built with
step scripts/make_configs.py --check
# Three at a time on two cores: some wait for locks, signals and disks.
step cargo test --tests -- --test-threads=$(($(nproc) + 1))
beside scripts/check_slurm.py --featx target/debug/featx
step .venv/bin/python -W ignore -m unittest discover --start-directory tests --quiet
together
beside wheel_goes_anywhere
step scripts/check_report.py
together
step cargo test --tests --no-default-features
echo "== all passed"

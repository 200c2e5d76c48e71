#!/usr/bin/env bash
# Everything that has to hold: set-up, formatting, lints and tests with and without libtorch, shards on a real Slurm (as
# root).
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

step scripts/setup.sh
step cargo fmt --check
step cargo clippy --all-targets -- -D warnings
# merge, split and inspect of files need no libtorch. Their tests are the last: the program that they build has no extract.
step cargo clippy --all-targets --no-default-features -- -D warnings
step scripts/make_configs.py --check
step cargo test
step .venv/bin/python -W ignore -m unittest discover --start-directory tests --quiet
step scripts/check_slurm.py
step cargo test --no-default-features
echo "== all passed"

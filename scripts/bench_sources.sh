#!/usr/bin/env bash
# The same photos as a folder, tar, zip, HDF5, LMDB and Parquet, in turn, cold and warm: images a second, peak RSS; then
# the first row of a million members, and the memory that each row takes.
# usage: scripts/bench_sources.sh [OPTIONS]      scripts/bench_sources.sh --help has them
#
# FEATX names the program, default target/release/featx; BENCH_DIR where (6 GB free), default target/bench/sources.
# Compare nothing that was measured while the machine had other work.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CUDA_VISIBLE_DEVICES=

case " $* " in *" -h "* | *" --help "*) exec python3 scripts/bench_sources.py --help ;; esac
scripts/setup.sh
[ -n "${FEATX-}" ] || cargo build -q --release
FEATX=${FEATX:-target/release/featx}
exec python3 scripts/bench_sources.py "$FEATX" "${BENCH_DIR:-target/bench/sources}" "$@"

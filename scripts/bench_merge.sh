#!/bin/sh
# `featx merge` into each format against `cat` of the same parts, in turn; prints medians and the kernel's peak RSS.
# usage: bench_merge.sh [GIGABYTES] [ROUNDS] [ENDING…]
#
# default 10 GB, 3 rounds and npy h5 safetensors pt parquet mat; BENCH_DIR says where (twice as much free), default
# target/bench-merge; FEATX another featx than target/release/featx
set -eu
cd "$(dirname "$0")/.."
[ -n "${FEATX-}" ] || cargo build -q --release
exec python3 scripts/bench_merge.py "${FEATX:-target/release/featx}" "${BENCH_DIR:-target/bench-merge}" "${@:-10}"

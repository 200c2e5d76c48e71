#!/bin/sh
# `featx merge --out` in each format against `cat` of the same parts, in turn; prints medians and the kernel's peak RSS.
# usage: bench_export.sh [GIGABYTES] [ROUNDS]
#
# default 10 GB and 3 rounds; BENCH_DIR says where (three times as much free), default target/bench-export
set -eu
cd "$(dirname "$0")/.."
cargo build -q --release --no-default-features --features hdf5,parquet --target-dir target/without-torch
exec python3 scripts/bench_export.py "${FEATX:-target/without-torch/release/featx}" "${BENCH_DIR:-target/bench-export}" "${1:-10}" "${2:-3}"

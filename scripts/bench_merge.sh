#!/bin/sh
# `featx merge` of 4 GB in parts against `cat` of the same parts, in turn; prints medians and the kernel's peak RSS.
# usage: bench_merge.sh [ROUNDS]     default 5; BENCH_DIR says where (12 GB free), default target/bench-merge
set -eu
cd "$(dirname "$0")/.."
cargo build -q --release --no-default-features --target-dir target/without-torch
exec python3 scripts/bench_merge.py target/without-torch/release/featx "${BENCH_DIR:-target/bench-merge}" "${1:-5}"

#!/bin/sh
# Lets thingsvision 2.7.3 write directories itself (one layer, two layers, its split_features), merges them with featx,
# and compares every result with the array that thingsvision gives in memory. Sets thingsvision up (scripts/peers.sh).
# usage: check_thingsvision.sh [FEATX]     default: builds one without libtorch
set -eu
cd "$(dirname "$0")/.."
scripts/peers.sh
featx=${1:-}
if [ -z "$featx" ]; then
    cargo build -q --release --no-default-features --target-dir target/without-torch
    featx=target/without-torch/release/featx
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CUDA_VISIBLE_DEVICES='' TF_CPP_MIN_LOG_LEVEL=3 .venv-thingsvision/bin/python scripts/check_thingsvision.py "$featx" "$work"

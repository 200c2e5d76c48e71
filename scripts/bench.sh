#!/usr/bin/env bash
# featx against its peers on the CPU, and against what the machine can do at all. Sets everything up, makes its photos
# and models, runs the sides in turn, prints Markdown tables of medians.
#
# usage: scripts/bench.sh [OPTIONS]      scripts/bench.sh --help has them
#
# Works in target/bench. The first run sets up the peers (scripts/peers.sh) and takes some GB; features.0 of VGG16 needs
# 14 GB of disk, which it gives back. Compare nothing that was measured while the machine had other work.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CUDA_VISIBLE_DEVICES=

scripts/setup.sh
exec .venv/bin/python scripts/bench/main.py "$@"

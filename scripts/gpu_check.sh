#!/usr/bin/env bash
# featx on a GPU: right, and how fast? Needs the built program and a Python with torch 2.11.0 and torchvision, nothing
# else: it makes its models (seeded random weights) and its photos in a temporary folder, which it removes again.
#
# usage: scripts/gpu_check.sh [OPTIONS]      scripts/gpu_check.sh --help has them; PYTHON=... chooses the Python
#
# To check on another machine, take along this repository's scripts/ and tests/photos, and target/release/featx, stripped
# (strip -o featx target/release/featx: 5 MB). featx finds libtorch in the Python's own torch. Under 8 minutes on 16 cores
# and an H200.
#
# Exit codes: 0 all is right; 1 something is not; 2 wrong usage; 3 there is no GPU, and nothing was checked.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

has_torch() { "$1" -c 'import importlib.util as u, sys; sys.exit(not (u.find_spec("torch") and u.find_spec("torchvision")))'; }

for python in ${PYTHON:-python3 .venv/bin/python}; do
    if command -v "$python" >/dev/null && has_torch "$python"; then
        exec "$python" -u -W ignore scripts/gpu_check/main.py "$@"
    fi
done
echo "error: no Python with torch and torchvision: neither python3 nor .venv/bin/python; set PYTHON" >&2
exit 2

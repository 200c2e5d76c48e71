#!/usr/bin/env bash
# featx on a GPU: right, and how fast? Needs the built program and a Python with torch 2.11.0 and torchvision, nothing
# else: it makes its models (seeded random weights) and its photos in a temporary folder, which it removes again.
#
# usage: scripts/gpu_check.sh [OPTIONS]      scripts/gpu_check.sh --help has them; PYTHON=... chooses the Python
#
# On another machine: take along scripts/, tests/photos, target/release/featx and featx-compute (strip makes them
# smaller), in a folder with these names, and run it there. featx is given the libtorch of that Python's torch. Meant to
# take under 8 minutes on 16 cores and an H200; results are printed as they come, so that the log of a run that was cut
# short is of use.
#
# Exit codes: 0 all is right; 1 something is not; 2 wrong usage; 3 there is no GPU, and nothing was checked.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

has_torch() {
    "$1" -c 'from importlib.util import find_spec; exit(not (find_spec("torch") and find_spec("torchvision")))'
}

for python in ${PYTHON:-python3 .venv/bin/python}; do
    if command -v "$python" >/dev/null && has_torch "$python"; then
        exec "$python" -u -W ignore scripts/gpu_check/main.py "$@"
    fi
done
echo "error: no Python with torch and torchvision: neither python3 nor .venv/bin/python; set PYTHON" >&2
exit 2

#!/bin/sh
# Sets up the peers that featx is compared with, each in its own Python environment:
#   .venv-thingsvision   thingsvision 2.7.3 with what it pins; CPython 3.11 (set PYTHON311 to choose it), CPU only
# Quiet when there is nothing to do. About 5 GB.
set -eu
cd "$(dirname "$0")/.."

venv=.venv-thingsvision
if [ ! -e "$venv/done" ]; then
    python=${PYTHON311:-python3.11}
    command -v "$python" >/dev/null || { echo "peers.sh: needs CPython 3.11; set PYTHON311" >&2; exit 1; }
    rm -rf "$venv"
    "$python" -m venv "$venv"
    # thingsvision imports pkg_resources, which newer setuptools no longer has.
    "$venv/bin/pip" install -q --disable-pip-version-check "setuptools<81" wheel
    "$venv/bin/pip" install -q --disable-pip-version-check thingsvision==2.7.3
    CUDA_VISIBLE_DEVICES='' "$venv/bin/python" -c 'import thingsvision'
    touch "$venv/done"
fi

#!/usr/bin/env bash
# Do the programs that other versions of PyTorch write load, and give the layers that hooks see? Each version in a Python of
# its own (target/torch/VERSION, 6 GB with CUDA's libraries, removed when it is done) exports the networks of
# tests/make_programs.py and says what their layers are; featx then extracts every layer.
#
# usage: scripts/check_torch_versions.sh [VERSION]...      all that featx reads, where none is given
#
# FEATX_TORCH_INDEX   a package index with PyTorch's CPU wheels: they save 5 GB
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

main() {
    case "${1-}" in
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
    esac
    [ $# -gt 0 ] || set -- 2.8.0 2.9.1 2.10.0 2.12.1 2.13.0
    local version
    for version in "$@"; do
        check "$version"
    done
}

check() {
    local python=target/torch/$1 programs=$PWD/target/torch/$1-programs
    echo "PyTorch $1"
    make_python "$1" "$python"
    "$python/bin/python" - "$programs" << 'PYTHON'
import sys
from pathlib import Path

sys.path.insert(0, "tests")
import make_models
import make_programs

make_models.make(Path(sys.argv[1]), make_programs.make_accepted)
PYTHON
    rm -rf "$python"
    FEATX_PROGRAMS=$programs cargo test --quiet --test it -- --exact \
        pt2::every_layer_of_a_program_is_what_a_hook_sees pt2::a_program_for_one_batch_size_is_run_at_that
    rm -rf "$programs"
}

make_python() {
    local index=()
    [ -z "${FEATX_TORCH_INDEX-}" ] || index=(--extra-index-url "$FEATX_TORCH_INDEX")
    .venv/bin/python -m venv --clear "$2"
    "$2/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "${index[@]}" "torch==$1" torchvision \
        "$(grep ^numpy scripts/requirements.txt)" "$(grep ^pillow scripts/requirements.txt)"
}

main "$@"

#!/usr/bin/env bash
# Makes what featx is built and tested with; silent and instant when there is nothing to do.
#
#   build tools       make, nasm, a C++ compiler: by apt when root, else it says what to install
#   .venv             Python with PyTorch: exports models, checks featx against PyTorch; also cmake
#   .venv/libtorch    link to the libtorch that `cargo build` uses (see .cargo/config.toml)
#
# usage: scripts/setup.sh [--compile]
#
# --compile           while PyTorch is fetched, compile the libraries in C for `cargo build --release`: they need no PyTorch
#
# LIBTORCH            a libtorch that you have already, of the version that featx needs: the build uses it
# FEATX_TORCH_INDEX   a package index with PyTorch's CPU wheels: they save 4 GB
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

requirements=scripts/requirements.txt
venv=.venv
libraries=(hdf5-metno-src libwebp-sys turbojpeg-sys zstd-sys) # in C
stamp=$venv/featx-setup # the requirements that .venv was completed with

say() { echo "setup: $*" >&2; }
die() { echo "error: $*" >&2; exit 1; }
pinned() { sed -n "s/^$1==//p" "$requirements"; }

main() {
    case "${1-}" in
        "") compile=false ;;
        --compile) compile=true ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' scripts/setup.sh; exit 0 ;;
        *) echo "error: setup.sh takes --compile alone, found '$1' (see: scripts/setup.sh --help)" >&2; exit 2 ;;
    esac
    check_libtorch
    install_build_tools
    check_rust
    one_at_a_time
    make_venv
    link_libtorch
}

# A LIBTORCH of another version would only fail later, in the middle of the build.
check_libtorch() {
    [ -n "${LIBTORCH-}" ] || return 0
    local found
    found=$(libtorch_version "$LIBTORCH")
    case "$found" in
        "$(pinned torch)" | "$(pinned torch)+"*) ;;
        *) die "LIBTORCH '$LIBTORCH' holds libtorch ${found:-of no known version}, featx needs $(pinned torch);" \
            "unset LIBTORCH, and this script gets the right one" ;;
    esac
}

# A release of libtorch has the file build-version, the torch folder of a Python has version.py.
libtorch_version() {
    if [ -f "$1/build-version" ]; then
        cat "$1/build-version"
    elif [ -f "$1/version.py" ]; then
        sed -n "s/^__version__ = '\(.*\)'/\1/p" "$1/version.py"
    fi
}

install_build_tools() {
    local missing=()
    command -v make > /dev/null || missing+=(make)
    [ "$(uname -m)" != x86_64 ] || command -v nasm > /dev/null || missing+=(nasm)
    command -v c++ > /dev/null || missing+=(g++)
    check_compiler
    command -v pkg-config > /dev/null || missing+=(pkg-config)
    [ -x $venv/bin/python ] || find_python > /dev/null || missing+=(python3-venv)
    [ ${#missing[@]} -gt 0 ] || return 0

    command -v apt-get > /dev/null || die "missing: ${missing[*]}; install them with your package manager"
    [ "$(id -u)" -eq 0 ] || die "missing: ${missing[*]}; install them with: sudo apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    apt-get update -qq || say "the package lists could not be renewed; trying with those that are there"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

# libtorch's headers say so themselves, in the middle of the build. RHEL 8 has GCC 8, and newer ones beside it.
check_compiler() {
    local version
    version=$(c++ -dumpfullversion 2> /dev/null) || return 0 # none, or not GCC
    [ "${version%%.*}" -ge 9 ] || die "c++ is GCC $version, and libtorch wants 9 or newer; install one and build with it, for" \
        "example on RHEL 8: dnf install gcc-toolset-13, then: scl enable gcc-toolset-13 bash"
}

check_rust() {
    command -v cargo > /dev/null && return
    [ ! -x "$HOME/.cargo/bin/cargo" ] || die "cargo is not on the PATH; add it with: . \"$HOME/.cargo/env\""
    die "cargo not found; install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer with rustup"
}

# Two set-ups at once would install into one .venv together.
one_at_a_time() {
    command -v flock > /dev/null || return 0
    exec 9< "$requirements"
    flock -n 9 && return
    say "waiting for another set-up of this clone"
    flock 9
}

# Pillow 13 starts at Python 3.11; TorchScript ends at 3.13.
find_python() {
    local python
    for python in python3.11 python3.12 python3.13 python3; do
        "$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
            2> /dev/null && echo "$python" && return
    done
    return 1
}

make_venv() {
    if [ -x $venv/bin/python ] && cmp -s "$requirements" "$stamp"; then return; fi
    # An earlier set-up that was interrupted, or a .venv made by hand, may be complete all the same.
    if ! packages_work; then
        make_python
        compile_libraries
        install_packages
        wait # for the libraries
    fi
    cp "$requirements" "$stamp"
}

make_python() {
    $venv/bin/python -m pip --version > /dev/null 2>&1 && return
    local python
    python=$(find_python) || die "no Python found with venv and a version from 3.11 to 3.13 (tried python3.11," \
        "python3.12, python3.13, python3); install one, for example: apt-get install python3-venv"
    say "making .venv with $python"
    "$python" -m venv --clear $venv
}

# What fails here fails again in cargo build, with its message there.
compile_libraries() {
    $compile || return 0
    pip_install "cmake==$(pinned cmake)" || return 0
    local library chosen=()
    for library in "${libraries[@]}"; do chosen+=(-p "$library"); done
    # A group of its own: it ends with this script, and the lock is not its.
    set -m
    cargo build --release --quiet "${chosen[@]}" < /dev/null 2> /dev/null 9<&- &
    set +m
    trap "kill -- -$! 2> /dev/null || true" EXIT
}

install_packages() {
    local index=() torch=("torch==$(pinned torch)+cpu" "torchvision==$(pinned torchvision)+cpu")
    [ -z "${FEATX_TORCH_INDEX-}" ] || index=(--extra-index-url "$FEATX_TORCH_INDEX")
    if ! has_torch; then
        say "installing PyTorch $(pinned torch), CPU wheels"
        pip_install "${index[@]}" "${torch[@]}" 2> /dev/null ||
            say "no CPU wheels where pip looks: installing the default ones, up to 5 GB" \
                "(FEATX_TORCH_INDEX=… names an index that has them)"
    fi
    pip_install -r "$requirements" || die "pip could not install what $requirements asks for (its message is above)"
    packages_work && return
    say "the installed packages are incomplete: installing them again"
    pip_install --force-reinstall "${index[@]}" -r "$requirements"
    packages_work || die ".venv cannot import torch and torchvision; remove .venv and run scripts/setup.sh again"
}

has_torch() {
    $venv/bin/python -c "
from importlib.metadata import version
assert version('torch').split('+')[0] == '$(pinned torch)'
assert version('torchvision').split('+')[0] == '$(pinned torchvision)'" 2> /dev/null
}

pip_install() {
    local quiet=(--quiet)
    [ ! -t 2 ] || quiet=()
    # Python compiles what is imported, and that is a small part.
    $venv/bin/python -m pip --disable-pip-version-check install --no-compile "${quiet[@]}" "$@" >&2
}

# The right versions are there, and they load.
packages_work() {
    $venv/bin/python - "$requirements" 2> /dev/null << 'PYTHON'
import sys
from importlib.metadata import version

for line in open(sys.argv[1]):
    if not line.startswith("#"):
        name, wanted = line.strip().split("==")
        assert version(name).split("+")[0] == wanted, name
import numpy, PIL.Image, torch, torchvision
PYTHON
}

link_libtorch() {
    local target
    if [ -n "${LIBTORCH-}" ]; then
        target=$(cd "$LIBTORCH" && pwd -P)
    else
        target=$(cd $venv && echo lib/python3*/site-packages/torch)
    fi
    [ "$(readlink $venv/libtorch || true)" = "$target" ] || ln -sfn "$target" $venv/libtorch
}

main "$@"

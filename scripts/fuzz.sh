#!/bin/sh
# Runs one fuzz target of tests/fuzz for some time; what crashes is kept in tests/fuzz/artifacts.
# usage: fuzz.sh TARGET SECONDS      targets: config, image, list, npy_header, source, toml
#
# Needs nothing but the stable toolchain and a C++ compiler: the coverage that libFuzzer goes by is an LLVM pass, asked
# for by the flags that cargo-fuzz gives, without its sanitizers, which need nightly. Overflow checks and debug
# assertions are on.
set -eu
cd "$(dirname "$0")/../tests/fuzz"
target=$1 seconds=$2
case $target in
    config | image | list | npy_header | source | toml) ;;
    *) echo "error: no target is called '$target'; there are config, image, list, npy_header, source, toml" >&2; exit 2 ;;
esac

host=$(rustc -vV | sed -n 's/^host: //p')
pass="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
pass="$pass -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
pass="$pass -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
more=
case $target in config | source) more="--features $target" ;; esac
# Naming the host as the target keeps the flags from build scripts.
RUSTFLAGS="--cfg fuzzing $pass" cargo build -q --release --target "$host" --bin "$target" $more

mkdir -p "corpus/$target" artifacts "seeds/$target"
set -- -max_total_time="$seconds" -artifact_prefix="artifacts/$target-" -print_final_stats=1 -rss_limit_mb=2048 -timeout=60
[ ! -e "$target.dict" ] || set -- "$@" -dict="$target.dict"
# The target `config` is linked with libtorch.
libtorch=${LIBTORCH:-../../.venv/libtorch}
export LD_LIBRARY_PATH="$libtorch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "target/$host/release/$target" "$@" "corpus/$target" "seeds/$target"

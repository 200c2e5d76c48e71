#!/usr/bin/env bash
# From a fresh clone to features: set-up, build, VGG16, its layer features.30 of the photos in tests/photos.
#
# usage: scripts/demo.sh
#
# Leaves models/vgg16.pt, which it uses again, and the run in demo/vgg16, which it makes anew.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1-}" in
    "") ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' scripts/demo.sh; exit 0 ;;
    *) echo "error: demo.sh takes no argument, found '$1' (see: scripts/demo.sh --help)" >&2; exit 2 ;;
esac

models=${FEATX_MODELS:-models}
featx=target/release/featx
run=demo/vgg16

say() { now=$*; printf '\n== %s\n' "$*"; }
show() {
    now=$*
    echo "\$ $*"
    "$@"
}
trap 'echo "error: the demo stopped at: $now" >&2' ERR

# Pretrained weights where they can be fetched; the layer works the same with random ones.
export_vgg16() {
    if [ -f "$models/vgg16.pt" ]; then
        echo "'$models/vgg16.pt' is there already: $(head -n 1 "$models/vgg16.toml" 2> /dev/null)"
        return
    fi
    local said
    if said=$(scripts/export_model.py vgg16 2>&1); then
        echo "$said"
    else
        echo "${said##*error: }"
        echo "taking seeded random weights instead: the features will mean nothing, but everything else is real"
        show scripts/export_model.py --random vgg16
    fi
}

say "set-up"
scripts/setup.sh

say "build"
show cargo build --release

say "model"
export_vgg16

say "features of $(find tests/photos -name '*.*g' -o -name '*.webp' | wc -l) photos"
rm -rf $run
show $featx extract --model vgg16 --layer features.30 --out $run tests/photos

say "one file"
show $featx merge $run

say "what is in it"
show $featx inspect $run
show $featx inspect $run/features.30/features.npy

say "in Python"
show .venv/bin/python -c "
import numpy
features = numpy.load('$run/features.30/features.npy', mmap_mode='r')
names = open('$run/file_names.txt').read().splitlines()
print('row', len(names) - 1, 'of', features.shape, 'is', names[-1])"

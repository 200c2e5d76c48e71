#!/usr/bin/env bash
# From a fresh clone to features: set-up, build, VGG16, its layer features.30 of the photos in tests/photos, and what the
# network sees in them. Where its weights cannot be fetched, EfficientNet-Lite0, whose weights come with a Python package.
#
# usage: scripts/demo.sh
#
# While something compiles, what is needed next is fetched: PyTorch beside the libraries in C, the model beside featx.
# Leaves the model in models/, which it uses again, and the run in demo/NAME, which it makes again.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1-}" in
    "") ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' scripts/demo.sh; exit 0 ;;
    *) echo "error: demo.sh takes no argument, found '$1' (see: scripts/demo.sh --help)" >&2; exit 2 ;;
esac

models=${FEATX_MODELS:-models}
featx=target/release/featx

say() { now=$*; printf '\n== %s\n' "$*"; }
show() {
    now=$*
    echo "\$ $*"
    "$@"
}
trap 'echo "error: the demo stopped at: $now" >&2' ERR

# The first of the two models that is there with pretrained weights.
find_model() {
    for model in vgg16 efficientnet_lite0; do
        if [ -f "$models/$model.pt" ] || [ -f "$models/$model.pt2" ] && ! grep -q random "$models/$model.toml"; then
            return
        fi
    done
    return 1
}

# Pretrained weights where they can be fetched: VGG16's, else those that the package index has. featx is compiled meanwhile,
# and cannot be tried with the file yet: what it makes of the photos is looked at below.
export_model() {
    local said
    if find_model; then
        echo "'$model' is in '$models' already: $(head -n 1 "$models/$model.toml")"
    elif said=$(scripts/export_model.py --no-featx vgg16 2>&1); then
        echo "$said"
    else
        echo "${said##*error: }"
        echo "taking a smaller network instead"
        show scripts/export_model.py --no-featx pypi/efficientnet_lite0
    fi
}

say "set-up"
scripts/setup.sh --compile

said=$(mktemp)
set -m # a group of its own, which ends with this script
export_model < /dev/null > "$said" 2>&1 &
exporting=$!
set +m
trap 'rm -f "$said"; kill -- -$exporting 2> /dev/null || true' EXIT

say "build"
show cargo build --release

say "model"
wait $exporting && exported=true || exported=false
cat "$said"
$exported
find_model
case $model in
    vgg16) layer=features.30 ;;
    *) layer=_avg_pooling ;; # what it judges by
esac
run=demo/$model

say "features of $(find tests/photos -name '*.*g' -o -name '*.webp' | wc -l) photos"
rm -rf "$run"
show $featx extract --model $model --layer $layer,. --out $run tests/photos

say "one file"
show $featx merge $run

say "what is in it"
show $featx inspect $run
show $featx inspect $run/$layer/features.npy

say "what the network sees, and which photo's features are nearest"
show .venv/bin/python scripts/look.py $run $layer

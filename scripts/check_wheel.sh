#!/usr/bin/env bash
# Does the wheel work without the clone? It is installed into an environment outside, which has .venv's PyTorch; then a model
# is exported, photos extracted, rows merged and read, each with its seconds. As root the clone is out of sight meanwhile.
#
# usage: scripts/check_wheel.sh [WHEEL]      builds one where none is given
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1-}" in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' scripts/check_wheel.sh; exit 0 ;;
esac
scripts/setup.sh
wheel=${1:-$(scripts/build_wheel.sh)}
work=$(mktemp -d "${TMPDIR:-/tmp}/featx-wheel-XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$wheel" "$work/"
cp -r tests/photos "$work/photos"
mkdir "$work/packages"
: "${SITE_PACKAGES:=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')}"
python=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')

cat > "$work/check.sh" << 'CHECK'
set -Eeuo pipefail
work=$1 python=$2 clone=$3
cd "$work"
step() {
    local start=$EPOCHREALTIME status=0
    "${@:2}" > said 2>&1 || status=$?
    [ "$status" -eq 0 ] || { cat said; echo "error: failed: $1 ($status)"; exit 1; }
    seconds=$(awk "BEGIN { print $EPOCHREALTIME - $start }")
    printf '%-36s %6.1f s\n' "$1" "$seconds"
}
refused() { # COMMAND... has to fail, and says one line
    ! "$@" > said 2>&1 || { echo "error: not refused: $*"; exit 1; }
    [ "$(wc -l < said)" -eq 1 ] || { cat said; echo "error: more than a line"; exit 1; }
    cat said
}
# A clone that can be seen has a libtorch, and its programs know the way there.
if [ "$clone" = hidden ]; then
    "$python" -m venv bare
    bare/bin/pip install --quiet --no-index --no-deps ./*.whl
    echo "without PyTorch:"
    env -u FEATX_LIBTORCH -u LIBTORCH HOME="$work" PATH=/usr/bin:/bin VIRTUAL_ENV= CONDA_PREFIX= bash -Eeuo pipefail -c \
        "$(declare -f refused); touch model.pt; refused bare/bin/featx inspect model.pt"
    grep -q "no libtorch 2.11.0 was found" said
fi

"$python" -m venv env
site=$(env/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
for package in packages/*; do [ -e "$site/$(basename "$package")" ] || ln -s "$work/$package" "$site/"; done
ln -s "$work/env/bin/featx" link
mkdir elsewhere && cd elsewhere
PATH=$work/env/bin:$PATH
step "pip install" pip install --no-index ../*.whl
installed=$seconds
step "featx --version" featx --version
step "featx-export --random squeezenet1_1" featx-export --random squeezenet1_1
[ "$(cat said | grep -c 'featx agrees with the original')" -eq 1 ] || { cat said; exit 1; }
step "featx extract" featx extract --model squeezenet1_1 --layer features.12 --out out ../photos
printf '%-36s %6.1f s\n' "  pip install and extract" "$(awk "BEGIN { print $installed + $seconds }")"
step "featx merge" featx merge out
step "python: featx.open" python -c 'import featx; rows = featx.open("out")["features.12"]; assert rows.shape[1:] == (512, 13, 13), rows.shape'
step "python -m featx.export --list" python -m featx.export --list 'vgg*'
step "through a link" ../link inspect models/squeezenet1_1.pt
refused featx extract --model none --layer x --out x ../photos
grep -q "make it with: featx-export none" said
for file in bash-completion/completions/featx zsh/site-functions/_featx fish/vendor_completions.d/featx.fish man/man1/featx.1 \
    man/man1/featx-extract.1; do
    [ -s "$work/env/share/$file" ] || { echo "error: share/$file is not there"; exit 1; }
done
echo "all is well"
CHECK

if [ "$(id -u)" -eq 0 ] && command -v unshare > /dev/null; then
    # A .venv that is a link elsewhere goes too: the programs know it as the place that they were built with.
    unshare --mount bash -Eeuo pipefail -s "$SITE_PACKAGES" "$work" "$python" "$PWD" "$(readlink -f .venv)" << 'HIDDEN'
mount --rbind "$1" "$2/packages"
cd /
mount -t tmpfs none "$5"
mount -t tmpfs none "$4"
exec bash "$2/check.sh" "$2" "$3" hidden
HIDDEN
else
    echo "not root: the clone stays where it is; what is said without PyTorch is left out"
    rmdir "$work/packages"
    ln -s "$SITE_PACKAGES" "$work/packages"
    bash "$work/check.sh" "$work" "$python" seen
fi

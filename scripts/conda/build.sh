#!/usr/bin/env bash
# What conda build runs, in a copy of the clone: what the wheel holds, built against conda's libtorch.
set -euo pipefail

LIBTORCH=$SP_DIR/torch CMAKE=$BUILD_PREFIX/bin/cmake cargo build --release --locked
mkdir -p "$PREFIX/bin"
install -m 755 target/release/featx target/release/featx-compute "$PREFIX/bin/"
cp -r scripts/python/featx "$SP_DIR/"
printf '#!%s/bin/python\nfrom featx.export.command import started\n\nstarted()\n' "$PREFIX" > "$PREFIX/bin/featx-export"
chmod 755 "$PREFIX/bin/featx-export"
scripts/lay_out_share.sh target/release/featx "$PREFIX/share"

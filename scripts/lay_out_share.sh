#!/usr/bin/env bash
# Writes completions and manual pages to where shells and man look, under an environment's folder `share`.
#
# usage: scripts/lay_out_share.sh FEATX SHARE
set -euo pipefail

featx=$1 share=$2
mkdir -p "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
"$featx" completions bash > "$share/bash-completion/completions/featx"
"$featx" completions zsh > "$share/zsh/site-functions/_featx"
"$featx" completions fish > "$share/fish/vendor_completions.d/featx.fish"
"$featx" man "$share/man/man1"

#!/bin/sh
# How small do xz's options make the licences that every Debian system has? Other files: FILES="a b".
# Usage: compress.sh mf=bt4,nice=64,lc=3,pb=2
set -eu
options=${1:?usage: compress.sh OPTION=VALUE,...}
command -v xz >/dev/null || { echo "compress.sh: xz is missing: install the package xz-utils" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# In steps, not in a pipe: a step that fails must end the trial instead of making a small result.
# shellcheck disable=SC2086  # FILES is a list
cat ${FILES:-/usr/share/common-licenses/*} >"$work/text"
xz --format=raw --lzma2="preset=6,$options" <"$work/text" >"$work/packed"
echo "bytes=$(wc -c <"$work/packed")"

#!/bin/sh
# The stubs are what the contract says, and the contract has not broken since main. Changes nothing.
set -eu
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
proto/generate.sh "$fresh"
for stub in $(cd "$fresh" && find carina -name '*_pb2*' | sort); do
    cmp "$fresh/$stub" "$stub" || { echo "run 'make proto': $stub is stale" >&2; exit 1; }
done
# Against the last commit that is not this one; a clone without history has nothing to compare with.
base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse -q --verify HEAD || true)
if [ -n "$base" ] && git cat-file -e "$base:buf.yaml" 2>/dev/null; then
    .venv/bin/buf breaking --against ".git#ref=$base"
fi

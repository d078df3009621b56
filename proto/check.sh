#!/bin/sh
# The stubs are what the contract says, and the contract has not broken. Changes nothing.
set -eu
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
proto/generate.sh "$fresh"
for stub in $(cd "$fresh" && find . -name '*.py*' -type f | sort); do
    cmp "$fresh/$stub" "$stub" || { echo "run 'make proto': $stub is stale" >&2; exit 1; }
done
# A branch is compared with main, main itself with the commit before; a clone without history has
# nothing to compare with.
base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse -q --verify HEAD || true)
if [ "$base" = "$(git rev-parse HEAD)" ] && [ -z "$(git status --porcelain proto)" ]; then
    base=$(git rev-parse -q --verify HEAD^ || true)
fi
if [ -n "$base" ] && git cat-file -e "$base:buf.yaml" 2>/dev/null; then
    .venv/bin/buf breaking --against ".git#ref=$base"
fi

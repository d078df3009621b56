#!/bin/sh
# Writes the locks: one for each image, for developers, for the local Triton, and for training.
# Hashes for every file, no index address. Carina itself is installed from this checkout, without a
# lock. Called by `make lock`.
set -eu
cd "$(dirname "$0")/.."
compile() {
    out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-package carina --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command 'make lock' --output-file "requirements/$out.txt" "$@"
}
for service in gateway jobs preprocess inference dev; do
    compile "$service" --extra "$service" pyproject.toml
done
compile client carina/pyproject.toml
compile triton requirements/triton.in
# UV_FIND_LINKS may name a folder with a CPU build of torch: the lock then holds both builds.
compile training requirements/training.in

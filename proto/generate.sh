#!/bin/sh
# Writes the stubs into the folder given, the repository's root by default. Called by `make proto`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root}
cd "$root"
python=${PYTHON:-.venv/bin/python}
PATH=$(dirname "$python"):$PATH
files=$(find proto -name '*.proto' | sort)
services=$(find proto -name '*_service.proto' | sort)
# shellcheck disable=SC2086 # lists of files without spaces
"$python" -m grpc_tools.protoc -Iproto --python_out="$out" --mypy_out=quiet:"$out" $files
# shellcheck disable=SC2086
"$python" -m grpc_tools.protoc -Iproto --grpc_python_out="$out" --mypy_grpc_out=quiet:"$out" $services
descriptors=$(mktemp)
trap 'rm -f "$descriptors"' EXIT
"$python" -m grpc_tools.protoc -Iproto --include_source_info --descriptor_set_out="$descriptors" \
    proto/carina/jobs/v1/*.proto
mkdir -p "$out/services/gateway"
"$python" proto/comments.py "$descriptors" "$out/services/gateway/comments.py"
ruff format --quiet --config pyproject.toml "$out/services/gateway/comments.py"

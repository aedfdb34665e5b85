#!/usr/bin/env bash
# setup.sh [VENV_DIR]: makes a virtual environment with the pinned requirements and generates the stubs into build/.
# Does again only what has changed; without an argument the environment is .venv in this folder.
set -euo pipefail
venv=${1:-"$(dirname "$0")/.venv"}
mkdir -p "$venv"
venv=$(cd "$venv" && pwd)
cd "$(dirname "$0")"

# fresh STAMP FILE...: whether the stamp was made from exactly these files.
fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$(cat "${@:2}" | cksum)" ]; }
stamp() { cat "${@:2}" | cksum >"$1"; }

if ! fresh "$venv/requirements.stamp" requirements.txt; then
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt
    stamp "$venv/requirements.stamp" requirements.txt
fi

sources=(../../proto/grid/*/*.proto ../../proto/grid/*/*/*.proto)
present=()
for source in "${sources[@]}"; do [ -f "$source" ] && present+=("$source"); done
if ! fresh build/proto.stamp requirements.txt "${present[@]}"; then
    rm -rf build
    mkdir build
    "$venv/bin/python" -m grpc_tools.protoc -I ../../proto \
        --python_out=build --pyi_out=build --grpc_python_out=build "${present[@]}"
    stamp build/proto.stamp requirements.txt "${present[@]}"
fi

#!/usr/bin/env bash
# setup.sh [VENV_DIR]: makes a virtual environment with the package (as it stands here) and all that its checks and
# tests need. Does again only what has changed; without an argument the environment is .venv in this folder.
set -euo pipefail
venv=${1:-"$(dirname "$0")/.venv"}
mkdir -p "$venv"
venv=$(cd "$venv" && pwd)
cd "$(dirname "$0")"

now=$(cat pyproject.toml requirements-dev.txt | cksum)
if [ -f "$venv/setup.stamp" ] && [ "$(cat "$venv/setup.stamp")" = "$now" ]; then exit 0; fi
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -e .
echo "$now" >"$venv/setup.stamp"

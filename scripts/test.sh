#!/usr/bin/env bash
# Everything that must pass, on a machine that has cargo, a C compiler and Python 3.11. What else it needs it installs
# from Debian's packages, as root or with sudo. `make test` calls it.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

python_example() (
    cd examples/quickstart-python && .venv/bin/python -m unittest
)

# What comes after the crates uses programs that are built as their tests are: to build one package alone chooses other
# features of what it stands on, and compiles all of that again.
export GRID_BUILT=1
export GRID_BIN=${GRID_BIN:-${CARGO_TARGET_DIR:-$PWD/target}/debug/grid}

python_sdk() (
    cd sdk/python && .venv/bin/pytest
)

step faults-setup tests/faults/setup.sh
step crates cargo test --workspace --locked --no-fail-fast
step programs cargo build --quiet --locked --workspace --tests --bins
step fuzz tests/fuzz/run.sh "${FUZZ_SECONDS:-30}"
step python-setup examples/quickstart-python/setup.sh
step python-example python_example
step python-sdk-setup sdk/python/setup.sh
step python-sdk python_sdk
step demo scripts/demo.sh
step verifiers-setup tests/verifiers/setup.sh
step verifiers tests/verifiers/test.sh

exit "$failed"

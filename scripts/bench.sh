#!/bin/sh
# Builds host and benchmark as they ship and measures them; arguments go to `grid-bench run`, such as `--quick`.
set -eu
cd "$(dirname "$0")/.."
echo "building release binaries of grid and grid-bench" >&2
cargo build --release --locked -p grid-cli -p grid-bench
built="${CARGO_TARGET_DIR:-target}/release"
exec "$built/grid-bench" run --grid "$built/grid" "$@"

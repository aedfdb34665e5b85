#!/bin/sh
# Builds host and benchmark as they ship and measures the governed call, then the audit log alone. Arguments go to
# `grid-bench run`; `--quick` goes to both.
set -eu
cd "$(dirname "$0")/.."
echo "building release binaries of grid and grid-bench" >&2
cargo build --release --locked -p grid-cli -p grid-bench
built="${CARGO_TARGET_DIR:-target}/release"
quick=
for argument; do
    [ "$argument" != --quick ] || quick=--quick
done
"$built/grid-bench" run --grid "$built/grid" "$@"
exec "$built/grid-bench" audit $quick

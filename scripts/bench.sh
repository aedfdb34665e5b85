#!/bin/sh
# Builds host and benchmark as they ship and measures the governed call, then the audit log alone: under four minutes
# after the build. Arguments go to `grid-bench run`; `--quick` and `--json` go to both.
set -eu
cd "$(dirname "$0")/.."
echo "building release binaries of grid and grid-bench" >&2
cargo build --release --locked -p grid-cli -p grid-bench
built="${CARGO_TARGET_DIR:-target}/release"
both=
for argument; do
    case "$argument" in
    --quick | --json) both="$both $argument" ;;
    esac
done
# Removed at the end: for a minute after files were removed, ext4 takes longer to make new ones, which logs do.
trap 'rm -rf target/bench/data' EXIT
"$built/grid-bench" run --grid "$built/grid" --keep "$@"
# shellcheck disable=SC2086 -- the two words above hold no blanks
"$built/grid-bench" audit $both

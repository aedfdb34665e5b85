#!/bin/sh
# Builds host and benchmark as they ship and measures the governed call, then the audit log alone, then overload, then
# decisions, then governed local dispatch: some ten minutes after the build. Arguments go to `grid-bench run`; `--quick` and `--json` go to all.
# `--only-local` measures governed local dispatch alone. What is in Python needs sdk/python/setup.sh, which is run here;
# where that fails it is left out. PYTHON_SDK names an interpreter that has the SDK already.
set -eu
cd "$(dirname "$0")/.."
all=
only_local=
for argument; do
    shift
    case "$argument" in
    --only-local) only_local=yes && continue ;;
    --quick | --json) all="$all $argument" ;;
    esac
    set -- "$@" "$argument"
done
echo "building release binaries of grid and of the benchmarks" >&2
cargo build --release --locked -p grid-cli -p grid-bench -p grid-bench-scale -p grid-bench-local
built="${CARGO_TARGET_DIR:-target}/release"
python=${PYTHON_SDK:-}
if [ -z "$python" ] && sdk/python/setup.sh >&2; then python=sdk/python/.venv/bin/python; fi
[ -n "$python" ] || echo "the Python SDK could not be set up; what is in Python is left out" >&2
# Removed at the end: for a minute after files were removed, ext4 takes longer to make new ones, which logs do.
trap 'rm -rf target/bench/data' EXIT
# shellcheck disable=SC2086 -- the words in $all hold no blanks
if [ -z "$only_local" ]; then
    "$built/grid-bench" run --grid "$built/grid" --keep "$@"
    "$built/grid-bench" audit $all
    "$built/grid-bench" overload --grid "$built/grid" $all
    "$built/grid-bench-scale" run --grid "$built/grid" $all
fi
if [ -z "$only_local" ]; then
    # A decision that is not remembered, by how many policies are loaded; lines of `name  time: [low middle high]`.
    quick=
    case "$all" in *--quick*) quick=--quick ;; esac
    # shellcheck disable=SC2086
    cargo bench --locked -p grid-policy --bench decision -- --noplot $quick >target/bench/policy.txt
    # One that is remembered, and what an invalidation takes.
    cargo bench --locked -p grid-authorize --bench decision -- --noplot $quick >>target/bench/policy.txt
    case "$all" in
    *--json*) cat target/bench/policy.txt >&2 ;;
    *) cat target/bench/policy.txt ;;
    esac
fi
# shellcheck disable=SC2086
"$built/grid-bench-local" run --grid "$built/grid" $all ${python:+--python "$python"}

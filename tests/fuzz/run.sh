#!/bin/sh
# Fuzzes: run.sh [seconds] [target…]. Each target runs so long (30 s unless told) on the seeds and on what earlier runs found.
# Needs a stable compiler only: the flags are those that cargo-fuzz passes, less the sanitizer, which needs a nightly one.
# Ends with a code other than zero when a target crashed; what crashed it is in artifacts/<target>/.
set -eu
cd "$(dirname "$0")"

seconds=30
case "${1:-}" in
    ''|*[!0-9]*) ;;
    *) seconds=$1; shift ;;
esac
[ $# -gt 0 ] || set -- $(sed -n '/^\[\[bin\]\]/,/^$/s/^name = "\(.*\)"/\1/p' Cargo.toml)

triple=$(rustc -vV | sed -n 's/^host: //p')
# A target triple keeps the flags away from build scripts and macros, which have no fuzzer to link with.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1 -Clink-dead-code" \
CARGO_TARGET_DIR=target cargo build --release --target "$triple" ${CARGO_JOBS:+-j "$CARGO_JOBS"}

failed=
for target in "$@"; do
    mkdir -p "corpus/$target" "artifacts/$target" "seeds/$target"
    echo "== $target, $seconds s"
    "target/$triple/release/$target" "corpus/$target" "seeds/$target" -artifact_prefix="artifacts/$target/" \
        -max_total_time="$seconds" -timeout=1 -rss_limit_mb=512 -max_len=65536 -print_final_stats=1 || failed="$failed $target"
done
[ -z "$failed" ] || { echo "crashed:$failed; see artifacts/" >&2; exit 1; }

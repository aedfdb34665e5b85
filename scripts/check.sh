#!/usr/bin/env bash
# Everything that can be said about the sources without running the host. `make check` calls it.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

DENY=0.20.2

deny() {
    if ! cargo deny --version >/dev/null 2>&1; then
        echo "installing cargo-deny $DENY, once; this takes some minutes"
        cargo install cargo-deny --locked --version "$DENY" || return 1
    fi
    cargo deny --all-features --log-level error check licenses bans sources
}

# The database is on the network. Where it cannot be had, the version floors still hold.
advisories() {
    local said
    said=$(timeout 120 cargo deny --log-level error check advisories 2>&1)
    local status=$?
    if [ $status -ne 0 ] && grep -q 'failed to fetch advisory database' <<<"$said"; then
        skip advisories "the advisory database cannot be reached; tests/house/tests/floors.rs holds the version floors"
        return
    fi
    step advisories report $status "$said"
}

report() {
    printf '%s\n' "$2"
    return "$1"
}

# `make test` runs these too and shows them; here they speak only where a rule is broken.
house() {
    local said
    said=$(cargo test --package grid-house --locked --quiet --no-fail-fast 2>&1) || report 1 "$said"
}

step format cargo fmt --all --check
step lints cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
step house house
step licences-bans-sources deny
advisories
python=()
for folder in sdk/python examples scripts tests; do
    [ -d "$folder" ] && python+=("$folder")
done
step python python3 -m compileall -q -x '(\.venv|node_modules|tests/fuzz/target)' "${python[@]}"
# Types and lints of the Python SDK and of the examples that use it.
python_sdk() (
    cd sdk/python && ./setup.sh || return 1
    status=0
    .venv/bin/ruff check --quiet . || status=1
    # An example prints, and its classes need no docstrings.
    .venv/bin/ruff check --quiet --ignore D101,D103,T201 ../../examples/python_* || status=1
    .venv/bin/ruff format --quiet --check . ../../examples/python_* || status=1
    .venv/bin/mypy --no-error-summary || status=1
    return $status
)
step python-sdk-checks python_sdk
# Shell scripts are named so, and `.ci/run` is one.
shell() {
    local script status=0
    while IFS= read -r -d '' script; do
        bash -n "$script" || status=1
    done < <(git ls-files -z --cached --others --exclude-standard '*.sh' .ci/run)
    return $status
}
step shell shell

exit "$failed"

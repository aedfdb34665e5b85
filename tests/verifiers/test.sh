#!/usr/bin/env bash
# test.sh: whether the two verifiers do as README.md says, and they and the host's own agree. Ends with a line
# `N passed, N failed`. VERIFIERS_MUTANTS, _PROOFS and _SEED are as agree.py has them.
set -uo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
go=$root/target/verifiers/tlog-verify
built=${CARGO_TARGET_DIR:-$root/target}/debug
python=(python3 python/tlog_verify.py)
passed=0 failed=0

# check NAME CODE COMMAND...: the command ends with this code.
check() {
    local name=$1 expected=$2 said code=0
    shift 2
    said=$("$@" 2>&1) || code=$?
    if [ "$code" = "$expected" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s: code %s, not %s\n%s\n' "$name" "$code" "$expected" "$said"
    fi
}

# count COMMAND...: takes over the numbers of its last line `…N passed, N failed`, and shows all that it says.
count() {
    local said line
    said=$("$@" 2>&1)
    printf '%s\n' "$said"
    line=$(tail -n 1 <<<"$said")
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
        failed=$((failed + 1))
    fi
}

check setup 0 ./setup.sh
check "setup, again" 0 ./setup.sh
# `make test` has them.
[ -n "${GRID_BUILT:-}" ] || check "grid and grid-ledger-probe" 0 cargo build --quiet --locked --package grid-cli --package grid-faults
check "the vectors are what make_vectors.py writes" 0 python3 python/make_vectors.py --check
count "${python[@]}" vectors vectors/*.json
count "$go" vectors vectors/*.json

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
check "a sample log" 0 python3 python/sample_log.py "$log" 300
for verifier in "${python[*]}" "$go"; do
    read -ra verify <<<"$verifier"
    name=${verify[0]##*/}
    key=(--key "$log/log.vkey")
    check "$name: a log" 0 "${verify[@]}" log "$log" "${key[@]}"
    check "$name: two logs" 0 "${verify[@]}" log --json "${key[@]}" "$log" "$log"
    check "$name: a proof" 0 "${verify[@]}" inclusion "${key[@]}" "$log/proof.json"
    check "$name: two checkpoints" 0 "${verify[@]}" consistency "${key[@]}" "$log/consistency.json"
    check "$name: the wrong proof" 7 "${verify[@]}" inclusion "${key[@]}" "$log/consistency.json"
    check "$name: no proof" 2 "${verify[@]}" inclusion "${key[@]}" "$log/none.json"
    check "$name: no command" 2 "${verify[@]}"
    check "$name: another command" 2 "${verify[@]}" prove "${key[@]}" "$log"
    check "$name: no key" 2 "${verify[@]}" log "$log"
    check "$name: a key that is none" 2 "${verify[@]}" log "$log" --key "$log/checkpoint"
    check "$name: a key that is missing" 2 "${verify[@]}" log "$log" --key "$log/none"
    check "$name: no log" 2 "${verify[@]}" log "$log/none" "${key[@]}"
    check "$name: an unknown option" 2 "${verify[@]}" log "$log" "${key[@]}" --fast
    check "$name: no vectors" 2 "${verify[@]}" vectors "$log/checkpoint"
    check "$name: vectors of an unknown kind" 2 "${verify[@]}" vectors "$log/unknown.jsonl"
    check "$name: a vector that must fail" 7 "${verify[@]}" vectors "$log/wrong.jsonl"
done

count python3 python/agree.py "$go" "$built/grid" "$built/grid-ledger-probe"

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]

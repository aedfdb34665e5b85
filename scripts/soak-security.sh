#!/usr/bin/env bash
# `make soak-security`: every attack of tests/attacks for ATTACK_SECONDS (10) each, and the larger sizes of other tests that
# have to do with who may do what, again and again for SOAK_MINUTES (60). Every run and its seed is a line of
# target/soak-security/runs.tsv; of one that fails the last column is the command that makes it again, and what it said is
# kept beside. SOAK_PARTS="attacks tenants" takes those alone.
set -uo pipefail
cd "$(dirname "$0")/.."

minutes=${SOAK_MINUTES:-60}
out=$PWD/target/soak-security
runs=$out/runs.tsv
mkdir -p "$out"
[ -s "$runs" ] || printf 'when\tpart\tseed\tresult\tseconds\tagain\n' >"$runs"

# A part is a line of `plan`; whoever has larger sizes behind environment variables adds one here and there.
parts=(attacks tokens policies handshakes tenants)
[ -z "${SOAK_PARTS:-}" ] || read -ra parts <<<"$SOAK_PARTS"

# plan PART SEED: the command with its settings, as a line of shell. Only the tenants draw from the seed; the others
# have seeds of their own, and grow by size.
plan() {
    local seed=$2 cargo="cargo test --quiet --locked"
    case $1 in
        attacks) again="ATTACK_SECONDS=${ATTACK_SECONDS:-10} $cargo --package grid-attacks -- --test-threads=1" ;;
        tokens) again="GRID_SOAK=1 $cargo --package grid-identity --test identity fuzzed" ;;
        policies) again="GRID_POLICY_SETS=2000 GRID_POLICY_FAILING_SETS=2000 $cargo --package grid-policy --test policy properties" ;;
        handshakes) again="GRID_GARBAGE=1000000 $cargo --package grid-tls --test it garbage" ;;
        tenants)
            again="GRID_SOAK_SEED=$seed GRID_TENANT_HISTORIES=${TENANT_HISTORIES:-20000}"
            again+=" $cargo --package grid-server --lib a_tenant_sees_the_same"
            ;;
        *) echo "there is no part \`$1\`; there are: ${parts[*]}" >&2 && exit 2 ;;
    esac
}

run() {
    local part=$1 seed=$2 began=$SECONDS result=ok log again
    plan "$part" "$seed"
    log=$out/$part-$seed.log
    printf '%s seed %s ... ' "$part" "$seed"
    if ! (eval "$again") >"$log" 2>&1; then
        result=FAILED
        failed=$((failed + 1))
    fi
    printf '%s (%d s)\n' "$result" $((SECONDS - began))
    printf '%s\t%s\t%s\t%s\t%d\t%s\n' "$(date -u +%FT%TZ)" "$part" "$seed" "$result" $((SECONDS - began)) "$again" >>"$runs"
    if [ $result = ok ]; then
        rm -f "$log"
    else
        tail -n 20 "$log"
        printf 'again: %s\nall of it: %s\n' "$again" "$log"
    fi
}

echo "building"
cargo build --quiet --locked --package grid-cli || exit 1

failed=0 rounds=0
end=$((SECONDS + 60 * minutes))
while [ $SECONDS -lt $end ]; do
    for part in "${parts[@]}"; do
        # Each part at least once, whatever the time.
        [ $rounds -eq 0 ] || [ $SECONDS -lt $end ] || break
        run "$part" "$((RANDOM << 30 | RANDOM << 15 | RANDOM))"
    done
    rounds=$((rounds + 1))
done
echo "$rounds rounds in $((SECONDS / 60)) minutes, $failed failed; seeds and commands are in $runs"
[ $failed -eq 0 ]

#!/usr/bin/env bash
# `make soak-audit`: the audit log under kills, failing calls, full disks, losses of power, tampering and other
# verifiers, again and again with new seeds, for SOAK_MINUTES (60). Every run and its seed is a line of
# target/soak-audit/runs.tsv; of one that fails the last column is the command that makes it again, and what it said is
# kept beside. SOAK_PARTS="kills power" takes those alone.
set -uo pipefail
cd "$(dirname "$0")/.."

minutes=${SOAK_MINUTES:-60}
out=$PWD/target/soak-audit
runs=$out/runs.tsv
root=$PWD
mkdir -p "$out"
[ -s "$runs" ] || printf 'when\tpart\tseed\tsize\tresult\tseconds\tagain\n' >"$runs"

parts=(kills levels calls failing host second power tampering honest verifiers secrets executions export)
# What takes an hour, and is the same each time.
[ "$minutes" -lt 120 ] || parts+=(syncs)
[ -z "${SOAK_PARTS:-}" ] || read -ra parts <<<"$SOAK_PARTS"

export GRID_FAULTS_ALL=1 RUST_BACKTRACE=0
# The simulated losses of power are in the crate that has the segments.
power_package() {
    local folder
    for folder in host/audit/wal host/audit; do
        [ -d "$folder/tests/power" ] || continue
        sed -n 's/^name = "\(.*\)"/\1/p' "$folder/Cargo.toml" | head -n 1
        return
    done
}
power=$(power_package)

test_of() { printf 'cargo test --quiet --locked --package %s --test %s -- --nocapture --test-threads=1 %s' "$@"; }

# Power seeds one by one, each in a process of its own, from the given one on and for a minute.
power_from() {
    local from=$1 until=$((SECONDS + 60)) seed status=0 binary
    binary=$(cargo test --quiet --locked --package "$power" --test power --no-run --message-format=json 2>/dev/null |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
    cd "$(dirname "$binary")" || return 1
    for ((seed = from; SECONDS < until; seed++)); do
        if ! GRID_POWER_SEED=$seed "$binary" --exact seeds::nothing_acknowledged_is_lost_with_the_power >"$out/power" 2>&1
        then
            cat "$out/power"
            status=1
            break
        fi
    done
    cd "$root" || return 1
    echo "power: $((seed - from)) seeds from $from on"
    return $status
}

# plan PART SEED: its size, and the command with its settings, as a line of shell.
plan() {
    local seed=$2
    case $1 in
        kills) size=300 again="GRID_FAULTS_SEED=$seed GRID_FAULTS_KILLS=$size $(test_of grid-faults it killed::)" ;;
        levels) size=200 again="GRID_FAULTS_SEED=$seed GRID_FAULTS_LEVELS=$size $(test_of grid-faults it full_disk::)" ;;
        calls) size=every again=$(test_of grid-faults it killed_at_calls::) ;;
        failing) size=every again=$(test_of grid-faults it failing_calls::) ;;
        host) size=every again=$(test_of grid-faults it host::) ;;
        second) size=every again=$(test_of grid-faults it second_process::) ;;
        power) size=minute again="scripts/soak-audit.sh power_from $seed" ;;
        tampering) size=10000 again="GRID_AUDIT_SEED=$seed GRID_AUDIT_MUTANTS=$size $(test_of grid-audit-verify verify mutants::)" ;;
        honest) size=1000 again="GRID_AUDIT_SEED=$seed GRID_AUDIT_HONEST=$size $(test_of grid-audit-verify verify honest::)" ;;
        verifiers) size=1000 again="VERIFIERS_SEED=$seed VERIFIERS_MUTANTS=$size VERIFIERS_PROOFS=25000 tests/verifiers/test.sh" ;;
        secrets) size=every again=$(test_of grid-e2e it "canaries:: secrets::") ;;
        executions) size=every again=$(test_of grid-e2e it crashes::) ;;
        export) size=every again=$(test_of grid-audit-export export "") ;;
        syncs) size=600 again="SEEDS=$size scripts/every-sync-counts.sh" ;;
        *) echo "there is no part \`$1\`; there are: ${parts[*]}" >&2 && exit 2 ;;
    esac
}

run() {
    local part=$1 seed=$2 began=$SECONDS result=ok log size again
    plan "$part" "$seed"
    log=$out/$part-$seed.log
    printf '%s seed %s size %s ... ' "$part" "$seed" "$size"
    if ! (eval "$again") >"$log" 2>&1; then
        result=FAILED
        failed=$((failed + 1))
    fi
    printf '%s (%d s)\n' "$result" $((SECONDS - began))
    # What it counted and measured.
    grep -aE '^(power: |[0-9]+ kills|ext4: [0-9]|tmpfs: [0-9]|agree: |fdatasync: |pwrite64: |test result: ok. [1-9])' \
        "$log" | sed 's/^/    /'
    printf '%s\t%s\t%s\t%s\t%s\t%d\t%s\n' "$(date -u +%FT%TZ)" "$part" "$seed" "$size" "$result" \
        $((SECONDS - began)) "$again" >>"$runs"
    if [ $result = ok ]; then
        rm -f "$log"
    else
        tail -n 20 "$log"
        printf 'again: %s\nall of it: %s\n' "$again" "$log"
    fi
}

if [ "${1:-}" = power_from ]; then
    power_from "$2"
    exit
fi

tests/faults/setup.sh && tests/verifiers/setup.sh || exit 1
echo "building"
cargo build --quiet --locked --package grid-cli --package grid-faults || exit 1
cargo test --quiet --locked --no-run --package grid-faults --package grid-audit-verify --package grid-e2e \
    --package grid-audit-export --package "$power" >/dev/null || exit 1

failed=0 rounds=0
end=$((SECONDS + 60 * minutes))
while [ $SECONDS -lt $end ]; do
    for part in "${parts[@]}"; do
        # Each part at least once, whatever the time.
        [ $rounds -eq 0 ] || [ $SECONDS -lt $end ] || break
        [ "$part" != syncs ] || [ $rounds -eq 0 ] || continue
        run "$part" "$((RANDOM << 30 | RANDOM << 15 | RANDOM))"
    done
    rounds=$((rounds + 1))
done
echo "$rounds rounds in $((SECONDS / 60)) minutes, $failed failed; seeds and commands are in $runs"
[ $failed -eq 0 ]

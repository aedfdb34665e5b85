#!/usr/bin/env bash
# `make soak-sim` runs new seeds of the simulated host for SOAK_MINUTES (60), 1,000 a run; `make soak-chaos` runs once, for
# CHAOS_MINUTES (5). Every run and its seed is a line of target/soak-PART/runs.tsv, with the command that makes the same
# choices again; what a failing run said is kept beside.
set -uo pipefail
cd "$(dirname "$0")/.."

part=${1:?sim or chaos}
out=$PWD/target/soak-$part
runs=$out/runs.tsv
mkdir -p "$out"
[ -s "$runs" ] || printf 'when\tpart\tseed\tresult\tseconds\tagain\n' >"$runs"

run() {
    local seed=$1 began=$SECONDS result=ok log again cargo="cargo test --quiet --locked"
    case $part in
        sim) again="GRID_SIM_FIRST=$seed GRID_SIM_SEEDS=1000 $cargo --package grid-sim every_seed_holds" ;;
        chaos) again="CHAOS_SEED=$seed CHAOS_MINUTES=${CHAOS_MINUTES:-5} $cargo --package grid-chaos -- --nocapture" ;;
        *) echo "there is no part \`$part\`; there are: sim chaos" >&2 && exit 2 ;;
    esac
    log=$out/$seed.log
    printf '%s seed %s ... ' "$part" "$seed"
    if ! (eval "$again") >"$log" 2>&1; then
        result=FAILED
        failed=$((failed + 1))
    fi
    printf '%s (%d s)\n' "$result" $((SECONDS - began))
    printf '%s\t%s\t%s\t%s\t%d\t%s\n' "$(date -u +%FT%TZ)" "$part" "$seed" "$result" $((SECONDS - began)) "$again" >>"$runs"
    if [ $result = ok ]; then
        [ "$part" = sim ] || grep 'calls,' "$log"
        rm -f "$log"
    else
        tail -n 20 "$log"
        printf 'again: %s\nall of it: %s\n' "$again" "$log"
    fi
}

echo "building"
cargo build --quiet --locked --package grid-cli || exit 1

failed=0
first=$(date +%s%3N)
end=$((SECONDS + 60 * ${SOAK_MINUTES:-60}))
run "$first"
while [ "$part" = sim ] && [ $SECONDS -lt $end ]; do
    first=$((first + 1000))
    run "$first"
done
[ $failed -eq 0 ]

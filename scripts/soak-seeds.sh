#!/usr/bin/env bash
# `make soak-sim` runs new seeds of the simulated host for SOAK_MINUTES (60), 1,000 a run; `make soak-histories` new
# histories, 200 a run; `make soak-chaos` runs once, for CHAOS_MINUTES (5), and `make soak-load` once, for SOAK_MINUTES:
# it draws what the host held to target/soak-load/SEED.svg. Every run and its seed is a line of target/soak-PART/runs.tsv,
# with the command that makes the same choices again; what a failing run said is kept beside. GRID_BIN names another
# `grid` to be tried by the last two, such as one that is built as it ships.
set -uo pipefail
cd "$(dirname "$0")/.."

part=${1:?sim, histories, chaos or load}
out=$PWD/target/soak-$part
runs=$out/runs.tsv
mkdir -p "$out"
[ -s "$runs" ] || printf 'when\tpart\tseed\tresult\tseconds\tagain\n' >"$runs"

run() {
    local seed=$1 began=$SECONDS result=ok log again cargo="cargo test --quiet --locked"
    case $part in
        sim) again="GRID_SIM_FIRST=$seed GRID_SIM_SEEDS=1000 $cargo --package grid-sim every_seed_holds" ;;
        chaos) again="CHAOS_SEED=$seed CHAOS_MINUTES=${CHAOS_MINUTES:-5} $cargo --package grid-chaos a_host_keeps_its_word -- --nocapture" ;;
        load) again="CHAOS_SEED=$seed SOAK_MINUTES=${SOAK_MINUTES:-60} $cargo --package grid-chaos a_host_under_load -- --nocapture" ;;
        histories) again="GRID_HISTORY_FIRST=$seed GRID_HISTORIES=180 GRID_HISTORIES_IN_REAL_TIME=20 $cargo --package grid-histories could" ;;
        *) echo "there is no part \`$part\`; there are: sim histories chaos load" >&2 && exit 2 ;;
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
        case $part in chaos | load) grep -E 'calls|descriptors|threads|memory|p99|drawn' "$log" ;; esac
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
while [[ $part = sim || $part = histories ]] && [ $SECONDS -lt $end ]; do
    first=$((first + 1000))
    run "$first"
done
[ $failed -eq 0 ]

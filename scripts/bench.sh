#!/bin/sh
# Builds host and benchmark as they ship and measures the governed call, the audit log alone, overload, revocation, hosts
# that grow, swaps under load, streams, single steps of a call, and governed local dispatch; then tells all goals in one
# table: some twenty minutes after the build, of which each part says how far it is. Figures and plots go to target/bench.
#   --quick        short rounds, to see that it works: some minutes, and noisy
#   --json         one JSON object with everything on standard output, and nothing else there
#   --only PARTS   of call,audit,overload,revoke,scale,stream,steps,local, with commas; --only-local is --only local
# Other arguments go to `grid-bench run`. What is in Python needs sdk/python/setup.sh, which is run here; where that fails
# it is left out. PYTHON_SDK names an interpreter that has the SDK already.
set -eu
cd "$(dirname "$0")/.."
all='' quick='' json='' parts=call,audit,overload,revoke,scale,stream,steps,local take=''
for argument; do
    shift
    if [ -n "$take" ]; then
        parts=$argument take=''
        continue
    fi
    case "$argument" in
    --only) take=yes && continue ;;
    --only=*) parts=${argument#--only=} && continue ;;
    --only-local) parts=local && continue ;;
    --quick) quick=--quick all=--quick && continue ;;
    --json) json=--json && continue ;;
    esac
    set -- "$@" "$argument"
done
known=,call,audit,overload,revoke,scale,stream,steps,local,
for part in $(echo "$parts" | tr , ' '); do
    case "$known" in *",$part,"*) ;; *)
        echo "there is no part \`$part\`; choose of call, audit, overload, revoke, scale, stream, steps, local" >&2
        exit 2
        ;;
    esac
done
# Parts tell theirs as tables; with --json the one object at the end is all that is told.
if [ -n "$json" ]; then exec 3>&2; else exec 3>&1; fi
out=target/bench

wanted() { case ",$parts," in *",$1,"*) ;; *) return 1 ;; esac; }
part() {
    name=$1
    shift
    wanted "$name" || return 0
    echo "== $name" >&2
    "$@" >&3
}

steps() {
    # One build for all; what criterion says on its way is progress. Each bench takes some 2 s.
    lengths='--warm-up-time 0.3 --measurement-time 0.8 --sample-size 15'
    # shellcheck disable=SC2086 -- words of their own
    CRITERION_HOME="$PWD/$out/criterion" cargo bench --locked -p grid-policy -p grid-authorize -p grid-resolve -p grid-breaker \
        --bench decision --bench choice --bench call -- --noplot ${quick:-$lengths} >&2
    "$built/grid-bench" micro
}

echo "building release binaries of grid and of the benchmarks" >&2
cargo build --release --locked -p grid-cli -p grid-bench -p grid-bench-scale -p grid-bench-local
built="${CARGO_TARGET_DIR:-target}/release"
python=''
if wanted local; then
    python=${PYTHON_SDK:-}
    if [ -z "$python" ] && sdk/python/setup.sh >&2; then python=sdk/python/.venv/bin/python; fi
    [ -n "$python" ] || echo "the Python SDK could not be set up; what is in Python is left out" >&2
fi
mkdir -p "$out"
# Figures of an earlier run are not told as this one's.
rm -rf "$out"/*.json "$out/criterion"
# Removed at the end: for a minute after files were removed, ext4 takes longer to make new ones, which logs do.
trap 'rm -rf "$out/data"' EXIT
revocations=50
[ -z "$quick" ] || revocations=10
# shellcheck disable=SC2086 -- the words in $all hold no blanks
{
    part call "$built/grid-bench" run --grid "$built/grid" --keep $all "$@"
    part audit "$built/grid-bench" audit $all
    part overload "$built/grid-bench" overload --grid "$built/grid" $all
    part revoke "$built/grid-bench" revoke --grid "$built/grid" --rounds "$revocations"
    part scale "$built/grid-bench-scale" run --grid "$built/grid" $all
    part stream "$built/grid-bench" stream --grid "$built/grid" --mib 128
    part steps steps
    part local "$built/grid-bench-local" run --grid "$built/grid" $all ${python:+--python "$python"}
}
"$built/grid-bench" report $json

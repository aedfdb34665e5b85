#!/bin/sh
# Walks through the policies of a bank's counter, without a host: run.sh, from anywhere. GRID names the program.
set -eu
cd "$(dirname "$0")/../.."
grid=${GRID:-grid}
export GRID_MODE=strict
policies="manifests/policies --manifest manifests/teller.json"
transfer() {
    # shellcheck disable=SC2086 -- the words of $policies are apart
    "$grid" policy explain $policies --principal tom --tenant north --role teller --tool transfer_money \
        --now 2026-03-02T10:00:00Z --args "{\"amount\": $1, \"currency\": \"EUR\", \"from\": \"17\", \"to\": \"18\"}"
}

echo "== is the directory good, and what does each tool's decision read"
# shellcheck disable=SC2086
"$grid" policy check $policies
echo "== do the policies say what they should"
# shellcheck disable=SC2086
"$grid" policy test $policies
echo "== 120: a teller does it alone"
transfer 120
echo "== 700: a person is asked"
transfer 700
echo "== 1200: nobody may"
transfer 1200
echo "== what a candidate would change"
if "$grid" policy diff manifests/policies examples/policy/candidate --manifest manifests/teller.json --no-audit; then
    echo "nothing flips"
else
    [ $? -eq 5 ] || exit 1
fi

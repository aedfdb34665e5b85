#!/bin/sh
# Certificates in place of tokens: makes an authority, starts a STRICT host, attaches a runtime and calls it, each known by
# its certificate, and replaces the host's certificate while calls run. Needs `grid` and `quickstart-rust` (GRID_BIN and
# RUNTIME_BIN, else target/debug); leaves nothing behind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
grid=${GRID_BIN:-$root/target/debug/grid}
runtime=${RUNTIME_BIN:-$root/target/debug/quickstart-rust}
folder=$(mktemp -d)
host_pid= runtime_pid=

clean() {
    for pid in $runtime_pid $host_pid; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap clean EXIT
trap 'exit 1' INT TERM

wait_for() {
    tries=0
    until grep -q "$1" "$2" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { echo "no \`$1\` in $2:"; cat "$2"; exit 1; }
        sleep 0.1
    done
}

certificates() {
    "$grid" tls dev-ca --dir tls --client spiffe://dev.local/runtime/quickstart-rust --client spiffe://dev.local/caller/alice
}

call() {
    "$grid" call calculate_sum '{"numbers": [20, 22]}' --ca tls/ca.pem "$@"
}

cd "$folder"
cp "$here/grid.toml" "$here/identity.toml" .
cp "$root/manifests/quickstart.json" tools.json
export GRID_CONFIG=grid.toml
: "${GRID_SERVER__LISTEN:=127.0.0.1:9090}" "${GRID_SERVER__ADMIN_LISTEN:=127.0.0.1:9091}"
export GRID_SERVER__LISTEN GRID_SERVER__ADMIN_LISTEN

echo "== an authority, and what it signs"
certificates
"$grid" tls show tls/caller-alice.pem

echo "== a host that wants certificates"
"$grid" audit init --set audit.origin=dev.local/demo/mtls/audit >/dev/null
"$grid" serve 2>host.log &
host_pid=$!
wait_for serving host.log

echo "== a runtime, known by its certificate"
"$runtime" --endpoint "https://$GRID_SERVER__LISTEN" --ca tls/ca.pem \
    --cert tls/runtime-quickstart-rust.pem --cert-key tls/runtime-quickstart-rust.key 2>runtime.log &
runtime_pid=$!
wait_for "serving" runtime.log

echo "== a call by a caller who has one"
alice="--cert tls/caller-alice.pem --cert-key tls/caller-alice.key"
# shellcheck disable=SC2086 # two flags
call $alice

echo "== a call by somebody who has none"
if call 2>refused.log; then
    echo "the host heard somebody without a certificate" >&2
    exit 1
fi
head -n 1 refused.log

echo "== the host gets a new certificate while calls run"
before=$(cksum tls/server.pem)
cp -r tls caller
for turn in 1 2 3 4 5 6; do
    [ "$turn" != 3 ] || certificates >/dev/null
    "$grid" call calculate_sum '{"numbers": [20, 22]}' --ca caller/ca.pem --cert caller/caller-alice.pem \
        --cert-key caller/caller-alice.key >/dev/null
done
wait_for "certificates were replaced" host.log
[ "$before" != "$(cksum tls/server.pem)" ]
# shellcheck disable=SC2086 # two flags
call $alice
echo "== done: 6 calls ran while the certificate was replaced, and none failed"

#!/usr/bin/env bash
# `make run`: a host in STRICT mode with the example runtimes, until Ctrl-C. What it makes is in .run/; the audit
# log there is kept from one run to the next.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$PWD/.run
mkdir -p -m 700 "$dir"
. scripts/quickstart.sh

trap 'say; say "stopping"; stop_all' EXIT
trap 'exit 0' INT TERM

build
port=9090 admin=9091
is_free $port && is_free $admin || { port=$(free_port) admin=$(free_port); }
configure "$port" "$admin"
tokens
start_host
wait_for '"ready":true' || { show_logs; fail "the host did not start"; }
start_runtimes
wait_for '"unserved":\[\]' || { show_logs; fail "a runtime did not attach"; }

say
say "serving at $GRID_ENDPOINT, for operators at $GRID_ADMIN_ENDPOINT; logs are in .run/"
say
GRID_TOKEN_FILE=$dir/report-agent.token grid tools
say
say "try, in another terminal:"
say
say "  export GRID_CONFIG=.run/grid.toml GRID_ENDPOINT=$GRID_ENDPOINT GRID_TOKEN_FILE=.run/report-agent.token"
say "  $binaries/grid call calculate_sum '{\"numbers\": [2, 40]}'"
say "  $binaries/grid audit tail"
say
say "Ctrl-C stops everything."
wait -n "${started[@]}" || true
show_logs
fail "one of the processes has ended"

#!/usr/bin/env bash
# The faults at their larger sizes: 1,000 kills and 200 fill levels a file system, unless the environment says otherwise.
# The seeds are in what it prints; GRID_FAULTS_SEED=... makes the same choices again.
set -euo pipefail
cd "$(dirname "$0")/../.."

tests/faults/setup.sh
export GRID_FAULTS_KILLS=${GRID_FAULTS_KILLS:-1000} GRID_FAULTS_LEVELS=${GRID_FAULTS_LEVELS:-200}
cargo test --package grid-faults --locked --no-fail-fast -- --nocapture --test-threads=1

# Sourced by run.sh and demo.sh: a host in STRICT mode and the two example runtimes, each a process of its own.

manifest=$PWD/manifests/quickstart.json
python_example=examples/quickstart-python
binaries=${CARGO_TARGET_DIR:-target}/debug
started=()

say() { printf '%s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# build PACKAGE...: builds what is started, and these packages too. The first time takes some minutes.
build() {
    say "building; the first time takes some minutes"
    # `make test` has built all of it.
    [ -n "${GRID_BUILT:-}" ] ||
        cargo build --quiet --locked --package=grid-cli --package=quickstart-rust "${@/#/--package=}"
    "$python_example/setup.sh" >"$dir/python-setup.log" 2>&1 || {
        cat "$dir/python-setup.log" >&2
        fail "the Python example could not be set up; it needs Python 3.11 with venv"
    }
}

# A Python that has the SDK of this folder.
build_sdk() {
    sdk_python=$PWD/sdk/python/.venv/bin/python
    sdk/python/setup.sh >"$dir/sdk-setup.log" 2>&1 || {
        cat "$dir/sdk-setup.log" >&2
        fail "the Python SDK could not be set up; it needs Python 3.10 or later with venv"
    }
}

# A port of this machine that nobody listens on just now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

is_free() {
    python3 -c 'import socket, sys; socket.socket().bind(("127.0.0.1", int(sys.argv[1])))' "$1" 2>/dev/null
}

# configure PORT ADMIN_PORT: writes $dir/grid.toml, which every `grid` command reads from here on.
configure() {
    cat >"$dir/grid.toml" <<END
mode = "strict"

[server]
listen = "127.0.0.1:$1"
admin_listen = "127.0.0.1:$2"
drain_grace = "5s"

[manifest]
path = "$manifest"

[data]
dir = "$dir/data"

${more_settings:-}
END
    export GRID_CONFIG=$dir/grid.toml
    export GRID_ENDPOINT=http://127.0.0.1:$1
    export GRID_ADMIN_ENDPOINT=http://127.0.0.1:$2
}

grid() { "$binaries/grid" "$@"; }

# token NAME TENANT ROLE...: makes $dir/NAME.token.
token() {
    local name=$1 tenant=$2 roles=()
    shift 2
    for role in "$@"; do roles+=(--role "$role"); done
    grid token new --principal "$name" --tenant "$tenant" "${roles[@]}" -o "$dir/$name.token" 2>>"$dir/token.log"
}

# The key that signs the audit log, where there is none yet. Its public half is what an auditor is given.
audit_key() {
    [ -e "$dir/data/audit.key" ] || grid audit init --origin grid.example/quickstart/audit >"$dir/host.vkey" 2>>"$dir/token.log"
}

tokens() {
    audit_key
    token report-agent demo calculator_user text_user
    token operator demo grid_admin report_admin
    # It calls tools for texts itself, so it has to be permitted as its caller is.
    token quickstart-rust '*' grid_runtime text_user
    token quickstart-python '*' grid_runtime
}

# start NAME COMMAND...: a process of its own, out of the terminal's reach, so that all are stopped in order.
start() {
    local name=$1
    shift
    setsid "$@" >"$dir/$name.log" 2>&1 </dev/null &
    started+=("$!")
}

start_host() { start host "$binaries/grid" serve --locked; }

start_runtimes() {
    GRID_TOKEN_FILE=$dir/quickstart-rust.token start quickstart-rust "$binaries/quickstart-rust"
    GRID_TOKEN_FILE=$dir/quickstart-python.token start quickstart-python \
        "$python_example/.venv/bin/python" "$python_example/runtime.py"
}

# Stops what was started here and nothing else: runtimes first, the host last.
stop_all() {
    local at pid
    for ((at = ${#started[@]} - 1; at >= 0; at--)); do
        pid=${started[at]}
        kill -TERM "$pid" 2>/dev/null || continue
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    started=()
}

# ready PATTERN: whether the operators' port answers /readyz with it.
ready() {
    python3 - "$GRID_ADMIN_ENDPOINT/readyz" 2>/dev/null <<'END' | grep -q "$1"
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=1).read().decode())
END
}

# wait_for PATTERN WHAT: at most 30 s; ends early where a process has gone.
wait_for() {
    for _ in $(seq 150); do
        ready "$1" && return 0
        for pid in "${started[@]}"; do kill -0 "$pid" 2>/dev/null || return 1; done
        sleep 0.2
    done
    return 1
}

# Shows the end of every log; for when something did not come up.
show_logs() {
    for log in "$dir"/*.log; do
        [ -s "$log" ] && { printf -- '--- %s\n' "$log"; tail -n 15 "$log"; } >&2
    done
    return 0
}

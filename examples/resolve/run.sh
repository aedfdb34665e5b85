#!/bin/sh
# Several providers of one function: who is chosen and why, a selection, swaps under 200 calls a second, a drain over a
# restart. Needs `grid` and `resolve-example` (GRID_BIN and PROVIDER_BIN, else target/debug); leaves nothing behind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
grid=${GRID_BIN:-$root/target/debug/grid}
example=${PROVIDER_BIN:-$root/target/debug/resolve-example}
folder=$(mktemp -d)
host_pid='' providers='' load_pid=''

clean() {
    exec 3>&- || true
    for pid in $load_pid $providers $host_pid; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap clean EXIT
trap 'exit 1' INT TERM

fail() {
    echo "$1" >&2
    tail -n 20 host.log >&2
    exit 1
}

# expect CODE COMMAND...: runs it, shows and keeps what it says in `said`, and wants that exit code.
expect() {
    want=$1
    shift
    code=0
    "$@" >said 2>&1 || code=$?
    [ "$code" -eq "$want" ] || { cat said >&2; fail "\`$*\` ended with $code, not $want"; }
}

# has TEXT: it was said.
has() {
    grep -qF -- "$1" said || { cat said >&2; fail "nothing said \`$1\`"; }
}

wait_for() {
    tries=0
    until grep -qF -- "$1" "$2" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "no \`$1\` in $2"
        sleep 0.1
    done
}

# until_said TEXT COMMAND...: until it says so.
until_said() {
    text=$1
    shift
    tries=0
    until "$@" >said 2>&1 && grep -qF -- "$text" said; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { cat said >&2; fail "\`$*\` never said \`$text\`"; }
        sleep 0.1
    done
}

op() { "$grid" "$@" --json --token-file operator.token; }
explain() { op explain cache_get "$@"; }

start_host() {
    "$grid" serve 2>>host.log &
    host_pid=$!
    tries=0
    until op providers >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "the host does not start"
        sleep 0.1
    done
}

# seated NAME: until it serves the function, so that it is among the runtimes of a provider.
seated() {
    tries=0
    until op providers 2>/dev/null | grep -qx " *\"$1\",\{0,1\}"; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "$1 never served the function"
        sleep 0.1
    done
}

# provider NAME [FLAGS]: starts one and waits until it is there.
provider() {
    name=$1
    shift
    # The word to the callers is not theirs to hold.
    "$example" provider "$name" "$@" 2>>"$name.log" 3>&- &
    pid=$!
    echo "$pid" >"$name.pid"
    providers="$providers $pid"
    seated "$name"
}

stop_provider() {
    kill "$(cat "$1.pid")"
    wait "$(cat "$1.pid")" || true
}

# served_by NAME [FLAGS]: a call was answered by that provider, at the first attempt.
served_by() {
    who=$1
    shift
    expect 0 "$grid" call cache_get '{"key": "a"}' "$@" --json --token-file caller.token
    has "\"provider\": \"$who\""
    has '"ended": "success"'
    [ "$(grep -c '"ended"' said)" -eq 1 ] || fail "it was tried more than once"
}

# The order of the candidates, in one line.
order() { grep -o '"provider": *"[a-z]*"' said | sed 's/.*"\([a-z]*\)"$/\1/' | tr '\n' ' ' | sed 's/ $//'; }

cd "$folder"
cp "$here/grid.toml" "$here/providers.toml" "$here/tools.json" .
export GRID_CONFIG=grid.toml
: "${GRID_SERVER__LISTEN:=127.0.0.1:9090}" "${GRID_SERVER__ADMIN_LISTEN:=127.0.0.1:9091}"
export GRID_SERVER__LISTEN GRID_SERVER__ADMIN_LISTEN
GRID_ENDPOINT=http://$GRID_SERVER__LISTEN
export GRID_ENDPOINT
token() {
    name=$1
    shift
    "$grid" token new --principal "$name" "$@" >"$name.token"
}
token operator --tenant demo --role grid_admin --role audit_operator
token caller --tenant demo --role cache_user
for name in redis memcached memory custom broken early late; do
    token "$name" --tenant '*' --role grid_runtime
done
"$grid" audit init --set audit.origin=dev.local/demo/resolve/audit >/dev/null

echo "== 1. who is chosen, and why"
start_host
for name in memory memcached redis custom; do provider "$name"; done
expect 0 explain
[ "$(order)" = "custom redis memcached memory" ] || fail "the order is $(order)"
has '"chosen": "custom"'
has '"decided_by": "priority"'
stop_provider custom
until_said '"chosen": "redis"' explain
has '"decided_by": "stack_level"'
# Two of one rank: whoever was first seen later goes first, and keeps that place.
provider early
provider late
expect 0 explain
has '"chosen": "late"'
has '"decided_by": "registration_order"'
stop_provider early
provider early
expect 0 explain
[ "$(order | cut -d ' ' -f 1-5)" = "late early redis memcached memory" ] || fail "the order is $(order)"
has '"decided_by": "registration_order"'
stop_provider late
stop_provider early
until_said '"chosen": "redis"' explain
echo "custom by priority; without it redis by its stack level; of two equals the later one, whoever starts again"

echo "== 2. a selection"
expect 0 op select cache_get memcached
expect 0 explain
has '"decided_by": "selection:host"'
has '"chosen": "memcached"'
session=$("$example" session)
expect 0 op select cache_get memory --session "$session"
expect 0 explain --session "$session"
has '"decided_by": "selection:session"'
has '"chosen": "memory"'
served_by memory --session "$session"
expect 0 explain
has '"decided_by": "selection:host"'
served_by memcached
expect 0 op select cache_get --clear --session "$session"
served_by memcached --session "$session"
expect 3 op select cache_get typo
has '"reason":"PROVIDER_UNAVAILABLE"'
served_by memcached
expect 0 op select cache_get --clear
expect 0 explain
has '"decided_by": "stack_level"'
echo "memcached by selection, memory inside one session alone; a name that nobody has is exit code 3"

echo "== 3. swaps under 200 calls a second"
provider broken --sick
rm -f lifecycle.log
mkfifo word
"$example" load --rate 200 <word >load.out 2>load.err &
load_pid=$!
exec 3>word
sleep 1
expect 0 op swap cache_get memcached
has '"outcome": "committed"'
expect 0 op swap cache_get redis
has '"before": "memcached"'
has '"serving": "redis"'
[ "$(grep -c '^memcached cleanup' lifecycle.log)" -eq 1 ] || fail "memcached was not cleaned up once"
grep -q '^memcached cleanup 0$' lifecycle.log || fail "memcached was cleaned up with calls in flight"
expect 5 op swap cache_get broken
has '"outcome": "rolled_back"'
has '"failed_step": "health"'
has '"serving": "redis"'
has 'NOT_SERVING'
expect 0 explain
has '"chosen": "redis"'
expect 4 op swap cache_get broken --dry-run
expect 3 op swap cache_get typo
has '"reason":"PROVIDER_UNAVAILABLE"'
expect 0 op swap cache_get broken --force
has '"degraded": true'
has '"serving": "broken"'
expect 0 op swap cache_get redis
stop_provider broken
provider broken --broken
expect 5 op swap cache_get broken --force
has '"failed_step": "activate"'
has '"serving": "redis"'
"$grid" audit tail -n 1000000 --json | grep '"swap_rolled_back"' >said || fail "the log has no swap that was taken back"
has 'NOT_SERVING'

echo "== 4. a hook that fails afterwards, and two swaps at once"
cat >>providers.toml <<'TOML'

[hooks.cache_get]
before = [["true"]]
after = [["./check"]]
TOML
printf '#!/bin/sh\necho the cache is empty >&2\nexit 1\n' >check
chmod +x check
wait_for "another file of providers is in force" host.log
rm -f lifecycle.log
expect 5 op swap cache_get memory
has '"failed_step": "after_hook"'
has 'the cache is empty'
has '"serving": "redis"'
! grep -q '^redis cleanup' lifecycle.log || fail "redis was cleaned up though it serves on"
expect 0 "$grid" call cache_get '{"key": "a"}' --token-file caller.token
has '"redis"'
printf '#!/bin/sh\n' >check
rm -f lifecycle.log
op swap cache_get memory >one 2>&1 &
one=$!
op swap cache_get memcached >other 2>&1 &
other=$!
wait "$one" || { cat one >&2; fail "the first of two swaps failed"; }
wait "$other" || { cat other >&2; fail "the second of two swaps failed"; }
expect 0 explain
last=$(sed -n 's/.*"chosen": "\([a-z]*\)".*/\1/p' said)
first=memory
[ "$last" != memory ] || first=memcached
grep -q '^redis cleanup' lifecycle.log && grep -q "^$first cleanup" lifecycle.log || fail "who serves no more was not cleaned up"
! grep -q "^$last cleanup" lifecycle.log || fail "$last serves and was cleaned up"
expect 0 op swap cache_get redis

echo "== 5. the file says who serves"
expect 0 op select cache_get --clear
rm -f lifecycle.log
cp providers.toml ranks.toml
printf '\n[select]\ncache_get = "memory"\n' >>providers.toml
until_said '"chosen": "memory"' explain
until_said 'redis cleanup 0' cat lifecycle.log
grep -q '^memory init' lifecycle.log || fail "memory was not asked to make itself ready"
printf '\n[select\n' >>providers.toml
wait_for "the file of providers is refused" host.log
expect 0 explain
has '"chosen": "memory"'
cp ranks.toml providers.toml
until_said '"chosen": "redis"' explain
echo "a selection swaps, a file with a fault changes nothing, without the selection ranks decide again"

echo "== no call failed meanwhile"
exec 3>&-
wait "$load_pid" || { cat load.err >&2; fail "$(cat load.out)"; }
load_pid=''
cat load.out

echo "== 6. a drain over a restart of the host"
for call in 1 2 3; do
    "$grid" call cache_get '{"key": "slow"}' --token-file caller.token >"slow.$call" 2>&1 &
    echo $! >"slow.$call.pid"
done
until_said '"in_flight": 3' op runtimes
expect 4 op drain cache_get
has '"now": "draining"'
expect 1 "$grid" call cache_get '{"key": "a"}' --json --token-file caller.token
has '"code":"SERVICE_UNAVAILABLE"'
has '"reason":"DRAINING"'
grep -q '"retry_after_ms":[1-9]' said || fail "the refusal does not say when to try again"
for call in 1 2 3; do
    wait "$(cat "slow.$call.pid")" || { cat "slow.$call" >&2; fail "a call in flight did not end well"; }
done
expect 0 op drain cache_get --wait 10s
# Not asked: what is paused and drained outlives that too.
kill -9 "$host_pid"
wait "$host_pid" 2>/dev/null || true
start_host
seated redis
expect 1 "$grid" call cache_get '{"key": "a"}' --json --token-file caller.token
has '"reason":"DRAINING"'
expect 0 op resume cache_get
served_by redis
"$grid" audit verify >/dev/null
echo "== done: nothing failed that was taken"

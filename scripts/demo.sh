#!/usr/bin/env bash
# `make demo`: a host, two runtimes and an agent. Good calls, an answer in pieces, a tool that calls others, every kind of
# refusal, a policy that reads an argument and the explanation of its denial, a call that waits for a person, a tool that
# its caller runs under a grant, a revocation, a runtime that is killed in the middle of a call, another one in its place
# under load, what the audit log says of all of them, and what an auditor sees of a copy in which one byte is another. It
# looks at each answer itself and succeeds only if all are as they should be.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/grid-demo.XXXXXX")
. scripts/quickstart.sh

trap 'stop_all; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

passed=0 wrong=0 answer=
# A grant that nobody reports ends soon enough to be seen; beside roles, policies decide. A machine that is busy with
# something else is slow, and that shall not turn the calls of a demo away.
more_settings="[limits]
adaptive = false

[local]
ttl = \"3s\"

[policy]
dir = \"$PWD/manifests/quickstart-policies\""

# show WORD...: the command as one would type it.
show() {
    local word
    printf '\n$ grid'
    for word in "$@"; do
        case $word in
            *[!a-zA-Z0-9_./:=-]*) printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
}

# expect STATUS TEXT COMMAND...: runs `grid COMMAND...`, shows it, and looks for TEXT in what it says.
# STATUS is an exit code, or `refused` for any but 0.
expect() {
    local wanted=$1 text=$2 status=0
    shift 2
    show "$@"
    answer=$(timeout 20 "$binaries/grid" "$@" 2>&1) || status=$?
    judge "$wanted" "$text" "$status"
}

# judge STATUS TEXT CODE: whether it ended with the status and `answer` holds TEXT.
judge() {
    local wanted=$1 text=$2 status=$3 ok=1
    printf '%s\n' "$answer" | sed 's/^/  /'
    case $wanted in
        refused) [ "$status" -ne 0 ] || ok=0 ;;
        *) [ "$status" -eq "$wanted" ] || ok=0 ;;
    esac
    grep -qF -- "$text" <<<"$answer" || ok=0
    if [ $ok -eq 1 ]; then
        passed=$((passed + 1))
    else
        wrong=$((wrong + 1))
        say "  ^ not as it should be: exit code $status, expected $wanted; expected to read \`$text\`"
    fi
}

# also TEXT: whether the answer before holds that, too.
also() {
    if grep -qF -- "$1" <<<"$answer"; then
        passed=$((passed + 1))
    else
        wrong=$((wrong + 1))
        say "  ^ not as it should be: expected to read \`$1\`, too"
    fi
}

# in_pieces TEXT COMMAND...: runs `grid COMMAND...`, shows every piece of the answer when it is here, and looks for TEXT in
# the whole, and for pieces that were here while the rest was not.
in_pieces() {
    local text=$1 status=0 parts=0 length=0 running=1 pid
    shift
    show "$@"
    : >"$dir/pieces.out"
    timeout 20 "$binaries/grid" "$@" >"$dir/pieces.out" 2>"$dir/pieces.err" &
    pid=$!
    while [ $running -eq 1 ]; do
        kill -0 "$pid" 2>/dev/null || running=0
        answer=$(cat "$dir/pieces.out")
        if [ ${#answer} -gt $length ]; then
            printf '  + %s\n' "${answer:length}"
            length=${#answer} parts=$((parts + 1))
        fi
        sleep 0.05
    done
    wait "$pid" || status=$?
    printf '  the whole:\n'
    answer=$(cat "$dir/pieces.out" "$dir/pieces.err")
    judge 0 "$text" "$status"
    if [ $parts -lt 3 ]; then
        wrong=$((wrong + 1))
        say "  ^ it came in $parts pieces"
    fi
}

# of_runtime NAME FIELD: what `grid runtimes` says of a runtime; 0 where it is not there.
of_runtime() {
    GRID_TOKEN_FILE=$dir/operator.token "$binaries/grid" runtimes --json | python3 -c '
import json, sys

found = [each for each in json.load(sys.stdin)["runtimes"] if each["runtime"] == sys.argv[1]]
print(found[0][sys.argv[2]] if found else 0)
' "$1" "$2"
}

# until_more NAME FIELD THAN: until that is more than it; at most 20 s.
until_more() {
    for _ in $(seq 200); do
        [ "$(of_runtime "$1" "$2")" -gt "$3" ] && return 0
        sleep 0.1
    done
    wrong=$((wrong + 1))
    say "  ^ \`$2\` of $1 is not more than $3"
}

# A program that serves the same sums as quickstart-rust, under a name of its own.
start_spare() {
    GRID_TOKEN_FILE=$dir/quickstart-spare.token start quickstart-spare \
        "$binaries/quickstart-rust" --runtime-id quickstart-spare
    spare=${started[-1]}
    for _ in $(seq 100); do
        GRID_TOKEN_FILE=$dir/operator.token "$binaries/grid" explain running_sums --json |
            grep -q '"chosen": *"quickstart-spare"' && return 0
        sleep 0.1
    done
    wrong=$((wrong + 1))
    say "  ^ quickstart-spare did not attach"
}

# invocation_of: the id of the execution that the answer before names.
invocation_of() { grep -oE 'i-[0-9a-f]{32}' <<<"$answer" | head -n 1 || echo i-00000000000000000000000000000000; }

# run_here STATUS TEXT ARG...: as `expect`, for the tool of examples/python_local/one_call.py.
run_here() {
    local wanted=$1 text=$2 status=0
    shift 2
    printf '\n$ python one_call.py'
    printf " '%s'" "$@"
    printf '\n'
    answer=$(STATE_DIR=$dir/state GRID_LOG_KEY=$dir/host.vkey timeout 30 "$sdk_python" examples/python_local/one_call.py "$@" 2>&1) ||
        status=$?
    judge "$wanted" "$text" "$status"
}

# waiting NAME: the id of the call that waits for NAME's yes. One comes soon, or the demo is wrong.
waiting() {
    for _ in $(seq 100); do
        GRID_TOKEN_FILE=$dir/$1.token "$binaries/grid" approvals list | grep -oE '^a-[0-9a-f]+' && return 0
        sleep 0.1
    done
    echo a-00000000000000000000000000000000
}

# as NAME COMMAND...: `expect`, with the token of NAME, and says whose it is.
as() {
    local name=$1
    shift
    printf '\n(%s)' "$name"
    GRID_TOKEN_FILE=$dir/$name.token "$@"
}

# tamper PROOF COPY: changes one byte of the record that the proof is about, in a copy of the log, and says which.
tamper() {
    cp -a data/audit "$2"
    python3 - "$1" "$2" <<'END'
import json, pathlib, sys

index = json.load(open(sys.argv[1]))["index"]
entries = pathlib.Path(sys.argv[2], "tile/entries")
parts = sorted(entries.glob(f"{index // 256:03}.p/*"), key=lambda part: int(part.name))
bundle = parts[-1] if parts else entries / f"{index // 256:03}"
data = bytearray(bundle.read_bytes())
at = 0
for _ in range(index % 256):
    at += 2 + int.from_bytes(data[at : at + 2], "big")
at = data.index(b"success", at)
data[at] ^= 1
bundle.write_bytes(data)
print(f"changed one byte of entry {index}: `success` is now `{data[at:at + 7].decode()}`")
END
}

bring_up() {
    # A port that was free may be taken a moment later, so this is tried more than once.
    for _ in 1 2 3; do
        configure "$(free_port)" "$(free_port)"
        start_host
        wait_for '"ready":true' && return 0
        stop_all
    done
    show_logs
    fail "the host did not start"
}

title() { printf '\n-- %s\n' "$*"; }

build resolve-example
build_sdk
configure 0 0
tokens
token ada demo text_lead
token grace demo text_lead
bring_up
start_runtimes
wait_for '"unserved":\[\]' || { show_logs; fail "a runtime did not attach"; }
export GRID_TOKEN_FILE=$dir/report-agent.token

title "what report-agent may call; admin_report is not among it"
expect 0 calculate_sum tools
if grep -q admin_report <<<"$answer"; then
    wrong=$((wrong + 1))
    say "  ^ admin_report is listed for somebody who may not call it"
fi

title "one call to each runtime: Rust, then Python"
expect 0 42 call calculate_sum '{"numbers": [2, 40]}' --json
invocation=$(grep -oE 'i-[0-9a-f]{32}' <<<"$answer" | head -n 1 || true)
expect 0 'olleh dlrow' call reverse_words '{"text": "hello world"}'

title "an answer in pieces: each sum is here while the next one is not"
in_pieces '[1.0,3.0,6.0,10.0,15.0]' call running_sums '{"numbers": [1, 2, 3, 4, 5]}' --stream
also ' chunks, sha256:'

title "a tool that calls two others, of another runtime in another language: three calls, each decided and on record"
expect 0 'olleh dlrow' call text_report '{"text": "hello world"}' --json
expect 0 'text_report  for report-agent  at quickstart-rust  success' audit show --tree "$(invocation_of)"
also '├─ reverse_words  for report-agent  at quickstart-python  success'
also '└─ word_statistics  for report-agent  at quickstart-python  success'

title "refused: an argument of the wrong type, with its place"
expect refused INVALID_TOOL_ARGS call calculate_sum '{"numbers": [2, "forty"]}'

title "refused: a role is missing"
expect 6 PERMISSION_DENIED call admin_report '{}'

title "and the same call by somebody who has it"
GRID_TOKEN_FILE=$dir/operator.token expect 0 '' call admin_report '{}'

title "refused: nobody knows this tool"
expect refused UNSUPPORTED_TOOL call launch_rockets '{}'

title "stopped: the tool is slower than its contract allows"
expect refused TIMEOUT call slow_count '{"seconds": 5}'

title "the policies beside the roles, and their own tests"
expect 0 '' policy test manifests/quickstart-policies --manifest "$manifest"

title "refused: the role is there, and a policy reads the argument"
expect 6 'at most 100 words are listed' call word_statistics '{"text": "to be or not to be", "top": 1000}' \
    --correlation-id demo-too-many

title "why, for an operator"
as operator expect 0 'calls#too-many-words' explain demo-too-many

title "a call that a person has to allow: it waits in the background"
show call word_statistics '{"text": "to be or not to be", "top": 20}'
printf '  (in the background)\n'
GRID_TOKEN_FILE=$dir/ada.token timeout 60 "$binaries/grid" call word_statistics '{"text": "to be or not to be", "top": 20}' \
    >"$dir/asked.out" 2>&1 &
asked=$!
approval=$(waiting grace | head -n 1)

title "refused: nobody allows a call of their own, whatever their role"
as ada expect 6 'is yours to decide' approvals approve "$approval" --yes

title "somebody else with the role sees it, says yes, and it runs"
as grace expect 0 calls#many-words approvals list
as grace expect 0 approved approvals approve "$approval" --yes --reason 'twenty will do'
asked_status=0
wait "$asked" || asked_status=$?
printf '\n$ grid call word_statistics …, which has waited\n'
answer=$(cat "$dir/asked.out")
judge 0 '"words"' "$asked_status"

title "what the audit log has of it: admitted before it ran, concluded before it was answered"
expect 0 concluded audit tail -n 32
if [ -n "$invocation" ]; then
    expect 0 admitted audit show "$invocation"
else
    wrong=$((wrong + 1))
    say "  ^ the first answer named no invocation"
fi

title "a tool that runs in its caller, under a grant: the host decides and records, the text stays here"
run_here 0 olleh "hello from here"
local_call=$(grep -oE 'i-[0-9a-f]{32}' <<<"$answer" | head -n 1 || true)
expect 0 '"claimed":true' audit show "${local_call:-i-00000000000000000000000000000000}" --json

title "a caller that dies while its tool runs: the grant ends unreported, and the log says so"
run_here 9 running --die "never told"
for _ in $(seq 100); do
    "$binaries/grid" audit tail -n 8 | grep -q unreported && break
    sleep 0.1
done
expect 0 unreported audit tail -n 4

title "the role is taken away, and what was permitted is void: denied, and nothing is run"
GRID_TOKEN_FILE=$dir/operator.token expect 0 'are void' revoke --reason 'report-agent works on sums alone now'
token report-agent demo calculator_user
run_here 6 PERMISSION_DENIED "hello again"
if grep -q 'running in process' <<<"$answer"; then
    wrong=$((wrong + 1))
    say "  ^ it was denied and ran"
fi

title "its token was seen where it should not be: void from the next call on, and it has not run out"
expect 0 42 call calculate_sum '{"numbers": [2, 40]}'
as operator expect 0 'are void' revoke --principal report-agent --tenant demo --proofs --reason 'the token stood in a ticket'
expect refused INVALID_CREDENTIALS call calculate_sum '{"numbers": [2, 40]}'
as operator expect 0 'the token stood in a ticket' revoke --list

title "it was another's: taken back, and the token is good again"
as operator expect 0 'is believed again' revoke --restore report-agent --tenant demo --reason 'it was a copy of another'
expect 0 42 call calculate_sum '{"numbers": [2, 40]}'

title "a second provider of sums: it came last, so it goes first"
token quickstart-spare '*' grid_runtime
start_spare
as operator expect 0 'goes to `quickstart-spare` by registration_order' explain running_sums

title "it is killed while it has a call: the call is one that only reads, and the other provider answers it"
show call running_sums '{"numbers": [1, 2, 3, 4, 5, 6, 7, 8]}' --json
"$binaries/grid" call running_sums '{"numbers": [1, 2, 3, 4, 5, 6, 7, 8]}' --json >"$dir/failover.out" 2>&1 &
asked=$!
until_more quickstart-spare in_flight 0
kill -KILL "$spare"
wait "$spare" 2>/dev/null || true
printf '  (quickstart-spare is dead)\n'
asked_status=0
wait "$asked" || asked_status=$?
answer=$(cat "$dir/failover.out")
judge 0 '"invocation_id"' "$asked_status"
answer=$(tr -d ' \n' <<<"$answer")
also '"content":[1.0,3.0,6.0,10.0,15.0,21.0,28.0,36.0]'

title "why that runtime, and why not the other, for an operator"
as operator expect 0 'handed to the runtime `quickstart-spare`' explain "$(invocation_of)"
also 'attempt 2: handed to the runtime `quickstart-rust`'
also RUNTIME_CRASH
as operator expect 0 'goes to `quickstart-rust` by only_candidate' explain running_sums
also 'gone since'

title "it is back; one provider takes the place of the other, and back, under 100 calls a second"
start_spare
mkfifo "$dir/word"
"$binaries/resolve-example" load calculate_sum '{"numbers": [2, 40]}' --rate 100 --token-file "$dir/report-agent.token" \
    <"$dir/word" >"$dir/load.out" 2>&1 &
asked=$!
exec 3>"$dir/word"
until_more quickstart-spare calls 20
as operator expect 0 '`quickstart-rust` serves `calculate_sum` in the place of `quickstart-spare`' \
    swap calculate_sum quickstart-rust
until_more quickstart-rust calls "$(($(of_runtime quickstart-rust calls) + 20))"
as operator expect 0 '`quickstart-spare` serves `calculate_sum` in the place of `quickstart-rust`' \
    swap calculate_sum quickstart-spare
until_more quickstart-spare calls "$(($(of_runtime quickstart-spare calls) + 20))"
exec 3>&-
asked_status=0
wait "$asked" || asked_status=$?
answer=$(tail -n 5 "$dir/load.out")
judge 0 ' calls, 0 failed' "$asked_status"
as operator expect 0 'by selection:host' explain calculate_sum

title "what operators see"
GRID_TOKEN_FILE=$dir/operator.token expect 0 quickstart-python runtimes

stop_all
binaries=$(cd "$binaries" && pwd)
cd "$dir"

title "the host is stopped; an auditor with its public key checks the whole log"
expect 0 verified audit verify data/audit --key host.vkey

title "one call of it, proved to somebody who has the key and nothing else"
expect 0 '' audit prove --invocation "${invocation:-i-00000000000000000000000000000000}" -o proof.json
expect 0 'verified: entry' audit verify-proof proof.json --key host.vkey

title "a copy of the log, one byte changed: exit code 7, and the entry is named"
changed=$(tamper proof.json copy) || wrong=$((wrong + 1))
printf '\n  %s\n' "$changed"
index=$(grep -oE 'entry [0-9]+' <<<"$changed" || true)
expect 7 "does not verify: ${index:-nothing was changed}:" audit verify copy --key host.vkey

printf '\n%d answers as they should be, %d not\n' "$passed" "$wrong"
[ "$wrong" -eq 0 ]

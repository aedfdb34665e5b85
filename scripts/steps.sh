# Sourced by check.sh and test.sh: runs steps one after the other, goes on after a failure, and fails at the end.
# Each step ends with a line `step NAME ... ok` or `step NAME ... FAILED`, which .ci/run counts.

failed=0

# step NAME COMMAND...: shows what the command says.
step() {
    local name=$1 began=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        printf 'step %s ... ok (%d s)\n' "$name" $((SECONDS - began))
    else
        printf 'step %s ... FAILED (%d s)\n' "$name" $((SECONDS - began))
        failed=1
    fi
}

# skip NAME WHY: says that something was not checked. Silence would look like success.
skip() {
    printf '\nstep %s ... SKIPPED: %s\n' "$1" "$2"
}

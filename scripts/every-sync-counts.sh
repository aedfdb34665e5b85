#!/usr/bin/env bash
# Takes every sync out of the sources of the audit log, its exporter and its witness, one at a time and in a copy, and
# runs the tests that must notice: losses of power under a simulated disk for the log, and what the system was asked
# for (by strace) for keys, exporter and witness. A sync whose loss no test notices either needs a test or should go.
# Prints a table of places and what noticed; exit code 1 where one survives.
# SEEDS says how many seeds each copy gets, ONLY=file.rs or ONLY=file.rs:12 takes the calls there alone.
set -euo pipefail
cd "$(dirname "$0")/.."

SEEDS=${SEEDS:-600}
work=$PWD/target/every-sync-counts
copy=$work/copy
# Third parties are built already; the copy's own crates get names of their own, because their folder is another one.
export CARGO_TARGET_DIR=$PWD/target CARGO_INCREMENTAL=0 RUST_BACKTRACE=0 GRID_POWER_SEEDS=$SEEDS

rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
cd "$copy"

# Prints `file line call` of every call, tab-separated, or writes the file without the call of that number.
calls() {
    python3 - "$@" <<'PYTHON'
import pathlib
import re
import sys

# `::sync` alone is where the standard library keeps its locks.
CALL = re.compile(r"(?:\.\s*sync|(?:\.|::)\s*sync_(?:data|all|dir)|(?<!fn )\bsync_folder(?:_of)?)\b")
SOURCES = ["host/audit/wal/src", "host/audit/src", "host/audit/export/src", "host/audit/witness/src"]


def code(text):
    """The same length with comments blanked, up to the tests in the file."""
    text = re.sub(r"//[^\n]*", lambda comment: " " * len(comment[0]), text)
    tests = text.find("#[cfg(test)]")
    return text if tests < 0 else text[:tests]


def closing(text, at):
    depth = 0
    for at in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    raise SystemExit("a parenthesis is not closed")


def beginning(text, at):
    """Goes back over what a method is called on: names, paths, calls and `?`."""
    while True:
        before = text[:at].rstrip()
        if before.endswith(")"):
            depth = 0
            for at in range(len(before) - 1, -1, -1):
                depth += {")": 1, "(": -1}.get(before[at], 0)
                if depth == 0:
                    break
        elif before.endswith("?") or before.endswith("::") or before.endswith("."):
            at = len(before) - (2 if before.endswith("::") else 1)
        elif text[at - 1].isalnum() or text[at - 1] == "_":
            at -= 1
        else:
            return at


def places(text):
    clean = code(text)
    for match in CALL.finditer(clean):
        rest = clean[match.end():].lstrip()
        if not rest.startswith("("):
            raise SystemExit(f"`{match[0]}` is named and not called, which this script cannot take out")
        end = closing(clean, clean.index("(", match.end()))
        # What stays has to build whatever the error would have been.
        begin, handed_on = beginning(clean, match.start()), clean.startswith("?", end)
        yield begin, end + handed_on, "()" if handed_on else "Ok(())"


action, *rest = sys.argv[1:]
if action == "list":
    for path in (path for source in SOURCES for path in sorted(pathlib.Path(source).rglob("*.rs"))):
        if path.name == "tests.rs":
            continue
        text = path.read_text()
        for number, (start, end, _) in enumerate(places(text)):
            call = re.sub(r"\s+", "", text[start:end])
            print(path, text.count("\n", 0, end) + 1, number, call, sep="\t")
else:
    path = pathlib.Path(rest[0])
    text = path.read_text()
    start, end, left = list(places(text))[int(rest[1])]
    path.write_text(text[:start] + left + text[end:])
PYTHON
}

# The tests that must notice, in the order in which they are asked: package, target, and which of its tests.
suites() {
    case $1 in
    host/audit/export/*) echo "grid-audit-export export promised::" ;;
    host/audit/witness/*) echo "grid-audit-witness witness promised::" ;;
    host/audit/src/keys.rs) echo "grid-audit audit promised::" ;;
    */disk/os.rs) echo "grid-audit power os::" ;;
    *) printf 'grid-audit power %s\n' seeds::nothing "--skip seeds:: --skip subsets::" subsets:: ;;
    esac
}

# Runs one suite; 101 says that a test failed or that it does not build.
run() {
    local package=$1 target=$2
    shift 2
    timeout 900 cargo test --quiet --locked --offline --package "$package" --test "$target" "$@" \
        </dev/null >"$work/log" 2>&1
}

# Names the first test that failed, and its seed.
noticed() {
    sed -n 's/^    \([a-z_]*::[a-z_]*\)$/\1/p; s/^\(seed [0-9]*\) failed.*/\1/p' "$work/log" | sort -u | paste -sd, |
        sed 's/,/, /g'
}

# Asks the suites of a file until one notices.
ask() {
    local package target rest status
    while read -r package target rest; do
        run "$package" "$target" --no-run || return 2
        status=0
        # shellcheck disable=SC2086 # words
        run "$package" "$target" -- $rest || status=$?
        [ $status -eq 0 ] || return 1
    done < <(suites "$1")
}

for first in host/audit/src/ host/audit/src/keys.rs host/audit/export/src/ host/audit/witness/src/; do
    if ! ask "$first"; then
        cat "$work/log"
        echo "the tests must pass before anything is taken out"
        exit 1
    fi
done

survived=0
total=0
sites=$(calls list)
printf '%-46s %-46s %s\n' "place" "call" "noticed by"
while IFS=$'\t' read -r file line number call; do
    case $file:$line in *"${ONLY:-}"*) ;; *) continue ;; esac
    total=$((total + 1))
    cp "$file" "$work/original.rs"
    calls remove "$file" "$number"
    status=0
    ask "$file" || status=$?
    if [ $status -eq 2 ]; then
        cat "$work/log"
        echo "$file:$line: without \`$call\` it does not build"
        exit 1
    fi
    said=$(noticed)
    if [ $status -eq 0 ] || [ -z "$said" ]; then
        survived=$((survived + 1))
        said="NOBODY"
    fi
    printf '%-46s %-46s %s\n' "$file:$line" "$call" "$said"
    cp "$work/original.rs" "$file"
done <<<"$sites"

echo "$total syncs, $((total - survived)) noticed, $survived not; $((SECONDS / 60)) min $((SECONDS % 60)) s"
[ "$total" -gt 0 ] && [ "$survived" -eq 0 ]

#!/usr/bin/env bash
# Takes every sync out of the audit log's sources, one at a time and in a copy, and runs the power test on what is
# left. A sync whose loss no test notices either needs a test or should go. Prints a table; fails where one survives.
# SEEDS says how many seeds each copy gets, ONLY=file.rs or ONLY=file.rs:12 takes the calls there alone.
set -euo pipefail
cd "$(dirname "$0")/.."

SEEDS=${SEEDS:-600}
work=$PWD/target/every-sync-counts
copy=$work/copy
export CARGO_TARGET_DIR=$work/target RUST_BACKTRACE=0

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
CALL = re.compile(r"(?:\.\s*sync|(?:\.|::)\s*sync_(?:data|all|dir))\b")
OK = "std::io::Result::<()>::Ok(())"


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
        yield beginning(clean, match.start()), end


action, *rest = sys.argv[1:]
if action == "list":
    for path in sorted(pathlib.Path("host/audit/src").rglob("*.rs")):
        if path.name == "tests.rs":
            continue
        text = path.read_text()
        for number, (start, end) in enumerate(places(text)):
            call = re.sub(r"\s+", "", text[start:end])
            print(path, text.count("\n", 0, end) + 1, number, call, sep="\t")
else:
    path = pathlib.Path(rest[0])
    text = path.read_text()
    start, end = list(places(text))[int(rest[1])]
    path.write_text(text[:start] + OK + text[end:])
PYTHON
}

build() {
    cargo test --quiet --locked --offline --package grid-audit --test power --no-run >"$work/build.log" 2>&1
}

power() {
    GRID_POWER_SEEDS=$SEEDS timeout 600 cargo test --quiet --locked --offline --package grid-audit --test power \
        >"$work/power.log" 2>&1
}

# Names the tests that failed, and the first seed.
noticed() {
    sed -n 's/^    \([a-z_]*\)::[a-z_]*$/\1/p; s/^\(seed [0-9]*\) failed.*/\1/p' "$work/power.log" | sort -u | paste -sd, |
        sed 's/,/, /g'
}

if ! build || ! power; then
    cat "$work/build.log" "$work/power.log"
    echo "the power test must pass before anything is taken out"
    exit 1
fi

survived=0
total=0
sites=$(calls list)
printf '%-44s %-44s %s\n' "place" "call" "noticed by"
while IFS=$'\t' read -r file line number call; do
    case $file:$line in *"${ONLY:-}"*) ;; *) continue ;; esac
    total=$((total + 1))
    cp "$file" "$work/original.rs"
    calls remove "$file" "$number"
    if ! build; then
        cat "$work/build.log"
        echo "$file:$line: without \`$call\` it does not build"
        exit 1
    fi
    status=0
    power || status=$?
    said=$(noticed)
    if [ $status -eq 0 ] || [ -z "$said" ]; then
        survived=$((survived + 1))
        said="NOBODY (status $status)"
    fi
    printf '%-44s %-44s %s\n' "$file:$line" "$call" "$said"
    cp "$work/original.rs" "$file"
done <<<"$sites"

echo "$total syncs, $((total - survived)) noticed, $survived not"
[ "$total" -gt 0 ] && [ "$survived" -eq 0 ]

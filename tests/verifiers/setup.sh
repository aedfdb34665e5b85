#!/usr/bin/env bash
# setup.sh: builds the Go verifier into target/verifiers/tlog-verify, and installs Debian's packages for it where they
# are missing. Does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")"
out=$(cd ../.. && pwd)/target/verifiers
mkdir -p "$out"

# Several tests may want it at once; the first one builds.
exec 9>"$out/lock"
if command -v flock >/dev/null; then flock 9; fi

gopath=${VERIFIERS_GOPATH:-/usr/share/gocode}
module=$gopath/src/golang.org/x/mod/sumdb/tlog
packages=(golang-go golang-golang-x-mod-dev)

stamp() { cat go/*.go | cksum; }

if [ -x "$out/tlog-verify" ] && [ "$(cat "$out/stamp" 2>/dev/null)" = "$(stamp)" ]; then
    exit 0
fi

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install() {
    local options=(-y -qq --no-install-recommends)
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get install "${options[@]}" "${packages[@]}" && return
    # Perhaps the lists of packages are old or not there.
    as_root apt-get update -qq && as_root apt-get install "${options[@]}" "${packages[@]}"
}

if ! command -v go >/dev/null || [ ! -d "$module" ]; then
    if ! command -v apt-get >/dev/null || ! install >"$out/install.log" 2>&1; then
        [ -s "$out/install.log" ] && tail -n 5 "$out/install.log" >&2
        cat >&2 <<EOF
The Go verifier needs Go (1.19 or later) and the sources of golang.org/x/mod, and they could not be installed from here.
On Debian or Ubuntu have somebody who may run
    apt-get update && apt-get install --no-install-recommends ${packages[*]}
Elsewhere install Go, put golang.org/x/mod under <folder>/src/golang.org/x/mod, and set VERIFIERS_GOPATH=<folder>.
EOF
        exit 1
    fi
fi

made=$(stamp)
(cd go && GO111MODULE=off GOFLAGS='' GOPATH=$gopath GOCACHE=$out/cache CGO_ENABLED=0 go build -o "$out/tlog-verify.new" .)
mv "$out/tlog-verify.new" "$out/tlog-verify"
echo "$made" >"$out/stamp"

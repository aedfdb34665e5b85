#!/usr/bin/env bash
# Installs what the tests of this folder call and a machine may lack: strace, mkfs.ext4, prlimit and mount. Does nothing
# where all is there.
set -euo pipefail

declare -A packages=([strace]=strace [mkfs.ext4]=e2fsprogs [prlimit]=util-linux [mount]=mount)
missing=()
for program in "${!packages[@]}"; do
    # mkfs.ext4 is not on the path of everybody.
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    local options=(-y -qq --no-install-recommends)
    as_root apt-get install "${options[@]}" "${missing[@]}" && return
    # Perhaps the lists of packages are old or not there.
    as_root apt-get update -qq && as_root apt-get install "${options[@]}" "${missing[@]}"
}

if ! said=$(install 2>&1); then
    tail -n 5 <<<"$said" >&2
    cat >&2 <<EOF
The tests of faults need ${missing[*]}, and they could not be installed from here.
On Debian or Ubuntu have somebody who may run
    apt-get update && apt-get install --no-install-recommends ${missing[*]}
Elsewhere install the packages with strace, mkfs.ext4, prlimit and mount.
EOF
    exit 1
fi

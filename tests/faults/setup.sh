#!/usr/bin/env bash
# Installs what the tests of this folder call and a machine may lack: strace, mkfs.ext4, prlimit and mount.
set -euo pipefail

declare -A packages=([strace]=strace [mkfs.ext4]=e2fsprogs [prlimit]=util-linux [mount]=mount)
missing=()
for program in "${!packages[@]}"; do
    # mkfs.ext4 is not on the path of everybody.
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"

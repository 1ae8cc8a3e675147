#!/usr/bin/env bash
# Installs what is missing for building, running and testing: Debian packages by name, npm packages, the build.
# Usage: scripts/setup.sh run|test
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(containerd runc nftables iproute2 util-linux mount conntrack)
commands=(containerd runc nft ip nsenter umount conntrack)
packages+=(kubernetes-client buildah mmdebstrap busybox-static)
commands+=(kubectl buildah mmdebstrap busybox)
if [ "${1:-run}" = test ]; then
  packages+=(redis-server docker-registry skopeo haproxy gnupg apache2-utils wrk)
  commands+=(redis-server docker-registry skopeo haproxy gpg htpasswd wrk)
fi

export PATH="$PATH:/usr/sbin:/sbin"
missing=()
for i in "${!packages[@]}"; do
  command -v "${commands[$i]}" >/dev/null || missing+=("${packages[$i]}")
done
# Abbreviations of time zones, which templates print.
[ "${1:-run}" != test ] || [ -e /usr/share/zoneinfo/Europe/Berlin ] || missing+=(tzdata)
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "Missing Debian packages. Run as root, or first: sudo apt-get install -y ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing Debian packages: ${missing[*]}" >&2
  # Packages that bring a service must not start it: the cluster runs its own.
  policy=/usr/sbin/policy-rc.d
  made_policy=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made_policy=1
  fi
  trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "Installing npm packages" >&2
  # Not `npm ci`: it insists on the optional packages of every other platform being in the lock file.
  npm install --no-save --no-audit --no-fund --loglevel=error >&2
fi
npm run --silent build

#!/usr/bin/env bash
# Runs the conformance and golden tests against oneDNN 3 in a Debian 13 root, made with debootstrap (needs root).
# Usage: scripts/trixie.sh [folder]             default .fovea/trixie; made if it is not there, refreshed with the sources each time
#        scripts/trixie.sh folder command …     runs the command in the project's copy inside instead
set -euo pipefail
project="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="${1:-$project/.fovea/trixie}"
shift || true

[ "$(id -u)" = 0 ] || { echo "trixie.sh needs root: debootstrap and chroot do." >&2; exit 1; }

# The mirror is the one apt uses here for Debian itself.
mirror() {
  apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' 2>/dev/null | awk '$2 == "Debian" { print $1; exit }'
}

if [ ! -x "$target/usr/bin/node" ]; then
  if [ -n "$(ls -A "$target" 2>/dev/null)" ]; then
    echo "trixie.sh: $target holds something else than a finished Debian root. Name another folder, or delete this one." >&2
    exit 1
  fi
  command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap; }
  uri="$(mirror)"
  [ -n "$uri" ] || { apt-get update -qq; uri="$(mirror)"; }
  [ -n "$uri" ] || { echo "trixie.sh: apt knows no Debian mirror on this machine." >&2; exit 1; }
  mkdir -p "$target"
  debootstrap --variant=minbase --include=ca-certificates,libgomp1,nodejs trixie "$target" "$uri"
fi

mounted=()
unmount() { for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount "${mounted[i]}" || true; done; }
trap unmount EXIT
for tree in proc dev; do
  mountpoint -q "$target/$tree" && continue
  if [ "$tree" = proc ]; then mount -t proc proc "$target/proc"; else mount --bind /dev "$target/dev"; fi
  mounted+=("$target/$tree")
done

if ! compgen -G "$target/usr/lib/*/libdnnl.so.3*" >/dev/null; then
  cp /etc/resolv.conf "$target/etc/resolv.conf"
  chroot "$target" sh -c 'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq --no-install-recommends "^libdnnl3[0-9.]*$"'
fi

# Copied, not bound, so that nothing run inside can change the project.
inside="$target/root/fovea"
rm -rf "$inside"
mkdir -p "$inside"
(cd "$project" && tar -c --exclude=./.fovea --exclude=./.git --exclude=./runs --exclude=./dist .) | tar -x -C "$inside"
data="$project/../shared/data"
[ -d "$data" ] && [ ! -e "$target/root/shared/data" ] && mkdir -p "$target/root/shared" && cp -r "$data" "$target/root/shared/data"

in_root() { chroot "$target" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -c 'cd /root/fovea && exec "$@"' sh "$@"; }

if [ $# -gt 0 ]; then
  in_root "$@"
  exit
fi
in_root node node_modules/typescript/bin/tsc -p tsconfig.build.json
in_root node dist/cli/main.js doctor
in_root node node_modules/vitest/vitest.mjs run test/conformance test/golden

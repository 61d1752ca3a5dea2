#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the folder that holds the real servers which some tests speak to: a Bluesky server, an OpenID provider, and two applications that
# people sign in to, one with openid-client and oauth2-proxy. Nothing else goes to standard output. The first of these:
#
#   1. ROSTER_TEST_PEERS, where it is set. It is then an error if the servers are not in it.
#   2. A copy in bin/peers/<checksum of the lock files> that an earlier run left.
#   3. An installation with npm. test/peers/package-lock.json names versions and checksums. On Linux, Node.js is among the packages, so
#      any version that runs npm will do; elsewhere it is the one on the PATH. The database of the Bluesky server is compiled here.
#      oauth2-proxy is built with Go; hack/tools/oauth2-proxy names its version.
#
# A copy appears in bin/peers whole or not at all: it is made in a folder beside its place and then renamed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/bin/peers

say() { printf '%s\n' "$*" >&2; }
die() {
  say "peers: $*"
  exit 1
}

complete() { [ -f "$1/node_modules/better-sqlite3/build/Release/better_sqlite3.node" ] && [ -x "$1/node" ] && [ -x "$1/oauth2-proxy" ]; }

# use FOLDER: puts the programs that start the servers into the folder, as they are now, and prints it.
use() {
  cp "$root"/test/peers/*.mjs "$1"
  printf '%s\n' "$1"
  exit
}

if [ -n "${ROSTER_TEST_PEERS:-}" ]; then
  complete "$ROSTER_TEST_PEERS" ||
    die "ROSTER_TEST_PEERS is $ROSTER_TEST_PEERS, which lacks the servers. Unset it to have them installed."
  use "$(cd "$ROSTER_TEST_PEERS" && pwd)"
fi

checksum=$(cat "$root/test/peers/package-lock.json" "$root/hack/tools/oauth2-proxy/go.sum" | cksum | tr ' ' -)
place=$cache/$checksum
if complete "$place"; then use "$place"; fi

command -v npm >/dev/null || die "some tests speak to real servers that are installed with npm, and npm is not on the PATH." \
  "Install Node.js with npm (Debian: apt-get install nodejs npm; Fedora: dnf install nodejs; macOS: brew install node)."
for program in make g++ python3; do
  command -v "$program" >/dev/null || die "$program is needed once, to compile the database of the Bluesky server that the tests speak to." \
    "Install it (Debian: apt-get install build-essential python3; Fedora: dnf install make gcc-c++ python3; macOS: xcode-select --install)."
done

mkdir -p "$cache"
if command -v flock >/dev/null; then
  exec 9>"$cache/.lock"
  if ! flock -n 9; then
    say "Another run is already installing the servers for the tests; waiting for it."
    flock 9
  fi
  if complete "$place"; then use "$place"; fi
fi

work=$(mktemp -d "$cache/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "Installing the servers that the tests speak to. This takes about five minutes, once; the result stays in bin/peers."
cp "$root"/test/peers/package.json "$root"/test/peers/package-lock.json "$work"
cd "$work"
# The scripts of the packages do not run; the one that is needed is run below. The engines that packages ask for are those of the
# Node.js that comes along, not of the one that runs npm.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || die "npm ci failed; its own words are above."

# Where Node.js lies, with the headers that are compiled against.
node=$(find "$work/node_modules" -maxdepth 1 -name 'node-linux-*' | head -1)
if [ -z "$node" ]; then
  node=$(dirname "$(dirname "$(node -p 'fs.realpathSync(process.execPath)')")")
  [ -f "$node/include/node/node.h" ] && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 22 ] ||
    die "the Bluesky server needs Node.js 22 or later with its headers, and $node is not that (macOS: brew install node)."
fi
say "Compiling the database of the Bluesky server."
PATH=$node/bin:$PATH npm rebuild better-sqlite3 --nodedir="$node" --build-from-source --loglevel=error >build.log 2>&1 || {
  tail -n 40 build.log >&2
  die "the database of the Bluesky server could not be compiled; the last lines are above."
}
rm -rf build.log node_modules/better-sqlite3/build/Release/obj*
ln -s "${node#"$work/"}/bin/node" node
say "Building oauth2-proxy."
CGO_ENABLED=0 go build -C "$root/hack/tools/oauth2-proxy" -trimpath -buildvcs=false -o "$work/oauth2-proxy" github.com/oauth2-proxy/oauth2-proxy/v7 ||
  die "oauth2-proxy could not be built; the words of Go are above."
complete "$work" || die "the installation lacks something; nothing half-made was left behind."

# Older copies are of no use any more.
find "$cache" -mindepth 1 -maxdepth 1 -type d ! -path "$work" -exec rm -rf {} +
mv "$work" "$place"
use "$place"

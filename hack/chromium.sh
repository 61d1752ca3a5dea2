#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the path of a Chromium for the tests of the pages. Nothing else goes to standard output. The first of these:
#
#   1. CHROMIUM, where it is set. It is then an error if that is no program.
#   2. chromium, chromium-browser, google-chrome or google-chrome-stable on the PATH.
#   3. On Debian and Ubuntu, as root: the package chromium, installed now together with fonts.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

found() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name"; then return; fi
  done
  return 1
}

if [ -n "${CHROMIUM:-}" ]; then
  if command -v "$CHROMIUM"; then exit; fi
  say "chromium: CHROMIUM is $CHROMIUM, which is not a program. Unset it to have one looked for."
  exit 1
fi

if found; then exit; fi

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  say "Installing Chromium with apt-get for the tests of the pages."
  export DEBIAN_FRONTEND=noninteractive
  # Without fonts a page renders as empty boxes.
  if apt-get update -q >&2 && apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core >&2 && found; then exit; fi
  say "chromium: apt-get could not install it; its own words are above."
  exit 1
fi

say "chromium: the tests of the pages need Chromium or Chrome, and none is on the PATH. Install it (Debian: apt-get install chromium"
say "fonts-dejavu-core; Fedora: dnf install chromium; macOS: brew install --cask chromium), or set CHROMIUM to its path."
exit 1

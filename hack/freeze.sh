#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# freeze.sh VERSION [COMMIT]: keeps the manifests and the objects of a release in test/compat/VERSION, so that the tests of later ones
# upgrade from it. Run it when a release is tagged, and commit what it writes. It needs the control plane and the servers of the tests.
# COMMIT is the one that the release is built from, HEAD by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?name the version, such as v0.2.0}
folder=test/compat/$version
if [ -e "$folder" ]; then
  printf 'freeze: %s is there already. What a release was does not change; remove it if that one was never released.\n' "$folder" >&2
  exit 1
fi
commit=$(git rev-parse "${2:-HEAD}^{commit}")
built=(api cmd config dist go.mod go.sum internal ':!internal/testenv' ':!*_test.go')
if ! git diff --quiet "$commit" -- "${built[@]}"; then
  printf 'freeze: this is not what is built from %s. Commit or remove these changes first:\n' "$commit" >&2
  git diff --stat "$commit" -- "${built[@]}" >&2
  exit 1
fi

# The folder appears as a whole or not at all.
mkdir -p bin
work=$(mktemp -d bin/.freeze.XXXXXX)
trap 'rm -rf "$work"' EXIT
cp dist/install.yaml "$work/install.yaml"
printf '%s\n' "$commit" >"$work/commit"
ROSTER_FREEZE=$PWD/$work go test ./test/compat -run '^TestRecord$' -count 1 >&2
# What git keeps has no executable and no secret mode.
chmod 644 "$work"/*
mkdir -p test/compat
mv "$work" "$folder"
chmod 755 "$folder"
trap - EXIT
printf '%s is kept. Commit it.\n' "$folder"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# hack/krew.sh VERSION: builds the archives of the kubectl plugin that config/krew/roster.yaml names, and the manifest with their checksums,
# into bin/krew/, and checks it as krew's index does. Nothing is uploaded.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?usage: hack/krew.sh VERSION, such as v0.1.0}
out=bin/krew
rm -rf "$out"
mkdir -p "$out"
manifest=$(sed "s/VERSION/$version/g" config/krew/roster.yaml)
for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64; do
  os=${platform%/*} arch=${platform#*/} suffix=''
  if [ "$os" = windows ]; then suffix=.exe; fi
  work=$(mktemp -d)
  echo "Building kubectl-roster for $platform" >&2
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version" \
    -o "$work/kubectl-roster$suffix" ./cmd/kubectl-roster
  cp LICENSE "$work"
  archive=$out/kubectl-roster_${os}_$arch.tar.gz
  tar -C "$work" -czf "$archive" "kubectl-roster$suffix" LICENSE
  rm -rf "$work"
  sum=$(sha256sum "$archive" | cut -d ' ' -f 1)
  # The first checksum behind the archive's address is its own.
  manifest=$(awk -v name="kubectl-roster_${os}_$arch.tar.gz" -v sum="$sum" \
    'index($0, name) { found = 1 } found && /sha256: SHA256/ { sub(/SHA256/, sum); found = 0 } { print }' <<<"$manifest")
done
printf '%s\n' "$manifest" | grep -v '^#' >"$out/roster.yaml"
go tool -C hack/tools validate-krew-manifest -skip-install -manifest "$PWD/$out/roster.yaml"

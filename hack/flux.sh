#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the folder that holds the source-controller and the kustomize-controller of Flux, and crds/ with the kinds of Flux and of Argo CD:
# what test/flux runs and applies. Nothing else goes to standard output. The first of these:
#
#   1. ROSTER_TEST_FLUX, where it is set. It is then an error if the programs are not in it.
#   2. A copy in bin/flux/<checksum of the versions> that an earlier run left.
#   3. A build from the Go module proxy. hack/tools/flux/go.mod names the versions, go.sum their checksums.
#
# A copy appears in bin/flux whole or not at all: it is made in a folder beside its place and then renamed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/bin/flux
# Of Argo CD only the kind Application is needed, so that its module is downloaded and not built.
argo_cd=github.com/argoproj/argo-cd/v3@v3.5.0

say() { printf '%s\n' "$*" >&2; }
die() {
  say "flux: $*"
  exit 1
}

complete() { [ -x "$1/kustomize-controller" ] && [ -x "$1/source-controller" ] && [ -f "$1/crds/application-crd.yaml" ]; }

if [ -n "${ROSTER_TEST_FLUX:-}" ]; then
  complete "$ROSTER_TEST_FLUX" ||
    die "ROSTER_TEST_FLUX is $ROSTER_TEST_FLUX, which lacks the controllers. Unset it to have them built."
  cd "$ROSTER_TEST_FLUX" && pwd
  exit
fi

place=$cache/$(cat "$root/hack/tools/flux/go.sum" "${BASH_SOURCE[0]}" | cksum | tr ' ' -)
if complete "$place"; then
  printf '%s\n' "$place"
  exit
fi

mkdir -p "$cache"
if command -v flock >/dev/null; then
  exec 9>"$cache/.lock"
  flock 9
  if complete "$place"; then
    printf '%s\n' "$place"
    exit
  fi
fi
work=$(mktemp -d "$cache/.work.XXXXXX")
# What Go puts into its cache is read-only; the copies need not be.
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT

say "Building the controllers of Flux. This takes up to twenty minutes, once; the result stays in bin/flux."
flux() { go -C "$root/hack/tools/flux" "$@"; }
CGO_ENABLED=0 flux build -trimpath -ldflags '-s -w' -o "$work/" github.com/fluxcd/kustomize-controller github.com/fluxcd/source-controller >&2 ||
  die "the controllers could not be built; the words of Go are above."
mkdir "$work/crds"
for module in kustomize-controller source-controller; do
  cp "$(flux list -m -f '{{.Dir}}' "github.com/fluxcd/$module")"/config/crd/bases/*.yaml "$work/crds"
done
folder=$(cd "$work" && go mod download -json "$argo_cd" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
[ -n "$folder" ] || die "$argo_cd could not be downloaded."
cp "$folder/manifests/crds/application-crd.yaml" "$work/crds"
chmod -R u+w "$work"
complete "$work" || die "something is missing; nothing half-made was left behind."

# Older copies are of no use any more.
find "$cache" -mindepth 1 -maxdepth 1 -type d ! -path "$work" -exec rm -rf {} +
mv "$work" "$place"
printf '%s\n' "$place"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A release is one tag. This script makes sure beforehand that everything says the same version, and writes what the workflow publishes.
#
#   hack/release.sh set v0.2.0       writes the version into every file that names it
#   hack/release.sh check v0.2.0     fails if one of them names another, or the changelog has no section for it
#   hack/release.sh notes v0.2.0     prints that section of the changelog
#   hack/release.sh install v0.2.0 REGISTRY
#                                    writes bin/release/install.yaml with the images of bin/images in that registry, by digest
#   hack/release.sh chart v0.2.0 REGISTRY
#                                    writes a copy of the chart with the same images as its default into bin/chart/roster
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  sed -n 's/^#   hack/  hack/p' hack/release.sh >&2
  exit 2
}

command=${1:-} version=${2:-}
number='(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-(alpha|beta|rc)\.[0-9]+)?'
if ! [[ $version =~ ^v$number$ ]]; then
  echo "release: \"$version\": must be a version such as v0.2.0 or v0.2.0-rc.1" >&2
  usage
fi

# Each file that names the version, with what stands before it there, as an extended regular expression.
tagged=(
  'Makefile|^VERSION \?= '
  'config/manager/kustomization.yaml|^    newTag: '
  'config/portal/kustomization.yaml|^    newTag: '
  'charts/roster/Chart.yaml|^appVersion: '
  'dist/install.yaml|image: roster-manager:'
  'dist/install.yaml|image: roster-portal:'
  'docs/examples/install/kustomization.yaml|^    newTag: '
  'docs/operations.md|^manager '
  'docs/operations.md|roster-manager VERSION='
  'docs/quick-start.md|roster-manager:'
  'docs/quick-start.md|roster-portal:'
  'README.md|^export REGISTRY=[^ ]* VERSION='
)
plain=( # without the v, as charts want it
  'charts/roster/Chart.yaml|^version: '
  'docs/helm.md|bin/chart/roster-'
  'docs/helm.md|/charts/roster --version '
)

# each CALL PREFIX PLACE…: calls CALL with file, pattern and version of each place.
each() {
  local call=$1 prefix=$2 place
  shift 2
  for place in "$@"; do
    "$call" "${place%%|*}" "${place#*|}" "$prefix"
  done
}

replace() {
  sed -i.before -E "s~($2)$3$number~\\1$3${version#v}~g" "$1"
  rm "$1.before"
}

wrong=0
compare() {
  local found
  found=$(grep -oE -- "($2)$3$number" "$1" | sed -E "s~.*($2)~~" | sort -u | tr '\n' ' ')
  if [ "$found" != "$3${version#v} " ]; then
    echo "$1: names ${found:-no version }and not $3${version#v}: run hack/release.sh set $version" >&2
    wrong=1
  fi
}

set_version() {
  each replace v "${tagged[@]}"
  each replace '' "${plain[@]}"
}

check() {
  each compare v "${tagged[@]}"
  each compare '' "${plain[@]}"
  if [ -z "$(notes)" ]; then
    echo "CHANGELOG.md: has no section \"## $version - DATE\" with changes: make one of what stands under \"Unreleased\"" >&2
    wrong=1
  fi
  return $wrong
}

notes() {
  awk -v heading="## $version - " '
    index($0, heading) == 1 { inside = 1; next }
    /^## / { inside = 0 }
    inside && (NF || printed) { print; printed = 1 }' CHANGELOG.md
}

# The chart names images by digest, too, so that who has verified the chart has verified what it runs.
chart() {
  local registry=${1:?usage: hack/release.sh chart VERSION REGISTRY, such as registry.example.com/acme}
  rm -rf bin/chart
  mkdir -p bin/chart
  cp -R charts/roster bin/chart/roster
  for image in roster-manager roster-portal; do
    sed -i.before -E "/^    repository: $image\$/,/^    digest: / {
      s~^(    repository: ).*~\1$registry/$image~
      s~^(    digest: ).*~\1$(<"bin/images/$image.digest")~
    }" bin/chart/roster/values.yaml
  done
  rm bin/chart/roster/values.yaml.before
}

install() {
  local registry=${1:?usage: hack/release.sh install VERSION REGISTRY, such as registry.example.com/acme}
  local out=bin/release
  rm -rf "$out"
  mkdir -p "$out"
  {
    printf '%s\n' 'apiVersion: kustomize.config.k8s.io/v1beta1' 'kind: Kustomization' 'resources: [../../config/default]' 'images:'
    for image in roster-manager roster-portal; do
      printf '  - {name: %s, newName: "%s/%s", newTag: "%s", digest: "%s"}\n' \
        "$image" "$registry" "$image" "$version" "$(<"bin/images/$image.digest")"
    done
  } >"$out/kustomization.yaml"
  go tool -modfile=hack/tools/go.mod kustomize build "$out" >"$out/install.yaml"
  rm "$out/kustomization.yaml"
}

case $command in
set) set_version ;;
check) check ;;
notes) notes ;;
install) install "${3:-}" ;;
chart) chart "${3:-}" ;;
*) usage ;;
esac

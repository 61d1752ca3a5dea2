#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Fails if a generated file does not say what its source says. Everything is generated again in a temporary folder and compared, so
# that other changes in the checkout do not matter and nothing in it is touched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tool() { go tool -modfile=hack/tools/go.mod "$@"; }
status=0

# same COMMITTED FRESH TARGET: compares, and names the target of make that writes the file.
same() {
  if ! diff -ru "$1" "$2" >"$tmp/diff" 2>&1; then
    status=1
    printf '%s is stale: run "make %s" and commit what it writes.\n' "$1" "$3" >&2
    # The head of the difference tells what it is about; all of it can be thousands of lines.
    sed -n '1,40p' "$tmp/diff" >&2
  fi
}

mkdir -p "$tmp/deepcopy" "$tmp/bases"
tool controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/... output:object:dir="$tmp/deepcopy"
same api/v1alpha1/zz_generated.deepcopy.go "$tmp/deepcopy/zz_generated.deepcopy.go" generate

tool controller-gen crd paths=./api/... output:crd:dir="$tmp/bases"
go run ./hack/versions "$tmp/bases"
same config/crd/bases "$tmp/bases" manifests

tool kustomize build config/default >"$tmp/install.yaml"
same dist/install.yaml "$tmp/install.yaml" build-installer

mkdir -p "$tmp/dashboards"
go run -C hack/monitoring . "$tmp/dashboards"
same config/prometheus/dashboards "$tmp/dashboards" dashboards

tool crd-ref-docs --log-level=WARN --source-path=api --config=hack/crd-ref-docs.yaml --renderer=markdown --output-path="$tmp/reference.md"
same docs/reference.md "$tmp/reference.md" docs-api

cp -R charts/roster "$tmp/roster"
go run ./hack/chart -chart "$tmp/roster"
same charts/roster "$tmp/roster" chart

if ! go test ./internal/cli -run TestReference -count 1 >&2; then status=1; fi

if [ "$status" -eq 0 ]; then echo "Generated files are up to date."; fi
exit "$status"

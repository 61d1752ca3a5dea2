#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the folder that holds etcd, kube-apiserver and kube-controller-manager, the programs that the tests and the demo run on.
# Nothing but the folder goes to standard output; what happens meanwhile goes to standard error. The first of these that works:
#
#   1. KUBEBUILDER_ASSETS, where it is set. It is then an error if the programs are not in it.
#   2. A copy in bin/k8s/<version>-<os>-<arch> that an earlier run left.
#   3. A build from the Go module proxy of what the copy lacks. The .mod file in hack/controlplane names the versions, its .sum
#      file their checksums.
#
# With a minor version, such as 1.34, it prints the programs of that one, built from <minor>.mod, whatever KUBEBUILDER_ASSETS says.
#
# A program appears in its folder whole or not at all: it is made in a folder beside it and then moved. A lock keeps two runs from
# doing the same work twice.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/bin/k8s
modules=$root/hack/controlplane
programs="etcd kube-apiserver kube-controller-manager"

say() { printf '%s\n' "$*" >&2; }
die() {
  say "controlplane: $*"
  exit 1
}

# missing FOLDER: prints which of the programs are not in the folder.
missing() {
  local program
  for program in $programs; do
    [ -f "$1/$program" ] && [ -x "$1/$program" ] || printf ' %s' "$program"
  done
}

# given prints the folder that KUBEBUILDER_ASSETS names, or explains why it will not do.
given() {
  [ -d "$KUBEBUILDER_ASSETS" ] ||
    die "KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, which is not a folder. Unset it to have the programs found or built."
  local lacks
  lacks=$(missing "$KUBEBUILDER_ASSETS")
  [ -z "$lacks" ] ||
    die "KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, which lacks:$lacks. Unset it to have the programs found or built."
  # Tests run in the folders of their packages, so a relative path would not do.
  (cd "$KUBEBUILDER_ASSETS" && pwd)
}

# cached prints the folder of an earlier copy, if it is complete.
cached() {
  [ -z "$(missing "$folder")" ] && printf '%s\n' "$folder"
}

# progress TOTAL: reads what go build -v says, counts the packages and passes on what is neither package nor download.
progress() {
  local total=$1 count=0 line next=0 text
  while IFS= read -r line; do
    case $line in
    'go: downloading '*) text="fetching ${line#go: downloading }" ;;
    *[[:space:]]*)
      say "$line"
      continue
      ;;
    *) count=$((count + 1)) text="$count of at most $total packages compiled" ;;
    esac
    if [ -t 2 ]; then
      printf '\r\033[K  %s' "$text" >&2
    elif [ "$SECONDS" -ge "$next" ]; then
      say "  $text ($((SECONDS / 60))m$((SECONDS % 60))s)"
      next=$((SECONDS + 30))
    fi
  done
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# in_group COMMAND...: runs the command as a process group of its own, so that finish can end all of it at once.
in_group() {
  set -m
  "$@" </dev/null 9>&- &
  group=$!
  set +m
  local status=0
  wait "$group" || status=$?
  group=
  return "$status"
}

# compile FOLDER PACKAGE...: builds programs into the folder.
compile() {
  local out=$1/ minor=${version#*.} ldflags="-s -w" component total
  shift
  for component in k8s.io/component-base k8s.io/client-go/pkg; do
    ldflags+=" -X $component/version.gitVersion=v$version"
    ldflags+=" -X $component/version.gitMajor=${version%%.*} -X $component/version.gitMinor=${minor%%.*}"
  done
  cd "$modules" || return 1
  "${go[@]}" list -modfile="$modfile" -deps "$@" 2> >(progress '?') >"$work/packages" || return 1
  total=$(($(wc -l <"$work/packages")))
  "${go[@]}" build -modfile="$modfile" -v -trimpath -buildvcs=false -ldflags "$ldflags" -o "$out" "$@" 2>&1 | progress "$total"
}

# built builds what the folder lacks.
built() {
  local out=$work/build took=$SECONDS program lacks packages=()
  # kubectl comes along: it costs little, and people who try the demo on a machine without it want to look.
  lacks=$(programs="$programs kubectl" missing "$folder")
  for program in $lacks; do
    case $program in
    etcd) packages+=(go.etcd.io/etcd/server/v3) ;;
    *) packages+=("k8s.io/kubernetes/cmd/$program") ;;
    esac
  done
  mkdir "$out"
  say "Building from their Go modules, for Kubernetes $version:$lacks."
  say "All of them take about fifteen minutes on two cores, once; the result stays in bin/k8s."
  in_group compile "$out" "${packages[@]}" ||
    die "the build failed; nothing half-made was left behind. The next run goes on where this one stopped."
  # The package is called server, the program etcd.
  if [ -f "$out/server" ]; then mv "$out/server" "$out/etcd"; fi
  for program in $lacks; do
    [ "$program" = kubectl ] || "$out/$program" --version >/dev/null || die "$program was built but does not run"
  done
  took=$((SECONDS - took))
  say "Built in $((took / 60))m$((took % 60))s."
  mkdir -p "$folder"
  for program in $lacks; do mv "$out/$program" "$folder/"; done
  printf '%s\n' "$folder"
}

finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  if [ -n "$group" ]; then
    kill -TERM -- "-$group" 2>/dev/null || true
    wait "$group" 2>/dev/null || true
  fi
  if [ -n "$work" ]; then rm -rf "$work"; fi
  exit "$status"
}

minor=${1:-}
if [ -z "$minor" ] && [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  given
  exit
fi

command -v go >/dev/null ||
  die "go is not on the PATH; install it, or set KUBEBUILDER_ASSETS to a folder with${programs:+ }$programs"
modfile=go.mod
if [ -n "$minor" ] && [ -f "$modules/$minor.mod" ]; then modfile=$minor.mod; fi
version=$(awk '$1 == "k8s.io/kubernetes" { print substr($2, 2) }' "$modules/$modfile")
[ -z "$minor" ] || [ "$minor" = "${version%.*}" ] ||
  die "Kubernetes $minor: $modules holds no $minor.mod. It holds those of$(cd "$modules" && printf ' %s' 1.*.mod), and go.mod is of ${version%.*}."
platform=$(go env GOHOSTOS)-$(go env GOHOSTARCH)
folder=$cache/$version-$platform
# The programs run on this machine, whatever the caller builds for, and no workspace or flag of the caller's has a say.
go=(env -u GOOS -u GOARCH GOFLAGS= GOWORK=off CGO_ENABLED=0 go)

if cached; then exit; fi

work='' group=''
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

mkdir -p "$cache"
if command -v flock >/dev/null; then
  exec 9>"$cache/.lock"
  if ! flock -n 9; then
    say "Another run is already building a control plane; waiting for it."
    flock 9
  fi
  if cached; then exit; fi
  # The runs that left these were killed: the lock is ours.
  rm -rf "$cache"/.work.*
fi
work=$(mktemp -d "$cache/.work.XXXXXX")

built

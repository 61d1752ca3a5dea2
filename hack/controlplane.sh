#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the folder that holds etcd and kube-apiserver, the two programs that the tests and the demo run on. Nothing but
# the folder goes to standard output; what happens meanwhile goes to standard error. The first of these that works:
#
#   1. KUBEBUILDER_ASSETS, where it is set. It is then an error if the programs are not in it.
#   2. A copy in bin/k8s/<version>-<os>-<arch> that an earlier run left.
#   3. setup-envtest, which downloads them, where the network lets it.
#   4. A build from the Go module proxy. hack/controlplane/go.mod names the versions, go.sum their checksums.
#
# A copy appears in bin/k8s whole or not at all: it is made in a folder beside its place and then renamed. A lock keeps two
# runs from doing the same work twice.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/bin/k8s
programs="etcd kube-apiserver"

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

# cached prints the folder of an earlier copy: of this very version, else of the same minor version.
cached() {
  local folder
  for folder in "$cache/$version-$platform" "$cache/${version%.*}".*"-$platform"; do
    if [ -z "$(missing "$folder")" ]; then
      printf '%s\n' "$folder"
      return
    fi
  done
  return 1
}

# limited SECONDS COMMAND...: ends the command when its time is up.
limited() {
  if command -v timeout >/dev/null; then
    timeout "$@"
  elif command -v perl >/dev/null; then
    perl -e 'alarm shift; exec @ARGV' -- "$@"
  else
    shift
    "$@"
  fi
}

# publish FOLDER NAME: gives a finished folder its name. Only here does a copy become visible.
publish() {
  if [ -n "$(missing "$cache/$2")" ]; then
    rm -rf "${cache:?}/$2"
  fi
  # Without flock another run may have been faster; its copy is as good as this one.
  [ -e "$cache/$2" ] || mv "$1" "$cache/$2"
  printf '%s\n' "$cache/$2"
}

# downloaded asks setup-envtest. Most places without it have no network to the release files at all, and that is no
# reason for noise: the build that follows needs only the module proxy.
downloaded() {
  local tool=$work/setup-envtest store=$work/envtest selector=${version%.*}.x folder
  say "No etcd and kube-apiserver yet; seeing whether they can be downloaded."
  (cd "$root" && "${go[@]}" build -modfile=hack/tools/go.mod -o "$tool" \
    sigs.k8s.io/controller-runtime/tools/setup-envtest) >/dev/null 2>&1 || return 1
  [ -n "$(limited 15 "$tool" list --bin-dir "$store" "$selector" 2>/dev/null)" ] || return 1
  say "Downloading etcd and kube-apiserver $selector with setup-envtest."
  folder=$(limited 300 "$tool" use --bin-dir "$store" -p path "$selector" 2>/dev/null) || return 1
  [ -z "$(missing "$folder")" ] || return 1
  publish "$folder" "$(basename "$folder")"
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

# compile FOLDER: builds the programs into the folder.
compile() {
  # kubectl comes along: it costs little, and whoever tries the demo on a machine without it wants to look.
  local packages=(go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl)
  local minor=${version#*.} ldflags="-s -w" component total
  for component in k8s.io/component-base k8s.io/client-go/pkg; do
    ldflags+=" -X $component/version.gitVersion=v$version"
    ldflags+=" -X $component/version.gitMajor=${version%%.*} -X $component/version.gitMinor=${minor%%.*}"
  done
  cd "$root/hack/controlplane" || return 1
  "${go[@]}" list -deps "${packages[@]}" 2> >(progress '?') >"$work/packages" || return 1
  total=$(($(wc -l <"$work/packages")))
  "${go[@]}" build -v -trimpath -buildvcs=false -ldflags "$ldflags" -o "$1/" "${packages[@]}" 2>&1 | progress "$total"
}

built() {
  local out=$work/build took=$SECONDS program
  mkdir "$out"
  say "Building etcd, kube-apiserver and kubectl $version from their Go modules."
  say "This takes about ten minutes on two cores, once; the result stays in bin/k8s."
  in_group compile "$out" || die "the build failed; nothing half-made was left behind. The next run goes on where this one stopped."
  # The package is called server, the program etcd.
  mv "$out/server" "$out/etcd"
  for program in $programs; do
    "$out/$program" --version >/dev/null || die "$program was built but does not run"
  done
  took=$((SECONDS - took))
  say "Built in $((took / 60))m$((took % 60))s."
  publish "$out" "$version-$platform"
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

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  given
  exit
fi

command -v go >/dev/null || die "go is not on the PATH; install it, or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver"
version=$(awk '$1 == "k8s.io/kubernetes" { print substr($2, 2) }' "$root/hack/controlplane/go.mod")
platform=$(go env GOHOSTOS)-$(go env GOHOSTARCH)
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
    say "Another run is already fetching etcd and kube-apiserver; waiting for it."
    flock 9
  fi
  if cached; then exit; fi
  # Whoever left these was killed: the lock is ours.
  rm -rf "$cache"/.work.*
fi
work=$(mktemp -d "$cache/.work.XXXXXX")

downloaded || built

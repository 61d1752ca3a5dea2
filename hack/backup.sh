#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Saves everything that Roster knows into one file, from which hack/restore.sh brings it back:
#
#   hack/backup.sh roster-backup.json
#
# The file holds secrets: password hashes, tokens of social networks, keys. Nobody but you can read it; encrypt it before it leaves the
# machine. docs/operations.md tells what is in it and what is not. It needs kubectl and jq (KUBECTL and
# JQ name others), reads only, and needs no pause: what refers to something is read before what it refers to.
set -euo pipefail
umask 077

kubectl=${KUBECTL:-kubectl}
system=${ROSTER_NAMESPACE:-roster-system}
jq() { command "${JQ:-jq}" "$@"; }

die() {
  printf 'backup: %s\n' "$*" >&2
  exit 1
}

[ $# -eq 1 ] || die "usage: hack/backup.sh FILE"
file=$1
[ ! -e "$file" ] || die "$file exists already: name another file, or remove it first"
command -v "${JQ:-jq}" >/dev/null || die "${JQ:-jq} is not installed: https://jqlang.org/download says how to get jq"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# get NAME ARGS...: keeps what kubectl get prints as $work/NAME.json.
get() {
  local name=$1
  shift
  "$kubectl" get "$@" -o json >"$work/$name.json" || die "kubectl get $* failed, so nothing was saved"
}

# Whoever accepts is first in an Invitation, then in a Member, which names an Account, which has a Secret, which a key opens.
for kind in invitations members teams workspaces socialprofiles customroles organizations plans; do
  get "1-$kind" "$kind.roster.dev" --all-namespaces
done
get 2-accounts accounts.roster.dev -n roster-accounts
get 3-credentials secrets -n roster-accounts
get 4-secrets secrets -n "$system"
get 4-configmaps configmaps -n "$system"
get 5-namespaces namespaces
get 5-clusterroles clusterroles
get 5-clusterrolebindings clusterrolebindings
get 5-roles roles --all-namespaces -l app.kubernetes.io/managed-by!=roster
get 5-rolebindings rolebindings --all-namespaces -l app.kubernetes.io/managed-by!=roster

# Of the Secrets in the namespaces of organisations, only those that profiles name are looked at.
jq -r '.items[] | select(.spec.credentialsSecretRef) | "\(.metadata.namespace) \(.spec.credentialsSecretRef.name)"' \
  "$work/1-socialprofiles.json" | sort -u >"$work/tokens"
while read -r namespace name; do
  "$kubectl" get secret "$name" -n "$namespace" --ignore-not-found -o json >>"$work/6-tokens.jsonl" </dev/null ||
    die "the Secret $name in namespace $namespace, which a profile names, could not be read"
done <"$work/tokens"
touch "$work/6-tokens.jsonl"
jq -s '{items: .}' "$work/6-tokens.jsonl" >"$work/6-tokens.json"

cat >"$work/select.jq" <<'JQ'
def by_name: map({key: .metadata.name, value: .}) | from_entries;

# What somebody made to give rights in Roster. What comes with Kubernetes and with the installation is there anyhow.
def made: .metadata.labels["kubernetes.io/bootstrapping"] == null and .metadata.labels["app.kubernetes.io/part-of"] != "roster";
def rights: .metadata.name as $n | ["roster-admin", "roster-viewer", "roster-platform", "roster-credentials"] | index($n) != null;
def about: any(.rules[]?; any(.apiGroups[]?; . == "roster.dev"));

# The password of an Account that was deleted is not brought back with the next one of that name.
def opens($accounts): .metadata as $secret | .data.credentialsID as $id | $accounts[$secret.name] as $of |
  $of != null and
  if $id then ($id | @base64d) == ($of.spec.credentialsID // $of.metadata.uid)
  else
    [$secret.ownerReferences[]? | select(.kind == "Account") | .uid] as $owners |
    ($owners | index($of.metadata.uid)) != null or
    $owners == [] and $of.spec.credentialsID == null and $secret.creationTimestamp >= $of.metadata.creationTimestamp
  end;

[inputs | {name: (input_filename | sub(".*/"; "") | sub("\\.json$"; "")), items}] |
map({key: .name, value: [.items[] | select(.metadata.deletionTimestamp == null) | del(.metadata.managedFields)]}) | from_entries |
. as $all |
[$all | to_entries[] | select(.key | startswith("1-")) | .value[]] as $objects |
($all["2-accounts"] | by_name) as $accounts |
([$objects[] | .metadata.namespace // empty] | unique) as $namespaces |
def ours: .metadata.namespace as $n | $namespaces | index($n) != null;
[$all["5-roles"][] | select(ours and made and about)] as $roles |
[$all["5-clusterroles"][] | select(made and about and .aggregationRule == null)] as $clusterroles |
([$all["5-clusterroles"][] | select(rights) | .metadata.name] + ($clusterroles | map(.metadata.name))) as $given |
{
  kind: "RosterBackup", version: 1, time: (now | todate),
  items: (
    $objects + $all["2-accounts"] +
    [$all["3-credentials"][] | select(.type == "roster.dev/credentials" and opens($accounts))] +
    [$all["4-secrets"][] | select(.type == "Opaque" or .type == "kubernetes.io/basic-auth") | select(.metadata.name != "roster-portal-keys")] +
    [$all["4-configmaps"][] | select(.metadata.name | startswith("roster-config"))] +
    [$all["5-namespaces"][] | select(.metadata.name as $n | $namespaces | index($n)) | del(.spec, .status)] +
    $roles + $clusterroles +
    [$all["5-rolebindings"][] | select(ours and made) | select(.roleRef as $r |
      $r.kind == "ClusterRole" and ($given | index($r.name)) != null or
      $r.kind == "Role" and any($roles[]; .metadata.name == $r.name))] +
    [$all["5-clusterrolebindings"][] | select(made) | select(.roleRef.name as $r | $given | index($r))] +
    $all["6-tokens"]
  )
}
JQ
jq -n -f "$work/select.jq" "$work"/[1-6]-*.json >"$work/backup" || die "what was read makes no sense, so nothing was saved"
set -o noclobber
cat "$work/backup" >"$file"
jq -r '[.items[].kind] | group_by(.) | map("\(length) \(.[0])") | "backup: saved " + join(", ")' "$file" >&2

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Brings back what hack/backup.sh saved, into a cluster where Roster is installed and has no objects yet:
#
#   hack/restore.sh roster-backup.json
#
# Manager and portal stand still meanwhile. Whoever ran it when it was cut short runs it again with the same file: it goes on where it
# stopped. docs/operations.md tells what comes back and what does not. It needs kubectl and jq (KUBECTL and JQ name others), and the
# rights of a cluster administrator.
set -euo pipefail
umask 077

kubectl=${KUBECTL:-kubectl}
system=${ROSTER_NAMESPACE:-roster-system}
jq() { command "${JQ:-jq}" "$@"; }
marker=roster-restore
# As a program: the API server notes people as the ones who invited and who connected profiles.
as=(--as=system:roster-restore --as-group=system:masters)
deployments="roster-manager roster-portal"

say() { printf 'restore: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

[ $# -eq 1 ] || die "usage: hack/restore.sh FILE"
file=$1
command -v "${JQ:-jq}" >/dev/null || die "${JQ:-jq} is not installed: https://jqlang.org/download says how to get jq"
jq -e '.kind == "RosterBackup" and .version == 1' "$file" >/dev/null 2>&1 ||
  die "$file is not what hack/backup.sh of this version of Roster writes"
"$kubectl" get accounts.roster.dev -n roster-accounts -o name >/dev/null ||
  die "Roster is not installed in this cluster: apply its manifests first"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checksum=$(cksum <"$file" | tr ' ' -)

# there RESOURCE: prints the UIDs of what there is, as a JSON object by namespace and name.
there() {
  "$kubectl" get "$1" --all-namespaces --no-headers \
    -o custom-columns=:.metadata.namespace,:.metadata.name,:.metadata.uid 2>"$work/error" >"$work/columns" ||
    die "kubectl get $1 failed: $(cat "$work/error")"
  jq -R -n -c '[inputs | [splits(" +")] | select(length >= 3) | {key: (.[0] + "/" + .[1]), value: .[2]}] | from_entries' "$work/columns"
}

started=$("$kubectl" get configmap "$marker" -n "$system" --ignore-not-found -o 'jsonpath={.data.backup}')
if [ -z "$started" ]; then
  for kind in accounts organizations members invitations socialprofiles; do
    there "$kind.roster.dev" >"$work/there.json"
    [ "$(cat "$work/there.json")" = "{}" ] ||
      die "there are $kind in this cluster already: a restore does not mix what was saved with what has happened since. Remove them first, or use another cluster"
  done
elif [ "$started" != "$checksum" ]; then
  die "another restore has begun and not ended: finish it with its own file, or remove what it brought and the ConfigMap $marker in $system"
fi

# Manager and portal stand still: what is half there would be mailed, or taken for deleted.
if [ -z "$started" ]; then
  replicas=()
  for name in $deployments; do
    replicas+=("--from-literal=$name=$("$kubectl" get deployment "$name" -n "$system" --ignore-not-found -o 'jsonpath={.spec.replicas}')")
  done
  "$kubectl" create configmap "$marker" -n "$system" --from-literal=backup="$checksum" "${replicas[@]}" >/dev/null
fi
for name in $deployments; do
  [ -z "$("$kubectl" get deployment "$name" -n "$system" --ignore-not-found -o name)" ] ||
    "$kubectl" scale deployment "$name" -n "$system" --replicas 0 >/dev/null
done
pods="app.kubernetes.io/name=roster,app.kubernetes.io/component in (manager, portal)"
for _ in $(seq 120); do
  left=$("$kubectl" get pods -n "$system" -l "$pods" -o name)
  [ -n "$left" ] || break
  sleep 1
done
[ -z "$left" ] || die "these do not stop: $left"
for _ in $(seq 60); do
  held=$("$kubectl" get lease roster-manager -n "$system" --ignore-not-found -o json |
    jq -r 'select(.spec.holderIdentity // "" != "") |
      select((.spec.renewTime | sub("\\.[0-9]*Z$"; "Z") | fromdateiso8601) + (.spec.leaseDurationSeconds // 15) > now) | .spec.holderIdentity')
  [ -n "$held" ] || break
  sleep 1
done
[ -z "$held" ] || die "a manager still runs ($held holds the Lease roster-manager): stop it, then run this again"

cat >"$work/lib.jq" <<'JQ'
# Cluster-wide objects have no namespace, for which kubectl prints this.
def key: (.metadata.namespace // "<none>") + "/" + .metadata.name;

# uids: the new UID of what has come back, by its old one.
def uids($there): [.[] | {key: .metadata.uid, value: $there[key]} | select(.value)] | from_entries;

# An object as it is made again. What it belongs to has a new UID; garbage collection would remove what belongs to the old one.
def fresh($uids):
  .metadata |= (
    del(.uid, .resourceVersion, .generation, .creationTimestamp, .selfLink) |
    .ownerReferences |= [.[]? | select($uids[.uid]) | .uid = $uids[.uid]] |
    if .ownerReferences == [] then del(.ownerReferences) else . end) |
  del(.status);

# What older versions of Roster did not write down and took from the UID or the time of creation, neither of which comes back.
def lasting:
  if .kind == "Account" then .spec.credentialsID //= .metadata.uid
  elif .kind == "Member" then
    .metadata.annotations["roster.dev/place"] //= "\(.metadata.creationTimestamp)/\(.metadata.uid)"
  elif .kind == "Invitation" and .status then
    .status.openTime //= .metadata.creationTimestamp |
    if .status.attempt then .status.linkID //= .metadata.uid else . end
  elif .kind == "SocialProfile" and .status.credential.fingerprint then .status.credential.fingerprintSalt //= .metadata.uid
  else . end;

# The status of an object as it is written back: it speaks of the first generation, and of others by their new UIDs.
def status_of($uids):
  {apiVersion, kind, metadata: (.metadata | {name, namespace}), spec, status} |
  (.status | .. | objects | select(has("observedGeneration")) | .observedGeneration) |= 1 |
  if .status.memberUID then .status.memberUID |= ($uids[.] // .) else . end |
  if .status.leaving then .status.leaving |= map(.uid |= ($uids[.] // .)) else . end;

# Of several that exclude each other, the older counts: they are made one after the other. rank says which is in which turn.
def rival:
  if .kind == "Organization" then .metadata.namespace
  elif .kind == "Account" then .spec.username
  elif .kind == "Member" then .metadata.namespace + " " + (.spec.email | ascii_downcase)
  elif .kind == "Invitation" and .status.email then .metadata.namespace + " " + .status.email
  else null end;
# Profiles that a plan has no place for come last.
def placeless: .kind == "SocialProfile" and any(.status.conditions[]?; .reason == "ProfileLimit");
def ranked: map(. + {rank: (if placeless then 1 else 0 end), rival: rival}) |
  [(map(select(.rival == null))[]), (map(select(.rival)) | group_by(.rival)[] | sort_by(.metadata.creationTimestamp, .metadata.uid) | to_entries[] | .value + {rank: .key})];

def list: {apiVersion: "v1", kind: "List", items: .};
JQ
jq_() { jq -L "$work" "$@"; }
cp "$work/lib.jq" "$work/roster.jq"
jq_ 'include "roster"; .items |= map(lasting)' "$file" >"$work/backup.json"
echo '{}' >"$work/uids.json"

# bring RESOURCE SELECTION: makes what there is not yet of the selected objects, then learns their UIDs.
bring() {
  local resource=$1 selection=$2 rank
  jq_ "include \"roster\"; [.items[] | select($selection)] | ranked" "$work/backup.json" >"$work/selected.json"
  [ "$(cat "$work/selected.json")" != "[]" ] || return 0
  for rank in $(jq '[.[].rank] | unique[]' "$work/selected.json"); do
    [ "$rank" = 0 ] || sleep 1.1 # times of creation have seconds
    there "$resource" >"$work/there.json"
    jq_ --argjson rank "$rank" --slurpfile there "$work/there.json" --slurpfile uids "$work/uids.json" 'include "roster";
      [.[] | select(.rank == $rank) | del(.rank, .rival)] | map(select($there[0][key] == null) | fresh($uids[0])) | list' \
      "$work/selected.json" >"$work/make.json"
    [ "$(jq '.items | length' "$work/make.json")" = 0 ] || "$kubectl" create "${as[@]}" -f "$work/make.json" >/dev/null
  done
  there "$resource" >"$work/there.json"
  jq_ --slurpfile there "$work/there.json" --slurpfile uids "$work/uids.json" 'include "roster"; $uids[0] + uids($there[0])' \
    "$work/selected.json" >"$work/uids.new.json"
  mv "$work/uids.new.json" "$work/uids.json"
  say "$(jq length "$work/selected.json") $resource"
}

# Keys and configuration replace those of the fresh installation. Keys of sessions are not saved: everybody signs in again.
"$kubectl" delete secret roster-portal-keys -n "$system" --ignore-not-found >/dev/null
for kind in Secret ConfigMap; do
  jq_ --arg system "$system" --arg kind "$kind" \
    'include "roster"; [.items[] | select(.kind == $kind and .metadata.namespace == $system) | fresh({})] | list' "$work/backup.json" >"$work/make.json"
  [ "$(jq '.items | length' "$work/make.json")" = 0 ] || "$kubectl" apply --server-side --force-conflicts --field-manager=roster-restore -f "$work/make.json" >/dev/null
done

bring namespaces '.kind == "Namespace"'
bring clusterroles '.kind == "ClusterRole"'
bring clusterrolebindings '.kind == "ClusterRoleBinding"'
bring roles '.kind == "Role"'
bring rolebindings '.kind == "RoleBinding"'
bring plans.roster.dev '.kind == "Plan"'
bring accounts.roster.dev '.kind == "Account"'
bring secrets '.kind == "Secret" and .metadata.namespace == "roster-accounts"'
bring organizations.roster.dev '.kind == "Organization"'
bring customroles.roster.dev '.kind == "CustomRole"'
bring socialprofiles.roster.dev '.kind == "SocialProfile"'
bring secrets ".kind == \"Secret\" and .metadata.namespace != \"roster-accounts\" and .metadata.namespace != \"$system\""
bring workspaces.roster.dev '.kind == "Workspace"'
bring members.roster.dev '.kind == "Member"'
bring teams.roster.dev '.kind == "Team"'
bring invitations.roster.dev '.kind == "Invitation"'

# What has happened so far stands in the status: who was mailed what, who accepted, who joined when.
jq_ --slurpfile uids "$work/uids.json" 'include "roster"; [.items[] | select(.apiVersion | startswith("roster.dev/")) | select(.status) | status_of($uids[0])] | list' \
  "$work/backup.json" >"$work/status.json"
[ "$(jq '.items | length' "$work/status.json")" = 0 ] ||
  "$kubectl" replace --subresource=status -f "$work/status.json" >/dev/null
say "$(jq '.items | length' "$work/status.json") statuses"

for name in $deployments; do
  count=$("$kubectl" get configmap "$marker" -n "$system" -o "jsonpath={.data.$name}")
  [ -z "$count" ] || "$kubectl" scale deployment "$name" -n "$system" --replicas "$count" >/dev/null
done
"$kubectl" delete configmap "$marker" -n "$system" >/dev/null
say "done. Manager and portal start again; everybody signs in again"

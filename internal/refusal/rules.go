// SPDX-License-Identifier: Apache-2.0

package refusal

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// rule is something that a policy or a schema is known to say.
type rule struct {
	// by is the policy that says it; empty for the schema.
	by string
	// name of the rule. Sentences that come to the same for a person have the same one.
	name string
	// field that it is about; empty where the API server tells, or where it is about the whole object.
	field string
	// says is the sentence, with {names} in it.
	says string
}

var placeholder = regexp.MustCompile(`\\\{([a-z]+)\\\}`)

// names finds the names in a sentence; nil where it is another one.
func (r rule) names(sentence string) map[string]string {
	seen := map[string]bool{}
	pattern := placeholder.ReplaceAllStringFunc(regexp.QuoteMeta(r.says), func(s string) string {
		name := strings.Trim(s, `\{}`)
		if seen[name] {
			return "(?:.+?)"
		}
		seen[name] = true
		return "(?P<" + name + ">.*?)"
	})
	return sentenceOf(pattern).names(strings.TrimSpace(sentence))
}

func sentenceOf(pattern string) sentence {
	return sentence{pattern: regexp.MustCompile("(?s)^" + pattern + "$")}
}

// policyRules are what the policies in config/policy say to people. What is more special stands first. What they say to programs, and to
// the manager of Roster, nobody meets at a page.
func policyRules() []rule { return slices.Concat(peopleRules(), ownerRules(), profileRules()) }

// peopleRules are about what people are given, and by whom.
func peopleRules() []rule {
	return []rule{
		{"roster-acceptances", "accepted", "", "{address} has accepted the Invitation {invitation} and is not a Member yet. {rest}"},
		{"roster-custom-roles", "customScope", "spec.permissions",
			"{who} may not put {permissions} into the CustomRole {name}: roles of the scope Profile {rest}"},
		{"roster-custom-roles", "customPermission", "spec.permissions",
			"{who} may not put {permissions} into the CustomRole {name}: they may not do that themselves. {rest}"},
		{"roster-grants", "role", "spec.role", "{who} may not give the role {role}: it is above their own. {rest}"},
		{"roster-grants", "customRole", "spec.role",
			"{who} may not give the role {role}: it allows more than their own, or is no CustomRole {rest}"},
		{"roster-grants", "manyProfiles", "spec.profiles", "{who} may not give roles on {count} profiles at once: {rest}"},
		{"roster-grants", "profiles", "spec.profiles", "{who} may not give {grants}: they do not hold all of that themselves. {rest}"},
		{"roster-grants", "workspaces", "spec.workspaces",
			"{who} may not give the workspaces {workspaces}: workspaces can be given only by {rest}"},
		{"roster-grants", "customOnProfile", "spec.profiles",
			"{who} may not give {grants}: CustomRoles on profiles can be given only by {rest}"},
		{"roster-grants", "addsProfiles", "spec.canManageProfiles", "{who} may not turn on canManageProfiles: {rest}"},
		{"roster-invited-by", "invitedBy", "spec.invitedBy", "{who} may not invite in the name of {by} (spec.invitedBy). {rest}"},
		{"roster-invited-by", "invitedByRemoved", "spec.invitedBy", "{who} may not remove spec.invitedBy: {by} answers for {rest}"},
		{"roster-invited-by", "answer", "spec.invitedBy", "{who} may not {what} without answering for {rest}"},
		{"roster-invited-by", "answerInstead", "spec.invitedBy", "{who} may not change what {what} offers, for which {by} answers{rest}"},
		{"roster-invited-by", "manyOffered", "spec.profiles", "{who} may not offer {count} permissions on profiles by {what}: {rest}"},
		{"roster-inviters", "ownerWithdraws", "",
			"{who} may not {what}: the Organization {org} leaves {rest} To withdraw it, suspend or delete the Member; else ask {address}."},
		{"roster-inviters", "ownerInvites", "", "{who} may not {what}: the Organization {org} leaves that to its owner {rest}"},
		{"roster-account-ref", "rosters", "", "{who} may not set {what} to {account}: Roster sets it when the person accepts. {rest}"},
		{"roster-account-ref", "rosters", "", "{who} may not remove {what}, which says that the person has accepted. {rest}"},
		{"roster-message", "message", "spec.message",
			"{who} may not change spec.message of the Invitation {name}: the mail says that {by} writes it {rest}"},
		{"roster-place", "rosters", "", "{who} may not change the annotation {what} of the Member {member}: {rest}"},
		{"roster-self", "self", "", "{who} may not change their own {what}. Ask somebody else who may: {rest}"},
	}
}

// ownerRules are about the organisation, its owner and its plan.
func ownerRules() []rule {
	return []rule{
		{"roster-guardrails", "notSuspended", "", "The Member {member} is not suspended, and the Organization {org} lets only {rest}"},
		{"roster-organization-guardrails", "hasMembers", "",
			"The Organization {org} has {count} active {members} who would lose their roles {rest}"},
		{"roster-team-guardrails", "hasTeamMembers", "spec.members",
			"The Team {team} has {count} (spec.members), and the Organization {org} lets nobody take all of them away {rest}"},
		{"roster-owner", "ownerUntil", "", "{what} until the Member {named} is active and has agreed{rest}"},
		{"roster-owner", "ownerDeleted", "", "The Member {member} and cannot be deleted. {rest}"},
		{"roster-owner", "ownerSuspended", "spec.suspended", "The Member {member} and cannot be suspended. {rest}"},
		{"roster-owner", "ownerEnds", "spec.endTime", "The Member {member}, so that membership cannot end (spec.endTime). {rest}"},
		{"roster-owner", "ownersName", "metadata.name", "{who} may not create the {kind} {name}: the Member of that name {rest}"},
		{"roster-owner", "ownersMember", "", "{who} may not change the Member {member}, who {owns}. Ask {address}."},
		{"roster-ownership", "rosters", "", "{who} may not change the annotation {what} of the Member {member}: {rest}"},
		{"roster-transfer", "allowedFor", "spec.invitations.allowedFor",
			"{who} let others than the owner invite (spec.invitations.allowedFor){rest}"},
		{"roster-transfer", "noOwner", "spec.ownerRef",
			"{who} may not leave the Organization {org} without an owner (spec.ownerRef){rest}"},
		{"roster-transfer", "transfer", "spec.ownerRef",
			"{who} may not make the Member {member} the owner of the Organization {org} (spec.ownerRef){rest}"},
		{"roster-belongings", "rosters", "",
			"{who} may not change {what} of the {kind} {name}: Kubernetes deletes what belongs to {rest}"},
		{"roster-plan", "planDeleted", "",
			"{who} may not delete the Organization {org}, which is on the Plan {plan} (spec.planRef): {rest}"},
		{"roster-plan", "plan", "spec.planRef", "{who} may not put the Organization {org} on the Plan {plan} (spec.planRef). {rest}"},
		{"roster-plan", "plan", "spec.planRef", "{who} may not take the Organization {org} off the Plan {plan} (spec.planRef): {rest}"},
		{"roster-second-organization", "secondOrganization", "",
			"{who} may not create the Organization {name} beside the Organization {org}, which {rest}"},
	}
}

// profileRules are about profiles, and about teams and workspaces, which give roles on them.
func profileRules() []rule {
	return []rule{
		{"roster-orphaned-profiles", "nobodyAdministers", "",
			"without {what} ({address}), nobody is named Administrator of {orphans}. Make someone {rest}"},
		{"roster-connected-by", "connectedBy", "spec.connectedBy", "{who} may not {what} (spec.connectedBy){rest}"},
		{"roster-connected-by", "connectedByKept", "spec.connectedBy",
			"{who} may not {what} spec.connectedBy: {by} looks after the SocialProfile {rest}"},
		{"roster-connected-by", "connectedByKept", "spec.connectedBy",
			"{who} may not write {by} into spec.connectedBy: the person named there {rest}"},
		{"roster-profile-labels", "profileLabels", "metadata.labels",
			"{who} may not {what} the SocialProfile {name}: Teams and Workspaces find it by them, and only an Administrator {rest}"},
		{"roster-credentials", "credentials", "spec.credentialsSecretRef",
			"{who} may not use the Secret {secret} for the SocialProfile {name} (spec.credentialsSecretRef): {rest}"},
		{"roster-last-renewer", "nobodyReconnects", "",
			"without the Member {member} ({address}), nobody in particular can reconnect {orphans}, and the tokens {rest}"},
		{"roster-teams", "teamSelector", "spec.profileSelector",
			"{who} may not give roles by the profileSelector of the Team {team}, which {rest}"},
		{"roster-teams", "teamCustom", "spec.role",
			"{who} may not give {profilerole} by the Team {team}: CustomRoles on profiles can be given only by {rest}"},
		{"roster-teams", "teamManyProfiles", "spec.profiles",
			"{who} may not give {profilerole} on {count} profiles by the Team {team}: without the right to make Managers, {rest}"},
		{"roster-teams", "teamProfiles", "spec.profiles",
			"{who} may not give {profilerole} on {profiles} by the Team {team}: they do not hold all of that themselves. {rest}"},
		{"roster-workspaces", "workspaceProfiles", "spec.profiles",
			"{who} may not put profiles into the Workspace {workspace}: everyone who has it {rest}"},
		{"roster-author", "rosters", "",
			"{who} may not write {what} into the {kind} {name}: it says that its author {rest}"},
		{"roster-team-names", "teamsName", "metadata.name",
			"{who} may not create the {kind} {name}: the Team {team} gives {profilerole} to the Member of that name. {rest}"},
		{"roster-team-names", "teamGives", "",
			"{who} may not put into force the {kind} {name}: the Team {team} gives {profilerole} to {rest}"},
	}
}

// schemaRules are what the kinds of Roster say about their fields, as far as people write those.
func schemaRules() []rule {
	var all []rule
	for _, known := range [][2]string{
		{"address", "must be a plain mail address such as ana@example.com: before {rest}"},
		{"addressOdd", "must be a plain mail address such as ana@example.com: it has {rest}"},
		{"addressFixed", "cannot be changed, but for its case or to the form in status.email: {rest}"},
		{"connectorHolds", "a ProfileConnector, who takes no seat, only looks after what they connect: {rest}"},
		{"objectName", "must be the name of an object: {rest}"},
		{"profileRole", "must be Administrator, Editor, Moderator, Guest, or the name of a CustomRole, {rest}"},
		{"ownerRole", "Owner is not given by a role: {rest}"},
		{"role", "must be CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or the name of a CustomRole, {rest}"},
		{"oneLine", "must be one line without control characters"},
		{"required", "must not be blank"},
		{"validity", "must be between 1h and 720h (30 days), {rest}"},
		{"remindBefore", "must be between 1m and 720h, {rest}"},
		{"domain", "must be a plain domain in lower case such as example.com, {rest}"},
		{"url", "must be an http or https address such as {example}"},
		{"ssoIssuer", "signIn names SSO: {rest}"},
		{"issuer", "must be the name of an issuer in the portal's configuration, {rest}"},
		{"nameTooLong", "metadata.name must not be longer than {most} characters"},
		{"roleName", "metadata.name must be lower case letters, digits and hyphens, {rest}"},
		{"scope", "a role of the scope {scope} can hold {permissions}"},
		{"fixed", "cannot be changed: delete the {kind} and create another"},
		{"fixed", "{field} cannot be changed: delete the {kind} and create another"},
		{"shape", "name either email (an Invitation of its own) or memberRef {rest}"},
		{"shape", "role, profiles, workspaces, canManageProfiles and endTime belong in the Member that memberRef names"},
		{"returnCharacters", "must have only the characters of a URL, {rest}"},
		{"returnAddress", "must be an https address such as {example}, or http on localhost, {rest}"},
		{"noUser", "must name no user before the host{rest}"},
		{"returnNeeded", "spec.redirectURIs must name at least one address for an application of type Web, {rest}"},
		{"listedNeedsURL", "spec.url is needed for an application that is listed: {rest}"},
		{"role", "must be Owner, CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or the name of a CustomRole, {rest}"},
		{"unseen", "must be one line that is not blank, without characters that cannot be seen {rest}"},
		{"byHand", "must name roles or teams; {rest}"},
		{"byHand", "must be a SHA-256 hash in base64url {rest}"},
		{"byHand", "must be between 0s and 168h (7 days), {rest}"},
		{"byHand", "spec.secretName and spec.secretHash are for applications of type Web: {rest}"},
		{"byHand", "name either spec.secretName, {rest}"},
		{"byHand", "metadata.name is too long for the Secret, {rest}"},
		{"byHand", "spec.secretName cannot be changed, {rest}"},
		{"unseen", "must not contain characters that cannot be seen, {rest}"},
		{"handle", "must be the handle alone and not the address of its page: {rest}"},
	} {
		all = append(all, rule{name: known[0], says: known[1]})
	}
	return all
}

// Known are the names of all rules, each with the names that every sentence of it has: what a text about it can count on.
func Known() map[Kind]map[string][]string {
	known := map[Kind]map[string][]string{Policy: named(policyRules()), Schema: named(schemaRules())}
	maps.Copy(known[Schema], map[string][]string{"tooLong": {"most"}, "tooMany": {"most"}, "notSupported": nil, "twice": nil})
	// Kubernetes says these two without the names, too.
	known[Schema]["required"], known[Schema]["objectName"] = nil, nil
	return known
}

func named(rules []rule) map[string][]string {
	all := map[string][]string{}
	for _, r := range rules {
		var names []string
		for _, found := range regexp.MustCompile(`\{([a-z]+)\}`).FindAllStringSubmatch(r.says, -1) {
			if before, seen := all[r.name]; !seen || slices.Contains(before, found[1]) {
				names = append(names, found[1])
			}
		}
		all[r.name] = names
	}
	return all
}

// SPDX-License-Identifier: Apache-2.0

// Package declared tells what the objects of a folder would make of people once they were applied. It does no I/O.
package declared

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/cli/manifests"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

// Organization is one namespace of a folder.
type Organization struct {
	rights.Organization
	// Findings are what is wrong with its objects.
	Findings []Finding

	objects map[rights.Link]*manifests.Object
}

// Finding is something in an object that gives nothing as it is.
type Finding struct {
	Rule    string          `json:"rule"`
	Object  rights.Link     `json:"object"`
	Place   manifests.Place `json:"place"`
	Message string          `json:"message"`
}

// Assumptions say what cannot be known from a folder.
func Assumptions(snapshot bool) []string {
	if snapshot {
		return []string{
			"Who has accepted, the plan and its seats, and objects that are not in the files are as in the snapshot.",
			"People whom the files add count as having accepted.",
		}
	}
	return []string{
		"Everybody who is declared counts as having accepted their invitation, and a new owner as having agreed.",
		"Plans, seats and people who came by an Invitation are not in the files: --snapshot adds them.",
	}
}

// Organizations puts the objects of a folder together, by namespace, as of a time. The snapshot adds what is only in the cluster; it may be
// nil.
func Organizations(objects []*manifests.Object, snapshot *Snapshot, now time.Time) map[string]*Organization {
	all := map[string]*Organization{}
	plans := map[string]*rosterv1alpha1.Plan{}
	of := func(namespace string) *Organization {
		o := all[namespace]
		if o == nil {
			o = &Organization{objects: map[rights.Link]*manifests.Object{}}
			o.Namespace, o.Now = namespace, now
			all[namespace] = o
		}
		return o
	}
	for _, object := range slices.Concat(objects, snapshot.missing(objects)) {
		if plan, ok := object.Object.(*rosterv1alpha1.Plan); ok {
			plans[plan.Name] = plan
			continue
		}
		of(object.GetNamespace()).add(object)
	}
	for _, o := range all {
		o.assume(plans, snapshot)
		o.find()
	}
	return all
}

func (o *Organization) add(object *manifests.Object) {
	link := rights.Link{Kind: object.Kind, Name: object.GetName()}
	if other := o.objects[link]; other != nil {
		o.Findings = append(o.Findings, Finding{"duplicate-object", link, object.Place(),
			fmt.Sprintf("%s stands in %s, too: only one of them counts. Remove one.", link, other.Place())})
		return
	}
	o.objects[link] = object
	// Places are worked on, not the objects: two folders may share those of a snapshot.
	switch v := object.DeepCopyObject().(type) {
	case *rosterv1alpha1.Organization:
		if o.Organization.Organization == nil {
			o.Organization.Organization = v
		}
	case *rosterv1alpha1.Member:
		o.Members = append(o.Members, v)
	case *rosterv1alpha1.Invitation:
		o.Invitations = append(o.Invitations, v)
	case *rosterv1alpha1.SocialProfile:
		o.Profiles = append(o.Profiles, v)
	case *rosterv1alpha1.Team:
		o.Teams = append(o.Teams, v)
	case *rosterv1alpha1.Workspace:
		o.Workspaces = append(o.Workspaces, v)
	case *rosterv1alpha1.CustomRole:
		o.Roles = append(o.Roles, v)
	}
}

// Place is where an object of the folder begins.
func (o *Organization) Place(l rights.Link) manifests.Place {
	if l.Kind == "Organization" && l.Name == "" && o.Organization.Organization != nil {
		l.Name = o.Organization.Organization.Name
	}
	return o.objects[l].Place()
}

// PlaceOf is where a grant is written: its last object, and there what gives it to the person.
func (o *Organization) PlaceOf(g rights.Grant) manifests.Place {
	own, last := g.Chain[0], g.Chain[len(g.Chain)-1]
	switch last.Kind {
	case "Team":
		return o.objects[last].At("spec", "members", own.Name)
	case "Workspace":
		return o.objects[own].At("spec", "workspaces", last.Name)
	case "CustomRole", "Member", "Invitation":
		if g.Profile != access.AllProfiles {
			return o.objects[own].At("spec", "profiles", g.Profile)
		}
		return o.objects[own].At("spec", "role")
	case "SocialProfile":
		return o.objects[last].At("spec", "connectedBy")
	case "Organization":
		return o.At(last, "spec", "ownerRef")
	}
	return o.Place(last)
}

// At is where a field of an object stands.
func (o *Organization) At(l rights.Link, path ...string) manifests.Place {
	if l.Kind == "Organization" && l.Name == "" && o.Organization.Organization != nil {
		l.Name = o.Organization.Organization.Name
	}
	return o.objects[l].At(path...)
}

// assume makes the objects say what they will once everybody has accepted.
func (o *Organization) assume(plans map[string]*rosterv1alpha1.Plan, snapshot *Snapshot) {
	org := o.Organization.Organization
	if org == nil {
		return
	}
	if plan := plans[membership.PlanName(org)]; plan != nil && !snapshot.has(o.Namespace) {
		org.Status.Plan = rosterv1alpha1.PlanInEffect{Name: plan.Name, Contact: plan.Spec.Contact, Features: plan.Spec.Features}
	}
	if known := snapshot.organization(o.Namespace); known != nil {
		org.Status.Plan = known.Status.Plan
		org.Status.Conditions = known.Status.Conditions
	}
	for _, m := range o.Members {
		o.assumeMember(m, snapshot)
	}
	if known := snapshot.organization(o.Namespace); known != nil && org.Status.OwnerRef == nil {
		org.Status.OwnerRef, org.Status.Owner, org.Status.OwnerSince = known.Status.OwnerRef, known.Status.Owner, known.Status.OwnerSince
	}
}

// assumeMember makes a Member say that its person has accepted, and has agreed to own the organisation if they are to.
func (o *Organization) assumeMember(m *rosterv1alpha1.Member, snapshot *Snapshot) {
	known := snapshot.member(o.Namespace, m)
	if known != nil {
		m.Status.DisplayName = known.Status.DisplayName
	}
	if known != nil && known.Spec.AccountRef == nil {
		return
	}
	if of, err := address.Parse(m.Spec.Email); err == nil {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: of.AccountName()}
		m.Status.State = rosterv1alpha1.MemberActive
	}
	if org := o.Organization.Organization; m.Name == membership.NamedOwner(org) {
		m.Annotations = maps.Clone(m.Annotations)
		if m.Annotations == nil {
			m.Annotations = map[string]string{}
		}
		m.Annotations[rosterv1alpha1.OwnershipAnnotation] = rosterv1alpha1.OwnershipAgreed
		org.Status.OwnerRef = &rosterv1alpha1.LocalReference{Name: m.Name}
	}
}

// find reports what the objects name and the organisation does not have.
func (o *Organization) find() {
	members, profiles := map[string]bool{}, map[string]bool{}
	for _, m := range o.Members {
		members[m.Name] = true
	}
	for _, inv := range o.Invitations {
		members[inv.Name] = true // They are Members when they accept.
	}
	for _, p := range o.Profiles {
		profiles[p.Name] = true
	}
	o.findOrganization(members)
	o.findAddresses()
	o.findSeats()
	roles := o.CustomRoles()
	for _, p := range o.People() {
		o.findPerson(p, profiles)
	}
	for _, t := range o.Teams {
		link := rights.Link{Kind: "Team", Name: t.Name}
		for _, name := range t.Spec.Members {
			o.missing(members[name], "missing-member", link, "Member", name, "spec", "members", name)
		}
		for _, name := range t.Spec.Profiles {
			o.missing(profiles[name], "missing-profile", link, "SocialProfile", name, "spec", "profiles", name)
		}
		if _, known := roles.OnProfile(t.Spec.Role); !known {
			o.missing(false, "missing-role", link, "CustomRole", string(t.Spec.Role), "spec", "role")
		}
	}
	for _, w := range o.Workspaces {
		for _, name := range w.Spec.Profiles {
			o.missing(profiles[name], "missing-profile", rights.Link{Kind: "Workspace", Name: w.Name}, "SocialProfile", name, "spec",
				"profiles", name)
		}
	}
	slices.SortStableFunc(o.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Message, b.Message))
	})
}

func (o *Organization) missing(there bool, rule string, in rights.Link, kind, name string, path ...string) {
	if !there {
		o.Findings = append(o.Findings, Finding{rule, in, o.At(in, path...),
			fmt.Sprintf("%s names the %s %s, which is not there. Add it, or take it out.", in, kind, name)})
	}
}

func (o *Organization) findOrganization(members map[string]bool) {
	org := o.Organization.Organization
	if org == nil {
		if len(o.Members) > 0 {
			link := rights.Link{Kind: "Member", Name: o.Members[0].Name}
			o.Findings = append(o.Findings, Finding{"missing-organization", link, o.Place(link),
				fmt.Sprintf("The namespace %s has no Organization in these files, so what its people would hold cannot be told.",
					cmp.Or(o.Namespace, "(none)"))})
		}
		return
	}
	if ref := org.Spec.OwnerRef; ref != nil {
		link := rights.Link{Kind: "Organization", Name: org.Name}
		o.missing(members[ref.Name], "missing-owner", link, "Member", ref.Name, "spec", "ownerRef")
	}
}

// findAddresses reports Members whose address is none, or another's.
func (o *Organization) findAddresses() {
	seen := map[address.Address]string{}
	for _, m := range o.Members {
		link := rights.Link{Kind: "Member", Name: m.Name}
		of, err := address.Parse(m.Spec.Email)
		switch {
		case err != nil:
			o.Findings = append(o.Findings, Finding{"bad-address", link, o.At(link, "spec", "email"), fmt.Sprintf("%s: %v.", link, err)})
		case seen[of] != "":
			o.Findings = append(o.Findings, Finding{"duplicate-address", link, o.At(link, "spec", "email"),
				fmt.Sprintf("%s has the address of Member %s, too: only the older counts. Remove one.", link, seen[of])})
		default:
			seen[of] = m.Name
		}
	}
}

// findPerson reports what the operator would say about a person.
func (o *Organization) findPerson(p *rights.Person, profiles map[string]bool) {
	link := p.Object()
	var grants []rosterv1alpha1.ProfileGrant
	if p.Member != nil {
		grants = p.Member.Spec.Profiles
	} else {
		grants = p.Invitation.Spec.Profiles
	}
	for _, g := range grants {
		o.missing(profiles[g.Name] || p.Holds.Role == rosterv1alpha1.RoleProfileConnector, "missing-profile", link, "SocialProfile", g.Name,
			"spec", "profiles", g.Name)
	}
	for _, problem := range p.Holds.Problems {
		rule, path := ruleOf(problem.Reason)
		if rule == "" {
			continue
		}
		o.Findings = append(o.Findings, Finding{rule, link, o.At(link, path...), link.String() + ": " + problem.Message})
	}
}

// ruleOf is the rule that a reason of the operator belongs to, and where to look for it.
func ruleOf(reason string) (rule string, path []string) {
	switch reason {
	case rosterv1alpha1.ReasonRoleNotFound:
		return "missing-role", []string{"spec", "role"}
	case rosterv1alpha1.ReasonWorkspaceNotFound:
		return "missing-workspace", []string{"spec", "workspaces"}
	case rosterv1alpha1.ReasonFeatureNotInPlan:
		return "not-in-plan", []string{"spec"}
	case rosterv1alpha1.ReasonProfileLimit:
		return "no-place", []string{"spec", "profiles"}
	}
	return "", nil // A missing profile is reported with its own line.
}

// Rules are the rules of findings, and what they are about.
func Rules() map[string]string {
	return map[string]string{
		"invalid-object":       "A manifest cannot be read as the kind that it names.",
		"duplicate-object":     "Two manifests are of the same object.",
		"missing-organization": "A namespace has people and no Organization.",
		"missing-owner":        "The Organization names an owner who is no Member.",
		"missing-member":       "A Team names a Member that is not there.",
		"missing-profile":      "A SocialProfile is named that is not there.",
		"missing-workspace":    "A Workspace is named that is not there.",
		"missing-role":         "A CustomRole is named that is not there, or is of another scope.",
		"not-in-plan":          "The plan does not have a feature that is used.",
		"no-place":             "The plan has no place for a profile.",
		"bad-address":          "An address is not accepted.",
		"duplicate-address":    "Two Members have the same address.",
		"no-seat":              "The plan has fewer seats than there are people.",
	}
}

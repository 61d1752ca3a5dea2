// SPDX-License-Identifier: Apache-2.0

package console

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields of what somebody is given. Behind the prefixes stands the name of a profile or workspace.
const (
	FieldRole              = "role"
	FieldCanManageProfiles = "canManageProfiles"
	FieldEndTime           = "endTime"
	PrefixProfile          = "profile."
	PrefixWorkspace        = "workspace."
)

// shown is the value of a workspace that is given without a role. No role is called that.
const shown = "-"

// Offer is what somebody is given in an organisation.
type Offer struct {
	Role              rosterv1alpha1.OrganizationRole `json:"role,omitempty"`
	CanManageProfiles bool                            `json:"canManageProfiles,omitempty"`
	Profiles          []rosterv1alpha1.ProfileGrant   `json:"profiles,omitempty"`
	Workspaces        []rosterv1alpha1.WorkspaceGrant `json:"workspaces,omitempty"`
	// EndTime is when the membership ends; nil where it does not.
	EndTime *metav1.Time `json:"endTime,omitempty"`

	// end is what was typed instead of a time.
	end string
}

// OfferFields are the fields of an offer by what they write.
func OfferFields() Fields {
	return Fields{"spec.role": FieldRole, "spec.canManageProfiles": FieldCanManageProfiles, "spec.endTime": FieldEndTime}
}

// OfferOfMember is what a Member is given.
func OfferOfMember(s *rosterv1alpha1.MemberSpec) Offer {
	return Offer{Role: s.Role, CanManageProfiles: ptr.Deref(s.CanManageProfiles, false), Profiles: s.Profiles, Workspaces: s.Workspaces,
		EndTime: s.EndTime}.whole()
}

// OfferOfInvitation is what an Invitation of its own offers.
func OfferOfInvitation(s *rosterv1alpha1.InvitationSpec) Offer {
	return Offer{Role: s.Role, CanManageProfiles: ptr.Deref(s.CanManageProfiles, false), Profiles: s.Profiles, Workspaces: s.Workspaces,
		EndTime: s.EndTime}.whole()
}

func (o Offer) whole() Offer {
	if o.Role == "" {
		o.Role = rosterv1alpha1.RoleMember
	}
	return o
}

// ToMember writes the offer into a Member.
func (o Offer) ToMember(s *rosterv1alpha1.MemberSpec) {
	s.Role, s.Profiles, s.Workspaces, s.EndTime = o.Role, o.Profiles, o.Workspaces, o.EndTime
	s.CanManageProfiles = o.flag(s.CanManageProfiles)
}

// ToInvitation writes the offer into an Invitation of its own.
func (o Offer) ToInvitation(s *rosterv1alpha1.InvitationSpec) {
	s.Role, s.Profiles, s.Workspaces, s.EndTime = o.Role, o.Profiles, o.Workspaces, o.EndTime
	s.CanManageProfiles = o.flag(s.CanManageProfiles)
}

// flag leaves a flag out where it is false and was not there.
func (o Offer) flag(before *bool) *bool {
	if before == nil && !o.CanManageProfiles {
		return nil
	}
	return ptr.To(o.CanManageProfiles)
}

// Values are the fields of a form that hold the offer, as Parse reads them.
func (o Offer) Values() url.Values {
	values := url.Values{FieldRole: {string(o.Role)}}
	if o.CanManageProfiles {
		values.Set(FieldCanManageProfiles, "yes")
	}
	for _, g := range o.Profiles {
		values.Set(PrefixProfile+g.Name, string(g.Role))
	}
	for _, g := range o.Workspaces {
		values.Set(PrefixWorkspace+g.Name, workspaceValue(g))
	}
	if end := o.endText(); end != "" {
		values.Set(FieldEndTime, end)
	}
	return values
}

func workspaceValue(g rosterv1alpha1.WorkspaceGrant) string {
	if g.Role == "" {
		return shown
	}
	return string(g.Role)
}

func (o Offer) endText() string {
	if o.end != "" {
		return o.end
	}
	return membership.FormatEnd(o.EndTime)
}

// OnProfile is the role on a profile; empty for none.
func (o Offer) OnProfile(name string) rosterv1alpha1.ProfileRole {
	for _, g := range o.Profiles {
		if g.Name == name {
			return g.Role
		}
	}
	return ""
}

// inWorkspace is the value of a workspace; empty for one that is not given.
func (o Offer) inWorkspace(name string) string {
	for _, g := range o.Workspaces {
		if g.Name == name {
			return workspaceValue(g)
		}
	}
	return ""
}

// ParseOffer reads the fields of what somebody is given. What the person may not choose is left out of the offer and told of; the rest is
// kept, so that the form can be shown again.
func (c *Choices) ParseOffer(form url.Values) (Offer, []web.Problem) {
	p := &offerParser{Choices: c, offer: Offer{Role: rosterv1alpha1.OrganizationRole(form.Get(FieldRole))}}
	if role := string(p.offer.Role); !has(c.Roles, role) {
		p.offer.Role = ""
		p.problem(FieldRole, "console.offer.role.unknown", "Role", role)
	}
	// To others it gives nothing.
	p.offer.CanManageProfiles = form.Get(FieldCanManageProfiles) != "" && p.offer.Role == rosterv1alpha1.RoleMember
	if p.offer.CanManageProfiles && !c.CanManageProfiles {
		p.offer.CanManageProfiles = false
		p.problem(FieldCanManageProfiles, "console.offer.canManageProfiles.refused")
	}
	for _, field := range slices.Sorted(maps.Keys(form)) {
		if name, ok := strings.CutPrefix(field, PrefixProfile); ok {
			p.profile(field, name, form.Get(field))
		}
		if name, ok := strings.CutPrefix(field, PrefixWorkspace); ok {
			p.workspace(field, name, form.Get(field))
		}
	}
	if o := p.offer; o.Role == rosterv1alpha1.RoleProfileConnector && len(o.Profiles)+len(o.Workspaces) > 0 {
		p.problem(FieldRole, "console.offer.role.connector")
	}
	p.end(web.Tidy(form.Get(FieldEndTime)))
	return p.offer, p.problems
}

type offerParser struct {
	*Choices
	offer    Offer
	problems []web.Problem
}

func (p *offerParser) problem(field, text string, pairs ...any) {
	p.problems = append(p.problems, web.Problem{Field: field, Text: p.words.T(text, pairs...)})
}

func (p *offerParser) profile(field, name, role string) {
	i := slices.IndexFunc(p.Profiles, func(c Target) bool { return c.Name == name })
	switch {
	case role == "":
	case i < 0:
		p.problem("", "console.offer.profile.unknown", "Profile", name)
	case !has(p.Profiles[i].Roles, role):
		p.problem(field, "console.offer.profile.role", "Profile", p.Profiles[i].Title, "Role", role)
	default:
		p.offer.Profiles = append(p.offer.Profiles, rosterv1alpha1.ProfileGrant{Name: name, Role: rosterv1alpha1.ProfileRole(role)})
	}
}

func (p *offerParser) workspace(field, name, value string) {
	i := slices.IndexFunc(p.Workspaces, func(c Target) bool { return c.Name == name })
	switch {
	case value == "":
	case i < 0:
		p.problem("", "console.offer.workspace.unknown", "Workspace", name)
	case !has(p.Workspaces[i].Roles, value):
		p.problem(field, "console.offer.workspace.role", "Workspace", p.Workspaces[i].Title, "Role", value)
	default:
		g := rosterv1alpha1.WorkspaceGrant{Name: name}
		if value != shown {
			g.Role = rosterv1alpha1.ProfileRole(value)
		}
		p.offer.Workspaces = append(p.offer.Workspaces, g)
	}
}

func (p *offerParser) end(text string) {
	end, err := membership.ParseEnd(text)
	switch {
	case err != nil:
		p.offer.end = text
		p.problem(FieldEndTime, "console.offer.end.invalid", "Text", text)
	case end != nil && !p.now.Before(end.Time) && !end.Equal(p.before.EndTime):
		p.offer.end = text
		p.problem(FieldEndTime, "console.offer.end.passed", "Today", p.now.UTC().Format(time.DateOnly))
	default:
		p.offer.EndTime = end
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package rights tells what the people of an organisation hold and where it comes from, from the objects alone: those of a cluster, or
// those of a folder. It does no I/O. The rules are those of the operator (internal/access, internal/membership).
package rights

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/quota"
)

// Organization is everything in a namespace that rights come from.
type Organization struct {
	Namespace    string
	Organization *rosterv1alpha1.Organization // nil where there is none
	Members      []*rosterv1alpha1.Member
	Invitations  []*rosterv1alpha1.Invitation
	Profiles     []*rosterv1alpha1.SocialProfile
	Teams        []*rosterv1alpha1.Team
	Workspaces   []*rosterv1alpha1.Workspace
	Roles        []*rosterv1alpha1.CustomRole
	// UserPrefix stands before addresses in user names.
	UserPrefix string
	// Now is the time that is asked about.
	Now time.Time
}

// State is whether a person has what their roles give.
type State string

// The states of a person.
const (
	// Active: they have it.
	Active State = "active"
	// Invited: they have it once they accept.
	Invited State = "invited"
	// Suspended: they have it once they are resumed.
	Suspended State = "suspended"
	// Ended: they have it again once the end of their membership is put off.
	Ended State = "ended"
	// Waiting: they have it once the plan has a seat for them, or something in their Member is corrected.
	Waiting State = "waiting"
)

// Person is somebody in an organisation, by a Member or by an open Invitation.
type Person struct {
	Address address.Address
	Name    string // as it is shown; empty where only the address is known
	State   State
	// Unmailed is what keeps the mail to somebody who is invited from going out; empty for others, and where nothing is known to.
	Unmailed string
	// Ends is when the membership ends or has ended; nil where it does not.
	Ends *metav1.Time
	// Member is nil for somebody who is only invited, and Invitation nil for others.
	Member     *rosterv1alpha1.Member
	Invitation *rosterv1alpha1.Invitation
	// Holds is what their roles give.
	Holds access.Effective
	// Grants are the single sources of what they hold on profiles.
	Grants []Grant
}

// HoldsNothing reports whether somebody is to have what their roles give only when somebody else has changed something.
func (p *Person) HoldsNothing() bool {
	return p.State == Suspended || p.State == Ended || p.State == Waiting
}

// Standing is the state in words, which tell apart somebody who is invited and has not been mailed.
func (p *Person) Standing() string {
	if p.Unmailed != "" {
		return string(p.State) + ", not mailed yet"
	}
	return string(p.State)
}

// Object is what makes the person one.
func (p *Person) Object() Link {
	if p.Member != nil {
		return Link{"Member", p.Member.Name}
	}
	return Link{"Invitation", p.Invitation.Name}
}

// People are the persons of an organisation, sorted by address. Of several Members of one address, the one that counts is there.
func (o *Organization) People() []*Person {
	index := o.index()
	byAddress := map[address.Address]*Person{}
	owner := membership.NamedOwner(o.Organization)
	twins := map[address.Address][]*rosterv1alpha1.Member{}
	for _, m := range o.Members {
		if of, err := address.OfMember(m); err == nil {
			twins[of] = append(twins[of], m)
		}
	}
	for of, members := range twins {
		for _, m := range members {
			if membership.FindTwin(m, members, owner) == "" && m.DeletionTimestamp == nil {
				byAddress[of] = index.member(m, of)
			}
		}
	}
	for _, inv := range o.Invitations {
		if p := index.invitation(inv); p != nil && byAddress[p.Address] == nil {
			byAddress[p.Address] = p
		}
	}
	people := make([]*Person, 0, len(byAddress))
	for _, p := range byAddress {
		people = append(people, p)
	}
	slices.SortFunc(people, func(a, b *Person) int { return cmp.Compare(a.Address, b.Address) })
	return people
}

// CustomRoles are the roles that the organisation has made for itself.
func (o *Organization) CustomRoles() access.Roles { return membership.CustomRoles(o.Roles) }

// Snapshot is what rights come from, but for the people.
func (o *Organization) Snapshot() *membership.Snapshot {
	return &membership.Snapshot{
		Organization: o.Organization, Profiles: o.Profiles, Teams: o.Teams, Workspaces: o.Workspaces, Roles: o.Roles, UserPrefix: o.UserPrefix,
	}
}

// index adds up what each person holds.
type index struct {
	*Organization
	sums  *membership.Sums
	roles access.Roles
	// invitations of Members, by the name of the Member.
	invitations map[string]*rosterv1alpha1.Invitation
}

func (o *Organization) index() *index {
	x := &index{Organization: o, sums: o.Sums(), roles: o.CustomRoles(), invitations: map[string]*rosterv1alpha1.Invitation{}}
	for _, inv := range o.Invitations {
		if of := inv.Spec.MemberRef; of != nil {
			x.invitations[of.Name] = inv
		}
	}
	return x
}

func (x *index) member(m *rosterv1alpha1.Member, of address.Address) *Person {
	p := &Person{Address: of, Name: oneLine(cmp.Or(m.Status.DisplayName, m.Spec.DisplayName)), Member: m}
	if p.Name == string(of) {
		p.Name = ""
	}
	p.Ends = membership.Ends(x.Organization.Organization, m)
	switch {
	case membership.HasEnded(x.Organization.Organization, m, x.Now):
		p.State = Ended
	case ptr.Deref(m.Spec.Suspended, false):
		p.State = Suspended
	case m.Spec.AccountRef == nil:
		p.State = Invited
		if inv := x.invitations[m.Name]; inv != nil {
			p.Unmailed = oneLine(invitation.HeldBack(inv))
		}
	case membership.IsActive(m):
		p.State = Active
	default:
		p.State = Waiting
	}
	x.sum(p, m)
	return p
}

// invitation is somebody who has been invited without a Member.
func (x *index) invitation(inv *rosterv1alpha1.Invitation) *Person {
	if inv.Spec.MemberRef != nil || !invitation.IsOpen(inv) {
		return nil
	}
	if _, err := address.Parse(inv.Spec.Email); err != nil {
		return nil
	}
	return x.offered(inv)
}

// offered is what an Invitation offers.
func (x *index) offered(inv *rosterv1alpha1.Invitation) *Person {
	of, _ := address.Parse(inv.Spec.Email)
	p := &Person{Address: of, State: Invited, Unmailed: oneLine(invitation.HeldBack(inv)), Ends: inv.Spec.EndTime, Invitation: inv}
	if p.Ends != nil && !x.Now.Before(p.Ends.Time) {
		p.State, p.Unmailed = Ended, ""
	}
	x.sum(p, Future(inv))
	return p
}

// sum asks the rules of the operator. It is the one place that does.
func (x *index) sum(p *Person, m *rosterv1alpha1.Member) {
	p.Holds = x.sums.Of(m)
	p.Grants = grantsOf(p, x.roles)
}

// Seats tells how many seats the plan has and how many are taken; false where they are not limited.
func (o *Organization) Seats() (wanted, limit int32, limited bool) {
	if o.Organization == nil {
		return 0, 0, false
	}
	u := o.Organization.Status.Plan.Seats
	if _, limited = quota.Left(u); !limited {
		return 0, 0, false
	}
	return *u.Wanted, *u.Limit, true
}

// TeamHas reports whether a Team works on a profile.
func (o *Organization) TeamHas(t *rosterv1alpha1.Team, profile string) bool {
	group, _ := membership.NewGroup(t.Spec.Profiles, t.Spec.ProfileSelector)
	return slices.ContainsFunc(o.Profiles, func(p *rosterv1alpha1.SocialProfile) bool { return p.Name == profile && group.Has(p) })
}

// ProfilesOf are the profiles of a group by name and by label, sorted.
func (o *Organization) ProfilesOf(names []string, selector *metav1.LabelSelector) []string {
	group, _ := membership.NewGroup(names, selector)
	return o.Snapshot().ProfilesOf(group)
}

// oneLine takes out of a name what a terminal would act on.
func oneLine(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, name))
}

// ProfileVerbs are what people may be allowed to do on a profile, as they are typed.
func ProfileVerbs() []string {
	var all []string
	for _, p := range access.Permissions() {
		all = append(all, string(p))
	}
	return all
}

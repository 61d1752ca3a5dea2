// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

// The kinds of objects that people are, as they stand in addresses.
const (
	KindMembers     = "members"
	KindInvitations = "invitations"
)

// Person is somebody of an organisation before they are put into words: by a Member, or by an Invitation of its own.
type Person struct {
	// Member is nil for somebody by an Invitation alone, which is nil for Members.
	Member     *rosterv1alpha1.Member
	Invitation *rosterv1alpha1.Invitation

	Name, Address string
	// folded is what the name and the address are found and sorted by.
	folded   string
	Role     rosterv1alpha1.OrganizationRole
	Standing Standing
	Owner    bool
	Ends     *metav1.Time
}

// Joined is when they joined; nil for somebody who has not.
func (p *Person) Joined() *metav1.Time {
	if p.Member == nil {
		return nil
	}
	return p.Member.Status.JoinedTime
}

// SignedIn is when they signed in last; nil for never.
func (p *Person) SignedIn() *metav1.Time {
	if p.Member == nil {
		return nil
	}
	return p.Member.Status.LastSignInTime
}

// Factor reports whether they have a second factor; nil where that is not known.
func (p *Person) Factor() *bool {
	if p.Member == nil {
		return nil
	}
	return p.Member.Status.SecondFactor
}

// Object is the kind and the name by which no two people are the same.
func (p *Person) Object() (kind, name string) {
	if p.Member != nil {
		return KindMembers, p.Member.Name
	}
	return KindInvitations, p.Invitation.Name
}

// Crowd is who belongs to an organisation or has been invited, and what they hold there.
type Crowd struct {
	*membership.Snapshot
	Members     []*rosterv1alpha1.Member
	Invitations []*rosterv1alpha1.Invitation
	Now         time.Time
}

// People are all of them, in no order. The Invitation by which a Member comes in belongs to the Member; one that was accepted has become
// one.
func (c Crowd) People() []Person {
	byName := make(map[string]*rosterv1alpha1.Invitation, len(c.Invitations))
	for _, inv := range c.Invitations {
		byName[inv.Name] = inv
	}
	all := make([]Person, 0, len(c.Members)+len(c.Invitations))
	spokenFor, there := map[string]bool{}, make(map[string]bool, len(c.Members))
	for _, m := range c.Members {
		there[m.Name] = true
		if m.DeletionTimestamp != nil {
			continue
		}
		inv := byName[m.Status.Invitation]
		if inv != nil {
			spokenFor[inv.Name] = true
		}
		all = append(all, c.member(m, inv))
	}
	for _, inv := range c.Invitations {
		ref := inv.Spec.MemberRef
		if spokenFor[inv.Name] || ref != nil && there[ref.Name] || inv.DeletionTimestamp != nil ||
			inv.Status.State == rosterv1alpha1.InvitationAccepted {
			continue
		}
		all = append(all, c.invited(inv))
	}
	return all
}

func (c Crowd) member(m *rosterv1alpha1.Member, inv *rosterv1alpha1.Invitation) Person {
	owner, elsewhere := membership.Owns(c.Organization, m)
	return Person{
		Member: m, Name: membership.NameOf(m), Address: m.Spec.Email, folded: Fold(membership.NameOf(m) + "\n" + m.Spec.Email),
		Role: membership.RoleOf(c.Organization, m), Standing: StandingOfMember(c.Organization, m, inv, c.Now),
		Owner: owner || elsewhere, Ends: membership.Ends(c.Organization, m),
	}
}

func (c Crowd) invited(inv *rosterv1alpha1.Invitation) Person {
	of := cmp.Or(inv.Spec.Email, inv.Status.Email)
	return Person{
		Invitation: inv, Name: of, Address: of, folded: Fold(of),
		Role: cmp.Or(inv.Spec.Role, rosterv1alpha1.RoleMember), Standing: StandingOfInvitation(inv, c.Now), Ends: inv.Spec.EndTime,
	}
}

// matches reports whether somebody is asked for. Members of the team are those that its Team names.
func (q Query) matches(p *Person, words Search, team map[string]bool, held func(*Person) access.Effective) bool {
	_, name := p.Object()
	switch {
	case q.Standing == "" && p.Member == nil && (p.Standing == StandingDeclined || p.Standing == StandingWithdrawn):
		return false // Nobody is waiting for them.
	case q.Standing != "" && string(p.Standing) != q.Standing, q.Role != "" && string(p.Role) != q.Role, q.Team != "" && !team[name]:
		return false
	}
	if has := p.Factor(); q.Factor != "" && (has == nil || *has != (q.Factor == WithFactor)) {
		return false
	}
	return words.In(p.folded) && (q.Profile == "" && q.Workspace == "" || q.reaches(held(p)))
}

// reaches reports whether somebody who holds that works on the profile and in the workspace that are asked for.
func (q Query) reaches(e access.Effective) bool {
	return (q.Profile == "" || e.On(q.Profile) != 0) &&
		(q.Workspace == "" || slices.Contains(e.Workspaces, q.Workspace) || slices.Contains(e.Workspaces, access.AllProfiles))
}

// Find are those of some people who are asked for, in the order that is asked for.
func (c Crowd) Find(q Query, among []Person) []*Person {
	words, team, held := SearchFor(q.Search), c.team(q.Team), c.holding()
	chosen := make([]*Person, 0, len(among))
	for i := range among {
		if q.matches(&among[i], words, team, held) {
			chosen = append(chosen, &among[i])
		}
	}
	by, descending := strings.CutPrefix(q.Sort, "-")
	slices.SortFunc(chosen, func(a, b *Person) int {
		if c := order(by, descending, a, b); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.folded, b.folded), byObject(a, b))
	})
	return chosen
}

// team are the names that a Team has; none for no such team.
func (c Crowd) team(name string) map[string]bool {
	members := map[string]bool{}
	for _, t := range c.Teams {
		if t.Name == name {
			for _, member := range t.Spec.Members {
				members[member] = true
			}
		}
	}
	return members
}

// holding tells what people hold, or will. It adds up what gives rights when it is asked for the first time.
func (c Crowd) holding() func(*Person) access.Effective {
	var sums *membership.Sums
	return func(p *Person) access.Effective {
		if sums == nil {
			sums = c.Sums()
		}
		if p.Member != nil {
			return sums.Of(p.Member)
		}
		return sums.Of(rights.Future(p.Invitation))
	}
}

// order compares by one column. Those who have nothing in it stand last, whichever way round.
func order(by string, descending bool, a, b *Person) int {
	var c int
	switch by {
	case ByJoined:
		return times(a.Joined(), b.Joined(), descending)
	case BySignedIn:
		return times(a.SignedIn(), b.SignedIn(), descending)
	case ByRole:
		c = cmp.Or(cmp.Compare(Rank(a.Role), Rank(b.Role)), cmp.Compare(a.Role, b.Role))
	case ByStanding:
		c = cmp.Compare(slices.Index(standings(), a.Standing), slices.Index(standings(), b.Standing))
	default:
		c = cmp.Compare(a.folded, b.folded)
	}
	if descending {
		return -c
	}
	return c
}

func times(a, b *metav1.Time, descending bool) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(bit(a == nil), bit(b == nil))
	case descending:
		a, b = b, a
	}
	return a.Compare(b.Time)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func byObject(a, b *Person) int {
	kindA, nameA := a.Object()
	kindB, nameB := b.Object()
	return cmp.Or(cmp.Compare(kindA, kindB), cmp.Compare(nameA, nameB))
}

// Rank of a role, strongest first; CustomRoles come after those that everybody knows.
func Rank(role rosterv1alpha1.OrganizationRole) int {
	if i := slices.Index(BuiltInRoles(), role); i >= 0 {
		return i
	}
	return len(BuiltInRoles())
}

// BuiltInRoles are the roles in an organisation that everybody knows, strongest first.
func BuiltInRoles() []rosterv1alpha1.OrganizationRole {
	return []rosterv1alpha1.OrganizationRole{
		rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager, rosterv1alpha1.RoleAdvancedMember,
		rosterv1alpha1.RoleMember, rosterv1alpha1.RoleProfileConnector,
	}
}

// IsBuiltIn reports whether a role is none of the organisation's own.
func IsBuiltIn(role rosterv1alpha1.OrganizationRole) bool {
	return slices.Contains(BuiltInRoles(), role)
}

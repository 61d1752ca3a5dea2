// SPDX-License-Identifier: Apache-2.0

package people

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/organization"
)

// person is a row of the list before it is put into words: somebody by a Member, or by an Invitation of its own.
type person struct {
	member     *rosterv1alpha1.Member
	invitation *rosterv1alpha1.Invitation

	name, address string
	// folded is what the name and the address are found and sorted by.
	folded   string
	role     rosterv1alpha1.OrganizationRole
	standing standing
	owner    bool
	ends     *metav1.Time
}

func (p *person) joined() *metav1.Time {
	if p.member == nil {
		return nil
	}
	return p.member.Status.JoinedTime
}

func (p *person) signedIn() *metav1.Time {
	if p.member == nil {
		return nil
	}
	return p.member.Status.LastSignInTime
}

// object is the kind and the name by which no two people are the same.
func (p *person) object() (kind, name string) {
	if p.member != nil {
		return kindMembers, p.member.Name
	}
	return kindInvitations, p.invitation.Name
}

// crowd is who belongs to an organisation, or has been invited.
type crowd struct {
	organization *rosterv1alpha1.Organization
	members      []*rosterv1alpha1.Member
	invitations  []*rosterv1alpha1.Invitation
	now          time.Time
}

// people are all of them, in no order. The Invitation by which a Member comes in belongs to the Member; one that was accepted has become
// one.
func (c crowd) people() []person {
	byName := make(map[string]*rosterv1alpha1.Invitation, len(c.invitations))
	for _, inv := range c.invitations {
		byName[inv.Name] = inv
	}
	all := make([]person, 0, len(c.members)+len(c.invitations))
	spokenFor, there := map[string]bool{}, make(map[string]bool, len(c.members))
	for _, m := range c.members {
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
	for _, inv := range c.invitations {
		ref := inv.Spec.MemberRef
		if spokenFor[inv.Name] || ref != nil && there[ref.Name] || inv.DeletionTimestamp != nil ||
			inv.Status.State == rosterv1alpha1.InvitationAccepted {
			continue
		}
		all = append(all, c.invited(inv))
	}
	return all
}

func (c crowd) member(m *rosterv1alpha1.Member, inv *rosterv1alpha1.Invitation) person {
	owner, elsewhere := membership.Owns(c.organization, m)
	return person{
		member: m, name: organization.MemberName(m), address: m.Spec.Email, folded: fold(organization.MemberName(m) + "\n" + m.Spec.Email),
		role: membership.RoleOf(c.organization, m), standing: ofMember(c.organization, m, inv, c.now),
		owner: owner || elsewhere, ends: membership.Ends(c.organization, m),
	}
}

func (c crowd) invited(inv *rosterv1alpha1.Invitation) person {
	of := cmp.Or(inv.Spec.Email, inv.Status.Email)
	return person{
		invitation: inv, name: of, address: of, folded: fold(of),
		role: cmp.Or(inv.Spec.Role, rosterv1alpha1.RoleMember), standing: ofInvitation(inv, c.now), ends: inv.Spec.EndTime,
	}
}

// matches reports whether somebody is asked for. Members of the team are those that its Team names.
func (q query) matches(p *person, words []string, team map[string]bool, held func(*person) access.Effective) bool {
	_, name := p.object()
	switch {
	case q.Standing == "" && p.member == nil && (p.standing == declined || p.standing == withdrawn):
		return false // Nobody is waiting for them.
	case q.Standing != "" && string(p.standing) != q.Standing, q.Role != "" && string(p.role) != q.Role, q.Team != "" && !team[name]:
		return false
	}
	lacks := func(word string) bool { return !strings.Contains(p.folded, word) }
	return !slices.ContainsFunc(words, lacks) && (q.Profile == "" && q.Workspace == "" || q.reaches(held(p)))
}

// reaches reports whether somebody who holds that works on the profile and in the workspace that are asked for.
func (q query) reaches(e access.Effective) bool {
	return (q.Profile == "" || e.On(q.Profile) != 0) &&
		(q.Workspace == "" || slices.Contains(e.Workspaces, q.Workspace) || slices.Contains(e.Workspaces, access.AllProfiles))
}

// choose are the people who are asked for, in the order that is asked for.
func (q query) choose(all []person, team []string, held func(*person) access.Effective) []*person {
	members := map[string]bool{}
	for _, name := range team {
		members[name] = true
	}
	words := strings.Fields(fold(q.Search))
	chosen := make([]*person, 0, len(all))
	for i := range all {
		if q.matches(&all[i], words, members, held) {
			chosen = append(chosen, &all[i])
		}
	}
	by, descending := strings.CutPrefix(q.Sort, "-")
	slices.SortFunc(chosen, func(a, b *person) int {
		if c := order(by, descending, a, b); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.folded, b.folded), byObject(a, b))
	})
	return chosen
}

// order compares by one column. Those who have nothing in it stand last, whichever way round.
func order(by string, descending bool, a, b *person) int {
	var c int
	switch by {
	case sortJoined:
		return times(a.joined(), b.joined(), descending)
	case sortSignedIn:
		return times(a.signedIn(), b.signedIn(), descending)
	case sortRole:
		c = cmp.Or(cmp.Compare(rank(a.role), rank(b.role)), cmp.Compare(a.role, b.role))
	case sortStanding:
		c = cmp.Compare(slices.Index(standings(), a.standing), slices.Index(standings(), b.standing))
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

func byObject(a, b *person) int {
	kindA, nameA := a.object()
	kindB, nameB := b.object()
	return cmp.Or(cmp.Compare(kindA, kindB), cmp.Compare(nameA, nameB))
}

// rank of a role, strongest first; CustomRoles come after those that everybody knows.
func rank(role rosterv1alpha1.OrganizationRole) int {
	if i := slices.Index(builtInRoles(), role); i >= 0 {
		return i
	}
	return len(builtInRoles())
}

func builtInRoles() []rosterv1alpha1.OrganizationRole {
	return []rosterv1alpha1.OrganizationRole{
		rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager, rosterv1alpha1.RoleAdvancedMember,
		rosterv1alpha1.RoleMember, rosterv1alpha1.RoleProfileConnector,
	}
}

// perPage is how many people stand on a page.
const perPage = 50

// page is a part of a list, with the number that it has: the last one where there are not as many.
func page[T any](all []T, number int) (part []T, at, of int) {
	of = max((len(all)+perPage-1)/perPage, 1)
	at = min(max(number, 1), of)
	return all[(at-1)*perPage : min(at*perPage, len(all))], at, of
}

// SPDX-License-Identifier: Apache-2.0

package inviting

import (
	"cmp"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/people"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
	"github.com/roster-dev/roster/internal/recipients"
)

// sieve parts a list into those who can be invited and what cannot.
type sieve struct {
	words web.Words
	// stands says where somebody stands who is known, and on which page; empty for a stranger.
	stands func(address.Address) (why, page string)
	// taken reports whether an object of that name is there.
	taken func(string) bool
	// domains that are invited; all where there are none.
	domains []string
	// seats that are left; negative where they are not counted.
	seats int
}

func (s sieve) sift(list string) (people []person, rest []bad) {
	found, problems := recipients.Parse(list)
	for _, p := range problems {
		rest = append(rest, bad{Line: p.Line, Text: p.Text, Why: s.words.T("inviting.bad.address")})
	}
	names := map[string]bool{}
	for _, r := range found {
		why, page := s.refuse(r.Address, len(people))
		if why != "" {
			rest = append(rest, bad{Line: r.Line, Text: r.Written, Why: why, Href: page})
			continue
		}
		p := person{Address: r.Address, Written: r.Written, Again: r.Again}
		p.Name = recipients.NameFor(r.Address, func(name string) bool { return names[name] || s.taken(name) })
		names[p.Name] = true
		people = append(people, p)
	}
	slices.SortStableFunc(rest, func(a, b bad) int { return cmp.Compare(a.Line, b.Line) })
	return people, rest
}

// refuse says why an address is not invited, after so many others.
func (s sieve) refuse(a address.Address, others int) (why, page string) {
	_, domain, _ := strings.Cut(string(a), "@")
	if why, page := s.stands(a); why != "" {
		return why, page
	}
	switch {
	case len(s.domains) > 0 && !slices.Contains(s.domains, domain):
		return s.words.T("inviting.bad.domain", "Domain", domain, "Domains", strings.Join(s.domains, ", ")), ""
	case s.seats >= 0 && others >= s.seats:
		return s.words.T("inviting.bad.seat"), ""
	case others >= maxPeople:
		return s.words.T("inviting.bad.tooMany", "Most", maxPeople), ""
	}
	return "", ""
}

// sieve is that of the organisation as the cache knows it.
func (v *visit) sieve(s seat) (sieve, error) {
	stands, err := v.stands()
	made := sieve{
		words: v.Words, stands: stands, taken: v.taken, domains: v.Organization.Spec.Invitations.AllowedDomains, seats: -1,
	}
	if left, limited := quota.Left(v.Organization.Status.Plan.Seats); limited && s == seatFull {
		made.seats = int(left)
	}
	return made, err
}

// taken reports whether an object of that name is there that an Invitation could lead to.
func (v *visit) taken(name string) bool {
	key := client.ObjectKey{Namespace: v.Namespace(), Name: name}
	return v.Cache().Look(v.R.Context(), key, &rosterv1alpha1.Invitation{}) || v.Cache().Look(v.R.Context(), key, &rosterv1alpha1.Member{})
}

// stands finds out where people stand who are known to the organisation.
func (v *visit) stands() (func(address.Address) (why, page string), error) {
	invited, err := v.invited()
	if err != nil {
		return nil, err
	}
	return func(a address.Address) (why, page string) {
		if m := v.memberOf(a); m != nil {
			return v.Words.T("inviting.bad." + memberAlready(m)), v.To("/team/people/members/" + m.Name)
		}
		if inv := invited[a]; inv != nil {
			if why := invitedBefore(inv); why != "" {
				return v.Words.T("inviting.bad." + why), v.To("/team/people/invitations/" + inv.Name)
			}
		}
		return "", ""
	}, nil
}

// memberOf is the Member of an address; nil where there is none.
func (v *visit) memberOf(a address.Address) *rosterv1alpha1.Member {
	members, err := people.WithAddress(v.R.Context(), v.Cache(), v.Namespace(), a, client.UnsafeDisableDeepCopy)
	if err != nil || len(members) == 0 {
		return nil // The operator tells of a Member whom the cache does not know.
	}
	return members[0]
}

// invited are the Invitations by address: the open one, if there are several.
func (v *visit) invited() (map[address.Address]*rosterv1alpha1.Invitation, error) {
	list, err := v.Invitations()
	if err != nil {
		return nil, err
	}
	all := map[address.Address]*rosterv1alpha1.Invitation{}
	for _, inv := range list {
		a := address.Address(inv.Status.Email)
		if a == "" {
			a, _ = address.Parse(inv.Spec.Email)
		}
		if a != "" && (all[a] == nil || invitation.IsOpen(inv)) {
			all[a] = inv
		}
	}
	return all, nil
}

// memberAlready names the text that tells of somebody who is a Member.
func memberAlready(m *rosterv1alpha1.Member) string {
	switch m.Status.State {
	case rosterv1alpha1.MemberActive:
		return "member"
	case rosterv1alpha1.MemberSuspended:
		return "suspended"
	case rosterv1alpha1.MemberEnded:
		return "ended"
	case rosterv1alpha1.MemberPending:
	}
	return "pending"
}

// invitedBefore names the text that tells of somebody who has been invited before; empty where they can be invited again.
func invitedBefore(inv *rosterv1alpha1.Invitation) string {
	switch {
	case invitation.IsOpen(inv):
		return "invited"
	case inv.Status.State != rosterv1alpha1.InvitationAccepted:
		return "before"
	case inv.Status.MemberRef == nil:
		return "accepted"
	}
	return "" // They accepted, and their Member is gone.
}

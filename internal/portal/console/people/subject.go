// SPDX-License-Identifier: Apache-2.0

package people

import (
	"cmp"
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/people"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
)

// subject is whom a page is about: somebody by a Member, with the Invitation by which they come or came in, or by an Invitation of its own.
type subject struct {
	all *rights.Organization
	// member is nil for an Invitation of its own, and invitation nil for a Member who has none.
	member     *rosterv1alpha1.Member
	invitation *rosterv1alpha1.Invitation

	name, address string
	// twin is the name of another Member of the same address; empty where there is none.
	twin     string
	standing console.Standing
	person   *rights.Person
}

// path of the person's page in the room, or of something to do there.
func (s *subject) path(deed string) string {
	kind, name := console.KindInvitations, s.invitationName()
	if s.member != nil {
		kind, name = console.KindMembers, s.member.Name
	}
	if deed != "" {
		deed = "/" + deed
	}
	return Path + "/" + kind + "/" + name + deed
}

func (s *subject) invitationName() string {
	if s.invitation == nil {
		return ""
	}
	return s.invitation.Name
}

// object is what is changed about somebody.
func (s *subject) object() client.Object {
	if s.member != nil {
		return s.member
	}
	return s.invitation
}

// isOwner reports whether the person owns the organisation, or is named to.
func (s *subject) isOwner() bool {
	return s.member != nil && membership.IsOwner(s.all.Organization, s.member.Name)
}

// read gets everything that rights come from, and the invitations, from the cache.
func (h *Handler) read(v *console.Visit) (*rights.Organization, error) {
	s, err := v.Snapshot()
	if err != nil {
		return nil, err
	}
	invitations, err := v.Invitations()
	return &rights.Organization{
		Namespace: v.Namespace(), Organization: v.Organization, Invitations: invitations, Profiles: s.Profiles, Teams: s.Teams,
		Workspaces: s.Workspaces, Roles: s.Roles, UserPrefix: h.Desk.UserPrefix, Now: v.Now(),
	}, err
}

// lookUp finds whom the address of a page is about, as the API server has them now.
func (h *Handler) lookUp(v *console.Visit, kind string) (*subject, error) {
	name := v.R.PathValue("name")
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return nil, web.Answered(v.NotFound())
	}
	all, err := h.read(v)
	if err != nil {
		return nil, err
	}
	s := &subject{all: all}
	if kind == console.KindMembers {
		s.member = &rosterv1alpha1.Member{}
		err = v.Get(name, s.member)
	} else {
		s.invitation = &rosterv1alpha1.Invitation{}
		err = v.Get(name, s.invitation)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, web.Answered(v.NotFound())
	case err != nil:
		return nil, err
	}
	return s, h.complete(v, s)
}

// complete adds what follows from the objects.
func (h *Handler) complete(v *console.Visit, s *subject) error {
	now := v.Now()
	if s.member == nil {
		if of := s.becameMember(v.R.Context(), v.Cache()); of != "" {
			return web.Answered(v.Redirect(v.To(Path + "/" + console.KindMembers + "/" + of)))
		}
		s.address = cmp.Or(s.invitation.Spec.Email, s.invitation.Status.Email)
		s.name, s.standing, s.person = s.address, console.StandingOfInvitation(s.invitation, now), s.all.Offered(s.invitation)
		return nil
	}
	m := s.member
	if name := m.Status.Invitation; name != "" {
		inv := &rosterv1alpha1.Invitation{}
		switch err := v.Get(name, inv); {
		case err == nil:
			s.invitation = inv
		case !apierrors.IsNotFound(err):
			return err
		}
	}
	s.name, s.address = membership.NameOf(m), m.Spec.Email
	s.standing, s.person = console.StandingOfMember(s.all.Organization, m, s.invitation, now), s.all.Person(m)
	var err error
	s.twin, err = twin(v, m)
	return err
}

// twin is the name of another Member of the same address.
func twin(v *console.Visit, m *rosterv1alpha1.Member) (string, error) {
	own, err := address.OfMember(m)
	if err != nil {
		return "", nil //nolint:nilerr // An address that cannot be read is nobody's.
	}
	same, err := people.WithAddress(v.R.Context(), v.Cache(), m.Namespace, own)
	for _, other := range same {
		if other.Name != m.Name {
			return other.Name, err
		}
	}
	return "", err
}

// becameMember is the Member that an Invitation belongs to; empty where there is none.
func (s *subject) becameMember(ctx context.Context, cache web.Cache) string {
	for _, ref := range []*rosterv1alpha1.LocalReference{s.invitation.Spec.MemberRef, s.invitation.Status.MemberRef} {
		if ref == nil {
			continue
		}
		key := client.ObjectKey{Namespace: s.invitation.Namespace, Name: ref.Name}
		if cache.Look(ctx, key, &rosterv1alpha1.Member{}) {
			return ref.Name
		}
	}
	return ""
}

// isSelf reports whether a page is about the one who looks at it.
func (s *subject) isSelf(v *console.Visit) bool {
	return s.member != nil && s.member.Name == v.Member.Name
}

// teams are those that name the person, by name.
func (s *subject) teams() []*rosterv1alpha1.Team {
	name := s.object().GetName()
	var named []*rosterv1alpha1.Team
	for _, t := range s.all.Teams {
		if slices.Contains(t.Spec.Members, name) {
			named = append(named, t)
		}
	}
	return named
}

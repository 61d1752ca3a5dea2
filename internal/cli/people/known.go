// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/pointers"
	"github.com/roster-dev/roster/internal/recipients"
)

// Known are the people whom an organisation has or has invited, by address.
type Known struct {
	Members     map[address.Address]*rosterv1alpha1.Member
	Invitations map[address.Address]*rosterv1alpha1.Invitation

	names map[string]bool
}

// LoadKnown reads the people of a namespace.
func LoadKnown(ctx context.Context, c client.Reader, namespace string) (*Known, error) {
	var members rosterv1alpha1.MemberList
	var invitations rosterv1alpha1.InvitationList
	for _, list := range []client.ObjectList{&members, &invitations} {
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
	}
	k := &Known{
		Members: map[address.Address]*rosterv1alpha1.Member{}, Invitations: map[address.Address]*rosterv1alpha1.Invitation{},
		names: map[string]bool{},
	}
	for _, m := range pointers.To(members.Items) {
		k.names[m.Name] = true
		if a, err := address.OfMember(m); err == nil {
			k.Members[a] = m
		}
	}
	for _, inv := range pointers.To(invitations.Items) {
		k.names[inv.Name] = true
		if a, err := address.Parse(InvitationAddress(inv)); err == nil && (k.Invitations[a] == nil || invitation.IsOpen(inv)) {
			k.Invitations[a] = inv
		}
	}
	return k, nil
}

// Name is a name for the object of a person that no Member and no Invitation has, and keeps it.
func (k *Known) Name(a address.Address) string {
	name := recipients.NameFor(a, func(name string) bool { return k.names[name] })
	k.names[name] = true
	return name
}

// Stands says where somebody stands who is known, and what to type to go on; empty for a stranger. The object is the one that says so.
func (k *Known) Stands(a address.Address) (client.Object, string) {
	if m := k.Members[a]; m != nil {
		switch m.Status.State {
		case rosterv1alpha1.MemberActive:
			return m, "is a Member already"
		case rosterv1alpha1.MemberSuspended:
			return m, "is a suspended Member: kubectl roster resume " + m.Name
		case rosterv1alpha1.MemberEnded:
			return m, "is a Member whose membership has ended: set a later spec.endTime of the Member " + m.Name
		case rosterv1alpha1.MemberPending:
		}
		return m, "is a Member who has not accepted yet: kubectl roster resend " + m.Name
	}
	inv := k.Invitations[a]
	switch {
	case inv == nil:
		return nil, ""
	case invitation.IsOpen(inv):
		return inv, "is invited already: kubectl roster resend " + inv.Name
	case inv.Status.State == rosterv1alpha1.InvitationAccepted && inv.Status.MemberRef != nil:
		return nil, "" // They accepted, and their Member is gone.
	case inv.Status.State == rosterv1alpha1.InvitationAccepted:
		return inv, "has just accepted"
	case inv.Status.State == rosterv1alpha1.InvitationRevoked:
		return inv, fmt.Sprintf("was invited before: kubectl roster resend %s --reopen", inv.Name)
	}
	return inv, fmt.Sprintf("was invited before (%s): kubectl roster resend %s", inv.Status.State, inv.Name)
}

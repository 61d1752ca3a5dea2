// SPDX-License-Identifier: Apache-2.0

package console

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

// What pages are made of belongs to the cache and is not changed.

// Snapshot is what rights come from in the organisation, but for the people. To look at the team does not let people look at profiles:
// those that the person may not look at have no handle and no network. Their names stand in Members and Teams.
func (v *Visit) Snapshot() (*membership.Snapshot, error) {
	all, held, err := v.Rights()
	if err != nil {
		return nil, err
	}
	for i, p := range all.Profiles {
		if !held.On(p.Name).Contains(access.NewSet(access.Get)) {
			all.Profiles[i] = unseen(p)
		}
	}
	return all, nil
}

// unseen is a profile without what people know it by.
func unseen(p *rosterv1alpha1.SocialProfile) *rosterv1alpha1.SocialProfile {
	hidden := *p
	hidden.Spec.Handle, hidden.Spec.Network, hidden.Spec.Type = "", "", ""
	return &hidden
}

// Seen reports whether a profile of the snapshot is one that the person may look at.
func Seen(p *rosterv1alpha1.SocialProfile) bool { return p.Spec.Handle != "" }

// Members of the organisation.
func (v *Visit) Members() ([]*rosterv1alpha1.Member, error) {
	var list rosterv1alpha1.MemberList
	err := v.list(&list)
	return pointers.To(list.Items), err
}

// Invitations of the organisation.
func (v *Visit) Invitations() ([]*rosterv1alpha1.Invitation, error) {
	var list rosterv1alpha1.InvitationList
	err := v.list(&list)
	return pointers.To(list.Items), err
}

// Crowd is everybody in the organisation.
func (v *Visit) Crowd() (*Crowd, error) {
	all, err := v.Snapshot()
	if err != nil {
		return nil, err
	}
	members, err := v.Members()
	if err != nil {
		return nil, err
	}
	invitations, err := v.Invitations()
	return &Crowd{Snapshot: all, Members: members, Invitations: invitations, Now: v.Now()}, err
}

func (v *Visit) list(into client.ObjectList) error {
	return v.Cache().List(v.R.Context(), into, client.InNamespace(v.Namespace()), client.UnsafeDisableDeepCopy)
}

// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
)

// Indexes of the cache: what is asked for by something other than its name is found without a list.
const (
	// indexAddress: Members and Invitations by normalised address.
	indexAddress = "roster.address"
	// indexMemberRef: Invitations by spec.memberRef.
	indexMemberRef = "roster.memberRef"
	// indexOpen: Invitations that are to be mailed or wait for an answer, under "true".
	indexOpen = "roster.open"
	// indexProfile: Members and Invitations by the profiles that their spec names.
	indexProfile = "roster.profile"
	// indexGrant: Members by the profiles that their status says they hold a role on, "*" for all.
	indexGrant = "roster.grant"
	// indexAccount: Members by spec.accountRef.
	indexAccount = "roster.account"
	// indexResponsible: SocialProfiles by spec.responsibleRef.
	indexResponsible = "roster.responsible"
	// indexOwner: Organizations by spec.ownerRef.
	indexOwner = "roster.owner"
)

type index struct {
	object  client.Object
	field   string
	extract client.IndexerFunc
}

func addIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, i := range indexes() {
		if err := indexer.IndexField(ctx, i.object, i.field, i.extract); err != nil {
			return fmt.Errorf("index %s of %T: %w", i.field, i.object, err)
		}
	}
	return nil
}

func indexes() []index {
	return []index{
		{&rosterv1alpha1.Member{}, indexAddress, func(o client.Object) []string { return addressKey(o.(*rosterv1alpha1.Member).Spec.Email) }},
		{&rosterv1alpha1.Member{}, indexAccount, func(o client.Object) []string { return refKey(o.(*rosterv1alpha1.Member).Spec.AccountRef) }},
		{&rosterv1alpha1.Member{}, indexProfile, func(o client.Object) []string {
			return profileNames(o.(*rosterv1alpha1.Member).Spec.Profiles)
		}},
		{&rosterv1alpha1.Invitation{}, indexProfile, func(o client.Object) []string {
			return profileNames(o.(*rosterv1alpha1.Invitation).Spec.Profiles)
		}},
		{&rosterv1alpha1.Member{}, indexGrant, memberGrants},
		{&rosterv1alpha1.Invitation{}, indexAddress, func(o client.Object) []string { return invitationAddress(o.(*rosterv1alpha1.Invitation)) }},
		{&rosterv1alpha1.Invitation{}, indexMemberRef, func(o client.Object) []string {
			return refKey(o.(*rosterv1alpha1.Invitation).Spec.MemberRef)
		}},
		{&rosterv1alpha1.Invitation{}, indexOpen, func(o client.Object) []string {
			if invitation.IsOpen(o.(*rosterv1alpha1.Invitation)) {
				return []string{"true"}
			}
			return nil
		}},
		{&rosterv1alpha1.SocialProfile{}, indexResponsible, func(o client.Object) []string {
			return refKey(o.(*rosterv1alpha1.SocialProfile).Spec.ResponsibleRef)
		}},
		{&rosterv1alpha1.Organization{}, indexOwner, func(o client.Object) []string {
			return refKey(o.(*rosterv1alpha1.Organization).Spec.OwnerRef)
		}},
	}
}

// addressKey is empty for what is not an address: such objects are reported and have no twins.
func addressKey(email string) []string {
	address, err := invitation.ParseAddress(email)
	if err != nil {
		return nil
	}
	return []string{string(address)}
}

// invitationAddress takes the address of a declared Member's invitation from its status, since only that object is at hand.
func invitationAddress(inv *rosterv1alpha1.Invitation) []string {
	if inv.Spec.MemberRef != nil {
		return addressKey(inv.Status.Email)
	}
	return addressKey(inv.Spec.Email)
}

func refKey(ref *rosterv1alpha1.LocalReference) []string {
	if ref == nil {
		return nil
	}
	return []string{ref.Name}
}

func profileNames(grants []rosterv1alpha1.ProfileGrant) []string {
	var names []string
	for _, grant := range grants {
		names = append(names, grant.Name)
	}
	return names
}

func memberGrants(o client.Object) []string {
	var names []string
	for _, grant := range o.(*rosterv1alpha1.Member).Status.Grants {
		names = append(names, grant.Profile)
	}
	return names
}

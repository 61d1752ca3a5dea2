// SPDX-License-Identifier: Apache-2.0

package declared

import (
	"fmt"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/manifests"
	"github.com/roster-dev/roster/internal/rights"
)

// Snapshot is what a cluster had at some time: the objects of Roster with their status.
type Snapshot struct {
	objects map[string]*manifests.Object
	// tracked are the objects that the first of the compared folders has. Where the second lacks one of them, it is removed, not missing.
	tracked map[string]bool
}

// NewSnapshot is made of the objects of a file that kubectl roster snapshot has written, and of those of the first folder.
func NewSnapshot(objects, base []*manifests.Object) *Snapshot {
	s := &Snapshot{objects: map[string]*manifests.Object{}, tracked: map[string]bool{}}
	for _, o := range objects {
		s.objects[keyOf(o)] = o
	}
	for _, o := range base {
		s.tracked[keyOf(o)] = true
	}
	return s
}

func keyOf(o *manifests.Object) string { return key(o.GetNamespace(), o.Kind, o.GetName()) }

func key(namespace, kind, name string) string { return namespace + "/" + kind + "/" + name }

// missing are the objects of the snapshot that are not kept in Git: people who came by an Invitation, profiles that were connected at the
// portal. The invitations that the operator made for declared Members say nothing of their own.
func (s *Snapshot) missing(objects []*manifests.Object) []*manifests.Object {
	if s == nil {
		return nil
	}
	here := map[string]bool{}
	for _, o := range objects {
		here[keyOf(o)] = true
	}
	var found []*manifests.Object
	for k, o := range s.objects {
		inv, isInvitation := o.Object.(*rosterv1alpha1.Invitation)
		if !here[k] && !s.tracked[k] && (!isInvitation || inv.Spec.MemberRef == nil) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *manifests.Object) int { return strings.Compare(keyOf(a), keyOf(b)) })
	return found
}

func (s *Snapshot) has(namespace string) bool { return s.organization(namespace) != nil }

// organization is the one of a namespace; nil where none is known.
func (s *Snapshot) organization(namespace string) *rosterv1alpha1.Organization {
	if s == nil {
		return nil
	}
	for _, o := range s.objects {
		if org, ok := o.Object.(*rosterv1alpha1.Organization); ok && org.Namespace == namespace {
			return org
		}
	}
	return nil
}

// member is a Member as it was in the cluster; nil where none is known.
func (s *Snapshot) member(namespace string, m *rosterv1alpha1.Member) *rosterv1alpha1.Member {
	if s == nil {
		return nil
	}
	if o := s.objects[key(namespace, "Member", m.Name)]; o != nil {
		return o.Object.(*rosterv1alpha1.Member)
	}
	return nil
}

// findSeats adds a finding where the plan of the snapshot has fewer seats than there are people.
func (o *Organization) findSeats() {
	org := o.Organization.Organization
	if org == nil || org.Status.Plan.Seats.Limit == nil {
		return
	}
	var last *rights.Person
	wanted := int32(0)
	for _, p := range o.People() {
		if p.Holds.Role != rosterv1alpha1.RoleProfileConnector {
			wanted, last = wanted+1, p
		}
	}
	if limit := *org.Status.Plan.Seats.Limit; wanted > limit {
		link := last.Object()
		o.Findings = append(o.Findings, Finding{"no-seat", link, o.Place(link), seatsMessage(org.Status.Plan, wanted, limit)})
	}
}

func seatsMessage(plan rosterv1alpha1.PlanInEffect, wanted, limit int32) string {
	return fmt.Sprintf("The plan %s has %d seats, and %d people want one. Ask %s for more, or add fewer people.", plan.Name, limit,
		wanted, plan.Contact)
}

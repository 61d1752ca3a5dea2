// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/quota"
)

// That a person has joined an organisation is recorded in their Account. Members come and go: one that is renamed, replaced or created
// again is another object of the same person.

// ReturnGrace is how long a membership lasts whose Member was deleted: tools that replace an object delete it first. Somebody who is
// suspended when they are deleted, or who leaves by themselves, is removed at once.
const ReturnGrace = 10 * time.Minute

// Continues is the membership that a Member who is not bound goes on with: its person has joined the organisation already, by another
// object or before this one was replaced. It is nil where they have not, or were removed.
func Continues(in MemberInput, now time.Time) *rosterv1alpha1.Membership {
	m := in.Member
	if m.Spec.AccountRef != nil {
		return nil
	}
	ms := MembershipIn(in.Person, in.Organization, now)
	if ms == nil {
		return nil
	}
	// A Member that was suspended ended with its object: only one that is still there, under this name or another, goes on.
	if ptr.Deref(ms.Suspended, false) && m.Status.JoinedTime == nil && !in.TwinJoined {
		return nil
	}
	return ms
}

// MembershipIn is the membership in an organisation that an Account records, as far as it lasts; nil where there is none.
func MembershipIn(a *rosterv1alpha1.Account, o *rosterv1alpha1.Organization, now time.Time) *rosterv1alpha1.Membership {
	if a == nil || a.DeletionTimestamp != nil || o == nil || leaves(a, o.Namespace) {
		return nil
	}
	for i := range a.Status.Memberships {
		ms := &a.Status.Memberships[i]
		if ms.Namespace == o.Namespace && ms.Organization == o.Name && lasts(ms, now) {
			return ms
		}
	}
	return nil
}

func leaves(a *rosterv1alpha1.Account, namespace string) bool {
	return slices.ContainsFunc(a.Status.Leaving, func(l rosterv1alpha1.Leaving) bool { return l.Namespace == namespace })
}

func lasts(ms *rosterv1alpha1.Membership, now time.Time) bool {
	return ms.EndedTime == nil || !ptr.Deref(ms.Suspended, false) && now.Before(ms.EndedTime.Add(ReturnGrace))
}

// TwinJoined reports whether another Member of the same namespace and address is bound.
func TwinJoined(m *rosterv1alpha1.Member, others []*rosterv1alpha1.Member) bool {
	return slices.ContainsFunc(others, func(other *rosterv1alpha1.Member) bool {
		return other.UID != m.UID && other.DeletionTimestamp == nil && other.Spec.AccountRef != nil && other.Spec.AccountRef.Name == PersonOf(m)
	})
}

// FindSuccessor names the Member of the same namespace and address that takes the place of this one when it is deleted, without its person
// losing access: one that is bound, or will be since the membership is recorded. It is empty where none does, or another counts.
func FindSuccessor(in MemberInput, others []*rosterv1alpha1.Member, now time.Time) string {
	m := in.Member
	if m.Spec.AccountRef == nil || in.Twin != "" {
		return ""
	}
	recorded := MembershipIn(in.Person, in.Organization, now) != nil
	var next *rosterv1alpha1.Member
	for _, other := range others {
		bound := other.Spec.AccountRef != nil && other.Spec.AccountRef.Name == m.Spec.AccountRef.Name
		comes := bound || recorded && other.Spec.AccountRef == nil
		if other.UID == m.UID || other.DeletionTimestamp != nil || IsSuspended(other) || HasEnded(in.Organization, other, now) || !comes {
			continue
		}
		if next == nil || Older(other, next) {
			next = other
		}
	}
	if next == nil {
		return ""
	}
	return next.Name
}

// RenameGrace is how long a new Member may have the address of another one of the same person before that is a mistake: it is renamed, and
// the older is to go.
const RenameGrace = time.Minute

// mayBeRenamed reports whether a Member is likely to be another name of the one that counts: its person has joined, and it is new.
func (in MemberInput) mayBeRenamed(now time.Time) bool {
	return in.Twin != "" && in.TwinJoined && in.Member.Spec.AccountRef != nil && now.Before(in.renamedUntil())
}

func (in MemberInput) renamedUntil() time.Time { return in.Member.CreationTimestamp.Add(RenameGrace) }

// TakesOver reports whether a Member that is not active yet is to be: its person goes on with what they had by another, which is gone.
func TakesOver(in MemberInput, now time.Time) bool {
	if Continues(in, now) != nil {
		bound := in.Member.DeepCopy()
		bound.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: PersonOf(bound)}
		in.Member, in.Account = bound, in.Person
	}
	return DecideMember(in, now).Holds
}

// memberships brings the record of the organisations that the person has joined to what their Members say. It returns when a
// membership whose Member is gone is to be forgotten; zero if none is.
func (in AccountInput) memberships(s *rosterv1alpha1.AccountStatus, now time.Time) time.Time {
	var wake time.Time
	var kept []rosterv1alpha1.Membership
	joined, left := in.joined()
	for _, ms := range s.Memberships {
		if m, ok := joined[ms.Namespace]; ok {
			kept = append(kept, in.membership(m, ms.Organization))
			delete(joined, ms.Namespace)
			continue
		}
		if left[ms.Namespace] {
			continue
		}
		if ms.EndedTime == nil {
			ms.EndedTime = &metav1.Time{Time: now.Truncate(time.Second)}
		}
		if lasts(&ms, now) {
			kept = append(kept, ms)
			if until := ms.EndedTime.Add(ReturnGrace); wake.IsZero() || until.Before(wake) {
				wake = until
			}
		}
	}
	for namespace, m := range joined {
		if in.Organizations[namespace] != "" {
			kept = append(kept, in.membership(m, ""))
		}
	}
	slices.SortFunc(kept, func(a, b rosterv1alpha1.Membership) int { return cmp.Compare(a.Namespace, b.Namespace) })
	s.Memberships = kept
	return wake
}

// joined are the Members by which the person belongs to organisations, by namespace, and the namespaces that they have left.
func (in AccountInput) joined() (joined map[string]*rosterv1alpha1.Member, left map[string]bool) {
	joined, left = map[string]*rosterv1alpha1.Member{}, map[string]bool{}
	for _, l := range in.Account.Status.Leaving {
		left[l.Namespace] = true
	}
	for _, m := range in.Members {
		if _, marked := m.Annotations[rosterv1alpha1.LeftAnnotation]; marked {
			left[m.Namespace] = true
			continue
		}
		if !BelongsTo(m, in.Account) || m.DeletionTimestamp != nil || m.Status.JoinedTime == nil {
			continue
		}
		if other, ok := joined[m.Namespace]; !ok || Older(m, other) {
			joined[m.Namespace] = m
		}
	}
	for namespace := range left {
		delete(joined, namespace)
	}
	return joined, left
}

func (in AccountInput) membership(m *rosterv1alpha1.Member, organization string) rosterv1alpha1.Membership {
	ms := rosterv1alpha1.Membership{
		Namespace: m.Namespace, Organization: cmp.Or(in.Organizations[m.Namespace], organization), Member: m.Name,
		JoinedTime: *m.Status.JoinedTime, Place: quota.Annotation(quota.PlaceOfMember(m)),
	}
	if IsSuspended(m) {
		ms.Suspended = ptr.To(true)
	}
	return ms
}

// joiningPrefix begins the finalizers by which a Member stays until the Invitation that it came by has noted it: otherwise somebody who is
// removed before that would come back by the same acceptance.
const joiningPrefix = "roster.dev/joining-"

// JoiningFinalizer is the finalizer of a Member that an Invitation has led to and has not noted yet.
func JoiningFinalizer(inv *rosterv1alpha1.Invitation) string { return joiningPrefix + string(inv.UID) }

// LedTo is the Member, even one that is being deleted, that an Invitation has led to and has not noted yet; nil where there is none.
func LedTo(inv *rosterv1alpha1.Invitation, members []*rosterv1alpha1.Member) *rosterv1alpha1.Member {
	for _, m := range members {
		if slices.Contains(m.Finalizers, JoiningFinalizer(inv)) {
			return m
		}
	}
	return nil
}

// Settled are the finalizers of a Member without those of Invitations that have noted it, or are gone; all of them if there are none such.
// The Invitations are those of its address.
func Settled(m *rosterv1alpha1.Member, invitations []*rosterv1alpha1.Invitation) []string {
	open := map[types.UID]bool{}
	for _, inv := range invitations {
		open[inv.UID] = inv.Status.State == rosterv1alpha1.InvitationAccepted && inv.Status.MemberRef == nil
	}
	return slices.DeleteFunc(slices.Clone(m.Finalizers), func(f string) bool {
		uid, ok := strings.CutPrefix(f, joiningPrefix)
		return ok && !open[types.UID(uid)]
	})
}

// joinedBefore is since when the person of a Member belongs to the organisation, where another Member of theirs did before.
func (in MemberInput) joinedBefore(now time.Time) *metav1.Time {
	if ms := MembershipIn(in.Person, in.Organization, now); ms != nil {
		return &ms.JoinedTime
	}
	return nil
}

// JoinedBefore reports whether a Member is the one that its person gave up, or one by which they belonged to the organisation then.
func JoinedBefore(m *rosterv1alpha1.Member, l rosterv1alpha1.Leaving) bool {
	return string(m.UID) == l.UID || m.Status.JoinedTime != nil && m.Status.JoinedTime.Time.Before(l.RequestedTime.Time)
}

// PersonOf is the name of the Account that belongs to the address of a Member; empty where the address cannot be parsed.
func PersonOf(m *rosterv1alpha1.Member) string {
	own, err := address.OfMember(m)
	if err != nil {
		return ""
	}
	return own.AccountName()
}

// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

const perOrganization = 100

// made makes the objects of each person, by kind, as the operator leaves them.
func made() map[string]func(i int) client.Object {
	return map[string]func(i int) client.Object{
		"Member":  func(i int) client.Object { return member(i) },
		"Account": func(i int) client.Object { return account(i) },
	}
}

func member(i int) *rosterv1alpha1.Member {
	of, m := addressOf(i), &rosterv1alpha1.Member{ObjectMeta: metadata(i, organization(i), name(i))}
	m.Labels = map[string]string{"roster.dev/author": "Manager"}
	m.Spec = rosterv1alpha1.MemberSpec{
		Email: string(of), Role: "Member", CanManageProfiles: new(bool), Suspended: new(bool),
		AccountRef: &rosterv1alpha1.LocalReference{Name: of.AccountName()},
	}
	m.Status = rosterv1alpha1.MemberStatus{
		Conditions: []metav1.Condition{
			condition(i, rosterv1alpha1.ConditionJoined, "Accepted", "The person has accepted."),
			condition(i, rosterv1alpha1.ConditionRolesGranted, "Granted", "The roles in status are in force."),
			condition(i, rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonActive, "The member is active."),
		},
		ObservedGeneration: 1, State: rosterv1alpha1.MemberActive, Role: "Member", Email: string(of),
		DisplayName: "Person " + name(i), AvatarURL: of.AvatarURL(), JoinedTime: new(at(i)),
	}
	return m
}

func account(i int) *rosterv1alpha1.Account {
	of := addressOf(i)
	a := &rosterv1alpha1.Account{ObjectMeta: metadata(i, rosterv1alpha1.AccountNamespace, of.AccountName())}
	a.Spec = rosterv1alpha1.AccountSpec{
		Email: string(of), DisplayName: "Person " + name(i), Locale: "en", Avatar: "Initials", Suspended: new(bool),
		Notifications: rosterv1alpha1.Notifications{Credentials: new(true), Engagement: new(true)},
	}
	a.Status = rosterv1alpha1.AccountStatus{
		Conditions:         []metav1.Condition{condition(i, rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonReady, "The account can be used.")},
		ObservedGeneration: 1, LastSignInTime: new(at(i)),
		Memberships: []rosterv1alpha1.Membership{
			{Namespace: organization(i), Organization: "acme", Member: name(i), JoinedTime: at(i)},
		},
	}
	return a
}

func name(i int) string               { return fmt.Sprintf("person-%06d", i) }
func organization(i int) string       { return fmt.Sprintf("organization-%04d", i/perOrganization) }
func addressOf(i int) address.Address { return address.Address(name(i) + "@example.com") }
func at(i int) metav1.Time            { return metav1.NewTime(time.Unix(1_790_000_000+int64(i), 0)) }

func metadata(i int, namespace, name string) metav1.ObjectMeta {
	wrote := func(manager, subresource string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: rosterv1alpha1.GroupVersion.String(), Time: new(at(i)),
			FieldsType: "FieldsV1", Subresource: subresource, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{".":{},"f:email":{}}}`),
		}
	}
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(fmt.Sprintf("01234567-89ab-cdef-0123-%012d", i)),
		ResourceVersion: fmt.Sprint(1_000_000 + i), Generation: 1, CreationTimestamp: at(i),
		ManagedFields: []metav1.ManagedFieldsEntry{wrote("kubectl", ""), wrote("roster-manager", "status")},
	}
}

func condition(i int, kind, reason, message string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message, ObservedGeneration: 1, LastTransitionTime: at(i),
	}
}

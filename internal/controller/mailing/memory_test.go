// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestMemory(t *testing.T) {
	object := func(uid types.UID) client.Object {
		return &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: "accounts", Name: "ana", UID: uid}}
	}
	never, always := func(int) bool { return false }, func(int) bool { return true }
	var m memory[int]
	if _, ok := m.unshown(object("1"), never); ok {
		t.Error("something is known of an object that nobody told of")
	}
	add := func(n *int) { *n += 2 }
	m.change(object("1"), add)
	m.change(object("1"), add)
	if n, ok := m.unshown(object("1"), never); !ok || n != 4 {
		t.Errorf("known: %d", n)
	}
	if _, ok := m.unshown(object("2"), never); ok {
		t.Error("the object that was made again is taken for the one before")
	}
	if _, ok := m.unshown(object("1"), always); ok || len(m.of) != 0 {
		t.Error("what is shown is still known")
	}
	m.change(object("1"), add)
	m.change(object("2"), add)
	if n, ok := m.unshown(object("2"), never); !ok || n != 2 || len(m.of) != 1 {
		t.Errorf("known of the object that was made again: %d", n)
	}
	m.forget(client.ObjectKeyFromObject(object("2")))
	if len(m.of) != 0 {
		t.Error("an object that is gone is still known")
	}
}

// What is known of Accounts, Invitations and profiles goes with them.
func TestWhoIsGoneIsForgotten(t *testing.T) {
	account := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: "accounts", Name: "ana", UID: "1"}}
	profile := &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "fb", UID: "2"}}
	invitation := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana", UID: "3"}}
	none := Options{Client: nothing{}}
	mails, told, items := newAccountMails(none), &notices{courier: courier{none}}, &digests{courier: courier{none}}
	post := NewOutbox(none)
	mails.sent.change(account, func(known *sentMails) { known.failures++ })
	told.sent.change(profile, func(sent **rosterv1alpha1.CredentialNotice) { *sent = &rosterv1alpha1.CredentialNotice{} })
	items.sent.change(profile, func(sent **rosterv1alpha1.EngagementStatus) { *sent = &rosterv1alpha1.EngagementStatus{} })
	if pause := post.failed(invitation); pause < firstRetry || pause > firstRetry*9/8 {
		t.Errorf("the first pause is %s", pause)
	}
	request := func(o client.Object) ctrl.Request { return ctrl.Request{NamespacedName: client.ObjectKeyFromObject(o)} }
	_, errMails := mails.Reconcile(t.Context(), request(account))
	_, errTold := told.Reconcile(t.Context(), request(profile))
	_, errItems := items.Reconcile(t.Context(), request(profile))
	post.Forget(client.ObjectKeyFromObject(invitation))
	for _, err := range []error{errMails, errTold, errItems} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(mails.sent.of) + len(told.sent.of) + len(items.sent.of) + len(post.letters.of); n != 0 {
		t.Errorf("%d objects that are gone are still known", n)
	}
}

// nothing is a cluster in which nothing is.
type nothing struct{ client.Client }

func (nothing) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

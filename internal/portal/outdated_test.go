// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// outdated is a cache whose watch of Invitations has broken off: it knows one as it was.
type outdated struct {
	client.Reader
	knows *rosterv1alpha1.Invitation
}

func (o outdated) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if invitations, ok := list.(*rosterv1alpha1.InvitationList); ok {
		invitations.Items = []rosterv1alpha1.Invitation{*o.knows.DeepCopy()}
		return nil
	}
	return o.Reader.List(ctx, list, opts...)
}

// staleFor is a portal whose cache knows the invitation as it was.
func (w *world) staleFor(inv *rosterv1alpha1.Invitation, mods ...func(*configure)) *site {
	return w.site(append(mods, func(c *configure) { c.Cache = outdated{c.Cache, inv.DeepCopy()} })...)
}

// TestCacheIsBehind: what an invitation has become is what counts, whatever the cache still believes.
func TestCacheIsBehind(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*world, *rosterv1alpha1.Invitation)
		status   int
		says     string
		accepted bool
	}{
		"revoked": {func(w *world, inv *rosterv1alpha1.Invitation) {
			inv = w.fresh(inv)
			inv.Spec.Revoked = new(true)
			if err := w.admin.Update(context.Background(), inv); err != nil {
				w.t.Fatal(err)
			}
		}, http.StatusGone, "Withdrawn", false},
		"resent": {func(w *world, inv *rosterv1alpha1.Invitation) {
			w.sent(inv, 2, now().Add(72*time.Hour))
		}, http.StatusGone, "There is a newer link", false},
		"expired early": {func(w *world, inv *rosterv1alpha1.Invitation) {
			w.sent(inv, 1, now().Add(-time.Minute))
		}, http.StatusGone, "The link has expired", false},
		"declined": {func(w *world, inv *rosterv1alpha1.Invitation) {
			w.status(inv, func(s *rosterv1alpha1.InvitationStatus) { s.State = rosterv1alpha1.InvitationDeclined })
		}, http.StatusGone, "Declined", false},
		"deleted": {func(w *world, inv *rosterv1alpha1.Invitation) {
			if err := w.admin.Delete(context.Background(), inv); err != nil {
				w.t.Fatal(err)
			}
		}, http.StatusNotFound, "This link does not work", false},
		"changed in what does not matter": {func(w *world, inv *rosterv1alpha1.Invitation) {
			w.status(inv, func(s *rosterv1alpha1.InvitationStatus) { s.RemindersSent = 1 })
		}, http.StatusSeeOther, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			inv := w.invite("ana")
			s := w.staleFor(inv)
			c.change(w, inv)
			s.browser().post(w.link(inv), accepting()).expect(t, c.status, c.says)
			if name == "deleted" {
				return
			}
			got := w.fresh(inv).Status
			if accepted := got.State == rosterv1alpha1.InvitationAccepted; accepted != c.accepted {
				t.Errorf("the state is %s", got.State)
			}
			if c.accepted && got.RemindersSent != 1 {
				t.Error("what the cache did not know was overwritten")
			}
		})
	}
}

// TestCacheThatRefusesIsNotBelieved: a link that the cache holds for dead is good if the API server says so.
func TestCacheThatRefusesIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	inv := w.sent(w.invite("ana"), 1, now().Add(-time.Minute))
	s := w.staleFor(inv)
	w.sent(inv, 1, now().Add(time.Hour))
	s.browser().post(w.link(inv), accepting()).expect(t, http.StatusSeeOther)
}

// TestInvitationIsUsedOnceWhileCachesAreBehind: one has accepted, and another replica has not heard of it.
func TestInvitationIsUsedOnceWhileCachesAreBehind(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	other := w.staleFor(inv)
	w.site().browser().post(w.link(inv), accepting()).expect(t, http.StatusSeeOther)
	accepted, password := w.fresh(inv), w.credentials(w.address("ana"))

	other.browser().post(w.link(inv), accepting("password", "Another password!", "confirm", "Another password!")).
		expect(t, http.StatusUnprocessableEntity, "This address now has an account")
	// Somebody who was quicker with the password alone, as after an Account that an administrator took away.
	if err := w.admin.Delete(t.Context(), w.account(w.address("ana"))); err != nil {
		t.Fatal(err)
	}
	other.browser().post(w.link(inv), accepting()).expect(t, http.StatusSeeOther)
	after := w.fresh(inv)
	if after.ResourceVersion != accepted.ResourceVersion {
		t.Errorf("the invitation was used again: %+v", after.Status)
	}
	if w.credentials(w.address("ana")).UID == password.UID {
		t.Error("the password of the deleted Account counts")
	}
}

// TestClaimKeepsTheStatus: the claim is written over what the cache knows, so the cache must know all of it.
func TestClaimKeepsTheStatus(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	inv = w.status(inv, func(s *rosterv1alpha1.InvitationStatus) {
		s.RemindersSent, s.Email, s.LinkID = 2, w.address("ana"), string(inv.UID)
		s.OpenTime = &metav1.Time{Time: now().Add(-time.Hour)}
		s.Conditions = []metav1.Condition{{
			Type: "KeptByAnother", Status: metav1.ConditionTrue, Reason: "Example", Message: "Not the portal's.",
			LastTransitionTime: metav1.Time{Time: now().Add(-time.Hour)},
		}}
	})
	w.site().browser().post(w.link(inv), accepting()).expect(t, http.StatusSeeOther)
	got, want := w.fresh(inv).Status, inv.Status
	want.State, want.Role, want.AcceptedTime = rosterv1alpha1.InvitationAccepted, string(rosterv1alpha1.RoleMember), &metav1.Time{Time: now()}
	want.AccountRef = got.AccountRef
	kept := meta.FindStatusCondition(got.Conditions, "KeptByAnother")
	got.Conditions, want.Conditions = nil, nil
	if kept == nil || !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("the status is\n%+v\nand was\n%+v", got, want)
	}
}

// TestAcceptanceWritesThreeObjects, each once, where the clocks of the portal and the API server agree: the Account says itself that its
// person signs in.
func TestAcceptanceWritesThreeObjects(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	at := time.Now()
	s.clock.SetTime(at)
	inv = w.sent(inv, 1, at.Add(time.Hour))
	b := s.browser()
	b.post(w.link(inv), accepting()).expect(t, http.StatusSeeOther)
	if got, want := s.writes.String(), "create *v1alpha1.Account\ncreate *v1.Secret\nupdate status *v1alpha1.Invitation"; got != want {
		t.Errorf("writes:\n%s\nwant, in this order:\n%s", got, want)
	}
	acct := w.account(w.address("ana"))
	if last := acct.LastSignIn(); acct.Status.LastSignInTime != nil || last == nil || last.Unix() != at.Unix() {
		t.Errorf("last signed in at %v, in the status %v", last, acct.Status.LastSignInTime)
	}
	b.get("/account").expect(t, http.StatusOK, "Ana Silva")
}

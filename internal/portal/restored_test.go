// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account/factor"
)

// A restore gives an Account another UID, and the session from before it goes on.
func TestRestoredAccount(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	acct, a, codes := w.protected(s, "ana")
	before := w.halfIn(s, "ana")
	before.post("/sign-in/second", code(a.code(0))).expect(t, http.StatusSeeOther)
	secret := w.credentials(w.address("ana"))
	if err := errors.Join(w.admin.Delete(t.Context(), secret), w.admin.Delete(t.Context(), acct)); err != nil {
		t.Fatal(err)
	}
	w.create(&rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: acct.Namespace, Name: acct.Name}, Spec: acct.Spec})
	w.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}, Type: secret.Type, Data: secret.Data,
	})
	if !before.isSignedIn() {
		t.Error("the session from before has ended")
	}
	s.clock.SetTime(s.clock.Now().Add(2 * time.Minute))
	b := w.halfIn(s, "ana")
	b.post("/sign-in/second", code(a.code(0))).expect(t, http.StatusSeeOther)
	if !b.isSignedIn() {
		t.Error("password and code open nothing")
	}
	other := w.halfIn(s, "ana")
	other.post("/sign-in/second", recovery(codes[0])).expect(t, http.StatusSeeOther)
}

// What the first versions documented as a restore brought back Accounts with other UIDs, and Secrets that say nothing about whose they are.
// The password opens them, and what was sealed for the UID does not: the person hears what they can do, and either way out is one.
func TestRestoredBeforeCredentialsHadAnID(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	acct, a, codes := w.protected(s, "ana")
	secret := w.credentials(w.address("ana"))
	if err := errors.Join(w.admin.Delete(t.Context(), secret), w.admin.Delete(t.Context(), acct)); err != nil {
		t.Fatal(err)
	}
	acct.Spec.CredentialsID = ""
	delete(secret.Data, "credentialsID")
	acct = &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: acct.Namespace, Name: acct.Name}, Spec: acct.Spec}
	w.create(acct)
	w.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}, Type: secret.Type, Data: secret.Data,
	})
	for _, adopted := range []bool{false, true} {
		if adopted {
			if err := s.store.Adopt(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b := w.halfIn(s, "ana")
		b.post("/sign-in/second", code(a.code(0))).expect(t, http.StatusUnprocessableEntity, "cannot be checked", "Use a recovery code", "set it up again", "ask an administrator")
	}

	b := w.halfIn(s, "ana")
	b.post("/sign-in/second", recovery(codes[0])).expect(t, http.StatusSeeOther)
	b.post("/account/factors", url.Values{"action": {"remove-app"}}).expect(t, http.StatusSeeOther)
	fresh, _ := b.addApp()
	w.halfIn(s, "ana").post("/sign-in/second", code(fresh.code(0))).expect(t, http.StatusSeeOther)

	acct = w.account(w.address("ana"))
	w.update(acct, func(spec *rosterv1alpha1.AccountSpec) { spec.FactorsResetRequestedAt = &metav1.Time{Time: now()} })
	b = s.browser()
	b.follow(b.post("/sign-in", signIn(w.address("ana"), goodPassword))).expect(t, http.StatusOK, "Ana Silva")
}

// An Account that was deleted takes its password with it, although a backup tool took the owner from the Secret.
func TestDeletedAccountTakesItsPassword(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	acct, a, _ := w.protected(s, "ana")
	session := w.halfIn(s, "ana")
	session.post("/sign-in/second", code(a.code(0))).expect(t, http.StatusSeeOther)
	secret := w.credentials(w.address("ana"))
	secret.OwnerReferences = nil
	if err := errors.Join(w.admin.Update(t.Context(), secret), w.admin.Delete(t.Context(), acct)); err != nil {
		t.Fatal(err)
	}
	again := w.invite("ana", func(inv *rosterv1alpha1.Invitation) { inv.Name = "again" })
	s.browser().get(w.link(again)).expect(t, http.StatusOK, "Create your account")
	const fresh = "Another-horse-battery-7"
	newcomer := s.browser()
	newcomer.follow(newcomer.post(w.link(again), accepting("password", fresh, "confirm", fresh))).expect(t, http.StatusOK, "Welcome to Acme Social")
	if session.isSignedIn() {
		t.Error("a session of the deleted Account opens the new one")
	}
	s.browser().post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusUnprocessableEntity)
	b := s.browser()
	if got := b.post("/sign-in", signIn(w.address("ana"), fresh)).Header.Get("Location"); got != "/account" {
		t.Errorf("the new password leads to %q: the app of the deleted Account is asked for, or nothing opens", got)
	}
}

// A seed that was copied from another Account does not open, and the person hears what they can do.
func TestSeedThatDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	_, a, codes := w.protected(s, "ana")
	w.protected(s, "ben")
	secret := w.credentials(w.address("ana"))
	mine, err := factor.Parse(secret.Data["factors"])
	if err != nil {
		t.Fatal(err)
	}
	other, err := factor.Parse(w.credentials(w.address("ben")).Data["factors"])
	if err != nil {
		t.Fatal(err)
	}
	mine.App.Seed = other.App.Seed
	if secret.Data["factors"], err = mine.Marshal(); err != nil {
		t.Fatal(err)
	}
	if err := w.admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	b := w.halfIn(s, "ana")
	b.post("/sign-in/second", code(a.code(0))).expect(t, http.StatusUnprocessableEntity, "cannot be checked", "Use a recovery code")
	b.post("/sign-in/second", recovery(codes[0])).expect(t, http.StatusSeeOther)
}

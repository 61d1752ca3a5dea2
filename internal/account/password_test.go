// SPDX-License-Identifier: Apache-2.0

package account

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
)

func resetKeys(letters string) keyring.Keys {
	var keys keyring.Keys
	for _, l := range letters {
		keys = append(keys, bytes.Repeat([]byte(string(l)), 32))
	}
	return keys
}

func TestResetToken(t *testing.T) {
	address := address.Address("ana@example.com")
	ana := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Name: address.AccountName(), UID: "1"}, Spec: rosterv1alpha1.AccountSpec{Email: string(address)},
	}
	asked := today().Add(123456 * time.Microsecond)
	token, err := ResetToken(resetKeys("a"), ana, asked)
	if err != nil {
		t.Fatal(err)
	}
	name, at, err := ParseReset(token)
	if err != nil || name != ana.Name || !at.Equal(asked) {
		t.Errorf("ParseReset = %s, %s, %v", name, at, err)
	}
	good := func(keys, token string, of *rosterv1alpha1.Account, now time.Time) bool {
		return VerifyReset(resetKeys(keys), token, of, now) == nil
	}
	if !good("a", token, ana, asked) || !good("ba", token, ana, asked.Add(ResetLifetime-time.Microsecond)) {
		t.Error("a good token is refused")
	}
	const mailed = "jkPKN3ASKOdJg-_b0M_1wQAGYO483xYAxWLVmMfHnpz_f-jkHPS_A_ehvlRgSNBWpOyDU9-eD_Y"
	if !good("a", mailed, ana, today()) {
		t.Error("a link that was mailed before is void")
	}
	if good("a", token, ana, asked.Add(ResetLifetime)) {
		t.Error("it is taken after 30 minutes")
	}
	if good("b", token, ana, asked) || good("", token, ana, asked) {
		t.Error("it is taken under another key")
	}
	again, moved := ana.DeepCopy(), ana.DeepCopy()
	again.UID, moved.Spec.Email = "2", "eve@example.com"
	if good("a", token, again, asked) || good("a", token, moved, asked) {
		t.Error("it is taken for another Account")
	}
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if good("a", string(changed), ana, asked) {
			t.Fatalf("it is taken with a change at %d", i)
		}
	}
	for _, bad := range []string{"", "x", token + "A", strings.Repeat("A", len(token))} {
		if good("a", bad, ana, asked) {
			t.Errorf("%q is taken", bad)
		}
	}
	odd := ana.DeepCopy()
	odd.Name = "ana"
	if _, err := ResetToken(resetKeys("a"), odd, asked); err == nil {
		t.Error("a token for an Account of an odd name")
	}
}

func FuzzResetToken(f *testing.F) {
	f.Add(strings.Repeat("A", 75))
	f.Add(strings.Repeat("A", 20) + strings.Repeat("\n", 55)) // as long as a token, but for package base64
	f.Fuzz(func(t *testing.T, token string) {
		name, asked, err := ParseReset(token)
		if err != nil {
			return
		}
		of := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if VerifyReset(resetKeys("a"), token, of, asked) == nil {
			t.Errorf("%q is taken", token)
		}
	})
}

func testReset(t *testing.T, c cluster) {
	ctx, s, now := t.Context(), storeOver(t, c), today()
	address := address.Address("forgetful@example.com")
	account, err := register(ctx, s, address, profile("Forgetful"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	session, err := signIn(ctx, s, address, "laptop", now)
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() *rosterv1alpha1.Account {
		t.Helper()
		a, err := s.Named(ctx, account.Name)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	asks := func(at time.Time, want bool) {
		t.Helper()
		if wrote, err := s.RequestReset(ctx, fresh(), at); wrote != want || err != nil {
			t.Errorf("asking at %s = %v, %v, want %v", at, wrote, err, want)
		}
	}
	asks(now, true)
	asks(now.Add(resetEvery-time.Second), false)
	asks(now.Add(resetEvery), true)
	first, second := now, fresh().Status.Requested(rosterv1alpha1.MailPasswordReset).Time
	if _, _, err := s.Check(ctx, session, now); err != nil {
		t.Errorf("asking ends sessions: %v", err)
	}
	if err := s.Resettable(ctx, account, first); err != nil {
		t.Error(err)
	}
	if err := s.ResetPassword(ctx, fresh(), first, "battery staple", now); err != nil {
		t.Fatal(err)
	}
	for name, asked := range map[string]time.Time{"the same link": first, "another that was on its way": second} {
		if err := s.Resettable(ctx, account, asked); !errors.Is(err, ErrUsed) {
			t.Errorf("%s can be opened: %v", name, err)
		}
		if err := s.ResetPassword(ctx, fresh(), asked, "mallory's own", now); !errors.Is(err, ErrUsed) {
			t.Errorf("%s can be used: %v", name, err)
		}
	}
	if _, _, err := s.Check(ctx, session, now); !errors.Is(err, ErrSignedOut) {
		t.Errorf("a session goes on after the reset: %v", err)
	}
	if err := authenticate(ctx, s, address, "correct horse"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("the old password: %v", err)
	}
	if err := authenticate(ctx, s, address, "battery staple"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	// The portal died before it could note the change: the next sign-in does.
	if at := fresh().Status.Requested(rosterv1alpha1.MailPasswordChanged); !at.IsZero() {
		t.Fatal("noted already, so the test shows nothing")
	}
	a, credentials, err := s.Authenticate(ctx, address, "battery staple")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(ctx, a, credentials, NewSession(a, credentials, MethodPassword, now), Browser{ID: "x"}, now); err != nil {
		t.Fatal(err)
	}
	if got := fresh().Status.Requested(rosterv1alpha1.MailPasswordChanged); !got.Time.Equal(second) {
		t.Errorf("a mail about a change at %v, want %v", got, second)
	}
	if err := c.Delete(ctx, c.secret(t, address)); err != nil {
		t.Fatal(err)
	}
	if err := s.ResetPassword(ctx, fresh(), now, "a third one", now); err != nil {
		t.Errorf("without credentials: %v", err)
	}
	if err := authenticate(ctx, s, address, "a third one"); err != nil {
		t.Errorf("the third password: %v", err)
	}
	suspended := fresh()
	suspended.Spec.Suspended = new(true)
	if wrote, err := s.RequestReset(ctx, suspended, now.Add(time.Hour)); wrote || err != nil {
		t.Errorf("a suspended account can ask: %v, %v", wrote, err)
	}
}

func testResetsAtOnce(t *testing.T, c cluster) {
	ctx, s, address := t.Context(), storeOver(t, c), address.Address("twice@example.com")
	account, err := register(ctx, s, address, profile("Twice"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	const n = 6
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = s.ResetPassword(ctx, account, today(), fmt.Sprintf("password %d", i), today()) })
	}
	wg.Wait()
	oneWins(t, s, address, errs, ErrUsed)
}

func testChangePassword(t *testing.T, c cluster) {
	ctx, s, now, address := t.Context(), storeOver(t, c), today(), address.Address("changing@example.com")
	account, err := register(ctx, s, address, profile("Changing"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	laptop, err := signIn(ctx, s, address, "laptop", now)
	if err != nil {
		t.Fatal(err)
	}
	phone, err := signIn(ctx, s, address, "phone", now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SignOut(ctx, account, "laptop"); err != nil {
		t.Fatal(err)
	}
	stolen := laptop
	if laptop, err = signIn(ctx, s, address, "laptop", now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangePassword(ctx, account, stolen, "mallory's own", now); !errors.Is(err, ErrSignedOut) {
		t.Errorf("changing by a copy of a session that was signed out: %v", err)
	}
	changed, err := s.ChangePassword(ctx, account, laptop, "battery staple", now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for name, session := range map[string]Session{"the old one": laptop, "on another device": phone} {
		if _, _, err := s.Check(ctx, session, now); !errors.Is(err, ErrSignedOut) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.Check(ctx, changed, now); err != nil {
		t.Errorf("the new one: %v", err)
	}
	if _, err := s.ChangePassword(ctx, account, phone, "mallory's own", now); !errors.Is(err, ErrSignedOut) {
		t.Errorf("changing by a session that has ended: %v", err)
	}
	if err := s.ResetPassword(ctx, account, now, "mallory's own", now); !errors.Is(err, ErrUsed) {
		t.Errorf("a link from before the change: %v", err)
	}
	if err := s.NotePassword(ctx, account); err != nil {
		t.Fatal(err)
	}
	a, err := s.Named(ctx, account.Name)
	if err != nil || !a.Status.Requested(rosterv1alpha1.MailPasswordChanged).Time.Equal(now.Add(time.Minute)) {
		t.Errorf("mails %v, %v", a.Status.MailRequests, err)
	}
}

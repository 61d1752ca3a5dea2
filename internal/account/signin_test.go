// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

func testSignIn(t *testing.T, c cluster) {
	ctx, s := t.Context(), storeOver(t, c)
	older, err := register(ctx, s, "older@example.com", profile("Older"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	younger, err := register(ctx, s, "younger@example.com", profile("Younger"), "battery staple")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*rosterv1alpha1.Account{older, younger} {
		a.Spec.Username = "sam.smith"
		if err := c.Update(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	// Made in the same second, the UID decides which of the two is the older one.
	first, password := older, "correct horse"
	if older.CreationTimestamp.Equal(&younger.CreationTimestamp) && younger.UID < older.UID {
		first, password = younger, "battery staple"
	}
	for _, login := range []string{"sam.smith", " Sam.Smith ", first.Spec.Email} {
		if got, _, err := s.SignIn(ctx, login, password); err != nil || got.Name != first.Name {
			t.Errorf("SignIn(%q) = %v, %v", login, got, err)
		}
	}
	if _, _, err := s.SignIn(ctx, "OLDER@Example.com", "correct horse"); err != nil {
		t.Errorf("an address in upper case: %v", err)
	}
	// Two of the forms that earlier releases made of addresses: characters in parts, and a Kelvin sign folded to k.
	for typed, former := range map[string]address.Address{"Jo\u0308rg@example.com": "jo\u0308rg@example.com", "\u212aim@example.com": "kim@example.com"} {
		if _, err := register(ctx, s, former, profile("Former"), "correct horse"); err != nil {
			t.Fatal(err)
		}
		if got, _, err := s.SignIn(ctx, typed, "correct horse"); err != nil || got.Spec.Email != string(former) {
			t.Errorf("SignIn(%+q) = %v, %v, want the Account of %+q", typed, got, err, former)
		}
	}
	for login, password := range map[string]string{
		"older@example.com": "battery staple", "nobody@example.com": "correct horse", "no.body": "correct horse", "": "x", "sam smith": "x",
		"a": "x", "sam.smith\x00": "x", older.Name: "correct horse",
	} {
		if _, _, err := s.SignIn(ctx, login, password); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("SignIn(%q): %v, want ErrWrongPassword", login, err)
		}
	}
}

// counting counts the requests of a client by verb.
func counting(c client.WithWatch, count map[string]int) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			count["read"]++
			return c.Get(ctx, key, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			count["write"]++
			return c.Update(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			count["write"]++
			count["status"]++
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
}

func testSignInWrites(t *testing.T, c cluster) {
	ctx, count := t.Context(), map[string]int{}
	s := storeOver(t, counting(c.WithWatch, count))
	if _, err := register(ctx, s, "often@example.com", profile("Often"), "correct horse"); err != nil {
		t.Fatal(err)
	}
	for i, tc := range []struct {
		after  time.Duration
		device string
		writes int
	}{
		{0, "first", 1}, // the time of the first sign-in
		{time.Minute, "first", 0},
		{59 * time.Minute, "first", 0},
		{time.Hour, "first", 2},
		{61 * time.Minute, "first", 0},
		{62 * time.Minute, "second", 1},
	} {
		clear(count)
		now := today().Add(tc.after)
		session, err := signIn(ctx, s, "often@example.com", tc.device, now)
		if err != nil {
			t.Fatal(err)
		}
		if count["write"] != tc.writes || count["read"] != 2 {
			t.Errorf("sign-in %d after %s took %v, want %d writes, and one read each of Account and Secret", i, tc.after, count, tc.writes)
		}
		if _, _, err := s.Check(ctx, session, now); err != nil {
			t.Errorf("%d: the session does not count: %v", i, err)
		}
	}
	count["read"] = 0
	if _, _, err := s.SignIn(ctx, "often@example.com", "wrong"); !errors.Is(err, ErrWrongPassword) {
		t.Fatal(err)
	}
	known := count["read"]
	count["read"] = 0
	if _, _, err := s.SignIn(ctx, "stranger@example.com", "wrong"); !errors.Is(err, ErrWrongPassword) {
		t.Fatal(err)
	}
	if count["read"] != known {
		t.Errorf("an address without an account costs %d reads, one with an account %d", count["read"], known)
	}
}

func signIn(ctx context.Context, s *Store, a address.Address, device string, now time.Time) (Session, error) {
	return signInWith(ctx, s, a, "correct horse", device, now)
}

func signInWith(ctx context.Context, s *Store, a address.Address, password, device string, now time.Time) (Session, error) {
	account, c, err := s.Authenticate(ctx, a, password)
	if err != nil {
		return Session{}, err
	}
	return s.Begin(ctx, account, c, NewSession(account, c, MethodPassword, now), Browser{ID: device, Label: device}, now)
}

func testSessionsEnd(t *testing.T, c cluster) {
	ctx, s, now := t.Context(), storeOver(t, c), today()
	account, err := register(ctx, s, "ends@example.com", profile("Ends"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	begin := func(device string) Session {
		t.Helper()
		session, err := signIn(ctx, s, "ends@example.com", device, now)
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	expect := func(when string, session Session, counts bool) {
		t.Helper()
		if _, _, err := s.Check(ctx, session, now); (err == nil) != counts || err != nil && !errors.Is(err, ErrSignedOut) {
			t.Errorf("%s: %v, want it to count: %v", when, err, counts)
		}
	}
	laptop, phone := begin("laptop"), begin("phone")
	pending := laptop
	pending.Pending, pending.Device = true, ""
	expect("at once", laptop, true)
	expect("pending", pending, true)
	if err := s.SignOut(ctx, account, "laptop"); err != nil {
		t.Fatal(err)
	}
	expect("signed out", laptop, false)
	expect("the other device", phone, true)
	again := begin("laptop")
	expect("signed in again", again, true)
	expect("a copy of the session that was signed out", laptop, false)

	confirmed, err := s.Confirm(ctx, account, again, "correct horse", now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	expect("after confirming", confirmed, true)
	expect("a copy of the session from before", again, false)
	if _, err := s.Confirm(ctx, account, again, "correct horse", now); !errors.Is(err, ErrSignedOut) {
		t.Errorf("confirming with a session that has ended: %v", err)
	}
	if _, err := s.Confirm(ctx, account, confirmed, "wrong", now); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("confirming with a wrong password: %v", err)
	}

	if err := s.SignOutEverywhere(ctx, account); err != nil {
		t.Fatal(err)
	}
	expect("signed out everywhere", confirmed, false)
	expect("signed out everywhere", phone, false)
	expect("signed out everywhere, pending", pending, false)
	begin("phone")
	expect("signed in after that, the old session", phone, false)
	if _, err := s.Begin(ctx, account, Credentials{}, pending, Browser{ID: "x"}, now); !errors.Is(err, ErrSignedOut) {
		t.Errorf("beginning a session whose password was given before: %v", err)
	}

	last := begin("laptop")
	other := last
	other.CredentialsID = "another"
	expect("of an Account that was there before", other, false)
	now = now.Add(SessionIdle)
	expect("idle for too long", last, false)
	last.Seen = now
	expect("in use", last, true)
	now = now.Add(SessionLifetime)
	last.Seen = now
	expect("in use for too long", last, false)
	if err := c.Delete(ctx, account); err != nil {
		t.Fatal(err)
	}
	last.Began = now
	expect("of an Account that is gone", last, false)
}

// testOvertaken: what is known at a sign-in is not read again. What happens in between must end the session all the same.
func testOvertaken(t *testing.T, c cluster) {
	ctx, s, now := t.Context(), storeOver(t, c), today()
	account, err := register(ctx, s, "overtaken@example.com", profile("Overtaken"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	password := "correct horse"
	for name, between := range map[string]func(*rosterv1alpha1.Account) error{
		"everything was signed out": func(a *rosterv1alpha1.Account) error { return s.SignOutEverywhere(ctx, a) },
		"a new password was chosen": func(a *rosterv1alpha1.Account) error {
			now, password = now.Add(time.Minute), password+" battery"
			return s.ResetPassword(ctx, a, now, password, now)
		},
	} {
		for _, device := range []string{"laptop", "new since " + name} {
			if _, err := signInWith(ctx, s, "overtaken@example.com", password, "laptop", now); err != nil {
				t.Fatal(err)
			}
			a, c, err := s.Authenticate(ctx, "overtaken@example.com", password)
			if err != nil {
				t.Fatal(err)
			}
			if err := between(a); err != nil {
				t.Fatal(err)
			}
			session, err := s.Begin(ctx, a, c, NewSession(a, c, MethodPassword, now), Browser{ID: device}, now)
			if err == nil {
				_, _, err = s.Check(ctx, session, now)
			}
			if !errors.Is(err, ErrSignedOut) {
				t.Errorf("%s, while somebody signed in on %s: %v", name, device, err)
			}
			got, err := s.Credentials(ctx, account)
			if err != nil || len(got.Sessions.Devices) > 0 {
				t.Errorf("%s: devices %v, %v", name, got.Sessions.Devices, err)
			}
		}
	}
}

// testOvertakenByOthers: changes that do not concern a sign-in do not keep anybody out, and are not undone.
func testOvertakenByOthers(t *testing.T, c cluster) {
	ctx, s, now := t.Context(), storeOver(t, c), today()
	if _, err := register(ctx, s, "beside@example.com", profile("Beside"), "correct horse"); err != nil {
		t.Fatal(err)
	}
	a, known, err := s.Authenticate(ctx, "beside@example.com", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateCredentials(ctx, a, func(c *Credentials) error {
		c.SetEntry("factors", []byte("kept"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	session, err := s.Begin(ctx, a, known, NewSession(a, known, MethodPassword, now), Browser{ID: "laptop"}, now)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := s.Check(ctx, session, now)
	if err != nil || string(got.Entry("factors")) != "kept" {
		t.Errorf("%q, %v", got.Entry("factors"), err)
	}
}

func testSuspended(t *testing.T, c cluster) {
	ctx, s, now := t.Context(), storeOver(t, c), today()
	account, err := register(ctx, s, "suspended@example.com", profile("Suspended"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	session, err := signIn(ctx, s, "suspended@example.com", "laptop", now)
	if err != nil {
		t.Fatal(err)
	}
	account, err = s.Named(ctx, account.Name)
	if err != nil {
		t.Fatal(err)
	}
	account.Spec.Suspended = new(true)
	if err := c.Update(ctx, account); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Check(ctx, session, now); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the session of a suspended account: %v", err)
	}
	if _, _, err := s.SignIn(ctx, "suspended@example.com", "wrong"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a wrong password tells that the account is suspended: %v", err)
	}
	if _, _, err := s.SignIn(ctx, "suspended@example.com", "correct horse"); !errors.Is(err, ErrSuspended) {
		t.Errorf("signing in: %v", err)
	}
}

func testRehash(t *testing.T, c cluster) {
	ctx, address := t.Context(), address.Address("outdated@example.com")
	secrets := ClusterSecrets{Client: c}
	older := NewStore(c, secrets, mustHasher(t, HasherOptions{Params: Params{Memory: 32, Time: 1, Threads: 1}}))
	account, err := register(ctx, older, address, profile("Outdated"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	s := storeOver(t, c)
	before := string(c.secret(t, address).Data[passwordKey])
	if err := authenticate(ctx, s, address, "wrong"); !errors.Is(err, ErrWrongPassword) {
		t.Fatal(err)
	}
	if after := string(c.secret(t, address).Data[passwordKey]); after != before {
		t.Error("a wrong password changed the hash")
	}
	if err := authenticate(ctx, s, address, "correct horse"); err != nil {
		t.Fatal(err)
	}
	got, err := secrets.Get(ctx, account)
	if err != nil {
		t.Fatal(err)
	}
	if match, err := mustHasher(t, HasherOptions{}).Verify(ctx, "correct horse", got.PasswordHash); err != nil || !match.OK || match.Outdated {
		t.Errorf("the hash is %+v, %v", match, err)
	}
}

func testEntries(t *testing.T, c cluster) {
	ctx, s, address := t.Context(), storeOver(t, c), address.Address("entries@example.com")
	account, err := register(ctx, s, address, profile("Entries"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateCredentials(ctx, account, func(c *Credentials) error {
		c.SetEntry("factors", []byte("kept"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.SignOutEverywhere(ctx, account); err != nil {
		t.Fatal(err)
	}
	got, err := s.Credentials(ctx, account)
	if err != nil || string(got.Entry("factors")) != "kept" || got.PasswordHash == "" || got.Sessions.Epoch != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	refused := errors.New("refused")
	before := c.secret(t, address).ResourceVersion
	for _, change := range []error{refused, ErrUnchanged} {
		_, err := s.UpdateCredentials(ctx, account, func(*Credentials) error { return change })
		if errors.Is(change, refused) != errors.Is(err, refused) || c.secret(t, address).ResourceVersion != before {
			t.Errorf("%v: %v", change, err)
		}
	}
	if _, err := s.UpdateCredentials(ctx, account, func(c *Credentials) error {
		c.SetEntry("factors", nil)
		return nil
	}); err != nil || len(c.secret(t, address).Data) != 3 {
		t.Errorf("entries %v, %v", c.secret(t, address).Data, err)
	}
	secret := c.secret(t, address)
	secret.Data[sessionsKey] = []byte(`{"version":2}`)
	if err := c.Update(ctx, secret); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Credentials(ctx, account); err == nil {
		t.Error("a document of a newer version was read")
	}
}

func testManyChanges(t *testing.T, c cluster) {
	ctx, s := t.Context(), storeOver(t, c)
	account, err := register(ctx, s, "changes@example.com", profile("Changes"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	const n = 6
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { _, errs[i] = signIn(ctx, s, "changes@example.com", fmt.Sprint(i), today()) })
	}
	wg.Wait()
	got, err := s.Credentials(ctx, account)
	if err := errors.Join(errors.Join(errs...), err); err != nil {
		t.Fatal(err)
	}
	if len(got.Sessions.Devices) != n+1 {
		t.Errorf("%d devices are signed in, want %d and the one that registered", len(got.Sessions.Devices), n)
	}
}

// SPDX-License-Identifier: Apache-2.0

package account

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
)

// person is somebody with an authenticator app and a session.
type person struct {
	address address.Address
	account *rosterv1alpha1.Account
	session Session
	seed    []byte
	keys    keyring.Keys
}

func enroll(t *testing.T, s *Store, a address.Address) person {
	t.Helper()
	keys := keyring.Keys{bytes.Repeat([]byte{7}, keyring.MinLen)}
	p := person{address: a, seed: factor.NewSeed(), keys: keys}
	var err error
	if p.account, p.session, err = s.Register(t.Context(), a, profile("Ana"), "old password", Browser{ID: "first"}, today()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetApp(t.Context(), p.account, keys, p.seed, factor.Step(today()), today()); err != nil {
		t.Fatal(err)
	}
	return p
}

// code is one of the app that has not been used yet.
func (p person) code(t *testing.T, at time.Time) string {
	t.Helper()
	code, err := factor.Code(p.seed, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// check reports whether everything that the person had opens the Account that has their address now.
func (p person) check(t *testing.T, s *Store, at time.Time, opens bool) {
	t.Helper()
	of, _, err := s.Find(t.Context(), p.address)
	if err != nil {
		t.Fatal(err)
	}
	if err := authenticate(t.Context(), s, p.address, "old password"); (err == nil) != opens {
		t.Errorf("the password opens: %v, want %v", err, opens)
	}
	if err := s.UseCode(t.Context(), of, p.keys, p.code(t, at), at); (err == nil) != opens {
		t.Errorf("a code of the app: %v, want good %v", err, opens)
	}
	if _, _, err := s.Check(t.Context(), p.session, today()); (err == nil) != opens {
		t.Errorf("the session: %v, want good %v", err, opens)
	}
	token, err := ResetToken(resetKeys("a"), p.account, today())
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyReset(resetKeys("a"), token, of, today()); (err == nil) != opens {
		t.Errorf("a link to choose a new password: %v, want good %v", err, opens)
	}
}

// disown does what backup tools do, and waits for nothing: no garbage collector runs here.
func (c cluster) disown(t *testing.T, a address.Address) {
	t.Helper()
	secret := c.secret(t, a)
	secret.OwnerReferences = nil
	if err := c.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// older makes of an Account and its Secret what a portal made that knew no credentialsID.
func (c cluster) older(t *testing.T, p *person) {
	t.Helper()
	secret := c.secret(t, p.address)
	old := p.account.DeepCopy()
	if err := errors.Join(c.Delete(t.Context(), secret), c.Delete(t.Context(), old)); err != nil {
		t.Fatal(err)
	}
	old = &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name}, Spec: old.Spec}
	old.Spec.CredentialsID = ""
	if err := c.Create(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	p.account, p.session.CredentialsID = old, string(old.UID)
	// What is sealed was sealed for the UID.
	var f factor.Factors
	f.SetApp(p.keys, string(old.UID), p.seed, factor.Step(today()), today())
	data, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	delete(secret.Data, idKey)
	secret.Data[factorsKey] = data
	fresh := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name, OwnerReferences: owners(nil, old)},
		Type:       secret.Type, Data: secret.Data,
	}
	if err := c.Create(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
}

// recreate makes Account and Secret again with other UIDs, as a restore does.
func (c cluster) recreate(t *testing.T, a address.Address) {
	t.Helper()
	secret, old := c.secret(t, a), &rosterv1alpha1.Account{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(secret), old); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Delete(t.Context(), secret), c.Delete(t.Context(), old)); err != nil {
		t.Fatal(err)
	}
	again := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name}, Spec: old.Spec}
	kept := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}, Type: secret.Type, Data: secret.Data,
	}
	if err := errors.Join(c.Create(t.Context(), again), c.Create(t.Context(), kept)); err != nil {
		t.Fatal(err)
	}
	if again.UID == old.UID {
		t.Fatal("it has the same UID")
	}
}

// replace deletes the Account, and has a stranger make another of the address.
func (c cluster) replace(t *testing.T, s *Store, a address.Address) {
	t.Helper()
	old := &rosterv1alpha1.Account{}
	key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName()}
	if err := c.Get(t.Context(), key, old); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	account, err := register(t.Context(), s, a, profile("Stranger"), "new password")
	if err != nil {
		t.Fatal(err)
	}
	if err := authenticate(t.Context(), s, a, "new password"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if !metav1.IsControlledBy(c.secret(t, a), account) {
		t.Error("the Secret does not belong to the new Account")
	}
}

func testUnowned(t *testing.T, c cluster) {
	s := storeOver(t, c)
	p := enroll(t, s, "unowned@example.com")
	c.disown(t, p.address)
	p.check(t, s, today().Add(factor.Period), true)
	c.disown(t, p.address) // the code that was used has the Secret owned again
	c.replace(t, s, p.address)
	p.check(t, s, today().Add(2*factor.Period), false)
}

func testRestored(t *testing.T, c cluster) {
	s := storeOver(t, c)
	p := enroll(t, s, "came-back@example.com")
	c.recreate(t, p.address)
	p.check(t, s, today().Add(factor.Period), true)
	of, _, err := s.Find(t.Context(), p.address)
	if err != nil {
		t.Fatal(err)
	}
	if !metav1.IsControlledBy(c.secret(t, p.address), of) {
		t.Error("the Secret does not go with the restored Account")
	}
	c.disown(t, p.address)
	c.replace(t, s, p.address)
	p.check(t, s, today().Add(2*factor.Period), false)
}

// What an older portal made works at once, and survives a restore once it has been adopted.
func testOlderPortal(t *testing.T, c cluster) {
	s := storeOver(t, c)
	p := enroll(t, s, "of-older-portal@example.com")
	c.older(t, &p)
	p.check(t, s, today().Add(factor.Period), true)
	// Its documented way to restore left Secrets without an owner.
	unowned := enroll(t, s, "older-unowned@example.com")
	c.older(t, &unowned)
	c.disown(t, unowned.address)
	for range 2 {
		if err := s.Adopt(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, adopted := range []person{p, unowned} {
		of, _, err := s.Find(t.Context(), adopted.address)
		if err != nil || of.Spec.CredentialsID != string(adopted.account.UID) {
			t.Fatalf("adopted under %q, %v, want %s", of.Spec.CredentialsID, err, adopted.account.UID)
		}
		c.recreate(t, adopted.address)
		adopted.check(t, s, today().Add(2*factor.Period), true)
		c.disown(t, adopted.address)
		c.replace(t, s, adopted.address)
		adopted.check(t, s, today().Add(3*factor.Period), false)
	}
}

// A Secret from before that lost its owner, and then its Account, opens no later one.
func testOlderLeftover(t *testing.T, c cluster) {
	s := storeOver(t, c)
	p := enroll(t, s, "older-left@example.com")
	c.older(t, &p)
	c.disown(t, p.address)
	c.replace(t, s, p.address)
	p.check(t, s, today().Add(factor.Period), false)

	byHand := enroll(t, s, "by-hand@example.com")
	c.older(t, &byHand)
	c.disown(t, byHand.address)
	made := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: byHand.account.Namespace, Name: byHand.account.Name},
		Spec:       byHand.account.Spec,
	}
	if err := c.Delete(t.Context(), byHand.account); err != nil {
		t.Fatal(err)
	}
	awaitNextSecond(t, c) // times of creation have seconds
	if err := c.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	if err := s.Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	byHand.check(t, s, today().Add(factor.Period), false)
}

// awaitNextSecond returns when the API server gives later times of creation than before.
func awaitNextSecond(t *testing.T, c cluster) {
	t.Helper()
	var first time.Time
	for {
		probe := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, GenerateName: "clock-"}}
		if err := c.Create(context.WithoutCancel(t.Context()), probe, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		if first.IsZero() {
			first = probe.CreationTimestamp.Time
		}
		if probe.CreationTimestamp.After(first) {
			return
		}
	}
}

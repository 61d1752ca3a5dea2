// SPDX-License-Identifier: Apache-2.0

package account

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mailcode"
)

var codeTime = time.Date(2026, time.November, 29, 9, 0, 0, 0, time.UTC)

func codeOf(session string) rosterv1alpha1.AddressCode {
	return rosterv1alpha1.AddressCode{Namespace: "acme", Invitation: "ana", UID: "u1", Attempt: 1, Session: session}
}

// A code that can still be used for a while is mailed again as it is, so that no mail makes the one before it worthless.
func TestAskingForACodeAgain(t *testing.T) {
	var a rosterv1alpha1.Account
	ask := func(session string, after time.Duration) bool {
		return requestCode(&a.Status, codeOf(session), codeTime.Add(after))
	}
	if !ask("s1", 0) || ask("s1", codeEvery-time.Second) {
		t.Error("a code can be asked for once a minute")
	}
	first := a.Status.AddressCode.RequestedTime
	if !ask("s1", codeEvery) || !a.Status.AddressCode.RequestedTime.Equal(&first) {
		t.Error("the code that was mailed has become worthless")
	}
	late := mailcode.Lifetime - codeLeft - time.Second
	if !ask("s1", late) || !a.Status.AddressCode.RequestedTime.Equal(&first) || useless(&a, rosterv1alpha1.AccountMail{
		Topic: rosterv1alpha1.MailAddressCode,
	}, codeTime.Add(late)) != "" {
		t.Error("a code that still works is replaced by one whose mail may be left out, or is not mailed")
	}
	a.Status.MailRequests = nil
	a.Status.AddressCode.Tries = mailcode.MaxTries
	if !ask("s1", 2*codeEvery) || a.Status.AddressCode.Tries != 0 || a.Status.AddressCode.RequestedTime.Equal(&first) {
		t.Errorf("after too many tries there is no new code: %+v", a.Status.AddressCode)
	}
	second := a.Status.AddressCode.RequestedTime
	if !ask("s2", 3*codeEvery) || a.Status.AddressCode.RequestedTime.Equal(&second) {
		t.Error("another session gets the code of the first")
	}
}

func TestConfirmingAnAddress(t *testing.T) {
	keys := keyring.Keys{bytes.Repeat([]byte{1}, 32)}
	const to = address.Address("ana@acme.example")
	fresh := func(change ...func(a *rosterv1alpha1.Account)) (*rosterv1alpha1.Account, string) {
		a := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: "a-1", UID: "uid"}}
		requestCode(&a.Status, codeOf("s1"), codeTime)
		code, err := mailcode.Code(keys, CodeRequest(a, to))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range change {
			c(a)
		}
		return a, code
	}
	suspended := true
	for name, tc := range map[string]struct {
		change func(a *rosterv1alpha1.Account)
		want   rosterv1alpha1.AddressCode
		to     address.Address
		wrong  bool
		err    error
	}{
		"the code":        {want: codeOf("s1"), to: to},
		"another code":    {want: codeOf("s1"), to: to, wrong: true, err: mailcode.ErrWrong},
		"another address": {want: codeOf("s1"), to: "eve@acme.example", err: mailcode.ErrWrong},
		"another session": {want: codeOf("s2"), to: to, err: mailcode.ErrVoid},
		"an Account that is now suspended": {
			change: func(a *rosterv1alpha1.Account) { a.Spec.Suspended = &suspended }, want: codeOf("s1"), to: to, err: mailcode.ErrVoid,
		},
		"new credentials": {
			change: func(a *rosterv1alpha1.Account) { a.Spec.CredentialsID = "other" }, want: codeOf("s1"), to: to, err: mailcode.ErrWrong,
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := tc.change
			if change == nil {
				change = func(*rosterv1alpha1.Account) {}
			}
			a, code := fresh(change)
			if tc.wrong {
				code = "0000 0000"
			}
			if err := confirmAddress(a, tc.want, tc.to, keys, code, codeTime); !errors.Is(err, tc.err) {
				t.Errorf("%v, want %v", err, tc.err)
			}
			if got := Confirmed(a, tc.to); got != (tc.err == nil) {
				t.Errorf("confirmed: %v", got)
			}
			if tc.err == nil && !errors.Is(confirmAddress(a, tc.want, tc.to, keys, code, codeTime), mailcode.ErrVoid) {
				t.Error("the code can be used twice")
			}
		})
	}
}

// The newest addresses are kept: the API takes no more than fifty.
func TestConfirmedAddressesAreBounded(t *testing.T) {
	keys := keyring.Keys{bytes.Repeat([]byte{1}, 32)}
	a := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: "a-1", UID: "uid"}}
	for i := range maxAddresses + 1 {
		now, to := codeTime.Add(time.Duration(i)*codeEvery), address.Address(fmt.Sprintf("ana@%d.example", i))
		a.Status.AddressCode = nil
		requestCode(&a.Status, codeOf("s1"), now)
		code, err := mailcode.Code(keys, CodeRequest(a, to))
		if err != nil {
			t.Fatal(err)
		}
		if err := confirmAddress(a, codeOf("s1"), to, keys, code, now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(a.Status.ConfirmedAddresses); n != maxAddresses || Confirmed(a, "ana@0.example") || !Confirmed(a, "ana@50.example") {
		t.Errorf("%d addresses are kept", n)
	}
}

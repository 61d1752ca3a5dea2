// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mailcode"
)

// A copied link is worth nothing where a mailed one is asked for, and the other way round.
func TestLinksOfTwoKinds(t *testing.T) {
	keys := ring(key(1))
	mailed, _ := Token(keys, uid, 1, "ana@acme.example")
	copied, _ := Token(CopiedKeys(keys), uid, 1, "ana@acme.example")
	if Verify(keys, copied, "ana@acme.example") == nil || Verify(CopiedKeys(keys), mailed, "ana@acme.example") == nil {
		t.Error("one kind of link is taken for the other")
	}
	if err := Verify(CopiedKeys(keys), copied, "ana@acme.example"); err != nil {
		t.Error(err)
	}
}

// A code counts for the invitation, the link, the address and the browser that it was asked for, a few tries, once, and for a time.
func TestCodesOfCopiedLinks(t *testing.T) {
	asked := time.Date(2027, 1, 10, 9, 30, 0, 123456789, time.UTC)
	keys := ring(key(1))
	right := func(inv *rosterv1alpha1.Invitation) string {
		code, err := mailcode.Code(keys, CodeRequest(inv, "ana@acme.example"))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	wrong := func(code string) string { return string('0'+(code[0]-'0'+1)%10) + code[1:] }
	take := func(inv *rosterv1alpha1.Invitation, code string) error {
		return TakeCode(inv, 1, "browser", "ana@acme.example", keys, code, asked.Add(time.Minute))
	}
	cases := map[string]struct {
		try  func(inv *rosterv1alpha1.Invitation) error
		want error
	}{
		"the right one": {func(inv *rosterv1alpha1.Invitation) error { return take(inv, right(inv)) }, nil},
		"a guess":       {func(inv *rosterv1alpha1.Invitation) error { return take(inv, wrong(right(inv))) }, mailcode.ErrWrong},
		"none asked for": {func(inv *rosterv1alpha1.Invitation) error {
			code := right(inv)
			inv.Status.Code = nil
			return take(inv, code)
		}, mailcode.ErrVoid},
		"once more": {func(inv *rosterv1alpha1.Invitation) error {
			code := right(inv)
			return errors.Join(take(inv, code), take(inv, code))
		}, mailcode.ErrVoid},
		"of another browser": {func(inv *rosterv1alpha1.Invitation) error {
			return TakeCode(inv, 1, "other", "ana@acme.example", keys, right(inv), asked)
		}, mailcode.ErrVoid},
		"of no browser": {func(inv *rosterv1alpha1.Invitation) error {
			code := right(inv)
			inv.Status.Code.Browser = ""
			return TakeCode(inv, 1, "", "ana@acme.example", keys, code, asked)
		}, mailcode.ErrVoid},
		"of an older link": {func(inv *rosterv1alpha1.Invitation) error {
			return TakeCode(inv, 2, "browser", "ana@acme.example", keys, right(inv), asked)
		}, mailcode.ErrVoid},
		"of another address": {func(inv *rosterv1alpha1.Invitation) error {
			return TakeCode(inv, 1, "browser", "eve@acme.example", keys, right(inv), asked)
		}, mailcode.ErrWrong},
		"of another invitation": {func(inv *rosterv1alpha1.Invitation) error {
			code := right(inv)
			inv.UID = types.UID("1" + uid[1:])
			return take(inv, code)
		}, mailcode.ErrWrong},
		"too late": {func(inv *rosterv1alpha1.Invitation) error {
			return TakeCode(inv, 1, "browser", "ana@acme.example", keys, right(inv), asked.Add(mailcode.Lifetime))
		}, mailcode.ErrVoid},
		"after five guesses": {func(inv *rosterv1alpha1.Invitation) error {
			code := right(inv)
			for range mailcode.MaxTries {
				_ = take(inv, wrong(code))
			}
			return take(inv, code)
		}, mailcode.ErrVoid},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inv := &rosterv1alpha1.Invitation{}
			inv.UID = uid
			RequestCode(inv, 1, "browser", asked)
			if err := c.try(inv); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// Asking again brings the same code, so that no mail that is on its way is void, until it is about to expire. Its tries are not forgotten.
func TestAskingForACodeAgain(t *testing.T) {
	asked := time.Date(2027, 1, 10, 9, 30, 0, 0, time.UTC)
	inv := &rosterv1alpha1.Invitation{}
	RequestCode(inv, 1, "browser", asked)
	if !CodeDue(inv) || UntilCode(inv, asked) != time.Minute || UntilCode(inv, asked.Add(time.Minute)) != 0 {
		t.Errorf("%+v", inv.Status.Code)
	}
	inv.Status.Code.MailHandledTime, inv.Status.Code.Tries = &inv.Status.Code.MailRequestedTime, 3
	if CodeDue(inv) {
		t.Error("it is mailed once more by itself")
	}
	RequestCode(inv, 1, "browser", asked.Add(10*time.Minute))
	if c := inv.Status.Code; !c.RequestedTime.Time.Equal(asked) || c.Tries != 3 || !CodeDue(inv) {
		t.Errorf("%+v", c)
	}
	RequestCode(inv, 1, "browser", asked.Add(14*time.Minute))
	if c := inv.Status.Code; c.RequestedTime.Time.Equal(asked) || c.Tries != 0 {
		t.Errorf("%+v", c)
	}
	RequestCode(inv, 1, "other", asked.Add(15*time.Minute))
	if AwaitsCode(inv, 1, "browser", asked.Add(15*time.Minute)) || !AwaitsCode(inv, 1, "other", asked.Add(15*time.Minute)) {
		t.Error("the code is not that of the browser that asked for it last")
	}
}

// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"errors"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mailcode"
)

// A link that somebody copies is another than the one that is mailed: since it was not mailed, it proves nothing. The person who opens it
// shows first that they are the invited one, by signing in with the account of the address, or by a code that is mailed there.

// copiedUse is what the keys of copied links are derived for: neither kind of link is worth anything as the other.
const copiedUse = "roster.dev copied link v1"

// CopiedKeys sign the links that are copied. They go by the same IDs as those that are mailed.
func CopiedKeys(keys keyring.Keys) keyring.Keys { return keys.Derive(copiedUse) }

const (
	// codeEvery is how often the mail of a code can be asked for. With the tries at each it bounds the guesses, at all replicas together.
	codeEvery = time.Minute
	// codeLeft is how much of its time a code must have left to be mailed once more; a newer one takes its place then.
	codeLeft = 2 * time.Minute
)

// CodeRequest is what the code that was asked for is bound to, if it goes to that address: the Invitation, its link and the browser.
func CodeRequest(inv *rosterv1alpha1.Invitation, to address.Address) mailcode.Request {
	c := inv.Status.Code
	if c == nil {
		return mailcode.Request{}
	}
	return mailcode.Request{
		To: to, For: "open " + string(inv.UID) + " " + strconv.Itoa(int(c.Attempt)), Holder: "browser " + c.Browser,
		Asked: c.RequestedTime.Time, Tries: c.Tries,
	}
}

// AwaitsCode reports whether that browser can use the code that was last asked for.
func AwaitsCode(inv *rosterv1alpha1.Invitation, attempt int32, browser string, now time.Time) bool {
	return isCodeOf(inv.Status.Code, attempt, browser) && CodeRequest(inv, "").Live(now)
}

func isCodeOf(c *rosterv1alpha1.InvitationCode, attempt int32, browser string) bool {
	return c != nil && browser != "" && c.Attempt == attempt && c.Browser == browser
}

// UntilCode is how long it takes until a code can be asked for again; 0 if it can now.
func UntilCode(inv *rosterv1alpha1.Invitation, now time.Time) time.Duration {
	if c := inv.Status.Code; c != nil {
		return max(0, c.MailRequestedTime.Add(codeEvery).Sub(now))
	}
	return 0
}

// RequestCode asks for a mail with a code. One that the browser can still use is mailed again, and stays the same.
func RequestCode(inv *rosterv1alpha1.Invitation, attempt int32, browser string, now time.Time) {
	now = now.Truncate(time.Microsecond)
	c := inv.Status.Code
	if again := AwaitsCode(inv, attempt, browser, now.Add(codeLeft)); !again {
		c = &rosterv1alpha1.InvitationCode{Attempt: attempt, Browser: browser, RequestedTime: metav1.MicroTime{Time: now}}
		inv.Status.Code = c
	}
	c.MailRequestedTime, c.MailHandledTime = metav1.MicroTime{Time: now}, nil
}

// CodeDue reports whether the mail of a code has been asked for and not been dealt with.
func CodeDue(inv *rosterv1alpha1.Invitation) bool {
	c := inv.Status.Code
	return c != nil && (c.MailHandledTime == nil || c.MailHandledTime.Before(&c.MailRequestedTime))
}

// TakeCode takes a code that was typed in, once. What was typed is counted in the status, which the caller writes before anybody learns the
// answer: mailcode.ErrWrong, mailcode.ErrVoid, or nil.
func TakeCode(
	inv *rosterv1alpha1.Invitation, attempt int32, browser string, to address.Address, keys keyring.Keys, typed string, now time.Time,
) error {
	if !isCodeOf(inv.Status.Code, attempt, browser) {
		return mailcode.ErrVoid
	}
	err := mailcode.Verify(keys, CodeRequest(inv, to), typed, now)
	switch {
	case err == nil:
		inv.Status.Code = nil
	case errors.Is(err, mailcode.ErrWrong):
		inv.Status.Code.Tries++
	}
	return err
}

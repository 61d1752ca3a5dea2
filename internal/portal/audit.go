// SPDX-License-Identifier: Apache-2.0

package portal

// event is something that matters to the security of an Account.
type event string

// The events, the values of the label event of roster_portal_security_events_total.
const (
	eventSignIn       event = "sign_in"
	eventSignOut      event = "sign_out"
	eventConfirm      event = "confirm"       // the password or a passkey was asked for again
	eventAccept       event = "accept"        // an invitation was accepted
	eventFactor       event = "second_factor" // a code, a recovery code or a passkey was given after the password
	eventFactorChange event = "factor_change" // a second factor was added, removed or replaced
	eventAddress      event = "address"       // a code was given that was mailed to another address
	eventLink         event = "company_link"  // an account was tied to the sign-in of a company
	// eventForgotten: a mail with a new link was asked for; whether there is an Account is not told here either.
	eventForgotten         event = "forgotten"
	eventReset             event = "reset"    // a new password was chosen by such a link
	eventPassword          event = "password" // the password was changed by somebody who is signed in
	eventUsername          event = "username" // the user name was changed
	eventSignOutEverywhere event = "sign_out_everywhere"
	eventLeave             event = "leave"     // the person asked to leave an organisation
	eventOwnership         event = "ownership" // the person said whether they own an organisation
	eventConnect           event = "connect"   // accounts of a network were brought to connect
	eventRemove            event = "remove"    // a social profile was taken away
)

// result is what came of an event.
type result string

// The results, the values of the label result of roster_portal_security_events_total.
const (
	resultSuccess   result = "success"
	resultFailure   result = "failure"   // a wrong password, or a link that is not good
	resultRefused   result = "refused"   // a right one of an Account that is suspended
	resultThrottled result = "throttled" // too many tries
)

// audit writes a line about an event, and counts it. Every line has the same fields first, so that it can be searched for; the account is
// empty where none is proven. No secret, link or typed text is among them: a login that failed may be a password in the wrong field, and
// is hashed.
func (p *Portal) audit(v *visit, e event, r result, acct string, more ...any) {
	p.metrics.countEvent(e, r)
	fields := []any{"event", e, "result", r, "account", acct, "client", v.client.String()}
	p.log.WithName("audit").Info("Security event", append(fields, more...)...)
}

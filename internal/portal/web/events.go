// SPDX-License-Identifier: Apache-2.0

package web

// Event is something that matters to the security of an Account.
type Event string

// The events, the values of the label event of roster_portal_security_events_total.
const (
	EventSignIn         Event = "sign_in"
	EventSignOut        Event = "sign_out"
	EventConfirm        Event = "confirm"         // the password or a passkey was asked for again
	EventAccept         Event = "accept"          // an invitation was accepted
	EventFactor         Event = "second_factor"   // a code, a recovery code or a passkey was given after the password
	EventFactorChange   Event = "factor_change"   // a second factor was added, removed or replaced
	EventAddress        Event = "address"         // a code was given that was mailed to another address, or to an invited one
	EventAddressRemoved Event = "address_removed" // the person removed an address that they had confirmed
	EventLink           Event = "company_link"    // an account was tied to the sign-in of a company
	// EventForgotten: a mail with a new link was asked for; whether there is an Account is not told here either.
	EventForgotten         Event = "forgotten"
	EventReset             Event = "reset"    // a new password was chosen by such a link
	EventPassword          Event = "password" // the password was changed by somebody who is signed in
	EventUsername          Event = "username" // the user name was changed
	EventSignOutEverywhere Event = "sign_out_everywhere"
	EventLeave             Event = "leave"     // the person asked to leave an organisation
	EventOwnership         Event = "ownership" // the person said whether they own an organisation
	EventConnect           Event = "connect"   // accounts of a network were brought to connect
	EventRemove            Event = "remove"    // a social profile was taken away
	EventConsole           Event = "console"   // the organisation or somebody in it was changed in the person's name
)

// The events of people at applications.
const (
	EventApplication        Event = "application"          // the person signed in to an application, or was refused
	EventApplicationTokens  Event = "application_tokens"   // an application exchanged a code or a refresh token
	EventApplicationSignOut Event = "application_sign_out" // the person signed out at an application, or it gave its tokens back
)

// Result is what came of an event.
type Result string

// The results, the values of the label result of roster_portal_security_events_total.
const (
	ResultSuccess   Result = "success"
	ResultFailure   Result = "failure"   // a wrong password, or a link that is not good
	ResultRefused   Result = "refused"   // a right one of an Account that is suspended
	ResultThrottled Result = "throttled" // too many tries
)

// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"fmt"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

// Expected is the account that the tokens of a profile must open; empty while any will do. What the network told of an account on another
// server than the one that the handle names now does not count: its name means nothing there.
func Expected(p *rosterv1alpha1.SocialProfile) string {
	c, server := p.Status.Credential, network.ServerIn(p.Spec.Network, p.Spec.Handle)
	switch {
	case p.Spec.AccountID != "" || c == nil:
		return p.Spec.AccountID
	case c.BoundTo != nil && c.BoundTo.Server != "" && server != "" && c.BoundTo.Server != server:
		return ""
	}
	return c.AccountID
}

// bound is what the status says of tokens that the network took; the zero value of those that it has not yet.
func bound(p *rosterv1alpha1.SocialProfile, t network.Tokens) rosterv1alpha1.CredentialBinding {
	if c := p.Status.Credential; c != nil && c.BoundTo != nil && c.BoundTo.Fingerprint == FingerprintOf(p, t) {
		return *c.BoundTo
	}
	return rosterv1alpha1.CredentialBinding{}
}

// Foreign is why tokens may not be sent to the server that the profile names now, nor be used for its account: they were made for something
// else. Nil where nothing is in the way. What the Secret says counts; of what it does not say, what the network took them for first.
// Anyone who may edit a profile could otherwise send its tokens to a server of theirs.
func Foreign(p *rosterv1alpha1.SocialProfile, t network.Tokens, server string) *Obstacle {
	was := bound(p, t)
	made := t.For
	if made.Server == "" {
		made.Server = was.Server
	}
	if len(made.Accounts) == 0 && was.AccountID != "" {
		made.Accounts = []string{was.AccountID}
	}
	want := Expected(p)
	var madeFor, is, entry string
	switch {
	case made.Network != "" && made.Network != p.Spec.Network:
		madeFor, is, entry = string(made.Network), string(p.Spec.Network), network.KeyForNetwork
	case made.Server != "" && server != "" && made.Server != server:
		madeFor, is, entry = "the server "+made.Server, server, network.KeyForServer
	case want != "" && len(made.Accounts) > 0 &&
		!slices.ContainsFunc(made.Accounts, func(id string) bool { return network.SameAccount(id, want) }):
		madeFor, is, entry = fmt.Sprintf("the account %s", made.Accounts[0]), want, network.KeyForAccount
	default:
		return nil
	}
	return &Obstacle{Reason: rosterv1alpha1.ReasonReconnectRequired, Refused: true, Message: fmt.Sprintf(
		"The tokens in the Secret %s were issued for %s, and the profile is now on %s: they are not used. Reconnect the profile, or change it "+
			"back. If you write the Secret yourself and intend this, say so in its entry %s.",
		p.Spec.CredentialsSecretRef.Name, madeFor, is, entry)}
}

// bind records what tokens are for, once the network has taken them. Those of a renewal are for what the ones before were.
func (d *decision) bind() {
	c, f := d.status.Credential, d.f
	if f.validity() != network.Valid || f.strange(d.p) || c.BoundTo != nil && c.BoundTo.Fingerprint == c.Fingerprint {
		return
	}
	to := rosterv1alpha1.CredentialBinding{Server: f.Server, AccountID: f.Report.AccountID}
	if c.BoundTo != nil && f.Renewed {
		to = *c.BoundTo
	}
	to.Fingerprint = c.Fingerprint
	c.BoundTo = &to
}

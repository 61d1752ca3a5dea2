// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/limit"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mailcode"
)

// codeInterval is shorter than a code lives: whenever the next mail is left out, the one before brought a code that still works, if its
// tries are not used up.
const codeInterval = mailcode.Lifetime * 2 / 3

// codeMail is where a code goes, and what the mail says of the invitation.
type codeMail struct {
	to           address.Address
	organization string
}

// codeMail reads in the Invitation where the code goes that an Account asked for: it cannot be sent elsewhere. It returns
// nil if the link that was opened is not good any more.
func (r *accountMails) codeMail(ctx context.Context, a *rosterv1alpha1.Account, now time.Time) (*codeMail, error) {
	asked := a.Status.AddressCode
	if asked == nil {
		return nil, nil
	}
	inv, err := reading.Optional[rosterv1alpha1.Invitation](ctx, r.Client, asked.Namespace, asked.Invitation)
	if err != nil || inv == nil || string(inv.UID) != asked.UID || inv.Spec.MemberRef != nil {
		return nil, err
	}
	offer := invitation.Offer{Invitation: inv}
	if offer.Organization, err = reading.CountingOrganization(ctx, r.Client, inv.Namespace); err != nil {
		return nil, err
	}
	to, err := address.Parse(inv.Spec.Email)
	if err != nil || offer.Organization == nil || offer.Check(asked.Attempt, now) != invitation.LinkOpen {
		return nil, nil //nolint:nilerr // The condition of the Invitation says what is wrong with its address.
	}
	return &codeMail{to: to, organization: offer.Organization.Spec.DisplayName}, nil
}

// composeCode writes the mail with the code.
func (r *accountMails) composeCode(
	ctx context.Context, a *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail, to *codeMail,
) (*mail.Message, error) {
	keys, err := r.Keys.Get(ctx)
	if err != nil {
		return nil, err
	}
	request := account.CodeRequest(a, to.to)
	code, err := mailcode.Code(keys, request)
	if err != nil {
		return nil, err
	}
	return r.Composer.AddressCode(mail.AddressCode{
		Envelope: mail.Envelope{
			To: string(to.to), Locale: a.Spec.Locale, Now: r.Clock.Now(), MessageID: account.MailID(a, m, r.Composer.Domain()),
		},
		Account: a.Spec.Email, Organization: to.organization, Code: code, Expiry: request.Expires(),
	})
}

// limitedBy are the keys that a mail is counted by: the Account and, where it goes elsewhere, the mailbox.
func limitedBy(a *rosterv1alpha1.Account, to *codeMail) []string {
	keys := []string{string(a.UID)}
	if to != nil {
		keys = append(keys, string(to.to))
	}
	return keys
}

// tooMany counts a mail, and reports whether a person has been mailed so often about that lately that it is left out: other than an
// invitation, it would be of no use later. Only topics that somebody else can have a person mailed about are limited.
func (r *accountMails) tooMany(topic rosterv1alpha1.AccountMailTopic, keys []string) bool {
	l := r.limiters[topic]
	if l == nil {
		return false
	}
	for i, key := range keys {
		if l.Take(key, r.Clock.Now()) > 0 {
			r.giveBack(topic, keys[:i])
			return true
		}
	}
	return false
}

// giveBack takes back a mail that was counted and not sent.
func (r *accountMails) giveBack(topic rosterv1alpha1.AccountMailTopic, keys []string) {
	if l := r.limiters[topic]; l != nil {
		for _, key := range keys {
			l.Return(key)
		}
	}
}

func accountLimiters() map[rosterv1alpha1.AccountMailTopic]*limit.Limiter[string] {
	of := func(every time.Duration) *limit.Limiter[string] {
		return limit.New[string](limit.Rate{Every: every, Burst: Burst}, maxLimited)
	}
	return map[rosterv1alpha1.AccountMailTopic]*limit.Limiter[string]{
		rosterv1alpha1.MailPasswordReset:    of(resetInterval),
		rosterv1alpha1.MailOwnershipOffered: of(Interval),
		rosterv1alpha1.MailAddressCode:      of(codeInterval),
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package mailing sends the mails of the operator, and remembers which ones it has sent: invitations and reminders for the controllers of
// Invitations, and with controllers of its own, mails about Accounts, about the tokens of profiles and new items on them, about
// memberships that end, and codes for people who were handed a link.
package mailing

import (
	"context"
	"errors"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/tracing"
)

// Mailer hands mails to a relay, and knows what keeps it from that. *mail.Gate is the real one.
type Mailer interface {
	Send(ctx context.Context, m *mail.Message) error
	Trouble() mail.Trouble
	Watch(f func(mail.Trouble))
}

// Options are what mails are written and sent with.
type Options struct {
	Client   client.Client
	Clock    clock.PassiveClock
	Events   reporting.Recorder
	Metrics  *Metrics
	Composer *mail.Composer
	Mailer   Mailer
	Keys     *reading.LinkKeys
	// PortalURL without a slash at its end.
	PortalURL string
	// UserPrefix stands before the address of a person in their user name.
	UserPrefix string
	// Queue of those that look at objects in the namespaces of organisations.
	Queue controller.Options
}

// Setup adds the controllers that mail to a manager.
func Setup(mgr manager.Manager, o Options) error {
	return errors.Join(
		ctrl.NewControllerManagedBy(mgr).Named("notices").For(&rosterv1alpha1.SocialProfile{}).
			WithOptions(o.Queue).Complete(tracing.Reconciler("notices", "SocialProfile", &notices{courier: courier{o}})),
		ctrl.NewControllerManagedBy(mgr).Named("digests").For(&rosterv1alpha1.SocialProfile{}).
			WithOptions(o.Queue).Complete(tracing.Reconciler("digests", "SocialProfile", &digests{courier: courier{o}})),
		ctrl.NewControllerManagedBy(mgr).Named("account-mail").
			For(&rosterv1alpha1.Account{}, builder.WithPredicates(predicate.NewPredicateFuncs(asksForMail))).
			Complete(tracing.Reconciler("account-mail", "Account", newAccountMails(o))),
		ctrl.NewControllerManagedBy(mgr).Named("end-notices").
			For(&rosterv1alpha1.Member{}, builder.WithPredicates(predicate.NewPredicateFuncs(ends))).
			WithOptions(o.Queue).Complete(tracing.Reconciler("end-notices", "Member", &endNotices{courier: courier{o}})),
		ctrl.NewControllerManagedBy(mgr).Named("codes").
			For(&rosterv1alpha1.Invitation{}, builder.WithPredicates(predicate.NewPredicateFuncs(asksForCode))).
			WithOptions(o.Queue).Complete(tracing.Reconciler("codes", "Invitation", newCodes(o))),
	)
}

// hand hands a mail of a kind to the relay; see [tracing.Mail] for the attempt.
func (o Options) hand(ctx context.Context, kind string, attempt int32, message *mail.Message) error {
	ctx, end := tracing.Mail(ctx, kind, int64(attempt))
	err := o.Mailer.Send(ctx, message)
	if untried(err) {
		end("Waiting") // for its turn, or for the relay
		return err
	}
	end(string(mail.OutcomeOf(err)))
	return err
}

// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/limit"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mailcode"
)

// codes mails the codes that the portal asks for, for people who were handed a copied link. It writes status.code and nothing else.
type codes struct {
	courier

	// sent are the requests that have been dealt with and the status does not show yet.
	sent memory[metav1.MicroTime]
	// limiter keeps strangers who have a link from having somebody mailed again and again.
	limiter *limit.Limiter[string]
}

func newCodes(o Options) *codes {
	return &codes{courier: courier{o}, limiter: limit.New[string](limit.Rate{Every: codeInterval, Burst: Burst}, maxLimited)}
}

// asksForCode reports whether a code is to be mailed.
func asksForCode(o client.Object) bool {
	inv, ok := o.(*rosterv1alpha1.Invitation)
	return ok && invitation.CodeDue(inv)
}

// Reconcile mails the code that is due.
func (r *codes) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	inv, err := reading.Optional[rosterv1alpha1.Invitation](ctx, r.Client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if inv == nil || inv.DeletionTimestamp != nil || !invitation.CodeDue(inv) {
		r.sent.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	asked := inv.Status.Code.MailRequestedTime
	if known, ok := r.sent.unshown(inv, func(known metav1.MicroTime) bool { return !known.Equal(&asked) }); !ok || !known.Equal(&asked) {
		if err := r.mail(ctx, inv); err != nil {
			return later(err)
		}
		r.sent.change(inv, func(known *metav1.MicroTime) { *known = asked })
	}
	ctx, cancel := Finish(ctx)
	defer cancel()
	inv.Status.Code.MailHandledTime = &asked
	return ctrl.Result{}, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.Client, inv))
}

// mail sends the code, unless the link is not good any more, or there have been too many.
func (r *codes) mail(ctx context.Context, inv *rosterv1alpha1.Invitation) error {
	offer := invitation.Offer{Invitation: inv}
	var err error
	if offer.Organization, err = reading.CountingOrganization(ctx, r.Client, inv.Namespace); err != nil {
		return err
	}
	if inv.Spec.MemberRef != nil {
		if offer.Member, err = reading.Optional[rosterv1alpha1.Member](ctx, r.Client, inv.Namespace, inv.Spec.MemberRef.Name); err != nil {
			return err
		}
	}
	to, invalid := address.Parse(offer.Email())
	if invalid != nil || offer.Organization == nil || offer.Check(inv.Status.Code.Attempt, r.Clock.Now()) != invitation.LinkOpen {
		r.leaveOut(inv, "the link of the invitation does not work any more")
		return nil //nolint:nilerr // The condition of the Invitation says what is wrong with its address.
	}
	key := limiterKey(inv.Namespace, to)
	if r.limiter.Take(key, r.Clock.Now()) > 0 {
		r.leaveOut(inv, fmt.Sprintf("there have been %d of its kind lately", Burst))
		return nil
	}
	message, err := r.compose(ctx, offer, to)
	if err == nil {
		_, err = r.deliver(ctx, inv, kindCode, message)
	}
	if err != nil {
		r.limiter.Return(key)
	}
	return err
}

func (r *codes) compose(ctx context.Context, offer invitation.Offer, to address.Address) (*mail.Message, error) {
	keys, err := r.Keys.Get(ctx)
	if err != nil {
		return nil, err
	}
	request := invitation.CodeRequest(offer.Invitation, to)
	code, err := mailcode.Code(keys, request)
	if err != nil {
		return nil, err
	}
	person := &recipient{address: to, locale: offer.Locale()}
	about := "code." + strconv.FormatInt(offer.Invitation.Status.Code.MailRequestedTime.UnixMicro(), 10)
	return r.Composer.AddressCode(mail.AddressCode{
		Envelope: r.envelope(offer.Invitation, person, about, r.Clock.Now()), Organization: offer.Organization.Spec.DisplayName,
		Code: code, Expiry: request.Expires(),
	})
}

// leaveOut reports a code that nobody gets. The page does not tell, since strangers may have asked for it.
func (r *codes) leaveOut(inv *rosterv1alpha1.Invitation, why string) {
	r.Events.Warn(inv, rosterv1alpha1.ReasonMailLeftOut, "Mail", "The mail with a code was left out: "+why+".")
}

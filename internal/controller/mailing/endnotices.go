// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/offer"
)

// endNotices mails people that a membership ends soon: the member, and somebody who looks after them. It writes status.endNotice and
// nothing else.
type endNotices struct {
	courier

	// sent are the notices of which some mails have gone out. Another process sends them again under the same Message-IDs.
	sent memory[rosterv1alpha1.EndNotice]
}

// ends reports whether a membership is to end at all.
func ends(o client.Object) bool {
	m, ok := o.(*rosterv1alpha1.Member)
	return ok && m.Spec.EndTime != nil
}

// Reconcile sends the mails that are due.
func (r *endNotices) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	m, err := reading.Optional[rosterv1alpha1.Member](ctx, r.Client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if m == nil || m.DeletionTimestamp != nil {
		r.sent.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	o, err := reading.CountingOrganization(ctx, r.Client, m.Namespace)
	if o == nil || err != nil {
		return ctrl.Result{}, err
	}
	now := r.Clock.Now()
	due, next := membership.EndNotice(o, m, now)
	if due == nil {
		return whenDue(next, now), nil
	}
	if known, ok := r.sent.unshown(m, func(sent rosterv1alpha1.EndNotice) bool { return !about(sent, due) }); ok {
		due = known.DeepCopy()
	}
	if err := r.tell(ctx, o, m, due); err != nil {
		return later(err)
	}
	ctx, cancel := Finish(ctx)
	defer cancel()
	m.Status.EndNotice = due
	return ctrl.Result{}, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.Client, m))
}

// about reports whether two notices are of the same end and of the same day.
func about(a rosterv1alpha1.EndNotice, b *rosterv1alpha1.EndNotice) bool {
	return a.EndTime.Equal(b.EndTime) && a.Days == b.Days
}

// whenDue waits until there is something to say.
func whenDue(next, now time.Time) ctrl.Result {
	if next.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: next.Sub(now)}
}

// tell mails those who have not been mailed yet.
func (r *endNotices) tell(
	ctx context.Context, o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, due *rosterv1alpha1.EndNotice,
) error {
	by, invited, err := r.looksAfter(ctx, o, m)
	if err != nil {
		return err
	}
	own := mail.EndNotice{Organization: o.Spec.DisplayName, End: due.EndTime.Time}
	if by != nil {
		own.Contact = membership.NameOf(by)
	}
	err = r.send(ctx, m, m, due, own)
	if by == nil {
		return err
	}
	// Somebody whose mailbox is full keeps nobody else from being told.
	return errors.Join(err, r.send(ctx, m, by, due, mail.EndNotice{
		Organization: o.Spec.DisplayName, End: due.EndTime.Time, Member: membership.NameOf(m), Object: m.Name, Namespace: m.Namespace,
		Invited: invited,
	}))
}

// looksAfter is who is told beside the member.
func (r *endNotices) looksAfter(
	ctx context.Context, o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member,
) (by *rosterv1alpha1.Member, invited bool, err error) {
	offered := invitation.Offer{Member: m}
	if m.Status.Invitation != "" {
		offered.Invitation, err = reading.Peek[rosterv1alpha1.Invitation](ctx, r.Client, m.Namespace, m.Status.Invitation)
	}
	if err != nil {
		return nil, false, err
	}
	if offered.Invitation == nil {
		offered.Invitation = &rosterv1alpha1.Invitation{
			ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace}, Spec: rosterv1alpha1.InvitationSpec{InvitedBy: m.Spec.InvitedBy},
		}
	}
	_, inviters, err := offer.Inviter(ctx, r.Client, offered, r.UserPrefix)
	if err != nil {
		return nil, false, err
	}
	var owner *rosterv1alpha1.Member
	if ref := o.Status.OwnerRef; ref != nil {
		if owner, err = reading.Peek[rosterv1alpha1.Member](ctx, r.Client, m.Namespace, ref.Name); err != nil {
			return nil, false, err
		}
	}
	by, invited = membership.LooksAfter(o, m, inviters, owner)
	return by, invited, nil
}

// send mails one person, unless they were mailed already.
func (r *endNotices) send(ctx context.Context, m, to *rosterv1alpha1.Member, due *rosterv1alpha1.EndNotice, n mail.EndNotice) error {
	if slices.Contains(due.To, to.Status.Email) {
		return nil
	}
	person, err := r.recipient(ctx, m.Namespace, to.Status.Email, func(rosterv1alpha1.Notifications) *bool { return nil })
	if err != nil {
		return err
	}
	n.Envelope = r.envelope(m, person, fmt.Sprintf("end.%d.%d.%s", due.EndTime.Unix(), due.Days, to.Name), due.Time.Time)
	message, err := r.Composer.EndNotice(n)
	if err != nil {
		return err
	}
	if _, err := r.deliver(ctx, m, kindEnd, message); err != nil {
		return err
	}
	due.To = append(due.To, to.Status.Email)
	r.sent.change(m, func(sent *rosterv1alpha1.EndNotice) { *sent = *due.DeepCopy() })
	return nil
}

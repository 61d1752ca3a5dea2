// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/mailing"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/offer"
)

// invitations is what both controllers of an Invitation share: gathering what decides, and writing what was decided.
type invitations struct {
	client  client.Client
	clock   clock.PassiveClock
	events  Events
	metrics *Metrics
	post    *mailing.Outbox
}

// gather reads everything that decides what becomes of an Invitation; nil when it does not exist, or when nothing can be decided yet.
func (r *invitations) gather(ctx context.Context, key client.ObjectKey) (*invitation.Input, error) {
	inv, err := reading.Optional[rosterv1alpha1.Invitation](ctx, r.client, key.Namespace, key.Name)
	if err != nil {
		return nil, err
	}
	if inv == nil {
		r.post.Forget(key)
		return nil, nil
	}
	in := &invitation.Input{Offer: invitation.Offer{Invitation: inv}}
	if in.Organization, err = reading.CountingOrganization(ctx, r.client, key.Namespace); err != nil {
		return nil, err
	}
	if in.Organization != nil && !membership.Known(in.Organization) && invitation.NeedsPlan(inv) {
		return nil, nil // In a moment its plan is known, which queues its open invitations: what is decided before is written twice.
	}
	if ref := inv.Spec.MemberRef; ref != nil {
		if in.Member, err = reading.Optional[rosterv1alpha1.Member](ctx, r.client, key.Namespace, ref.Name); err != nil {
			return nil, err
		}
	}
	address, wrong := address.Parse(cmp.Or(in.Email(), inv.Status.Email))
	if wrong != nil {
		return in, nil //nolint:nilerr // Decide says what is wrong with it.
	}
	if err := r.gatherOthers(ctx, in, address); err != nil {
		return nil, err
	}
	if err := r.gatherOffer(ctx, in); err != nil {
		return nil, err
	}
	_, inviters, err := offer.Inviter(ctx, r.client, in.Offer, r.post.UserPrefix)
	if err != nil {
		return nil, err
	}
	in.Inviter = invitation.JoinedMember(inviters)
	in.Report = r.post.Report(inv)
	in.ThrottledUntil = r.post.ThrottledUntil(inv.Namespace, address)
	return in, nil
}

// gatherOthers reads who else has, or is offered, the address.
func (r *invitations) gatherOthers(ctx context.Context, in *invitation.Input, address address.Address) error {
	inv := in.Invitation
	members, err := reading.MembersWithAddress(ctx, r.client, inv.Namespace, string(address))
	if err != nil {
		return err
	}
	for _, m := range members {
		own := in.Member != nil && m.UID == in.Member.UID && !in.MemberMissing()
		if own || m.DeletionTimestamp != nil || in.AddressJoined {
			continue
		}
		counts := m.Spec.AccountRef != nil || inv.Status.State == rosterv1alpha1.InvitationAccepted
		if !counts {
			if counts, err = r.invitesItself(ctx, m); err != nil {
				return err
			}
		}
		if counts {
			in.MemberOfAddress, in.AddressJoined = m.Name, m.Spec.AccountRef != nil
		}
	}
	others, err := reading.InvitationsBy(ctx, r.client, inv.Namespace, reading.IndexAddress, string(address))
	if err == nil && len(others) > 1 {
		// Which one counts depends on which is mailed, and this process may have mailed one just now.
		others, err = reading.LatestInvitations(ctx, r.client, inv.Namespace, reading.IndexAddress, string(address))
	}
	in.Rival = invitation.FindRival(inv, others)
	return err
}

// invitesItself reports whether a declared Member has an Invitation of its own, rather than waiting for one that somebody applied.
func (r *invitations) invitesItself(ctx context.Context, m *rosterv1alpha1.Member) (bool, error) {
	own, err := reading.InvitationsBy(ctx, r.client, m.Namespace, reading.IndexMemberRef, m.Name)
	return slices.ContainsFunc(own, func(inv *rosterv1alpha1.Invitation) bool {
		return metav1.IsControlledBy(inv, m)
	}), err
}

// gatherOffer reads whether what is offered can be given: the role, the seat, the profiles and the workspaces.
func (r *invitations) gatherOffer(ctx context.Context, in *invitation.Input) error {
	inv := in.Invitation
	in.Seat, in.SeatsLimited = membership.InvitationSeat(in.Organization, inv, in.Member)
	offered := rosterv1alpha1.MemberSpec{Role: in.Role(), Profiles: in.Profiles(), Workspaces: in.WorkspaceGrants()}
	rights, err := sourcesNamed(ctx, r.client, inv.Namespace, &offered, in.Organization)
	if err != nil {
		return err
	}
	rights.Spec, rights.Owner = offered, in.Role() == rosterv1alpha1.RoleOwner
	if in.Organization != nil {
		rights.Plan = in.Organization.Status.Plan
	}
	in.RoleProblem = access.RoleProblem(rights.Plan, rights.Roles, in.Role())
	if in.RoleProblem == nil {
		in.Problems = access.Resolve(rights).Problems
	}
	return nil
}

// write brings the status to what was decided, if it is not so already. The write carries the resourceVersion that was read: if
// somebody else was faster, it fails and the case is decided again.
func (r *invitations) write(ctx context.Context, inv *rosterv1alpha1.Invitation, status rosterv1alpha1.InvitationStatus) error {
	if equality.Semantic.DeepEqual(inv.Status, status) {
		r.events.invitation(inv, inv)
		return nil
	}
	before := inv.DeepCopy()
	inv.Status = status
	if err := reporting.WriteStatus(ctx, r.client, inv); err != nil {
		inv.Status = before.Status
		return err
	}
	r.metrics.transition(before, inv, r.clock.Now())
	r.events.invitation(before, inv)
	return nil
}

// isInvited reports whether a Member of that name comes to be when a person accepts: the Member of an Invitation has its name.
func isInvited(ctx context.Context, c client.Reader, namespace, name string) (bool, error) {
	inv, err := reading.Peek[rosterv1alpha1.Invitation](ctx, c, namespace, name)
	return inv != nil && invitation.IsOpen(inv), err
}

// until is the pause to the next decision that is due by time alone; never less than a moment, zero for none.
func until(wake, now time.Time) time.Duration {
	if wake.IsZero() {
		return 0
	}
	return max(wake.Sub(now), time.Millisecond)
}

// lifecycle does everything with an Invitation but mailing it. It never waits for a mail relay.
type lifecycle struct{ invitations }

// Reconcile expires, revokes and reports invitations, and makes members of the people who accepted.
func (r *lifecycle) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	in, err := r.gather(ctx, req.NamespacedName)
	if in == nil || err != nil {
		return ctrl.Result{}, err
	}
	if in.Report != nil {
		return ctrl.Result{}, nil // A mail has just gone out: its sender writes that, and whatever else has come about.
	}
	now := r.clock.Now()
	d := invitation.Decide(*in, now)
	switch d.Action {
	case invitation.Deliver:
		return ctrl.Result{}, nil // The status is written with the outcome of the mail.
	case invitation.Join:
		in.JoinedAs, err = r.join(ctx, in)
		if in.Refused = asProblem(err); err != nil && in.Refused == nil {
			return ctrl.Result{}, err
		}
		d = invitation.Decide(*in, now)
		if in.Refused != nil {
			d.Wake = now.Add(refusedRetry)
		}
	case invitation.Remind, invitation.Nothing:
	}
	return ctrl.Result{RequeueAfter: until(d.Wake, now)}, reporting.IgnoreConflict(r.write(ctx, in.Invitation, d.Status))
}

// delivery mails invitations and reminders.
type delivery struct{ invitations }

// Reconcile mails what is due, and writes what became of it.
func (r *delivery) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if rests, err := r.rests(ctx, req.NamespacedName); rests || err != nil {
		return ctrl.Result{}, err
	}
	in, err := r.gather(ctx, req.NamespacedName)
	if in == nil || err != nil {
		return ctrl.Result{}, err
	}
	now := r.clock.Now()
	d := invitation.Decide(*in, now)
	if in.Report != nil { // A mail went out, and then its outcome could not be written.
		return ctrl.Result{RequeueAfter: until(d.NextMail, now)}, reporting.IgnoreConflict(r.write(ctx, in.Invitation, d.Status))
	}
	if d.Action != invitation.Deliver && d.Action != invitation.Remind {
		return ctrl.Result{RequeueAfter: until(d.NextMail, now)}, nil // The other controller writes the status.
	}
	report, retry := r.post.Send(ctx, in, d)
	if report == nil {
		return ctrl.Result{RequeueAfter: retry}, nil
	}
	ctx, cancel := mailing.Finish(ctx)
	defer cancel()
	in.Report = report
	now = r.clock.Now()
	d = invitation.Decide(*in, now)
	if retry == 0 {
		retry = until(d.NextMail, now)
	}
	return ctrl.Result{RequeueAfter: retry}, reporting.IgnoreConflict(r.write(ctx, in.Invitation, d.Status))
}

// rests reports whether an Invitation has come to its end as far as mails go. Most have, and are looked at again whenever something around
// them changes.
func (r *delivery) rests(ctx context.Context, key client.ObjectKey) (bool, error) {
	inv, err := reading.Peek[rosterv1alpha1.Invitation](ctx, r.client, key.Namespace, key.Name)
	// What became of a mail is still to be written.
	return inv != nil && !invitation.MayBeMailed(inv) && r.post.Report(inv) == nil, err
}

// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/credentials"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

// profiles reports on SocialProfiles: who looks after them and how many hold which role.
type profiles struct {
	client client.Client
	clock  clock.PassiveClock
	events Events
	// userPrefix stands before the address of a person in their user name.
	userPrefix string
	// unwritten tells of Roles that Kubernetes refuses.
	unwritten *unwritten

	// since is when each profile was first looked at (client.ObjectKey to time.Time) whose status waits for the first check of its tokens.
	since sync.Map
}

// firstCheck is how long the first status of a profile waits for the first check of its tokens, which writes both at once. With thousands
// of new profiles, the last one's turn comes after minutes.
const firstCheck = 5 * time.Minute

// Reconcile brings the status of a SocialProfile to what it should be.
func (r *profiles) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p, err := reading.Optional[rosterv1alpha1.SocialProfile](ctx, r.client, req.Namespace, req.Name)
	if p == nil || err != nil || p.DeletionTimestamp != nil {
		r.since.Delete(req.NamespacedName)
		return ctrl.Result{}, err
	}
	if wait := r.untilChecked(p); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	decided, err := r.Decide(ctx, p)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, reporting.Status(ctx, r.client, p, &p.Status, decided, r.Tell)
}

// untilChecked is how long to leave the status to the first check of the tokens.
func (r *profiles) untilChecked(p *rosterv1alpha1.SocialProfile) time.Duration {
	key := client.ObjectKeyFromObject(p)
	if p.Spec.CredentialsSecretRef == nil || !credentials.Unseen(p) {
		r.since.Delete(key)
		return 0
	}
	now := r.clock.Now()
	since, _ := r.since.LoadOrStore(key, now)
	return since.(time.Time).Add(firstCheck).Sub(now)
}

// Decide says what the status of a profile should be, all but what is about its tokens.
func (r *profiles) Decide(ctx context.Context, p *rosterv1alpha1.SocialProfile) (rosterv1alpha1.SocialProfileStatus, error) {
	in, err := r.gather(ctx, p)
	if err != nil {
		return p.Status, err
	}
	return membership.DecideProfile(*in, r.clock.Now()), nil
}

// Tell tells of what has changed in that.
func (r *profiles) Tell(before, after *rosterv1alpha1.SocialProfile) { r.events.profile(before, after) }

func (r *profiles) gather(ctx context.Context, p *rosterv1alpha1.SocialProfile) (*membership.ProfileInput, error) {
	in := &membership.ProfileInput{Profile: p, Refused: r.unwritten.of(kindProfile, p)}
	var err error
	if in.Organization, err = reading.CountingOrganization(ctx, r.client, p.Namespace); err != nil {
		return nil, err
	}
	if in.Responsible, err = reading.Referenced[rosterv1alpha1.Member](ctx, r.client, p.Namespace, p.Spec.ResponsibleRef); err != nil {
		return nil, err
	}
	if ref := p.Spec.ResponsibleRef; ref != nil && in.Responsible == nil {
		if in.ResponsibleInvited, err = isInvited(ctx, r.client, p.Namespace, ref.Name); err != nil {
			return nil, err
		}
	}
	in.Holders, in.Teams, err = r.holders(ctx, in.Organization, p)
	return in, err
}

// holders are the active Members who hold something on the profile, by all rules but about nothing but it, and how many Teams work on it.
func (r *profiles) holders(
	ctx context.Context, o *rosterv1alpha1.Organization, p *rosterv1alpha1.SocialProfile,
) (holders []membership.Holder, teams int32, err error) {
	find := finder{reader: r.client, userPrefix: r.userPrefix}
	about := membership.Snapshot{Organization: o, UserPrefix: r.userPrefix, Profiles: []*rosterv1alpha1.SocialProfile{p}}
	if about.Teams, err = find.teamsWith(ctx, p); err != nil {
		return nil, 0, err
	}
	if about.Workspaces, err = find.workspacesWith(ctx, p); err != nil {
		return nil, 0, err
	}
	var roles rosterv1alpha1.CustomRoleList
	if err := r.client.List(ctx, &roles, reading.InNamespace(p.Namespace)...); err != nil {
		return nil, 0, err
	}
	about.Roles = pointers.To(roles.Items)
	candidates, err := find.mayHold(ctx, &about)
	if err != nil {
		return nil, 0, err
	}
	sums := about.Sums()
	for _, m := range candidates {
		held := sums.Holds(m)
		if h := (membership.Holder{Member: m, Named: held.Named(p.Name), Everywhere: held.Everywhere()}); h.Named|h.Everywhere != 0 {
			holders = append(holders, h)
		}
	}
	return holders, int32(len(about.Teams)), nil
}

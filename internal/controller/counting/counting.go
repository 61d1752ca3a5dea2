// SPDX-License-Identifier: Apache-2.0

// Package counting shows in metrics how much every organisation has: people, invitations, profiles, and what its plan allows. The numbers
// follow the changes that the cache sees, so that a scrape reads them without looking at any object.
package counting

import (
	"cmp"
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Metrics are the numbers of all organisations.
type Metrics struct {
	invitations, members, profiles, expiring, applications *gauge
	seatsWanted, seatsLimit, profilesLimit                 *gauge
}

// NewMetrics registers the metrics. They are empty until reported is closed: where several managers run, one alone reports, so that their
// sum is what there is. Together has all organisations counted as one.
func NewMetrics(registry prometheus.Registerer, reported <-chan struct{}, together bool) *Metrics {
	m := &Metrics{
		invitations: newGauge("roster_invitations", "Invitations by organisation and state.", "state"),
		members:     newGauge("roster_members", "Members by organisation and state.", "state"),
		profiles: newGauge("roster_profiles",
			"SocialProfiles by organisation and status of their condition Connected; None: Roster has no tokens of theirs.", "connected"),
		expiring: newGauge("roster_profiles_expiring",
			"SocialProfiles whose tokens end within 14 days or have ended, with nothing that renews them, by organisation."),
		applications: newGauge("roster_applications", "Applications by organisation and status of their condition Ready.", "ready"),
		seatsWanted: newGauge("roster_seats_wanted",
			"Seats that are taken or waited for, by organisation, where a plan limits them."),
		seatsLimit:    newGauge("roster_seats_limit", "Seats that the plan of the organisation allows, where it limits them."),
		profilesLimit: newGauge("roster_profiles_limit", "SocialProfiles that the plan of the organisation allows, where it limits them."),
	}
	for _, g := range m.gauges() {
		g.reported, g.together = reported, together
		registry.MustRegister(g)
	}
	return m
}

func (m *Metrics) gauges() []*gauge {
	return []*gauge{m.invitations, m.members, m.profiles, m.expiring, m.applications, m.seatsWanted, m.seatsLimit, m.profilesLimit}
}

// Follow has the metrics follow the objects of a cache.
func (m *Metrics) Follow(ctx context.Context, informers cache.Informers) error {
	return errors.Join(
		follow(ctx, informers, m.ofInvitation),
		follow(ctx, informers, m.ofMember),
		follow(ctx, informers, m.ofProfile),
		follow(ctx, informers, m.ofOrganization),
		follow(ctx, informers, m.ofApplication),
	)
}

// share is what an object adds to a gauge.
type share struct {
	gauge  *gauge
	series series
	n      float64
}

func (m *Metrics) ofInvitation(inv *rosterv1alpha1.Invitation) []share {
	return []share{{m.invitations, series{inv.Namespace, string(cmp.Or(inv.Status.State, rosterv1alpha1.InvitationPending))}, 1}}
}

func (m *Metrics) ofMember(o *rosterv1alpha1.Member) []share {
	return []share{{m.members, series{o.Namespace, string(cmp.Or(o.Status.State, rosterv1alpha1.MemberPending))}, 1}}
}

// noTokens is what a profile without credentials says instead of a condition.
const noTokens = "None"

func (m *Metrics) ofProfile(p *rosterv1alpha1.SocialProfile) []share {
	connected := noTokens
	if c := meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionConnected); c != nil {
		connected = string(c.Status)
	}
	shares := []share{{m.profiles, series{p.Namespace, connected}, 1}}
	if meta.IsStatusConditionTrue(p.Status.Conditions, rosterv1alpha1.ConditionTokenExpiring) {
		shares = append(shares, share{m.expiring, series{p.Namespace, ""}, 1})
	}
	return shares
}

func (m *Metrics) ofApplication(a *rosterv1alpha1.Application) []share {
	ready := metav1.ConditionUnknown
	if c := meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionReady); c != nil {
		ready = c.Status
	}
	return []share{{m.applications, series{a.Namespace, string(ready)}, 1}}
}

func (m *Metrics) ofOrganization(o *rosterv1alpha1.Organization) []share {
	var shares []share
	add := func(g *gauge, n *int32) {
		if n != nil {
			shares = append(shares, share{g, series{o.Namespace, ""}, float64(*n)})
		}
	}
	if seats := o.Status.Plan.Seats; seats.Limit != nil {
		add(m.seatsWanted, seats.Wanted)
		add(m.seatsLimit, seats.Limit)
	}
	add(m.profilesLimit, o.Status.Plan.SocialProfiles.Limit)
	return shares
}

// follow counts each object of a kind from when the cache has it until it is gone. The object before a change is the one that the handler
// was given last, so that what is taken away is what was added.
func follow[T any, P interface {
	*T
	client.Object
}](ctx context.Context, informers cache.Informers, shares func(P) []share) error {
	informer, err := informers.GetInformer(ctx, P(new(T)), cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	_, err = informer.AddEventHandler(handler(shares))
	return err
}

func handler[P client.Object](shares func(P) []share) toolscache.ResourceEventHandler {
	count := func(o any, times int) {
		if tombstone, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
			o = tombstone.Obj
		}
		if object, ok := o.(P); ok {
			for _, s := range shares(object) {
				s.gauge.count(s.series, s.n, times)
			}
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { count(o, 1) },
		UpdateFunc: func(before, after any) {
			count(after, 1)
			count(before, -1)
		},
		DeleteFunc: func(o any) { count(o, -1) },
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package credentials checks the tokens of profiles at their networks, renews them in time, and keeps them in the Secrets that they are
// bound to.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/tracing"
)

// Reconciler asks networks about the tokens of SocialProfiles, and renews them. It writes the conditions Connected, TokenExpiring,
// ScopesSufficient and RenewerAvailable and status.credential; the rest of the status is another controller's, but for the first time.
type Reconciler struct {
	Options
	networks *networks
	secrets  *reading.SecretWatch

	mu     sync.Mutex
	tracks map[client.ObjectKey]*track
	// renewing has the Secrets whose tokens are being renewed: several profiles may share one.
	renewing map[types.UID]bool
}

// Options are what the tokens of profiles are looked after with.
type Options struct {
	Client client.Client
	// Live reads past the cache.
	Live    client.Reader
	Clock   clock.PassiveClock
	Events  reporting.Recorder
	Metrics *Metrics
	// Networks that profiles can be on.
	Networks directory.Directory
	// Secrets of organisations are watched with it.
	Secrets metadata.Interface
	// ProfilesOf finds the profiles whose tokens are in a Secret.
	ProfilesOf handler.EventHandler
	// Rest is what the status says beside the tokens. The first write of a status has both.
	Rest Rest
	// Queue of the controller.
	Queue controller.Options
}

// Rest decides about the part of a profile's status that is not about its tokens, and tells of what has changed there.
type Rest interface {
	Decide(ctx context.Context, p *rosterv1alpha1.SocialProfile) (rosterv1alpha1.SocialProfileStatus, error)
	Tell(before, after *rosterv1alpha1.SocialProfile)
}

// Unseen reports whether no controller has written the status of a profile yet.
func Unseen(p *rosterv1alpha1.SocialProfile) bool { return p.Status.ObservedGeneration < 1 }

// Setup adds the controller to a manager. It ends with the context.
func Setup(ctx context.Context, mgr manager.Manager, o Options) error {
	r := &Reconciler{
		Options: o, networks: newNetworks(o), secrets: reading.NewSecretWatch(ctx, o.Secrets),
		tracks: map[client.ObjectKey]*track{}, renewing: map[types.UID]bool{},
	}
	return ctrl.NewControllerManagedBy(mgr).Named("credentials").
		For(&rosterv1alpha1.SocialProfile{}).
		WatchesRawSource(source.Channel(r.secrets.Changes, o.ProfilesOf)).
		WithOptions(o.Queue).Complete(tracing.Reconciler("credentials", "SocialProfile", r))
}

// track is what is remembered of the tokens of a profile. A restart may forget it, but for unsaved.
type track struct {
	uid types.UID
	// fingerprint of the tokens that were checked last, and the generation of the profile then.
	fingerprint string
	generation  int64
	// due is when to look again.
	due time.Time
	// turn is when the network may be asked, where it could not be at once.
	turn time.Time
	// rest is until when the network wants to be asked nothing more about these tokens, and limit how it said so.
	rest  time.Time
	limit error
	// failures is how many answers that said nothing there were one after the other.
	failures int
	// unsaved are new tokens that could not be stored yet.
	unsaved *unsaved
}

// Reconcile looks at the tokens of a profile.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p, err := reading.Optional[rosterv1alpha1.SocialProfile](ctx, r.Client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p == nil || p.DeletionTimestamp != nil || p.Spec.CredentialsSecretRef == nil {
		r.secrets.Release(req.Namespace, req.Name)
		if err := r.forget(ctx, req.NamespacedName); err != nil {
			return ctrl.Result{}, err
		}
	}
	if p == nil || p.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	if p.Spec.CredentialsSecretRef == nil {
		status, _ := credential.Decide(p, credential.Finding{}, r.Clock.Now())
		return ctrl.Result{}, reporting.IgnoreConflict(r.write(ctx, p, status))
	}
	t := r.trackOf(p)
	if err := r.save(ctx, t); err != nil {
		return ctrl.Result{}, err
	}
	opened, err := r.open(ctx, p)
	if err != nil {
		return ctrl.Result{}, err
	}
	if opened.obstacle != nil && opened.obstacle.Reason == rosterv1alpha1.ReasonSecretForbidden {
		r.secrets.Release(p.Namespace, p.Name) // may not be watched either
	} else {
		r.secrets.Want(p.Namespace, p.Name, p.Spec.CredentialsSecretRef.Name)
	}
	return r.look(ctx, p, t, opened)
}

// opened is the Secret of a profile, and where to ask about it; or what is in the way.
type opened struct {
	secret   *corev1.Secret
	tokens   network.Tokens
	venue    *venue
	obstacle *credential.Obstacle
}

// open reads the Secret of a profile.
func (r *Reconciler) open(ctx context.Context, p *rosterv1alpha1.SocialProfile) (opened, error) {
	name := p.Spec.CredentialsSecretRef.Name
	blocked := func(reason, format string, args ...any) (opened, error) {
		return opened{obstacle: &credential.Obstacle{Reason: reason, Message: fmt.Sprintf(format, args...)}}, nil
	}
	o := opened{secret: &corev1.Secret{}}
	switch err := r.Live.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: name}, o.secret); {
	case apierrors.IsForbidden(err):
		return blocked(rosterv1alpha1.ReasonSecretForbidden, "The operator may not read Secrets of the namespace %s. Bind the ClusterRole "+
			"roster-credentials to its ServiceAccount there.", p.Namespace)
	case apierrors.IsNotFound(err):
		return blocked(rosterv1alpha1.ReasonSecretNotFound,
			"spec.credentialsSecretRef names the Secret %q, which does not exist in this namespace. Create it or name another.", name)
	case err != nil:
		return o, err
	}
	var err error
	if o.tokens, err = network.ParseTokens(o.secret.Data); err != nil {
		return blocked(rosterv1alpha1.ReasonSecretInvalid, "The Secret %s cannot be used: %s.", name, err)
	}
	o.tokens = ofProfile(p, o.tokens)
	if o.venue, o.obstacle, err = r.networks.of(ctx, p); o.obstacle != nil || err != nil {
		return o, err
	}
	if o.obstacle = credential.Foreign(p, o.tokens, o.venue.server); o.obstacle != nil {
		return o, nil
	}
	if o.tokens.Access == "" && (p.Spec.Refresh != rosterv1alpha1.RefreshBeforeExpiry || !o.venue.Traits().Renewable(o.tokens)) {
		return blocked(rosterv1alpha1.ReasonSecretInvalid, "The Secret %s has no entry %s, and the operator does not get one by itself: "+
			"add it, or set spec.refresh to BeforeExpiry if the Secret has what that takes.", name, network.KeyAccess)
	}
	return o, nil
}

// ofProfile finds which account tokens are to open. On Bluesky, an app password opens the one that it opened before, whatever its handle is
// now.
func ofProfile(p *rosterv1alpha1.SocialProfile, t network.Tokens) network.Tokens {
	t.Handle, t.AccountID, t.Type = p.Spec.Handle, p.Spec.AccountID, p.Spec.Type
	if p.Spec.Network == rosterv1alpha1.NetworkBluesky {
		t.AccountID = credential.Expected(p)
		if t.AccountID == "" && len(t.For.Accounts) == 1 {
			t.AccountID = t.For.Accounts[0]
		}
	}
	return t
}

// look asks the network if it is time, and reports.
func (r *Reconciler) look(ctx context.Context, p *rosterv1alpha1.SocialProfile, t *track, o opened) (ctrl.Result, error) {
	if o.obstacle != nil {
		t.failures++
		return r.conclude(ctx, p, t, credential.Finding{Obstacle: o.obstacle, Failures: t.failures})
	}
	now := r.Clock.Now()
	fingerprint := credential.FingerprintOf(p, o.tokens)
	t.resume(p, fingerprint, o.venue.Traits().Lead, now)
	if t.fingerprint == fingerprint && t.generation == p.Generation && now.Before(t.due) {
		err := r.write(ctx, p, credential.WithRenewer(p, p.Status, now))
		return ctrl.Result{RequeueAfter: t.due.Sub(now)}, reporting.IgnoreConflict(err)
	}
	if t.fingerprint != fingerprint {
		t.failures, t.rest = 0, time.Time{}
	}
	f := credential.Finding{Tokens: o.tokens, Traits: o.venue.Traits(), Server: o.venue.server, Wanted: o.venue.wanted}
	var rest time.Duration
	if rest, f.Err = r.resting(t, o.venue, now); f.Err != nil && !credential.RenewalDue(p, f, now) {
		return r.pause(ctx, p, credential.Rest(p, f, rest, now))
	}
	if wait := t.wait(now, func() time.Duration { return r.networks.turn(o.venue) }); wait > 0 {
		return r.pause(ctx, p, wait)
	}
	err := r.find(ctx, p, t, o, &f)
	if errors.Is(err, errBusy) {
		return r.pause(ctx, p, busyPause)
	} else if err != nil {
		return ctrl.Result{}, reporting.IgnoreConflict(err)
	}
	return r.conclude(ctx, p, t, f)
}

// worthAWrite is the pause before a first check from which on the rest of the status is not kept waiting for it.
const worthAWrite = 10 * time.Second

// pause looks again later.
func (r *Reconciler) pause(ctx context.Context, p *rosterv1alpha1.SocialProfile, d time.Duration) (ctrl.Result, error) {
	if d < worthAWrite {
		return ctrl.Result{RequeueAfter: d}, nil
	}
	seen, err := r.seen(ctx, p)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: d}, reporting.IgnoreConflict(r.write(ctx, p, seen.Status))
}

// seen is the profile with the rest of its status, which it may not have yet.
func (r *Reconciler) seen(ctx context.Context, p *rosterv1alpha1.SocialProfile) (*rosterv1alpha1.SocialProfile, error) {
	if !Unseen(p) {
		return p, nil
	}
	status, err := r.Rest.Decide(ctx, p)
	seen := p.DeepCopy()
	seen.Status = status
	return seen, err
}

// resume takes up what the status says, where nothing is remembered.
func (t *track) resume(p *rosterv1alpha1.SocialProfile, fingerprint string, lead time.Duration, now time.Time) {
	said := meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionConnected)
	if t.fingerprint != "" || said == nil || said.Status == "Unknown" || said.ObservedGeneration != p.Generation {
		return
	}
	if c := p.Status.Credential; c != nil && c.Fingerprint == fingerprint {
		t.fingerprint, t.generation, t.due = fingerprint, p.Generation, credential.Resume(p, lead, now)
	}
}

// wait is how long until the network may be asked; zero for now. A profile that has waited for its turn is not sent back.
func (t *track) wait(now time.Time, turn func() time.Duration) time.Duration {
	if t.turn.IsZero() {
		t.turn = now.Add(turn())
	}
	if wait := t.turn.Sub(now); wait > 0 {
		return wait
	}
	t.turn = time.Time{}
	return 0
}

// errResting means that a network is limiting requests, by its answer about another profile.
var errResting error = &network.Error{Kind: network.KindLimit, Message: "the network is limiting requests"}

// resting is how long a network wants to be let alone, and how it said so; nil where it may be asked.
func (r *Reconciler) resting(t *track, v *venue, now time.Time) (time.Duration, error) {
	own, all := t.rest.Sub(now), r.networks.rests(v)
	switch {
	case own > 0:
		return max(own, all), t.limit
	case all > 0:
		return all, errResting
	}
	return 0, nil
}

// find asks the network about the tokens, unless it wants to be let alone, and renews them if that is due.
func (r *Reconciler) find(ctx context.Context, p *rosterv1alpha1.SocialProfile, t *track, o opened, f *credential.Finding) error {
	ask := f.Err == nil
	if ask {
		r.check(ctx, p, o.venue, f)
		t.rest, t.limit = r.Clock.Now().Add(credential.RestOf(f.Err)), f.Err
	}
	if credential.RenewalDue(p, *f, r.Clock.Now()) {
		if err := r.renew(ctx, p, t, o, f); err != nil {
			return err
		}
	}
	if credential.WantsEngagement(p) && ask && f.Err == nil {
		f.Unread = r.unread(ctx, o.venue, f.Tokens)
	}
	if network.ValidityOf(f.Err) == network.Unknown || f.Renewal != nil {
		t.failures++
	} else {
		t.failures = 0
	}
	f.Failures = t.failures
	t.fingerprint, t.generation = credential.FingerprintOf(p, f.Tokens), p.Generation
	return nil
}

func (r *Reconciler) check(ctx context.Context, p *rosterv1alpha1.SocialProfile, v *venue, f *credential.Finding) {
	if f.Tokens.Access == "" {
		f.Err = &network.Error{Kind: network.KindAuthentication, Message: "there is no access token yet"}
		return
	}
	f.Report, f.Err = v.Check(ctx, f.Tokens)
	r.networks.rest(v, f.Err)
	r.Metrics.check(p.Spec.Network, network.ValidityOf(f.Err))
}

// unread is how many items nobody has looked at; nil where the network does not tell. That it fails says nothing about the tokens: a server
// may be older than the question, or the token may not reach as far.
func (r *Reconciler) unread(ctx context.Context, v *venue, tokens network.Tokens) *int32 {
	n, told, err := network.Unread(ctx, v.Network, tokens)
	if err != nil {
		r.networks.rest(v, err)
		log.FromContext(ctx).V(1).Info("the network does not tell how many items are unread", "error", err.Error())
	}
	if !told {
		return nil
	}
	return ptr.To(int32(min(max(n, 0), math.MaxInt32)))
}

// conclude reports a finding and says when to look again. A finding is not made twice because another controller wrote its part of the
// status meanwhile: it is put into the status as that is then.
func (r *Reconciler) conclude(ctx context.Context, p *rosterv1alpha1.SocialProfile, t *track, f credential.Finding) (ctrl.Result, error) {
	const tries = 5
	now := r.Clock.Now()
	for try := 1; ; try++ {
		seen, err := r.seen(ctx, p)
		if err != nil {
			t.fingerprint = ""
			return ctrl.Result{}, err
		}
		status, next := credential.Decide(seen, f, now)
		err = r.write(ctx, p, status)
		if err == nil {
			t.due = next
			return ctrl.Result{RequeueAfter: next.Sub(now)}, nil
		}
		if !apierrors.IsConflict(err) || try == tries {
			t.fingerprint = "" // nobody knows yet
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		if err := r.Live.Get(ctx, client.ObjectKeyFromObject(p), p); err != nil {
			t.fingerprint = ""
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
}

// write brings the status to what was decided, if it is not so already, and tells of the change.
func (r *Reconciler) write(ctx context.Context, p *rosterv1alpha1.SocialProfile, status rosterv1alpha1.SocialProfileStatus) error {
	if equality.Semantic.DeepEqual(p.Status, status) {
		r.tell(p.Status.Conditions, p)
		return nil
	}
	before := p.DeepCopy()
	p.Status = status
	if err := reporting.WriteStatus(ctx, r.Client, p); err != nil {
		return err
	}
	if Unseen(before) {
		r.Rest.Tell(before, p)
	}
	r.tell(before.Status.Conditions, p)
	return nil
}

// tell tells of tokens that a network refuses, and of those that nobody can renew.
func (r *Reconciler) tell(before []metav1.Condition, p *rosterv1alpha1.SocialProfile) {
	r.Events.Lost(p, before, p.Status.Conditions, rosterv1alpha1.ConditionConnected)
	r.Events.Lost(p, before, p.Status.Conditions, rosterv1alpha1.ConditionRenewerAvailable)
}

func (r *Reconciler) trackOf(p *rosterv1alpha1.SocialProfile) *track {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := client.ObjectKeyFromObject(p)
	if t := r.tracks[key]; t != nil && t.uid == p.UID {
		return t
	}
	t := &track{uid: p.UID}
	r.tracks[key] = t
	return t
}

// forget drops what is remembered of a profile, but for new tokens that are not stored yet: others may use the same Secret.
func (r *Reconciler) forget(ctx context.Context, key client.ObjectKey) error {
	r.mu.Lock()
	t := r.tracks[key]
	r.mu.Unlock()
	if t == nil {
		return nil
	}
	if err := r.save(ctx, t); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tracks, key)
	return nil
}

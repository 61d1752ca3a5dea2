// SPDX-License-Identifier: Apache-2.0

// Package connections carries out what people ask for at the portal, which may write neither SocialProfiles nor Secrets of organisations:
// to connect, repair and remove profiles.
package connections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
	"github.com/roster-dev/roster/internal/tracing"
)

// Reconciler carries out what people asked for at the portal, which may write neither SocialProfiles nor Secrets of organisations itself:
// to connect, repair and remove profiles. Whether they may is asked again, of the rules that their Roles are compiled by.
type Reconciler struct {
	Options
	// taken are the namespaces in which an Order is being carried out.
	taken sync.Map
}

// Options are what Orders are carried out with.
type Options struct {
	Client client.Client
	// Live reads past the cache.
	Live    client.Reader
	Clock   clock.PassiveClock
	Events  reporting.Recorder
	Metrics *Metrics
	Keys    *reading.LinkKeys
	// Holds gives what the person of a Member holds, by the Organization that counts and the Account that the Member is bound to.
	Holds func(ctx context.Context, m *rosterv1alpha1.Member) (Standing, error)
}

// Standing is where a Member stands.
type Standing struct {
	// Organization that counts in the namespace; nil where there is none.
	Organization *rosterv1alpha1.Organization
	// Account that the Member is bound to; nil where there is none.
	Account *rosterv1alpha1.Account
	// Address of the Member, and what they hold; nil for nothing.
	Address address.Address
	Holds   *access.Effective
}

// New gives what carries out Orders.
func New(o Options) *Reconciler { return &Reconciler{Options: o} }

// Setup adds the controller to a manager.
func Setup(mgr manager.Manager, o Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("connections").
		For(&corev1.Secret{}, builder.OnlyMetadata).
		Complete(tracing.Reconciler("connections", "Secret", New(o)))
}

// turn is how long an Order waits while another one is carried out in the same organisation.
const turn = 200 * time.Millisecond

// Results of Orders that have no Answer.
const (
	resultExpired    connection.Result = "Expired"
	resultUnreadable connection.Result = "Unreadable"
)

// errSecretForbidden means that an Order has to wait until the operator may write Secrets in the namespace of the organisation.
var errSecretForbidden = errors.New("the operator may not write Secrets")

// Reconcile carries out an Order, and answers when all of it is done. It can be called again after a crash at any point.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	secret, err := reading.Optional[corev1.Secret](ctx, r.Live, req.Namespace, req.Name)
	if secret == nil || err != nil || secret.Type != connection.SecretType || secret.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	now := r.Clock.Now()
	order, err := connection.OrderOf(secret)
	switch {
	case err != nil: // which may quote what is in there, and is not logged
		return ctrl.Result{}, r.drop(ctx, secret, "The Secret has no readable order", "", resultUnreadable)
	case order == nil:
		return r.keep(ctx, secret, now)
	case order.Expired(now):
		return ctrl.Result{}, r.giveUp(ctx, secret, order)
	}
	// In an organisation, one Order is carried out after the other, so that none counts the places of the plan while another takes them.
	if _, taken := r.taken.LoadOrStore(order.Namespace, true); taken {
		return ctrl.Result{RequeueAfter: turn}, nil
	}
	defer r.taken.Delete(order.Namespace)
	done, err := r.carryOut(ctx, secret, order)
	if errors.Is(err, errSecretForbidden) {
		return r.wait(ctx, secret, order, err)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.dropDraft(ctx, order); err != nil {
		return ctrl.Result{}, err
	}
	if err := done.answer.Put(secret, now); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.Client.Update(ctx, secret, reading.Uncached); err != nil {
		return ctrl.Result{}, reporting.IgnoreConflict(err)
	}
	for _, o := range done.answer.Outcomes {
		log.FromContext(ctx).Info("An order of the portal was carried out", "organization", order.Namespace, "member", order.Member,
			"network", done.network, "profile", o.Profile, "result", o.Result)
		r.Metrics.connection(done.network, o.Result)
	}
	return ctrl.Result{RequeueAfter: connection.Lifetime}, nil
}

// keep leaves a Draft or an Answer where the portal finds it, for a while.
func (r *Reconciler) keep(ctx context.Context, secret *corev1.Secret, now time.Time) (ctrl.Result, error) {
	if draft, err := connection.DraftOf(secret); draft != nil && err == nil {
		if draft.Over(now) {
			return ctrl.Result{}, r.delete(ctx, secret)
		}
		return ctrl.Result{RequeueAfter: draft.Time.Add(connection.DraftLifetime).Sub(now)}, nil
	}
	answer, err := connection.AnswerOf(secret)
	switch {
	case err != nil, answer == nil:
		return ctrl.Result{}, r.drop(ctx, secret, "The Secret has neither a readable order nor a readable answer", "", resultUnreadable)
	case answer.Over(now):
		return ctrl.Result{}, r.delete(ctx, secret)
	}
	return ctrl.Result{RequeueAfter: answer.Time.Add(connection.Lifetime).Sub(now)}, nil
}

// drop deletes an Order that nobody gets an Answer to.
func (r *Reconciler) drop(
	ctx context.Context, secret *corev1.Secret, why string, on rosterv1alpha1.Network, result connection.Result,
) error {
	if err := r.delete(ctx, secret); err != nil {
		return err
	}
	log.FromContext(ctx).Info(why + "; it was deleted.")
	r.Metrics.connection(on, result)
	return nil
}

func (r *Reconciler) delete(ctx context.Context, secret *corev1.Secret) error {
	return reporting.IgnoreConflict(r.Client.Delete(ctx, secret, reading.Uncached, client.Preconditions{UID: &secret.UID}))
}

// dropDraft deletes what an Order came of: its tokens are where they belong.
func (r *Reconciler) dropDraft(ctx context.Context, o *connection.Order) error {
	if o.Draft == "" {
		return nil
	}
	secret, err := reading.Optional[corev1.Secret](ctx, r.Live, rosterv1alpha1.ConnectionNamespace, o.Draft)
	if secret == nil || err != nil {
		return err
	}
	if draft, err := connection.DraftOf(secret); err != nil || draft == nil || draft.AccountUID != o.AccountUID {
		return nil //nolint:nilerr // It is not the Draft of this person, and left alone.
	}
	return r.delete(ctx, secret)
}

// giveUp deletes an Order that could not be carried out in time, and says so: to the organisation too, if there is such a Member in it.
func (r *Reconciler) giveUp(ctx context.Context, secret *corev1.Secret, o *connection.Order) error {
	m, err := reading.Optional[rosterv1alpha1.Member](ctx, r.Client, o.Namespace, o.Member)
	if err != nil {
		return err
	}
	why := fmt.Sprintf("What the Member %s requested at the portal could not be done within an hour; they have to request it again", o.Member)
	if err := r.drop(ctx, secret, why, o.Network, resultExpired); err != nil || m == nil || string(m.UID) != o.MemberUID {
		return err
	}
	return r.tell(ctx, o, rosterv1alpha1.ReasonConnectionExpired, why+".")
}

// wait says why an Order is not carried out yet, and when to try again: the longer it waits, the longer the pause.
func (r *Reconciler) wait(ctx context.Context, secret *corev1.Secret, o *connection.Order, why error) (ctrl.Result, error) {
	const shortest, longest = 5 * time.Second, time.Minute
	age := r.Clock.Since(o.RequestedTime.Time)
	pause := ctrl.Result{RequeueAfter: min(max(age, shortest), longest)}
	if secret.Annotations[connection.Waiting] == connection.WaitsForSecrets {
		return pause, nil
	}
	log.FromContext(ctx).Info("An order of the portal waits", "organization", o.Namespace, "member", o.Member, "why", why.Error())
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, connection.Waiting, connection.WaitsForSecrets)
	if err := r.Client.Update(ctx, secret, reading.Uncached); err != nil {
		return ctrl.Result{}, reporting.IgnoreConflict(err)
	}
	return pause, r.tell(ctx, o, rosterv1alpha1.ReasonSecretForbidden, fmt.Sprintf(
		"The profiles that the Member %s connected wait: the operator may not write Secrets of the namespace %s. Bind the ClusterRole "+
			"roster-credentials to its ServiceAccount there, or change what else refuses it: %s.", o.Member, o.Namespace, refusalOf(why)))
}

// refusalOf is what the API server said: it may be a quota or a policy of the cluster that refuses a Secret.
func refusalOf(err error) string {
	if said, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return said.Error()
	}
	return err.Error()
}

func (r *Reconciler) tell(ctx context.Context, o *connection.Order, reason, message string) error {
	organization, err := reading.CountingOrganization(ctx, r.Client, o.Namespace)
	if organization == nil || err != nil {
		return err
	}
	r.Events.Warn(organization, reason, "Connect", message)
	return nil
}

// result is what came of an Order, on which network.
type result struct {
	answer  connection.Answer
	network rosterv1alpha1.Network
}

func (r *Reconciler) carryOut(ctx context.Context, secret *corev1.Secret, o *connection.Order) (result, error) {
	in, err := r.gather(ctx, secret, o)
	if err != nil {
		return result{}, err
	}
	if o.Remove != nil {
		return r.remove(ctx, in)
	}
	keys, err := r.Keys.Get(ctx)
	if err != nil {
		return result{}, err
	}
	steps := connection.Decide(in)
	for _, g := range connection.Groups(in, steps) {
		if len(g.Steps) == 0 {
			continue
		}
		if err := (&storing{Reconciler: r, in: in, group: g, maker: connection.NewMaker(keys)}).store(ctx); err != nil {
			return result{}, err
		}
	}
	return result{connection.AnswerTo(steps), o.Network}, nil
}

// gather reads what decides about an Order. Somebody who is not the person that the portal takes them for, or no active member any more,
// holds nothing.
func (r *Reconciler) gather(ctx context.Context, secret *corev1.Secret, o *connection.Order) (connection.Input, error) {
	in := connection.Input{Order: o, UID: secret.UID}
	m, err := reading.Optional[rosterv1alpha1.Member](ctx, r.Client, o.Namespace, o.Member)
	if m == nil || err != nil || string(m.UID) != o.MemberUID || m.DeletionTimestamp != nil {
		return in, err
	}
	found, err := r.Holds(ctx, m)
	if err != nil {
		return in, err
	}
	if found.Organization == nil || !isPerson(m, found.Account, o) {
		return in, nil
	}
	if !membership.Known(found.Organization) {
		return in, fmt.Errorf("nobody has looked at the Organization %s/%s yet", o.Namespace, found.Organization.Name)
	}
	in.Person = connection.Person{Member: m.Name, Address: string(found.Address), Holds: found.Holds}
	in.Plan = found.Organization.Status.Plan
	var list rosterv1alpha1.SocialProfileList
	err = r.Live.List(ctx, &list, client.InNamespace(o.Namespace)) // What is not seen yet would be created once more.
	in.Profiles = pointers.To(list.Items)
	return in, err
}

// isPerson reports whether an Order is by the person whose Member it names.
func isPerson(m *rosterv1alpha1.Member, a *rosterv1alpha1.Account, o *connection.Order) bool {
	return a != nil && a.Name == o.Account && string(a.UID) == o.AccountUID && a.DeletionTimestamp == nil &&
		!ptr.Deref(a.Spec.Suspended, false) && membership.BelongsTo(m, a)
}

// remove takes a profile away. The Secrets that were made for it go with it.
func (r *Reconciler) remove(ctx context.Context, in connection.Input) (result, error) {
	p, outcome := connection.Removal(in)
	done := result{connection.Answer{Outcomes: []connection.Outcome{outcome}}, in.Order.Network}
	if p == nil {
		return done, nil
	}
	done.network = p.Spec.Network
	err := r.Client.Delete(ctx, p, client.Preconditions{UID: &p.UID})
	if apierrors.IsConflict(err) { // another has taken its name
		err = nil
	}
	return done, client.IgnoreNotFound(err)
}

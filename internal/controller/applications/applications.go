// SPDX-License-Identifier: Apache-2.0

// Package applications looks after Applications: the client secrets of those that keep one, and what their status says.
package applications

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/mark"
)

// retry is the pause before a Secret that may not be read or written is tried again. What stands in the way is no object that is watched.
const retry = 30 * time.Second

// Options are what Applications are looked after with.
type Options struct {
	Client client.Client
	// Live reads past the cache.
	Live   client.Reader
	Clock  clock.PassiveClock
	Events reporting.Recorder
	Keys   *reading.LinkKeys
	// Issuer of tokens; empty where the portal is no OpenID provider.
	Issuer string
	// Secrets of organisations are watched with it.
	Secrets metadata.Interface
	// Refused counts the Secrets that Kubernetes refuses.
	Refused prometheus.Counter
}

// Reconciler brings Applications to what they should be.
type Reconciler struct {
	Options
	secrets *reading.SecretWatch
}

// New makes a Reconciler that watches Secrets until the context is done.
func New(ctx context.Context, o Options) *Reconciler {
	return &Reconciler{Options: o, secrets: reading.NewSecretWatch(ctx, o.Secrets)}
}

// SecretChanges are the Secrets that have changed in namespaces with Applications that keep a client secret.
func (r *Reconciler) SecretChanges() <-chan event.GenericEvent { return r.secrets.Changes }

// Reconcile brings an Application to what it should be. The Secret is written before the status: after a crash in between, the Secret is
// found with the mark of the operator, and the status still has to say so. Until it does, the client secret does not count.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := reading.Optional[rosterv1alpha1.Application](ctx, r.Client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if a == nil || a.DeletionTimestamp != nil {
		r.secrets.Release(req.Namespace, req.Name)
		return ctrl.Result{}, nil
	}
	in, err := r.gather(ctx, a)
	if err != nil {
		return ctrl.Result{}, err
	}
	if application.WantsSecret(a, in) {
		if err := r.keepSecret(ctx, a, &in); err != nil {
			return ctrl.Result{}, reporting.IgnoreConflict(err)
		}
	} else {
		r.secrets.Release(a.Namespace, a.Name)
	}
	now := r.Clock.Now()
	decided, wake := application.Decide(a, in, now)
	if err := reporting.Status(ctx, r.Client, a, &a.Status, decided, r.tell); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: next(in, wake, now)}, nil
}

// next is the pause until the Application is looked at again although nothing happens; zero for none.
func next(in application.Input, wake, now time.Time) time.Duration {
	var pause time.Duration
	if !wake.IsZero() {
		pause = max(wake.Sub(now), time.Second)
	}
	if in.Obstacle != nil && (pause == 0 || pause > retry) {
		return retry
	}
	return pause
}

func (r *Reconciler) gather(ctx context.Context, a *rosterv1alpha1.Application) (application.Input, error) {
	in := application.Input{Issuer: r.Issuer}
	var err error
	if in.Organization, err = reading.CountingOrganization(ctx, r.Client, a.Namespace); err != nil || a.Spec.Members == nil {
		return in, err
	}
	var custom rosterv1alpha1.CustomRoleList
	if err := r.Client.List(ctx, &custom, reading.InNamespace(a.Namespace)...); err != nil {
		return in, err
	}
	in.Roles = access.Roles{}
	for _, c := range custom.Items {
		if c.DeletionTimestamp == nil {
			in.Roles[c.Name] = c.Spec
		}
	}
	for _, name := range a.Spec.Members.Teams {
		t, err := reading.Peek[rosterv1alpha1.Team](ctx, r.Client, a.Namespace, name)
		if err != nil {
			return in, err
		}
		if t == nil || t.DeletionTimestamp != nil {
			in.MissingTeams = append(in.MissingTeams, name)
		}
	}
	return in, nil
}

// keepSecret has the Secret be there and hold what it should, and tells what became of that.
func (r *Reconciler) keepSecret(ctx context.Context, a *rosterv1alpha1.Application, in *application.Input) error {
	keys, err := r.Keys.Get(ctx)
	if err != nil {
		return err
	}
	maker := application.NewMaker(keys)
	secret, err := reading.Optional[corev1.Secret](ctx, r.Live, a.Namespace, a.SecretName())
	if apierrors.IsForbidden(err) {
		r.secrets.Release(a.Namespace, a.Name) // may not be watched either
		in.Obstacle = &access.Problem{Reason: rosterv1alpha1.ReasonSecretForbidden, Message: fmt.Sprintf("The operator may not read Secrets of "+
			"the namespace %s. Bind the ClusterRole roster-credentials to its ServiceAccount there, or make a client secret yourself and put its "+
			"hash into spec.secretHash.", a.Namespace)}
		return nil
	} else if err != nil {
		return err
	}
	r.secrets.Want(a.Namespace, a.Name, a.SecretName())
	var clientSecret string
	switch application.Find(a, secret, maker, in.Issuer) {
	case application.Foreign:
		in.Obstacle = &access.Problem{Reason: rosterv1alpha1.ReasonSecretTaken, Message: fmt.Sprintf("The Secret %s was not made by the "+
			"operator for this Application, or its client secret has been changed since, so that it is neither used nor overwritten. Delete it if nothing "+
			"needs it, name another in spec.secretName, or put the hash of a client secret of your own into spec.secretHash.", a.SecretName())}
		return nil
	case application.Current:
		in.SecretHash = application.HashOf(string(secret.Data[application.KeyClientSecret]))
		return nil
	case application.Outdated:
		clientSecret = string(secret.Data[application.KeyClientSecret])
	case application.Former, application.Absent:
		clientSecret = application.NewClientSecret()
	}
	err = r.write(ctx, a, secret, clientSecret, in.Issuer, maker)
	if in.Obstacle = refused(a, err); in.Obstacle != nil {
		r.Refused.Inc()
		return nil
	}
	in.SecretHash = application.HashOf(clientSecret)
	return err
}

// write makes the Secret, or brings the operator's own up to date, under the version that was read.
func (r *Reconciler) write(
	ctx context.Context, a *rosterv1alpha1.Application, secret *corev1.Secret, clientSecret, issuer string, maker mark.Maker,
) error {
	if secret != nil {
		application.Fill(secret, a, clientSecret, issuer, maker)
		return r.Client.Update(ctx, secret, reading.Uncached)
	}
	secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.SecretName(), Labels: reading.Managed()}}
	application.Fill(secret, a, clientSecret, issuer, maker)
	return r.Client.Create(ctx, secret, reading.Uncached)
}

// refused is what Kubernetes will refuse again until somebody changes something: a quota, a policy, an immutable Secret. Nil where the
// error is none of that.
func refused(a *rosterv1alpha1.Application, err error) *access.Problem {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		return nil
	}
	return &access.Problem{Reason: rosterv1alpha1.ReasonWriteRefused, Message: fmt.Sprintf(
		"Kubernetes refuses the Secret %s: %s. Change what refuses it; the operator tries again every %.0f seconds.",
		a.SecretName(), err, retry.Seconds())}
}

// tell tells of what stalls an Application, and of a new client secret, which has to be put into the tool.
func (r *Reconciler) tell(before, after *rosterv1alpha1.Application) {
	r.Events.Stalled(after, before.Status.Conditions, after.Status.Conditions)
	was, is := counting(before), counting(after)
	if was == "" || is == "" || was == is {
		return
	}
	until := "has stopped counting"
	for _, h := range after.Status.SecretHashes {
		if h.SHA256 == was {
			until = "counts until " + ptr.Deref(h.ExpiryTime, metav1.Time{}).UTC().Format(time.RFC3339)
		}
	}
	r.Events.Tell(after, rosterv1alpha1.ReasonSecretReplaced, "Replace", "There is a new client secret; the former one %s.", until)
}

// counting is the hash of the client secret that counts without end.
func counting(a *rosterv1alpha1.Application) string {
	for _, h := range a.Status.SecretHashes {
		if h.ExpiryTime == nil {
			return h.SHA256
		}
	}
	return ""
}

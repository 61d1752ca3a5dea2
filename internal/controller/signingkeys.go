// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/roster-dev/roster/internal/backoff"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/tracing"
)

// reasonKeysUnreadable is told of the Secret if somebody has to correct it.
const reasonKeysUnreadable = "KeysUnreadable"

// signingKeys keeps the keys that the portal signs the tokens of OpenID Connect with. Unlike the portal's other keys, the manager reads
// them: it has to know when the next one is due, and to put it beside those that are in use.
type signingKeys struct {
	client  client.Client // reads Secrets live: they are in no cache
	clock   clock.PassiveClock
	events  Events
	metrics *SigningMetrics
	secret  client.ObjectKey
	// make makes a key: signing.New, outside tests.
	make func(signing.Turn) (signing.Key, error)

	// told is the mistake in the Secret that was last told of.
	told string
	// failed is how often in a row the keys could not be read or written.
	failed int
}

// SigningMetrics are about the keys. Where the portal is no provider, there are none.
type SigningMetrics struct {
	since    prometheus.Gauge
	failures prometheus.Counter
}

// NewSigningMetrics registers them.
func NewSigningMetrics(registry prometheus.Registerer) *SigningMetrics {
	m := &SigningMetrics{
		since: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "roster_openid_signing_key_since_timestamp_seconds",
			Help: "When the key that signs tokens began to do so, in seconds since 1970.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roster_openid_signing_key_failures_total",
			Help: "Looks at the keys that sign tokens that failed: they could not be read, made or written.",
		}),
	}
	registry.MustRegister(m.since, m.failures)
	return m
}

// setupSigningKeys has the keys looked at from the start on, by the manager that is active. The Secret is not watched: that would take a
// right to list Secrets, and a minute is soon enough.
func setupSigningKeys(mgr ctrl.Manager, r *signingKeys) error {
	return ctrl.NewControllerManagedBy(mgr).Named("signing-keys").
		WatchesRawSource(source.Func(func(_ context.Context, q queue) error {
			q.Add(ctrl.Request{NamespacedName: r.secret})
			return nil
		})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(tracing.Reconciler("signing-keys", "Secret", r))
}

// Reconcile looks at the keys. It writes once for all that is due, at the version that was read: of two managers, or of one and an
// administrator, one wins, and the other looks again. It goes on to look once a minute while that fails, so that the alert that counts
// failures lasts as long as they do, and no moment without the API server raises it.
func (r *signingKeys) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	again, err := r.keep(ctx)
	switch {
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case err != nil:
		r.metrics.failures.Inc()
		log.FromContext(ctx).Error(err, "The keys that sign tokens are not rotated")
		again = backoff.Pause(r.failed, reading.KeysRetry, reading.KeysAge)
		r.failed++
	default:
		r.failed = 0
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

// keep brings the keys to what they should be, and returns when to look again.
func (r *signingKeys) keep(ctx context.Context) (time.Duration, error) {
	secret, err := reading.Optional[corev1.Secret](ctx, r.client, r.secret.Namespace, r.secret.Name, reading.Uncached)
	if err != nil {
		return 0, fmt.Errorf("keys that sign tokens: %w", err)
	}
	now, missing := r.clock.Now(), secret == nil
	if missing {
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: r.secret.Namespace, Name: r.secret.Name}, Type: signing.SecretType,
		}
	}
	set, err := signing.FromSecret(secret)
	if err != nil {
		r.tell(ctx, secret, err)
		return reading.KeysAge, nil
	}
	r.told = ""
	decided := signing.Decide(set, now)
	if decided.Make != nil || len(decided.Remove) > 0 {
		if set, err = r.write(ctx, secret, missing, decided); err != nil {
			return 0, err
		}
	}
	if key, ok := set.Signing(now); ok {
		r.metrics.since.Set(float64(key.SignsFrom.Unix()))
	}
	// Somebody may take a key away at any time.
	return max(min(decided.Again.Sub(now), reading.KeysAge), time.Second), nil
}

// tell tells once of a Secret that somebody has to correct. Nothing is written to it: what cannot be read may be somebody's.
func (r *signingKeys) tell(ctx context.Context, secret *corev1.Secret, problem error) {
	r.metrics.failures.Inc()
	if r.told == problem.Error() {
		return
	}
	r.told = problem.Error()
	log.FromContext(ctx).Error(problem, "The keys that sign tokens are not rotated")
	r.events.Warn(secret, reasonKeysUnreadable, "Rotate", problem.Error())
}

// write makes and removes what was decided. If it is interrupted, nothing has happened: a key that is in no Secret signs nothing.
func (r *signingKeys) write(ctx context.Context, secret *corev1.Secret, missing bool, d signing.Decision) (signing.Set, error) {
	for _, id := range d.Remove {
		delete(secret.Data, id)
	}
	made := ""
	if d.Make != nil {
		key, err := r.make(*d.Make)
		if err != nil {
			return nil, err
		}
		entry, err := key.Entry()
		if err != nil {
			return nil, err
		}
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		made, secret.Data[key.ID] = key.ID, entry
	}
	var err error
	if missing {
		err = r.client.Create(ctx, secret, reading.Uncached)
	} else {
		err = r.client.Update(ctx, secret, reading.Uncached)
	}
	if err != nil {
		return nil, fmt.Errorf("keys that sign tokens: %w", err)
	}
	l := log.FromContext(ctx)
	if made != "" {
		l.Info("Made a key that signs tokens", "key", made, "signsFrom", d.Make.SignsFrom)
	}
	if len(d.Remove) > 0 {
		l.Info("Removed keys whose last tokens have run out", "keys", strings.Join(d.Remove, ", "))
	}
	return signing.FromSecret(secret)
}

// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// refusedRetry is the pause before a write that Kubernetes refused is tried again. What refused it is no object that is watched.
const refusedRetry = 30 * time.Second

// refusal is a write that Kubernetes will refuse again until somebody changes something: a quota, an admission policy, the rights of the
// operator, a name that does not fit, or an object that is too large.
type refusal struct {
	// what was to be written, such as "Role roster:team:writers".
	what string
	err  error
}

func (r *refusal) Error() string { return fmt.Sprintf("writing the %s: %s", r.what, r.err) }

func (r *refusal) Unwrap() error { return r.err }

// refused marks the error of a write if it is a refusal, and counts it. Other errors pass as they are: trying again may help.
func (m *Metrics) refused(err error, kind, name string) error {
	if !isRefusal(err) {
		return err
	}
	m.refusals.WithLabelValues(kind).Inc()
	return &refusal{what: kind + " " + name, err: err}
}

func isRefusal(err error) bool {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return false // Everything in the namespace is about to go.
	}
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// asProblem says in words what was refused and by whom; nil where the error is no refusal.
func asProblem(err error) *access.Problem {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return nil
	}
	const most = 2000 // A policy may say a lot.
	why := r.err.Error()
	if len(why) > most {
		why = why[:most] + "…"
	}
	return &access.Problem{Reason: rosterv1alpha1.ReasonWriteRefused, Message: fmt.Sprintf(
		"Kubernetes refuses the %s: %s. Change what refuses it; the operator tries again every %.0f seconds.", r.what, why, refusedRetry.Seconds())}
}

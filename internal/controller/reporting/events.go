// SPDX-License-Identifier: Apache-2.0

package reporting

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Recorder tells people what they should see. What goes as planned is in the status and makes no event: an event costs the API
// server as much as the status does.
type Recorder struct {
	recorder events.EventRecorder
	lasting  *Lasting
}

// NewRecorder gives a Recorder of the operator's events.
func NewRecorder(r events.EventRecorder, l *Lasting) Recorder {
	return Recorder{recorder: r, lasting: l}
}

// Start warns of conditions that last, until the context ends.
func (e Recorder) Start(ctx context.Context) error { return e.lasting.run(ctx, e.Warn) }

// Tell tells of what happened and needs nobody.
func (e Recorder) Tell(o runtime.Object, reason, action, format string, args ...any) {
	e.recorder.Eventf(o, nil, corev1.EventTypeNormal, reason, action, format, args...)
}

// Stalled tells of what the operator can go no further with, if that lasts. The conditions before and after are the same ones where
// nothing has changed.
func (e Recorder) Stalled(o client.Object, before, after []metav1.Condition) {
	e.ifLasting(o, before, after, rosterv1alpha1.ConditionStalled, metav1.ConditionTrue, "Reconcile")
}

// Lost tells of a condition that has come to be False, if that lasts, and the object is not told of as stalled by the same.
func (e Recorder) Lost(o client.Object, before, after []metav1.Condition, kind string) {
	lost, stalled := meta.FindStatusCondition(after, kind), meta.FindStatusCondition(after, rosterv1alpha1.ConditionStalled)
	if lost != nil && stalled != nil && stalled.Status == metav1.ConditionTrue && stalled.Reason == lost.Reason {
		return
	}
	e.ifLasting(o, before, after, kind, metav1.ConditionFalse, "Count")
}

// ifLasting tells of a condition that has a status, if that lasts.
func (e Recorder) ifLasting(
	o client.Object, before, after []metav1.Condition, kind string, status metav1.ConditionStatus, action string,
) {
	if c := meta.FindStatusCondition(after, kind); c != nil && c.Status == status {
		e.lasting.consider(o, c, Turned(before, after, kind, status) != nil, action)
	}
}

// Warn tells of what somebody has to look at.
func (e Recorder) Warn(o runtime.Object, reason, action, note string) {
	const most = 1000 // The API takes 1,024 bytes.
	if len(note) > most {
		note = note[:most] + "…"
	}
	e.recorder.Eventf(o, nil, corev1.EventTypeWarning, reason, action, "%s", note)
}

// Turned is the condition if it has come to have that status, or another reason for it.
func Turned(before, after []metav1.Condition, kind string, status metav1.ConditionStatus) *metav1.Condition {
	was, is := meta.FindStatusCondition(before, kind), meta.FindStatusCondition(after, kind)
	if is == nil || is.Status != status || was != nil && was.Status == status && was.Reason == is.Reason {
		return nil
	}
	return is
}

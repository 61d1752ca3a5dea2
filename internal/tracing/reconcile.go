// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// The attributes that are Roster's own; the others are OpenTelemetry's semantic conventions.
const (
	// attrController is the name of a controller, as its metrics have it.
	attrController = attribute.Key("roster.controller")
	attrKind       = attribute.Key("roster.object.kind")
	attrName       = attribute.Key("roster.object.name")
	// attrResult is what controller_runtime_reconcile_total has as result.
	attrResult = attribute.Key("roster.reconcile.result")
)

// traceIDKey is what a line of the log names its trace by.
const traceIDKey = "traceID"

// Reconciler traces a reconciler of a kind, under the name of its controller.
func Reconciler(controller, kind string, next reconcile.Reconciler) reconcile.Reconciler {
	return &reconciler{controller, kind, next}
}

type reconciler struct {
	controller, kind string
	next             reconcile.Reconciler
}

// Reconcile is part of [reconcile.Reconciler].
func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	tracer := tracer(ctx)
	if tracer == nil {
		return r.next.Reconcile(ctx, req)
	}
	ctx, span := tracer.Start(ctx, "reconcile "+r.controller, trace.WithAttributes(r.about(req)...))
	outcome := "panic"
	defer func() {
		span.SetAttributes(attrResult.String(outcome))
		span.End()
	}()
	if id := span.SpanContext(); id.IsSampled() {
		ctx = log.IntoContext(ctx, log.FromContext(ctx).WithValues(traceIDKey, id.TraceID().String()))
	}
	result, err := r.next.Reconcile(ctx, req)
	outcome = resultOf(result, err)
	fail(span, err)
	return result, err
}

// about is what a span tells of an object. Members and Invitations are named after those they are for, profiles often after an account of
// theirs, Roles after profiles, and an Account after an address: only what is certain to be named after something else is named. The log
// has the others, with the trace.
func (r *reconciler) about(req reconcile.Request) []attribute.KeyValue {
	about := []attribute.KeyValue{attrController.String(r.controller), attrKind.String(r.kind)}
	if req.Namespace != "" {
		about = append(about, semconv.K8SNamespaceName(req.Namespace))
	}
	switch r.kind {
	case "Organization", "Team", "Workspace", "CustomRole", "Plan":
		about = append(about, attrName.String(req.Name))
	}
	return about
}

func resultOf(result reconcile.Result, err error) string {
	switch {
	case err != nil:
		return "error"
	case result.RequeueAfter > 0:
		return "requeue_after"
	}
	return "success"
}

// fail marks a span by the kind of an error. Its text may name people and is left out.
func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	kind := "error"
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		kind = string(reason)
	}
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	span.SetStatus(codes.Error, "")
}

// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// w3c is how a trace goes from one process to the next (W3C Trace Context). Baggage is not handed on: it may hold anything.
var w3c propagation.TraceContext //nolint:gochecknoglobals // it has no state

// Request begins the span of a request to the portal. It goes on with the trace of a proxy that is trusted; a stranger could otherwise have
// as many traces recorded as they like. The caller names it by End, since the path is no name: it may be a link.
func Request(r *http.Request, trusted bool) (context.Context, *Served) {
	ctx := r.Context()
	tracer := tracer(ctx)
	if tracer == nil {
		return ctx, nil
	}
	if trusted {
		ctx = w3c.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, &Served{span}
}

// Served is the span of a request to the portal. Nil is one that is not traced.
type Served struct{ span trace.Span }

// TraceID names the trace in the log; it is empty where nothing is recorded.
func (s *Served) TraceID() string {
	if s == nil || !s.span.SpanContext().IsSampled() {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// End ends the span under the name of the route.
func (s *Served) End(method, route string, status int) {
	if s == nil {
		return
	}
	s.span.SetName(method + " " + route)
	s.span.SetAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(route), semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// The attributes of requests to others.
const (
	// attrPeer is who is asked: the API server, a network by its name, or an issuer by its name in the configuration.
	attrPeer        = attribute.Key("roster.peer")
	attrGroup       = attribute.Key("roster.api.group")
	attrResource    = attribute.Key("roster.api.resource")
	attrSubresource = attribute.Key("roster.api.subresource")
)

// APIServer traces requests to the API server, and hands the trace on to it. It tells the resource, and no name of an object.
func APIServer(next http.RoundTripper) http.RoundTripper {
	return &transport{next: next, propagates: true, about: func(r *http.Request) (string, []attribute.KeyValue) {
		of := targetOf(r.URL.Path)
		about := []attribute.KeyValue{attrPeer.String("apiserver"), attrGroup.String(of.group), attrResource.String(of.resource)}
		if of.subresource != "" {
			about = append(about, attrSubresource.String(of.subresource))
		}
		if of.namespace != "" {
			about = append(about, semconv.K8SNamespaceName(of.namespace))
		}
		return of.resource, about
	}}
}

// Peer traces requests to somebody outside, who does not get to know the trace. Nil stands for [http.DefaultTransport].
func Peer(name string, next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{next: next, about: func(*http.Request) (string, []attribute.KeyValue) {
		return name, []attribute.KeyValue{attrPeer.String(name)}
	}}
}

// transport makes a span of each request that belongs to one.
type transport struct {
	next       http.RoundTripper
	propagates bool
	about      func(r *http.Request) (name string, about []attribute.KeyValue)
}

// RoundTrip is part of [http.RoundTripper]. The span ends when the answer begins.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tracer := child(r.Context())
	if tracer == nil {
		return t.next.RoundTrip(r)
	}
	name, about := t.about(r)
	about = append(about, semconv.HTTPRequestMethodKey.String(r.Method))
	ctx, span := tracer.Start(r.Context(), r.Method+" "+name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	defer span.End()
	if t.propagates {
		r = r.Clone(ctx)
		w3c.Inject(ctx, propagation.HeaderCarrier(r.Header))
	}
	response, err := t.next.RoundTrip(r)
	if err != nil {
		fail(span, err)
		return response, err
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(response.StatusCode))
	if response.StatusCode >= http.StatusBadRequest {
		span.SetStatus(codes.Error, "")
	}
	return response, nil
}

// WrappedRoundTripper lets client-go find the transport underneath, whose connections it closes.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// target is what a path of the API server is about.
type target struct{ group, resource, subresource, namespace string }

// targetOf reads the paths of Kubernetes' API: /api/v1 or /apis/GROUP/VERSION, then /namespaces/NAMESPACE where there is one, then
// RESOURCE/NAME/SUBRESOURCE.
func targetOf(path string) target {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var of target
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		of.group, parts = parts[1], parts[3:]
	default:
		return target{resource: "other"} // what there is, and whether it is ready
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		of.namespace, parts = parts[1], parts[2:]
	}
	of.resource = parts[0]
	if len(parts) > 2 {
		of.subresource = parts[2]
	}
	return of
}

// SPDX-License-Identifier: Apache-2.0

package tracing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/roster-dev/roster/internal/tracing"
)

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var ana = reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "acme", Name: "ana-lima"}}

// reconcileFunc is a reconciler under the name of a controller.
func reconcileFunc(controller, kind string, do func(ctx context.Context) error) reconcile.Reconciler {
	return tracing.Reconciler(controller, kind, reconcile.Func(func(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
		return reconcile.Result{}, do(ctx)
	}))
}

// recorded is a context under which everything is traced, and what reads the spans that have ended.
func recorded(t *testing.T) (context.Context, func() tracetest.SpanStubs) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithoutPanicRecording())
	return tracing.With(t.Context(), provider), spans.GetSpans
}

func attributes(s tracetest.SpanStub) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

func want(t *testing.T, s tracetest.SpanStub, name string, attrs map[string]string) {
	t.Helper()
	got := attributes(s)
	if s.Name != name || fmt.Sprint(got) != fmt.Sprint(attrs) {
		t.Errorf("the span %q has %v, want %q with %v", s.Name, got, name, attrs)
	}
}

// TestOffCostsNothing: where nothing is traced, nothing is allocated for it.
func TestOffCostsNothing(t *testing.T) {
	ctx := t.Context()
	response := &http.Response{StatusCode: http.StatusOK}
	next := transportFunc(func(*http.Request) (*http.Response, error) { return response, nil })
	api, peer := tracing.APIServer(next), tracing.Peer("X", next)
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://api.example/api/v1/namespaces/acme/secrets/x", nil)
	reconciler := reconcileFunc("member", "Member", func(context.Context) error { return nil })
	for name, do := range map[string]func(){
		"a reconcile":                 func() { _, _ = reconciler.Reconcile(ctx, ana) },
		"a request to the API server": func() { _, _ = api.RoundTrip(request) },
		"a request to a network":      func() { _, _ = peer.RoundTrip(request) },
		"a mail": func() {
			ctx, end := tracing.Mail(ctx, "invitation", 1)
			_, endRelay := tracing.Relay(ctx, "connect")
			endRelay("")
			end("Delivered")
		},
		"a request to the portal": func() {
			_, span := tracing.Request(request, true)
			_ = span.TraceID()
			span.End(http.MethodGet, "/sign-in", http.StatusOK)
		},
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestReconcile(t *testing.T) {
	ctx, spans := recorded(t)
	_, _ = reconcileFunc("team", "Team", func(context.Context) error { return nil }).Reconcile(ctx, ana)
	_, err := reconcileFunc("delivery", "Invitation", func(context.Context) error {
		return errors.New("mail to ana@acme.example: failed")
	}).Reconcile(ctx, ana)
	if err == nil {
		t.Error("the error is lost")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		_, _ = reconcileFunc("delivery", "Invitation", func(context.Context) error { panic("ana@acme.example") }).Reconcile(ctx, ana)
	}()
	got := spans()
	if len(got) != 3 {
		t.Fatalf("%d spans", len(got))
	}
	want(t, got[0], "reconcile team", map[string]string{
		"roster.controller": "team", "roster.object.kind": "Team", "k8s.namespace.name": "acme", "roster.object.name": "ana-lima",
		"roster.reconcile.result": "success",
	})
	want(t, got[1], "reconcile delivery", map[string]string{
		"roster.controller": "delivery", "roster.object.kind": "Invitation", "k8s.namespace.name": "acme", "roster.reconcile.result": "error",
		"error.type": "error",
	})
	want(t, got[2], "reconcile delivery", map[string]string{
		"roster.controller": "delivery", "roster.object.kind": "Invitation", "k8s.namespace.name": "acme", "roster.reconcile.result": "panic",
	})
	withoutPeople(t, got)
}

// withoutPeople looks for the person that these tests are about, but for the Team that has her name.
func withoutPeople(t *testing.T, spans tracetest.SpanStubs) {
	t.Helper()
	for _, s := range spans {
		s.Attributes = append([]attribute.KeyValue(nil), s.Attributes...)
		for i, a := range s.Attributes {
			if a.Key == "roster.object.name" {
				s.Attributes[i] = attribute.String("roster.object.name", "")
			}
		}
		if text := fmt.Sprintf("%+v", s); strings.Contains(text, "ana") || strings.Contains(text, "s3cret") {
			t.Errorf("the span %q tells too much: %s", s.Name, text)
		}
	}
}

func TestRequestsToOthers(t *testing.T) {
	var headers []http.Header
	next := transportFunc(func(r *http.Request) (*http.Response, error) {
		headers = append(headers, r.Header)
		return &http.Response{StatusCode: http.StatusNotFound}, nil
	})
	ctx, spans := recorded(t)
	const members = "https://10.0.0.1/apis/roster.dev/v1alpha1/namespaces/acme/members/ana-lima/status"
	_, _ = reconcileFunc("member", "Member", func(ctx context.Context) error {
		get := func(transport http.RoundTripper, url string) {
			_, _ = transport.RoundTrip(httptest.NewRequestWithContext(ctx, http.MethodGet, url, nil))
		}
		get(tracing.APIServer(next), members)
		get(tracing.APIServer(next), "https://10.0.0.1/api/v1/namespaces/ana")
		get(tracing.APIServer(next), "https://10.0.0.1/readyz/ana")
		get(tracing.Peer("Facebook", next), "https://graph.facebook.example/ana?access_token=s3cret")
		return nil
	}).Reconcile(ctx, ana)
	got := spans()
	if len(got) != 5 {
		t.Fatalf("%d spans", len(got))
	}
	const notFound = "404"
	want(t, got[0], "GET members", map[string]string{
		"roster.peer": "apiserver", "roster.api.group": "roster.dev", "roster.api.resource": "members", "roster.api.subresource": "status",
		"k8s.namespace.name": "acme", "http.request.method": "GET", "http.response.status_code": notFound,
	})
	want(t, got[1], "GET namespaces", map[string]string{
		"roster.peer": "apiserver", "roster.api.group": "", "roster.api.resource": "namespaces", "http.request.method": "GET",
		"http.response.status_code": notFound,
	})
	want(t, got[2], "GET other", map[string]string{
		"roster.peer": "apiserver", "roster.api.group": "", "roster.api.resource": "other", "http.request.method": "GET",
		"http.response.status_code": notFound,
	})
	want(t, got[3], "GET Facebook", map[string]string{
		"roster.peer": "Facebook", "http.request.method": "GET", "http.response.status_code": notFound,
	})
	withoutPeople(t, got)
	if id := got[0].SpanContext.SpanID().String(); !strings.Contains(headers[0].Get("traceparent"), id) {
		t.Errorf("the API server is told %q, want the span %s", headers[0].Get("traceparent"), id)
	}
	if told := headers[3].Get("traceparent"); told != "" {
		t.Errorf("a network is told of the trace: %s", told)
	}
}

// TestAloneIsNotTraced: what belongs to no reconcile and no request, such as the Lease that is renewed every two seconds, makes no spans.
func TestAloneIsNotTraced(t *testing.T) {
	ctx, spans := recorded(t)
	next := transportFunc(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: http.StatusOK}, nil })
	lease := httptest.NewRequestWithContext(ctx, http.MethodPut, "https://10.0.0.1/apis/coordination.k8s.io/v1/namespaces/a/leases/b", nil)
	_, _ = tracing.APIServer(next).RoundTrip(lease)
	if got := spans(); len(got) != 0 {
		t.Errorf("%d spans", len(got))
	}
}

func TestRequestsToThePortal(t *testing.T) {
	ctx, spans := recorded(t)
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, trusted := range []bool{true, false} {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/invitations/s3cret?email=ana@acme.example", nil)
		r.Header.Set("traceparent", "00-"+theirs+"-00f067aa0ba902b7-01")
		r.Header.Set("baggage", "person=ana")
		_, span := tracing.Request(r, trusted)
		if span.TraceID() == "" {
			t.Error("the log cannot name the trace")
		}
		span.End(http.MethodPost, "/invitations/{token}", http.StatusSeeOther)
	}
	got := spans()
	withoutPeople(t, got)
	for _, s := range got {
		want(t, s, "POST /invitations/{token}", map[string]string{
			"http.request.method": "POST", "http.route": "/invitations/{token}", "http.response.status_code": "303",
		})
	}
	if id := got[0].SpanContext.TraceID().String(); id != theirs {
		t.Errorf("the trace of a proxy that is trusted does not go on: %s", id)
	}
	if id := got[1].SpanContext.TraceID().String(); id == theirs {
		t.Error("a stranger chooses the trace")
	}
}

func TestMail(t *testing.T) {
	ctx, spans := recorded(t)
	_, _ = reconcileFunc("delivery", "Invitation", func(ctx context.Context) error {
		ctx, end := tracing.Mail(ctx, "invitation", 2)
		_, endRelay := tracing.Relay(ctx, "deliver")
		endRelay("RCPT TO")
		end("Failing")
		return nil
	}).Reconcile(ctx, ana)
	got := spans()
	want(t, got[0], "relay deliver", map[string]string{"roster.mail.stage": "RCPT TO"})
	want(t, got[1], "mail invitation", map[string]string{
		"roster.mail.kind": "invitation", "roster.mail.attempt": "2", "roster.mail.outcome": "Failing",
	})
	if got[0].Parent.SpanID() != got[1].SpanContext.SpanID() || got[1].Parent.SpanID() != got[2].SpanContext.SpanID() {
		t.Error("the spans do not hang together")
	}
}

const (
	endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	protocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
)

// TestOnlyTheEnvironmentTurnsItOn: without a collector, the context stays as it is; what is not there is refused in words.
func TestOnlyTheEnvironmentTurnsItOn(t *testing.T) {
	for name, c := range map[string]struct {
		env map[string]string
		on  bool
		err string
	}{
		"nothing":         {},
		"a collector":     {env: map[string]string{endpoint: "http://127.0.0.1:1"}, on: true},
		"for traces":      {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, on: true},
		"turned off":      {env: map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}},
		"no traces":       {env: map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}},
		"by HTTP":         {env: map[string]string{endpoint: "http://127.0.0.1:1", protocol: "http/protobuf"}, on: true},
		"traces by HTTP":  {env: map[string]string{endpoint: "http://a", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", protocol: "grpc"}, on: true},
		"by gRPC":         {env: map[string]string{endpoint: "http://127.0.0.1:1", protocol: "grpc"}, err: protocol + `: "grpc": must be http/protobuf`},
		"another product": {env: map[string]string{endpoint: "http://a", "OTEL_TRACES_EXPORTER": "zipkin"}, err: `"zipkin": must be otlp or none`},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			ctx, stop, err := tracing.Start(t.Context(), "roster-manager", "v0.1.0", logr.Discard())
			defer stop()
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || (ctx != t.Context()) != c.on {
				t.Errorf("on is %v, error %v", ctx != t.Context(), err)
			}
		})
	}
}

// TestWhatACollectorGets: the service with its version, and nothing of what a panic says, wherever it comes from.
func TestWhatACollectorGets(t *testing.T) {
	var got []byte
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, body...)
	}))
	defer collector.Close()
	t.Setenv(endpoint, collector.URL)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=production")
	ctx, stop, err := tracing.Start(t.Context(), "roster-manager", "v0.1.0", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	panics := tracing.Peer("X", transportFunc(func(*http.Request) (*http.Response, error) { panic("ana@acme.example") }))
	func() {
		defer func() { _ = recover() }()
		_, _ = reconcileFunc("member", "Member", func(ctx context.Context) error {
			_, err := panics.RoundTrip(httptest.NewRequestWithContext(ctx, http.MethodGet, "https://x.example", nil))
			return err
		}).Reconcile(ctx, ana)
	}()
	stop()
	collector.Close() // Nothing is written any more.
	// The texts of a protobuf message are as they are.
	for _, want := range []string{"roster-manager", "v0.1.0", "production", "reconcile member", "GET X", "panic"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("a collector does not get %q", want)
		}
	}
	if bytes.Contains(got, []byte("acme.example")) {
		t.Errorf("a collector gets what a panic said: %q", got)
	}
}

// TestACollectorThatHangsDelaysNothing: more spans than are kept, and nobody who takes them.
func TestACollectorThatHangsDelaysNothing(t *testing.T) {
	release := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer collector.Close()
	defer close(release)
	t.Setenv(endpoint, collector.URL)
	ctx, stop, err := tracing.Start(t.Context(), "roster-manager", "v0.1.0", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	reconciler := reconcileFunc("member", "Member", func(context.Context) error { return nil })
	for range 3 * sdktrace.DefaultMaxQueueSize {
		_, _ = reconciler.Reconcile(ctx, ana)
	}
	stop() // It returns although nothing has been taken.
}

// TestLossIsToldOnce: however many batches are lost, the log says so once, and once that it is over.
func TestLossIsToldOnce(t *testing.T) {
	var out bytes.Buffer
	away := true
	exporter := tracing.Calm(exporterFunc(func() error {
		if away {
			return errors.New("connection refused")
		}
		return nil
	}), zap.New(zap.WriteTo(&out)))
	for range 3 {
		if err := exporter.ExportSpans(t.Context(), nil); err != nil {
			t.Errorf("the SDK is told, too, and tells it again: %v", err)
		}
	}
	away = false
	for range 2 {
		_ = exporter.ExportSpans(t.Context(), nil)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "Traces are lost") || !strings.Contains(lines[0], "connection refused") ||
		!strings.Contains(lines[1], "takes traces again") {
		t.Errorf("the log says %q", lines)
	}
}

type exporterFunc func() error

func (f exporterFunc) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return f() }
func (exporterFunc) Shutdown(context.Context) error                               { return nil }

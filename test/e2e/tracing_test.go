// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// collector takes traces as an OpenTelemetry collector does (OTLP over HTTP).
type collector struct {
	*httptest.Server

	mu    sync.Mutex
	taken []*tracev1.ResourceSpans
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collectorv1.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			t.Errorf("%s %s brings no traces: %v", r.Method, r.URL.Path, err)
			http.Error(w, "no traces", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.taken = append(c.taken, request.GetResourceSpans()...)
		answer, _ := proto.Marshal(&collectorv1.ExportTraceServiceResponse{})
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(answer)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) all() []*tracev1.ResourceSpans {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.taken)
}

// spans are those of a service, by name.
func (c *collector) spans(service string) map[string][]*tracev1.Span {
	found := map[string][]*tracev1.Span{}
	for _, of := range c.all() {
		if attribute(of.GetResource().GetAttributes(), "service.name") != service {
			continue
		}
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				found[s.GetName()] = append(found[s.GetName()], s)
			}
		}
	}
	return found
}

func attribute(all []*commonv1.KeyValue, key string) string {
	for _, a := range all {
		if a.GetKey() == key {
			if i, ok := a.GetValue().GetValue().(*commonv1.AnyValue_IntValue); ok {
				return fmt.Sprint(i.IntValue)
			}
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// TestTracing: a collector learns what manager and portal do while somebody is invited and accepts, and nothing about them.
func TestTracing(t *testing.T) {
	c := startCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	d := start(t, t.TempDir(), anyPorts()...)
	invitedPersonAccepts(t, d)
	link := d.linkIn(d.mailTo("zoe@acme.example"))
	if status, _ := visitor(t)(http.MethodGet, d.env["ROSTER_PORTAL_URL"]+"/sign-in?next=/zoe", nil); status != http.StatusOK {
		t.Errorf("the page to sign in answers %d", status)
	}

	sent := awaitSpan(d, c, "roster-manager", "mail invitation")
	for key, want := range map[string]string{
		"roster.mail.kind": "invitation", "roster.mail.attempt": "1", "roster.mail.outcome": "Delivered",
	} {
		if got := attribute(sent.GetAttributes(), key); got != want {
			t.Errorf("of a mail, %s is %q, want %q", key, got, want)
		}
	}
	awaitSpan(d, c, "roster-manager", "relay deliver")
	awaitSpan(d, c, "roster-manager", "PUT invitations")
	accepted := awaitSpan(d, c, "roster-portal", "POST /invitations/{token}")
	if got := attribute(accepted.GetAttributes(), "http.route"); got != "/invitations/{token}" {
		t.Errorf("the route is %q", got)
	}
	awaitSpan(d, c, "roster-portal", "GET /sign-in")
	awaitSpan(d, c, "roster-portal", "POST accounts")
	everyController(d, c)
	people := peopleOf(t, d)
	d.end(syscall.SIGINT)
	nothingAbout(t, c, people, []string{strings.TrimPrefix(link, d.env["ROSTER_PORTAL_URL"]+"/invitations/"), goodPassword})
}

func awaitSpan(d *demo, c *collector, service, name string) *tracev1.Span {
	d.t.Helper()
	var found *tracev1.Span
	d.eventually("a span "+name+" of "+service, func(context.Context) error {
		all := c.spans(service)
		if len(all[name]) == 0 {
			return fmt.Errorf("there are %v", slices.Sorted(maps.Keys(all)))
		}
		found = all[name][0]
		return nil
	})
	return found
}

// everyController: what the manager's metrics count, there are spans of.
func everyController(d *demo, c *collector) {
	d.t.Helper()
	counted := regexp.MustCompile(`controller_runtime_reconcile_total\{controller="([\w-]+)",result="\w+"\} [1-9]`)
	d.eventually("spans of every controller", func(ctx context.Context) error {
		metrics, err := get(ctx, regexp.MustCompile(`http://\S+/metrics`).FindString(d.out.String()))
		if err != nil {
			return err
		}
		working := counted.FindAllStringSubmatch(metrics, -1)
		if len(working) == 0 {
			return errors.New("no controller works")
		}
		spans := c.spans("roster-manager")
		for _, found := range working {
			if len(spans["reconcile "+found[1]]) == 0 {
				return fmt.Errorf("%s reconciles and is not traced", found[1])
			}
		}
		return nil
	})
}

// peopleOf are the addresses and names by which the sample organisation and the portal know people.
func peopleOf(t *testing.T, d *demo) (people []string) {
	t.Helper()
	var members rosterv1alpha1.MemberList
	var invitations rosterv1alpha1.InvitationList
	var accounts rosterv1alpha1.AccountList
	for _, list := range []client.ObjectList{&members, &invitations, &accounts} {
		if err := d.client.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range members.Items {
		people = append(people, m.Spec.Email, m.Spec.DisplayName, m.Status.DisplayName)
	}
	for _, i := range invitations.Items {
		people = append(people, i.Spec.Email)
	}
	for _, a := range accounts.Items {
		people = append(people, a.Spec.Email, a.Spec.DisplayName, a.Name)
	}
	return slices.DeleteFunc(people, func(s string) bool { return s == "" })
}

// nothingAbout looks through every text of every span.
func nothingAbout(t *testing.T, c *collector, people, secrets []string) {
	t.Helper()
	if len(people) < 6 || len(secrets) != 2 {
		t.Fatalf("there is too little to look for: %d people, %d secrets", len(people), len(secrets))
	}
	texts := map[string]bool{}
	for _, of := range c.all() {
		err := protorange.Range(of.ProtoReflect(), func(v protopath.Values) error {
			if text, ok := v.Index(-1).Value.Interface().(string); ok {
				texts[text] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !texts["reconcile member"] {
		t.Fatalf("the texts of spans are not found: %v", texts)
	}
	for text := range texts {
		if strings.Contains(text, "@") || strings.Contains(strings.ToLower(text), "zoe") {
			t.Errorf("a span tells of a person: %q", text)
		}
		for _, one := range slices.Concat(people, secrets) {
			if strings.Contains(text, one) {
				t.Errorf("a span holds %q: %q", one, text)
			}
		}
	}
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// SPDX-License-Identifier: Apache-2.0

package counting

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func member(namespace string, state rosterv1alpha1.MemberState) *rosterv1alpha1.Member {
	return &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace}, Status: rosterv1alpha1.MemberStatus{State: state},
	}
}

// shows compares the lines that a scrape has of a metric.
func shows(t *testing.T, registry *prometheus.Registry, name string, want ...string) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range families {
		var text strings.Builder
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if f.GetName() == name && !strings.HasPrefix(line, "#") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	if !slices.Equal(lines, want) {
		t.Errorf("a scrape shows %q, want %q", lines, want)
	}
}

func leading() chan struct{} {
	elected := make(chan struct{})
	close(elected)
	return elected
}

func TestNumbersFollowTheObjects(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	h := handler(NewMetrics(registry, leading(), false).ofMember)
	ana, ben, eve := member("acme", ""), member("acme", rosterv1alpha1.MemberActive), member("globex", rosterv1alpha1.MemberActive)
	for _, m := range []*rosterv1alpha1.Member{ana, ben, eve} {
		h.OnAdd(m, true)
	}
	shows(t, registry, "roster_members", `roster_members{organization="acme",state="Active"} 1`,
		`roster_members{organization="acme",state="Pending"} 1`, `roster_members{organization="globex",state="Active"} 1`)
	h.OnUpdate(ana, member("acme", rosterv1alpha1.MemberActive))
	h.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "globex/eve", Obj: eve})
	shows(t, registry, "roster_members", `roster_members{organization="acme",state="Active"} 2`)
}

func TestOnlyTheManagerThatIsElectedReports(t *testing.T) {
	registry, elected := prometheus.NewPedanticRegistry(), make(chan struct{})
	handler(NewMetrics(registry, elected, false).ofMember).OnAdd(member("acme", rosterv1alpha1.MemberActive), true)
	shows(t, registry, "roster_members")
	close(elected)
	shows(t, registry, "roster_members", `roster_members{organization="acme",state="Active"} 1`)
}

func TestTogether(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	h := handler(NewMetrics(registry, leading(), true).ofMember)
	h.OnAdd(member("acme", rosterv1alpha1.MemberActive), true)
	h.OnAdd(member("globex", rosterv1alpha1.MemberActive), true)
	shows(t, registry, "roster_members", `roster_members{organization="",state="Active"} 2`)
}

func TestPlans(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	h := handler(NewMetrics(registry, leading(), false).ofOrganization)
	acme := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Namespace: "acme"}}
	h.OnAdd(acme, true)
	shows(t, registry, "roster_seats_limit")
	limited := acme.DeepCopy()
	limited.Status.Plan.Seats = rosterv1alpha1.Usage{Limit: ptr.To[int32](5), Wanted: ptr.To[int32](0)}
	h.OnUpdate(acme, limited)
	shows(t, registry, "roster_seats_limit", `roster_seats_limit{organization="acme"} 5`)
	shows(t, registry, "roster_seats_wanted", `roster_seats_wanted{organization="acme"} 0`)
	h.OnDelete(limited)
	shows(t, registry, "roster_seats_limit")
}

func TestProfiles(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	h := handler(NewMetrics(registry, leading(), false).ofProfile)
	fresh := &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "acme"}}
	ending := fresh.DeepCopy()
	ending.Status.Conditions = []metav1.Condition{
		{Type: rosterv1alpha1.ConditionConnected, Status: metav1.ConditionTrue},
		{Type: rosterv1alpha1.ConditionTokenExpiring, Status: metav1.ConditionTrue},
	}
	h.OnAdd(fresh, true)
	h.OnAdd(ending, true)
	shows(t, registry, "roster_profiles", `roster_profiles{connected="None",organization="acme"} 1`,
		`roster_profiles{connected="True",organization="acme"} 1`)
	shows(t, registry, "roster_profiles_expiring", `roster_profiles_expiring{organization="acme"} 1`)
}

// TestSeriesOfAnOrganization: docs/operations.md tells how many series an organisation has at most, by which people plan their Prometheus.
func TestSeriesOfAnOrganization(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := NewMetrics(registry, leading(), false)
	for _, state := range states(t, "invitations") {
		handler(m.ofInvitation).OnAdd(&rosterv1alpha1.Invitation{
			Status: rosterv1alpha1.InvitationStatus{State: rosterv1alpha1.InvitationState(state)},
		}, true)
	}
	for _, state := range states(t, "members") {
		handler(m.ofMember).OnAdd(member("", rosterv1alpha1.MemberState(state)), true)
	}
	for _, status := range []metav1.ConditionStatus{"", metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
		p, a := &rosterv1alpha1.SocialProfile{}, &rosterv1alpha1.Application{}
		if status != "" {
			p.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionConnected, Status: status}, {
				Type: rosterv1alpha1.ConditionTokenExpiring, Status: metav1.ConditionTrue,
			}}
			a.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionReady, Status: status}}
		}
		handler(m.ofProfile).OnAdd(p, true)
		handler(m.ofApplication).OnAdd(a, true)
	}
	limited := rosterv1alpha1.Usage{Limit: ptr.To[int32](5), Wanted: ptr.To[int32](1)}
	handler(m.ofOrganization).OnAdd(&rosterv1alpha1.Organization{Status: rosterv1alpha1.OrganizationStatus{
		Plan: rosterv1alpha1.PlanInEffect{Seats: limited, SocialProfiles: limited},
	}}, true)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, f := range families {
		series += len(f.GetMetric())
	}
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("An organisation has up to %d of these series", series); !strings.Contains(string(page), want) {
		t.Errorf("docs/operations.md does not say: %s", want)
	}
}

// states are those that a kind can be in, by its schema.
func states(t *testing.T, kind string) []string {
	t.Helper()
	file, err := os.ReadFile("../../../config/crd/bases/roster.dev_" + kind + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(file, &crd); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, value := range crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Properties["state"].Enum {
		found = append(found, strings.Trim(string(value.Raw), `"`))
	}
	if len(found) < 3 {
		t.Fatalf("the states of %s are %q", kind, found)
	}
	return found
}

// crowd has metrics follow 100,000 Members in 1,000 organisations, of whom one in ten is suspended.
func crowd(registry prometheus.Registerer) (toolscache.ResourceEventHandler, []*rosterv1alpha1.Member) {
	h := handler(NewMetrics(registry, leading(), false).ofMember)
	all := make([]*rosterv1alpha1.Member, 100_000)
	for i := range all {
		all[i] = member(fmt.Sprintf("organization-%d", i%1000), rosterv1alpha1.MemberActive)
		if i/1000%10 == 0 {
			all[i].Status.State = rosterv1alpha1.MemberSuspended
		}
		h.OnAdd(all[i], true)
	}
	return h, all
}

// BenchmarkScrape: the cost of a scrape is that of its series, of which there are 2,000, whatever the number of objects.
func BenchmarkScrape(b *testing.B) {
	registry := prometheus.NewRegistry()
	crowd(registry)
	b.ReportAllocs()
	for b.Loop() {
		if families, err := registry.Gather(); err != nil || len(families) != 1 {
			b.Fatal(families, err)
		}
	}
}

// BenchmarkChange is what a change of one of them costs.
func BenchmarkChange(b *testing.B) {
	h, all := crowd(prometheus.NewRegistry())
	other := member(all[0].Namespace, rosterv1alpha1.MemberEnded)
	b.ReportAllocs()
	for b.Loop() {
		h.OnUpdate(all[0], other)
		h.OnUpdate(other, all[0])
	}
}

// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// warnings are what the API server says in Warning headers.
type warnings struct {
	mu   sync.Mutex
	said []string
}

func (h *warnings) HandleWarningHeader(code int, _, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, fmt.Sprintf("%d %s", code, text))
}

func (h *warnings) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	said := h.said
	h.said = nil
	return said
}

func warnOnOrphans(o *rosterv1alpha1.Organization) {
	o.Spec.Guardrails = &rosterv1alpha1.Guardrails{WarnOnOrphanedProfiles: ptr.To(true)}
}

// warned is a client of somebody whose warnings are collected.
func (w *world) warned(user string) (client.Client, *warnings) {
	h := &warnings{}
	config := rest.CopyConfig(cluster.AsUser(user))
	config.WarningHandler = h
	return dry(w.client(config)), h
}

// soleAdministrator writes what the operator would.
func (w *world) soleAdministrator(name string, profiles ...string) {
	w.Helper()
	m := read[rosterv1alpha1.Member](w, name)
	m.Status.SoleAdministratorOf = profiles
	w.Expect(cluster.Client.Status().Update(w.Context(), m)).To(Succeed())
}

func toEnd(m *rosterv1alpha1.Member) {
	m.Spec.EndTime = &metav1.Time{Time: time.Date(2040, 1, 31, 23, 59, 59, 0, time.UTC)}
}

func TestWhoLeavesAProfileWithoutAnAdministratorIsWarned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, warnOnOrphans)
	w.soleAdministrator("eva", "acme-fb")
	w.soleAdministrator("ana", "a", "b", "c", "d", "e", "f", "g")
	w.soleAdministrator("cora", "acme-x")
	const remedy = ". Make someone else Administrator there, in spec.profiles of their Member or through a Team."
	without := func(name, profiles string) string {
		return "299 Validation failed for ValidatingAdmissionPolicy 'roster-orphaned-profiles' with binding 'roster-orphaned-profiles': " +
			"without the Member " + name + " (" + name + "@acme.example), nobody is named Administrator of " + profiles + remedy
	}
	withoutRole := func(name, profiles string) string {
		return strings.Replace(without(name, profiles), "without the Member", "without that role of the Member", 1)
	}
	holds := func(grants ...rosterv1alpha1.ProfileGrant) func(m *rosterv1alpha1.Member) {
		return func(m *rosterv1alpha1.Member) { m.Spec.Profiles = grants }
	}
	administers := rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: rosterv1alpha1.ProfileAdministrator}
	edits := rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}
	more := rosterv1alpha1.ProfileGrant{Name: "acme-x", Role: rosterv1alpha1.ProfileGuest}
	c, h := w.warned(ben)
	w.Eventually(func() []string {
		w.Expect(updateMember("eva", suspended)(w, c)).To(Succeed())
		return h.take()
	}).ShouldNot(BeEmpty(), "the policy knows the guardrail")
	for name, c := range map[string]struct {
		do   func(w *world, c client.Client) error
		want []string
	}{
		"suspending the last":          {updateMember("eva", suspended), []string{without("eva", "acme-fb")}},
		"deleting the last":            {deleteMember("eva"), []string{without("eva", "acme-fb")}},
		"setting an end for the last":  {updateMember("eva", toEnd), []string{without("eva", "acme-fb")}},
		"the last of many":             {deleteMember("ana"), []string{without("ana", "a, b, c, d, e and 2 more")}},
		"taking the role away":         {updateMember("eva", holds(more)), []string{withoutRole("eva", "acme-fb")}},
		"taking all roles away":        {updateMember("eva", holds()), []string{withoutRole("eva", "acme-fb")}},
		"giving a weaker role":         {updateMember("eva", holds(edits)), []string{withoutRole("eva", "acme-fb")}},
		"giving another role":          {updateMember("eva", holds(administers, more)), nil},
		"deleting one of several":      {deleteMember("dora"), nil},
		"suspending one of several":    {updateMember("dora", suspended), nil},
		"renaming the last":            {updateMember("eva", called("Eva")), nil},
		"changing who is suspended":    {updateMember("cora", called("Cora")), nil},
		"lifting a suspension":         {updateMember("eva", reactivated), nil},
		"suspending who is, once more": {updateMember("cora", suspended), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{t, NewWithT(t), w.ns}
			client, h := w.warned(ben)
			w.Expect(c.do(w, client)).To(Succeed(), "a warning stops nobody")
			w.Expect(h.take()).To(Equal(c.want))
		})
	}
}

// soleRenewer writes what the operator would.
func (w *world) soleRenewer(name string, profiles ...string) {
	w.Helper()
	m := read[rosterv1alpha1.Member](w, name)
	m.Status.SoleRenewerOf = profiles
	w.Expect(cluster.Client.Status().Update(w.Context(), m)).To(Succeed())
}

func TestWhoTakesTheLastRenewerAwayIsWarned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.soleRenewer("eva", "acme-fb")
	w.soleRenewer("ana", "a", "b", "c", "d", "e", "f", "g")
	w.soleRenewer("cora", "acme-x")
	without := func(name, profiles string) string {
		return "299 Validation failed for ValidatingAdmissionPolicy 'roster-last-renewer' with binding 'roster-last-renewer': " +
			"without the Member " + name + " (" + name + "@acme.example), nobody in particular can reconnect " + profiles +
			", and the tokens there expire unless someone does. Make someone else Administrator there, in spec.profiles of their Member or through a Team."
	}
	for name, c := range map[string]struct {
		do   func(w *world, c client.Client) error
		want []string
	}{
		"suspending the last":          {updateMember("eva", suspended), []string{without("eva", "acme-fb")}},
		"deleting the last":            {deleteMember("eva"), []string{without("eva", "acme-fb")}},
		"setting an end for the last":  {updateMember("eva", toEnd), []string{without("eva", "acme-fb")}},
		"the last of many":             {deleteMember("ana"), []string{without("ana", "a, b, c, d, e and 2 more")}},
		"deleting one of several":      {deleteMember("dora"), nil},
		"suspending one of several":    {updateMember("dora", suspended), nil},
		"renaming the last":            {updateMember("eva", called("Eva")), nil},
		"lifting a suspension":         {updateMember("eva", reactivated), nil},
		"suspending who is, once more": {updateMember("cora", suspended), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{t, NewWithT(t), w.ns}
			client, h := w.warned(ben)
			w.Expect(c.do(w, client)).To(Succeed(), "a warning stops nobody")
			w.Expect(h.take()).To(Equal(c.want))
		})
	}
}

func TestWhatIsBeingDeletedWarnsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, warnOnOrphans, held)
	w.soleAdministrator("eva", "acme-fb")
	w.soleRenewer("eva", "acme-fb")
	c, h := w.warned(ben)
	w.Eventually(func() []string {
		w.Expect(deleteMember("eva")(w, c)).To(Succeed())
		return h.take()
	}).ShouldNot(BeEmpty(), "the policy knows the guardrail")
	w.Expect(cluster.Client.Delete(t.Context(), w.organization("acme"))).To(Succeed())
	w.Eventually(func() []string {
		w.Expect(deleteMember("eva")(w, c)).To(Succeed())
		return h.take()
	}).Should(BeEmpty(), "the policy knows that the Organization goes")
	w.Expect(updateOrganization(func(o *rosterv1alpha1.Organization) { o.Finalizers = nil })(w, cluster.Client)).To(Succeed())
}

func TestWithoutTheGuardrailNobodyIsWarned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.soleAdministrator("eva", "acme-fb")
	c, h := w.warned(ben)
	w.Expect(updateMember("eva", suspended)(w, c)).To(Succeed())
	w.Expect(deleteMember("eva")(w, c)).To(Succeed())
	w.Expect(h.take()).To(BeEmpty())
}

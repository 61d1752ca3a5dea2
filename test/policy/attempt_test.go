// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// attempt is something that somebody tries. It goes through the whole API server and is not stored, so that attempts do not disturb
// each other.
type attempt struct {
	who string
	do  func(w *world, c client.Client) error
	// says is the whole message of the policy that refuses; empty where it is allowed, and noRight where RBAC refuses already.
	says string
}

// noRight is what an attempt says that never comes to the policies.
const noRight = "no right"

// attempts tries each of a table.
func (w *world) attempts(t *testing.T, table map[string]attempt) {
	t.Helper()
	for name, a := range table {
		t.Run(name, func(t *testing.T) {
			w := &world{t, NewWithT(t), w.ns}
			err := a.do(w, dry(w.as(a.who)))
			if a.says == "" {
				w.Expect(err).NotTo(HaveOccurred())
				return
			}
			if a.says == noRight {
				w.Expect(err).To(MatchError(apierrors.IsForbidden, "forbidden"))
				w.Expect(err.Error()).NotTo(ContainSubstring("denied request"))
				return
			}
			w.expectRefused(err, a.says)
		})
	}
}

// expectRefused wants a policy of Roster to have refused, with this message.
func (w *world) expectRefused(err error, says string) {
	w.Helper()
	w.Expect(err).To(HaveOccurred(), "it was allowed")
	w.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
	_, message, ok := strings.Cut(err.Error(), "denied request: ")
	w.Expect(ok).To(BeTrue(), "no policy refused: %v", err)
	w.Expect(message).To(Equal(says))
	w.Expect(err.Error()).To(ContainSubstring("ValidatingAdmissionPolicy 'roster-"))
}

func createMember(name string, change ...func(m *rosterv1alpha1.Member)) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Create(w.Context(), w.member(name, change...)) }
}

func invite(name string, change ...func(inv *rosterv1alpha1.Invitation)) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Create(w.Context(), w.invitation(name, change...)) }
}

func createOrganization(name string, change ...func(o *rosterv1alpha1.Organization)) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Create(w.Context(), w.organization(name, change...)) }
}

func createOther(object func(w *world) client.Object) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Create(w.Context(), object(w)) }
}

func deleteOther(object func(w *world) client.Object) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Delete(w.Context(), object(w)) }
}

func updateMember(name string, change ...func(m *rosterv1alpha1.Member)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.Member](name, change)
}

func updateInvitation(name string, change ...func(inv *rosterv1alpha1.Invitation)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.Invitation](name, change)
}

func updateOrganization(change ...func(o *rosterv1alpha1.Organization)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.Organization]("acme", change)
}

func update[T any, P interface {
	*T
	client.Object
}](name string, change []func(P)) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		o := read[T, P](w, name)
		for _, ch := range change {
			ch(o)
		}
		return c.Update(w.Context(), o)
	}
}

func deleteMember(name string) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Delete(w.Context(), w.member(name)) }
}

func deleteInvitation(name string) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Delete(w.Context(), w.invitation(name)) }
}

func deleteOrganization(name string) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error { return c.Delete(w.Context(), w.organization(name)) }
}

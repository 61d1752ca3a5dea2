// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("What a network says about an account", func() {
	const connected = rosterv1alpha1.ConditionConnected
	// opened is a profile whose token tells the network's double what to answer.
	opened := func(ctx SpecContext, answer string, change func(p *rosterv1alpha1.SocialProfile)) Space {
		GinkgoHelper()
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: s.Name + "!" + answer})
		s.Profile(ctx, "acme", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
			change(p)
		})
		return s
	}

	DescribeTable("that is closed is the reason why its profile is not connected", func(ctx SpecContext, answer, reason, words string) {
		s := opened(ctx, answer, func(*rosterv1alpha1.SocialProfile) {})
		p := s.ProfileSays(ctx, "acme", connected, metav1.ConditionFalse, reason)
		Expect(meta.FindStatusCondition(p.Status.Conditions, connected).Message).To(ContainSubstring(words))
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(reason))
	},
		Entry("disabled", "disabled", rosterv1alpha1.ReasonAccountDisabled, "Your login is currently disabled"),
		Entry("suspended", "suspended", rosterv1alpha1.ReasonAccountSuspended, "the server has suspended the account"),
		Entry("moved", "moved", rosterv1alpha1.ReasonAccountMoved, "@acme@new.example"),
	)

	DescribeTable("of an organisation goes by the person's role", func(ctx SpecContext, role string, status metav1.ConditionStatus, reason string) {
		s := opened(ctx, role, func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Network, p.Spec.AccountID = rosterv1alpha1.NetworkLinkedIn, "urn:li:organization:5"
		})
		s.ProfileSays(ctx, "acme", connected, status, reason)
	},
		Entry("who looks after its content", "CONTENT_ADMINISTRATOR", metav1.ConditionTrue, rosterv1alpha1.ReasonConnected),
		Entry("who looks at its numbers", "ANALYST", metav1.ConditionUnknown, rosterv1alpha1.ReasonAccountForbidden),
	)
})

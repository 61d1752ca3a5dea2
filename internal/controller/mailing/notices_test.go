// SPDX-License-Identifier: Apache-2.0

package mailing_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/network"
)

// noticesTo are the subjects of the mails about tokens that an address got.
func noticesTo(address string) []string {
	var subjects []string
	for _, raw := range Mails(address) {
		_, rest, _ := strings.Cut(raw, "Subject: ")
		subject, _, _ := strings.Cut(rest, "\r\n")
		if strings.Contains(subject, "connect") {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// owned makes a Member the owner of the organisation.
func owned(ctx context.Context, s Space, by string) {
	GinkgoHelper()
	s.Join(ctx, by)
	s.Owner(ctx, by)
	Eventually(func() string { return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Owner }).Should(Equal(s.Address(by)))
}

func assigned(ctx context.Context, s Space, name, to string) {
	GinkgoHelper()
	Eventually(func() string { return Get[rosterv1alpha1.SocialProfile](ctx, s, name).Status.EngagementAssignee }).Should(Equal(s.Address(to)),
		"what arrives on %s is for %s", name, to)
}

var _ = Describe("Mails about the tokens of a SocialProfile", func() {
	It("go to the responsible person once, and else to the owner", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		owned(ctx, s, "olivia")
		s.Join(ctx, "ana")
		token := Social.Connect(ctx, s.Name)
		secret := s.Tokens(ctx, "tokens", token)
		s.OnX(ctx, "acme", "tokens", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "ana"}
		})
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		assigned(ctx, s, "acme", "ana")

		By("X taking the tokens no longer")
		Social.Revoke(token.AccessToken)
		s.Later(ctx, "acme", 7*time.Hour)
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionFalse, rosterv1alpha1.ReasonTokenInvalid)
		Eventually(func() []string { return noticesTo(s.Address("ana")) }).Should(HaveLen(1), "she hears of it")
		Eventually(func(g Gomega) {
			n := Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Credential.Notice
			g.Expect(n).NotTo(BeNil())
			g.Expect(n.To).To(Equal(s.Address("ana")))
			g.Expect(n.Why).To(Equal(rosterv1alpha1.RecipientResponsible))
		}).Should(Succeed(), "the status says who was told, and why")
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(string(rosterv1alpha1.NoticeExpired)), "an event, too")
		for range 2 {
			s.Later(ctx, "acme", 7*time.Hour)
		}
		Consistently(func() []string { return noticesTo(s.Address("ana")) }).Should(HaveLen(1), "two mails for one failure")
		raw := strings.Join(Mails(s.Address("ana")), "\n")
		Expect(raw).NotTo(ContainSubstring(token.AccessToken))

		By("the responsible person leaving, and other tokens that die as well")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		assigned(ctx, s, "acme", "olivia")
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyAccess] = []byte("never-good") })
		Eventually(func() []string { return noticesTo(s.Address("olivia")) }).Should(HaveLen(1), "the owner hears of it")
		Expect(noticesTo(s.Address("ana"))).To(HaveLen(1))
	})

	It("go out in time before tokens end, and nobody who can renew them is a condition", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		owned(ctx, s, "olivia")
		token := Social.Connect(ctx, s.Name)
		secret := s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: token.AccessToken})
		Patch(ctx, secret, func(secret *corev1.Secret) {
			secret.Data[network.KeyAccessExpiry] = []byte(Now.Now().Add(10 * 24 * time.Hour).Format(time.RFC3339))
		})
		s.OnX(ctx, "acme", "tokens")
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionTokenExpiring, metav1.ConditionTrue, rosterv1alpha1.ReasonExpiring)
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionRenewerAvailable, metav1.ConditionTrue, rosterv1alpha1.ReasonRenewerAvailable)
		Eventually(func() []string { return noticesTo(s.Address("olivia")) }).Should(ConsistOf(ContainSubstring("expires in 10 days")))
		s.Later(ctx, "acme", 8*24*time.Hour)
		Eventually(func() []string { return noticesTo(s.Address("olivia")) }).Should(ConsistOf(
			ContainSubstring("expires in 10 days"), ContainSubstring("expires in 2 days")))
		s.Later(ctx, "acme", 3*24*time.Hour)
		Eventually(func() []string { return noticesTo(s.Address("olivia")) }).Should(ContainElement(ContainSubstring("has expired")))
	})

	It("that the relay does not take for now are told of, and tried again", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		owned(ctx, s, "olivia")
		token := Social.Connect(ctx, s.Name)
		s.Tokens(ctx, "tokens", token)
		s.OnX(ctx, "acme", "tokens")
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		assigned(ctx, s, "acme", "olivia")
		Post.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("olivia"), Code: 451, Enhanced: "4.7.1", Text: "Greylisted"})
		Social.Revoke(token.AccessToken)
		s.Later(ctx, "acme", 7*time.Hour)
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonDeliveryFailing))
		Eventually(func() []string { return noticesTo(s.Address("olivia")) }).Should(HaveLen(1))
	})

	It("that the relay refuses for good are told of as that, and not as mails", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		owned(ctx, s, "olivia")
		Post.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("olivia"), Code: 550, Enhanced: "5.1.1", Text: "User unknown"})
		s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: "never-good"})
		s.OnX(ctx, "acme", "tokens")
		assigned(ctx, s, "acme", "olivia")
		Eventually(func() *rosterv1alpha1.CredentialNotice {
			return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Credential.Notice
		}).ShouldNot(BeNil(), "nobody gets it by being asked again")
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonRejected))
		Consistently(func() []string { return EventsOn(ctx, s, "acme") }).ShouldNot(ContainElement(string(rosterv1alpha1.NoticeAccessLost)))
		Expect(noticesTo(s.Address("olivia"))).To(BeEmpty())
	})

	It("are not sent where the profile does not want them", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		owned(ctx, s, "olivia")
		s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: "never-good"})
		s.OnX(ctx, "acme", "tokens", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Notifications = &rosterv1alpha1.ProfileNotifications{TokenExpiry: new(bool)}
		})
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionFalse, rosterv1alpha1.ReasonTokenInvalid)
		assigned(ctx, s, "acme", "olivia")
		Consistently(func() []string { return noticesTo(s.Address("olivia")) }).Should(BeEmpty())
	})
})

var _ = Describe("Mails about new items on a SocialProfile", func() {
	It("go to the person they are assigned to, once a day, if wished", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		owned(ctx, s, "olivia")
		secret := s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: s.Name})
		Patch(ctx, secret, func(secret *corev1.Secret) { delete(secret.Data, network.KeyAccessExpiry) })
		p := s.Profile(ctx, "acme", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
		})
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		assigned(ctx, s, "acme", "olivia")
		items := func() []string {
			var subjects []string
			for _, raw := range Mails(s.Address("olivia")) {
				if _, rest, ok := strings.Cut(raw, "Subject: Mastodon @acme: "); ok {
					subject, _, _ := strings.Cut(rest, "\r\n")
					subjects = append(subjects, subject)
				}
			}
			return subjects
		}
		Social.Arrives(s.Name, 3)
		s.Later(ctx, "acme", 7*time.Hour)
		Consistently(items).Should(BeEmpty(), "nobody has asked for it")

		Patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Notifications = &rosterv1alpha1.ProfileNotifications{Engagement: ptr.To(true)}
		})
		Eventually(items).Should(Equal([]string{"3 new items"}), "she hears of them")
		Eventually(func(g Gomega) {
			e := Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Engagement
			g.Expect(e).NotTo(BeNil())
			g.Expect(e.To).To(Equal(s.Address("olivia")))
			g.Expect(*e.Known).To(BeEquivalentTo(3))
		}).Should(Succeed(), "the status says who was told of how many")
		Social.Arrives(s.Name, 4)
		s.Later(ctx, "acme", 7*time.Hour)
		Eventually(func() int32 { return *Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Engagement.Unread }).Should(BeEquivalentTo(4))
		Consistently(items).Should(HaveLen(1), "one mail a day")
		s.Later(ctx, "acme", 18*time.Hour)
		Eventually(items).Should(Equal([]string{"3 new items", "1 new item"}))
	})
})

var _ = Describe("New tokens that cannot be stored", func() {
	It("are kept until they can", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		s.Tokens(ctx, "tokens", token)
		s.OnX(ctx, "acme", "tokens", Renews)
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "roster-credentials"}}
		done := make(chan struct{})
		Social.AfterRenewal(func() {
			defer close(done)
			defer GinkgoRecover()
			Social.AfterRenewal(nil)
			Expect(API.Delete(ctx, binding)).To(Succeed())
			as := ClientAs(Cluster.As("roster-manager"))
			Eventually(func() error { return as.Get(ctx, s.Key("tokens"), &corev1.Secret{}) }).ShouldNot(Succeed(), "the operator may no longer")
		})
		s.Later(ctx, "acme", 100*time.Minute)
		Eventually(done).Should(BeClosed(), "X has given new tokens")
		Consistently(func() string { return RefreshTokenIn(ctx, s, "tokens") }).Should(Equal(token.RefreshToken))
		s.OpensSecrets(ctx)
		Eventually(func() string { return RefreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the new tokens are stored")
		p := s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		Expect(meta.IsStatusConditionFalse(p.Status.Conditions, rosterv1alpha1.ConditionTokenExpiring)).To(BeTrue())
	})
})

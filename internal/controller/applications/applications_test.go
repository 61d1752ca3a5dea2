// SPDX-License-Identifier: Apache-2.0

package applications_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/application"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// tool creates an Application.
func tool(ctx context.Context, s Space, name string, change ...func(a *rosterv1alpha1.Application)) *rosterv1alpha1.Application {
	GinkgoHelper()
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Spec:       rosterv1alpha1.ApplicationSpec{RedirectURIs: []string{"https://social.example.com/callback"}},
	}
	for _, c := range change {
		c(a)
	}
	Expect(API.Create(ctx, a)).To(Succeed())
	return a
}

// says waits until an Application says why it is, or is not, Ready, about the newest spec, and returns it.
func says(ctx context.Context, s Space, name, reason string) *rosterv1alpha1.Application {
	GinkgoHelper()
	a := &rosterv1alpha1.Application{}
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, s.Key(name), a)).To(Succeed())
		ready := meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Reason).To(Equal(reason), "%+v", ready)
		g.Expect(a.Status.ObservedGeneration).To(Equal(a.Generation))
	}).Should(Succeed(), "the Application %s comes to say %s", name, reason)
	ExpectSound(a.Status.Conditions, a.Generation, a.Status.ObservedGeneration)
	return a
}

func message(a *rosterv1alpha1.Application) string {
	return meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionReady).Message
}

// secretOf waits for a Secret with a client secret that counts and is not one of the former, and returns it.
func secretOf(ctx context.Context, s Space, name string, former ...string) string {
	GinkgoHelper()
	var clientSecret string
	Eventually(func(g Gomega) {
		var secret corev1.Secret
		g.Expect(API.Get(ctx, s.Key(name+"-openid"), &secret)).To(Succeed())
		clientSecret = string(secret.Data["clientSecret"])
		g.Expect(former).NotTo(ContainElement(clientSecret))
		g.Expect(counts(Get[rosterv1alpha1.Application](ctx, s, name))).To(HaveKey(application.HashOf(clientSecret)))
	}).Should(Succeed(), "a client secret of %s counts", name)
	return clientSecret
}

// counts are the hashes in a status, and how much longer each counts; zero for without end.
func counts(a *rosterv1alpha1.Application) map[string]time.Duration {
	all := map[string]time.Duration{}
	for _, h := range a.Status.SecretHashes {
		all[h.SHA256] = 0
		if h.ExpiryTime != nil {
			all[h.SHA256] = h.ExpiryTime.Sub(Now.Now()).Round(time.Minute)
		}
	}
	return all
}

func removeSecret(ctx context.Context, s Space, name string) {
	GinkgoHelper()
	Expect(API.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name}})).To(Succeed())
}

// nudge has an Application reconciled, as its timer would.
func nudge(ctx context.Context, s Space, name string) {
	GinkgoHelper()
	Patch(ctx, Get[rosterv1alpha1.Application](ctx, s, name), func(a *rosterv1alpha1.Application) {
		metav1.SetMetaDataAnnotation(&a.ObjectMeta, "nudge", Now.Now().String())
	})
}

var _ = Describe("A web application", func() {
	It("tells of a Secret that a quota refuses, which is counted for the alert, and has one when there is room", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "small"}}
		quota.Spec.Hard = corev1.ResourceList{corev1.ResourceSecrets: resource.MustParse("0")}
		Expect(API.Create(ctx, quota)).To(Succeed())
		Eventually(func() corev1.ResourceList {
			Expect(API.Get(ctx, s.Key("small"), quota)).To(Succeed())
			return quota.Status.Used
		}).Should(HaveKey(corev1.ResourceSecrets), "Kubernetes has counted the Secrets")
		refused := func() float64 { return Counted("roster_refused_writes_total", Space{})["Secret"] }
		before := refused()
		tool(ctx, s, "grafana")
		Expect(message(says(ctx, s, "grafana", rosterv1alpha1.ReasonWriteRefused))).To(And(ContainSubstring("grafana-openid"), ContainSubstring("exceeded quota: small")))
		Expect(refused()).To(BeNumerically(">", before))
		Expect(API.Delete(ctx, quota)).To(Succeed())
		Eventually(func(g Gomega) { // its timer takes half a minute
			nudge(ctx, s, "grafana")
			g.Expect(API.Get(ctx, s.Key("grafana-openid"), &corev1.Secret{})).To(Succeed())
		}).Should(Succeed(), "there is room")
		secretOf(ctx, s, "grafana")
	})

	It("gets a client secret in a Secret of its own, in one write of status", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		a := tool(ctx, s, "grafana")
		clientSecret := secretOf(ctx, s, "grafana")
		raw, err := base64.RawURLEncoding.DecodeString(clientSecret)
		Expect(err).NotTo(HaveOccurred())
		Expect(raw).To(HaveLen(32))

		secret := Get[corev1.Secret](ctx, s, "grafana-openid")
		Expect(secret.Data).To(Equal(map[string][]byte{
			"clientID": []byte(s.Name + ".grafana"), "clientSecret": []byte(clientSecret), "issuer": []byte(Issuer),
		}))
		Expect(secret.OwnerReferences).To(HaveLen(1))
		Expect(secret.OwnerReferences[0].UID).To(Equal(a.UID))
		Expect(secret.Labels).To(HaveKeyWithValue("app.kubernetes.io/managed-by", "roster"))

		a = says(ctx, s, "grafana", rosterv1alpha1.ReasonReady)
		Expect(a.Status.ClientID).To(Equal(s.Name + ".grafana"))
		Expect(a.Status.SecretRef.Name).To(Equal("grafana-openid"))
		Expect(counts(a)).To(Equal(map[string]time.Duration{application.HashOf(clientSecret): 0}))
		Expect(message(a)).To(ContainSubstring("Every active Member can sign in, by the client " + s.Name + ".grafana"))
		Consistently(func() int { return Writes.Of("/namespaces/" + s.Name + "/applications/grafana/status") }).Should(Equal(1), "%s", Writes)
		Expect(EventsOn(ctx, s, "grafana")).To(BeEmpty(), "all went as planned")
	})

	It("keeps its secret out of what others than the readers of the Secret see", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		first := secretOf(ctx, s, "grafana")
		removeSecret(ctx, s, "grafana-openid")
		second := secretOf(ctx, s, "grafana", first)
		Eventually(func() []string { return EventsOn(ctx, s, "grafana") }).Should(ContainElement(rosterv1alpha1.ReasonSecretReplaced))
		text, err := yaml.Marshal(Get[rosterv1alpha1.Application](ctx, s, "grafana"))
		Expect(err).NotTo(HaveOccurred())
		var events corev1.EventList
		Expect(API.List(ctx, &events, client.InNamespace(s.Name))).To(Succeed())
		for _, secret := range []string{first, second} {
			Expect(string(text)).NotTo(ContainSubstring(secret))
			Expect(fmt.Sprint(events.Items)).NotTo(ContainSubstring(secret))
		}
	})

	It("gets a new secret when the Secret is deleted, and the former one counts for a day", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		first := secretOf(ctx, s, "grafana")
		removeSecret(ctx, s, "grafana-openid")
		second := secretOf(ctx, s, "grafana", first)
		Expect(counts(Get[rosterv1alpha1.Application](ctx, s, "grafana"))).To(Equal(map[string]time.Duration{
			application.HashOf(second): 0, application.HashOf(first): 24 * time.Hour,
		}))
		Now.SetTime(Now.Now().Add(24*time.Hour + time.Second))
		nudge(ctx, s, "grafana")
		Eventually(func() map[string]time.Duration { return counts(Get[rosterv1alpha1.Application](ctx, s, "grafana")) }).
			Should(Equal(map[string]time.Duration{application.HashOf(second): 0}), "the former one goes")
		Expect(secretOf(ctx, s, "grafana")).To(Equal(second))
	})

	It("is rid of a stolen secret at once, if its spec says so", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana", func(a *rosterv1alpha1.Application) { a.Spec.SecretOverlap = &metav1.Duration{} })
		stolen := secretOf(ctx, s, "grafana")
		removeSecret(ctx, s, "grafana-openid")
		second := secretOf(ctx, s, "grafana", stolen)
		Expect(counts(Get[rosterv1alpha1.Application](ctx, s, "grafana"))).To(Equal(map[string]time.Duration{application.HashOf(second): 0}))
	})

	It("is rid of the former secret when the overlap is shortened afterwards", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		first := secretOf(ctx, s, "grafana")
		removeSecret(ctx, s, "grafana-openid")
		second := secretOf(ctx, s, "grafana", first)
		Patch(ctx, Get[rosterv1alpha1.Application](ctx, s, "grafana"), func(a *rosterv1alpha1.Application) {
			a.Spec.SecretOverlap = &metav1.Duration{}
		})
		Eventually(func() map[string]time.Duration { return counts(Get[rosterv1alpha1.Application](ctx, s, "grafana")) }).
			Should(Equal(map[string]time.Duration{application.HashOf(second): 0}), "the former one goes at once")
	})

	It("leaves a Secret alone that it did not make, whatever that says, and goes on when it is gone", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		prepared := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: s.Name, Name: "grafana-openid", Labels: map[string]string{"app.kubernetes.io/managed-by": "roster"},
				Annotations: map[string]string{rosterv1alpha1.MadeForAnnotation: base64.RawURLEncoding.EncodeToString(make([]byte, 32))},
			},
			StringData: map[string]string{"clientID": s.Name + ".grafana", "clientSecret": "known-to-its-maker", "issuer": Issuer},
		}
		Expect(API.Create(ctx, prepared)).To(Succeed())
		tool(ctx, s, "grafana")
		a := says(ctx, s, "grafana", rosterv1alpha1.ReasonSecretTaken)
		Expect(message(a)).To(And(ContainSubstring("grafana-openid"), ContainSubstring("Delete it"), ContainSubstring("spec.secretName")))
		Expect(a.Status.SecretHashes).To(BeEmpty())
		Expect(a.Status.SecretRef).To(BeNil())
		Expect(meta.IsStatusConditionTrue(a.Status.Conditions, rosterv1alpha1.ConditionStalled)).To(BeTrue())
		Expect(Get[corev1.Secret](ctx, s, "grafana-openid").ResourceVersion).To(Equal(prepared.ResourceVersion))
		Eventually(func() []string { return EventsOn(ctx, s, "grafana") }).Should(ContainElement(rosterv1alpha1.ReasonSecretTaken))

		removeSecret(ctx, s, "grafana-openid")
		secretOf(ctx, s, "grafana", "known-to-its-maker")
		says(ctx, s, "grafana", rosterv1alpha1.ReasonReady)
	})

	It("does not take a client secret that somebody else puts in", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		own := secretOf(ctx, s, "grafana")
		Patch(ctx, Get[corev1.Secret](ctx, s, "grafana-openid"), func(secret *corev1.Secret) {
			secret.Data["clientSecret"] = []byte("known-to-the-one-who-wrote-it")
		})
		a := says(ctx, s, "grafana", rosterv1alpha1.ReasonSecretTaken)
		Expect(counts(a)).To(Equal(map[string]time.Duration{application.HashOf(own): 0}), "what the tool has goes on counting")
	})

	It("does not share the Secret of another application", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		secretOf(ctx, s, "grafana")
		tool(ctx, s, "other", func(a *rosterv1alpha1.Application) { a.Spec.SecretName = "grafana-openid" })
		Expect(says(ctx, s, "other", rosterv1alpha1.ReasonSecretTaken).Status.SecretHashes).To(BeEmpty())
	})

	It("that has the name of one that is gone does not go on with its secret", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		gone := tool(ctx, s, "grafana")
		former := secretOf(ctx, s, "grafana")
		Expect(API.Delete(ctx, gone)).To(Succeed())
		tool(ctx, s, "grafana") // before garbage collection has removed the Secret
		second := secretOf(ctx, s, "grafana", former)
		Expect(counts(says(ctx, s, "grafana", rosterv1alpha1.ReasonReady))).To(Equal(map[string]time.Duration{application.HashOf(second): 0}))
		Expect(Get[corev1.Secret](ctx, s, "grafana-openid").OwnerReferences).To(HaveLen(1))
	})

	It("goes on with its secret after a restore with another UID", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		clientSecret := secretOf(ctx, s, "grafana")
		saved := says(ctx, s, "grafana", rosterv1alpha1.ReasonReady)
		secret := Get[corev1.Secret](ctx, s, "grafana-openid")
		Running.Stop()
		Patch(ctx, secret, func(s *corev1.Secret) { s.OwnerReferences = nil }) // as it comes back without its owner
		Expect(API.Delete(ctx, saved)).To(Succeed())
		restored := &rosterv1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "grafana"}, Spec: saved.Spec}
		Expect(API.Create(ctx, restored)).To(Succeed())
		restored.Status = saved.Status
		Expect(API.Status().Update(ctx, restored)).To(Succeed())
		Running = StartOperator(Cluster.As("roster-manager"))
		Eventually(func() []metav1.OwnerReference { return Get[corev1.Secret](ctx, s, "grafana-openid").OwnerReferences }).
			Should(HaveLen(1), "the Secret belongs to the new object")
		Expect(secretOf(ctx, s, "grafana")).To(Equal(clientSecret))
		Expect(counts(says(ctx, s, "grafana", rosterv1alpha1.ReasonReady))).To(Equal(map[string]time.Duration{application.HashOf(clientSecret): 0}))
	})

	It("of which the operator stopped between Secret and status goes on with the same secret", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		clientSecret := secretOf(ctx, s, "grafana")
		a := Get[rosterv1alpha1.Application](ctx, s, "grafana")
		a.Status = rosterv1alpha1.ApplicationStatus{ObservedGeneration: -1}
		Expect(API.Status().Update(ctx, a)).To(Succeed())
		Eventually(func() map[string]time.Duration { return counts(Get[rosterv1alpha1.Application](ctx, s, "grafana")) }).
			Should(Equal(map[string]time.Duration{application.HashOf(clientSecret): 0}))
	})

	It("says what to do where the operator may not have Secrets, and goes on when it may", func(ctx SpecContext) {
		s := NewSpace(ctx)
		tool(ctx, s, "grafana")
		a := says(ctx, s, "grafana", rosterv1alpha1.ReasonSecretForbidden)
		Expect(message(a)).To(And(ContainSubstring("roster-credentials"), ContainSubstring("spec.secretHash")))
		s.OpensSecrets(ctx)
		nudge(ctx, s, "grafana")
		secretOf(ctx, s, "grafana")
		says(ctx, s, "grafana", rosterv1alpha1.ReasonReady)
	})

	It("takes the hash of a secret that its author has made, without any rights to Secrets", func(ctx SpecContext) {
		s := NewSpace(ctx)
		one, two := application.NewClientSecret(), application.NewClientSecret()
		tool(ctx, s, "grafana", func(a *rosterv1alpha1.Application) { a.Spec.SecretHash = application.HashOf(one) })
		a := says(ctx, s, "grafana", rosterv1alpha1.ReasonReady)
		Expect(counts(a)).To(Equal(map[string]time.Duration{application.HashOf(one): 0}))
		Expect(a.Status.SecretRef).To(BeNil())
		Patch(ctx, a, func(a *rosterv1alpha1.Application) { a.Spec.SecretHash = application.HashOf(two) })
		Eventually(func() map[string]time.Duration { return counts(Get[rosterv1alpha1.Application](ctx, s, "grafana")) }).
			Should(Equal(map[string]time.Duration{application.HashOf(two): 0, application.HashOf(one): 24 * time.Hour}))
	})
})

var _ = Describe("An application", func() {
	It("of type Native has no secret, and gives up the one that it had", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "cli")
		secretOf(ctx, s, "cli")
		Patch(ctx, Get[rosterv1alpha1.Application](ctx, s, "cli"), func(a *rosterv1alpha1.Application) {
			a.Spec.Type = rosterv1alpha1.ApplicationNative
		})
		a := says(ctx, s, "cli", rosterv1alpha1.ReasonReady)
		Expect(a.Status.SecretHashes).To(BeEmpty())
		Expect(a.Status.SecretRef).To(BeNil())
	})

	It("waits for an organisation, and makes no Secret before", func(ctx SpecContext) {
		s := EmptySpace(ctx)
		s.OpensSecrets(ctx)
		tool(ctx, s, "grafana")
		a := says(ctx, s, "grafana", rosterv1alpha1.ReasonOrganizationMissing)
		Expect(meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionStalled)).To(BeNil(), "it may come in the same apply")
		var secrets corev1.SecretList
		Expect(API.List(ctx, &secrets, client.InNamespace(s.Name))).To(Succeed())
		Expect(secrets.Items).To(BeEmpty())
		Expect(API.Create(ctx, &rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "acme"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme"},
		})).To(Succeed())
		secretOf(ctx, s, "grafana")
	})

	It("names the role and the Team that are not there, and admits the others", func(ctx SpecContext) {
		s := NewSpace(ctx)
		tool(ctx, s, "cli", func(a *rosterv1alpha1.Application) {
			a.Spec.Type = rosterv1alpha1.ApplicationNative
			a.Spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Owner", "analyst"}, Teams: []string{"writers"}}
		})
		Expect(message(says(ctx, s, "cli", rosterv1alpha1.ReasonRoleNotFound))).To(And(ContainSubstring("CustomRole analyst"), ContainSubstring("the others can sign in")))
		Expect(API.Create(ctx, &rosterv1alpha1.CustomRole{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "analyst"},
			Spec: rosterv1alpha1.CustomRoleSpec{
				Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionViewTeam},
			},
		})).To(Succeed())
		Expect(message(says(ctx, s, "cli", rosterv1alpha1.ReasonTeamNotFound))).To(ContainSubstring("Team writers"))
		team := &rosterv1alpha1.Team{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "writers"}, Spec: rosterv1alpha1.TeamSpec{Role: rosterv1alpha1.ProfileEditor},
		}
		Expect(API.Create(ctx, team)).To(Succeed())
		Expect(message(says(ctx, s, "cli", rosterv1alpha1.ReasonReady))).To(ContainSubstring("with the role Owner, analyst or in the Team writers"))
		Expect(API.Delete(ctx, team)).To(Succeed())
		says(ctx, s, "cli", rosterv1alpha1.ReasonTeamNotFound)
	})

	It("is counted by whether it is Ready", func(ctx SpecContext) {
		s := NewSpace(ctx)
		tool(ctx, s, "web")
		tool(ctx, s, "cli", func(a *rosterv1alpha1.Application) { a.Spec.Type = rosterv1alpha1.ApplicationNative })
		Eventually(func() map[string]float64 { return Counted("roster_applications", s) }).
			Should(Equal(map[string]float64{"True": 1, "False": 1}))
	})
})

// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/testenv"
)

// OpensSecrets lets the operator read and write the Secrets of the namespace, as the person who sets up the organisation does.
func (s Space) OpensSecrets(ctx context.Context) {
	GinkgoHelper()
	Expect(API.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "roster-credentials"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-credentials"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: testenv.SystemNamespace, Name: "roster-manager"}},
	})).To(Succeed())
}

// Tokens creates a Secret with the tokens of a profile.
func (s Space) Tokens(ctx context.Context, name string, t *oauth2.Token) *corev1.Secret {
	GinkgoHelper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Data:       network.Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, Scopes: []string{"openid"}, AccessExpiry: Now.Now().Add(2 * time.Hour)}.Store(nil),
	}
	Expect(API.Create(ctx, secret)).To(Succeed())
	return secret
}

// OnX declares a profile on X whose tokens are in a Secret.
func (s Space) OnX(ctx context.Context, name, secret string, change ...func(p *rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
	GinkgoHelper()
	return s.Profile(ctx, name, append([]func(p *rosterv1alpha1.SocialProfile){func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.Network, p.Spec.CredentialsSecretRef = rosterv1alpha1.NetworkX, &rosterv1alpha1.LocalReference{Name: secret}
	}}, change...)...)
}

// Renews has the operator renew the tokens.
func Renews(p *rosterv1alpha1.SocialProfile) { p.Spec.Refresh = rosterv1alpha1.RefreshBeforeExpiry }

// ProfileSays waits until a condition of a profile has a reason.
func (s Space) ProfileSays(ctx context.Context, name, kind string, status metav1.ConditionStatus, reason string) *rosterv1alpha1.SocialProfile {
	GinkgoHelper()
	var p rosterv1alpha1.SocialProfile
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, &p)).To(Succeed())
		c := meta.FindStatusCondition(p.Status.Conditions, kind)
		g.Expect(c).NotTo(BeNil(), "%+v", p.Status)
		g.Expect(string(c.Status)+" "+c.Reason).To(Equal(string(status)+" "+reason), "%+v", c)
		g.Expect(meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionReady)).NotTo(BeNil())
	}).Should(Succeed(), "the condition %s of %s comes to be %s, %s", kind, name, status, reason)
	ExpectSound(p.Status.Conditions, p.Generation, p.Status.ObservedGeneration)
	return &p
}

// Later moves the clock and has the operator look at a profile again, as its timer would.
func (s Space) Later(ctx context.Context, name string, d time.Duration) {
	GinkgoHelper()
	Now.SetTime(Now.Now().Add(d))
	Patch(ctx, Get[rosterv1alpha1.SocialProfile](ctx, s, name), func(p *rosterv1alpha1.SocialProfile) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, "nudge", Now.Now().String())
	})
}

// RefreshTokenIn is the refresh token in a Secret.
func RefreshTokenIn(ctx context.Context, s place, name string) string {
	GinkgoHelper()
	return string(Get[corev1.Secret](ctx, s, name).Data[network.KeyRefresh])
}

// ExpectNothingSecret looks for what Secrets hold in an object.
func ExpectNothingSecret(o client.Object, secrets ...*corev1.Secret) {
	GinkgoHelper()
	shown, err := json.Marshal(o)
	Expect(err).NotTo(HaveOccurred())
	for _, secret := range secrets {
		for _, key := range []string{network.KeyAccess, network.KeyRefresh} {
			Expect(bytes.Contains(shown, secret.Data[key])).To(BeFalse(), "%s is in %s", key, shown)
		}
	}
}

// ClientAs is a client of that user.
func ClientAs(as *rest.Config) client.Client {
	GinkgoHelper()
	c, err := client.New(as, client.Options{Scheme: Cluster.Scheme})
	Expect(err).NotTo(HaveOccurred())
	return c
}

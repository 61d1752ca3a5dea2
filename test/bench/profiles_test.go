// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// social is X as far as checks go, at no cost. Every token is good, and opens the account that it is called after.
type social struct {
	*httptest.Server
	checks atomic.Int64
}

func startSocial(b *bench) *social {
	s := &social{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.checks.Add(1)
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		_, _ = io.WriteString(w, `{"data":{"id":"`+token+`","username":"`+token+`"}}`)
	}))
	b.Cleanup(s.Close)
	return s
}

// profiles measures what it costs to look after the tokens of ten organisations with a thousand profiles each.
func profiles(b *bench, r *results) {
	const organizations = 10
	n := 2 * *count
	fmt.Printf("The tokens of %d profiles\n", n)
	b.stopManager()
	for i := range organizations {
		b.organization(tokensOf(i))
		b.must(b.client.Create(b.ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: tokensOf(i), Name: "roster-credentials"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-credentials"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: testenv.SystemNamespace, Name: "roster-manager"}},
		}))
	}
	parallel(n, func(i int) {
		name := fmt.Sprintf("acme-%05d", i)
		object := metav1.ObjectMeta{Namespace: tokensOf(i % organizations), Name: name}
		b.must(b.client.Create(b.ctx, &corev1.Secret{ObjectMeta: object, StringData: map[string]string{"access_token": name}}))
		b.must(b.client.Create(b.ctx, &rosterv1alpha1.SocialProfile{ObjectMeta: object, Spec: rosterv1alpha1.SocialProfileSpec{
			Network: rosterv1alpha1.NetworkX, Handle: name, CredentialsSecretRef: &rosterv1alpha1.LocalReference{Name: name},
		}}))
	})
	writes := b.apiWrites("socialprofiles")
	begin := time.Now()
	b.startManager()
	b.await("every check", 30*time.Minute, func() bool { return b.metric("roster_credential_checks_total", `validity="Valid"`) >= float64(n) })
	r.add(fmt.Sprintf("%d profiles: tokens checked for the first time", n), float64(n)/time.Since(begin).Seconds(), "checks/s", "")
	b.await("every profile to be Connected", 10*time.Minute, func() bool { return b.connected() == n })
	b.settle()
	r.add("API writes per profile, its other conditions included", (b.apiWrites("socialprofiles")-writes)/float64(n), "writes", "1")
	r.add("requests to the network per profile", float64(b.social.checks.Load())/float64(n), "requests", "1")
	r.add(fmt.Sprintf("manager memory with %d profiles", n), b.memory(), "MiB", "")
	unchanged(b, r, n)
}

// unchanged measures what a restart costs when nothing is new.
func unchanged(b *bench, r *results, n int) {
	b.stopManager()
	writes, checks := b.apiWrites("socialprofiles"), b.social.checks.Load()
	begin := time.Now()
	b.startManager()
	b.await("the queues to be empty", 10*time.Minute, func() bool {
		return b.metric("controller_runtime_reconcile_total", `controller="credentials"`) >= float64(n) && b.waiting() == 0
	})
	r.add(fmt.Sprintf("restart with %d profiles: until the queues are empty", n), time.Since(begin).Seconds(), "s", "")
	r.add("restart with profiles: API writes", b.apiWrites("socialprofiles")-writes, "writes", "0")
	r.add("restart with profiles: requests to the network, of those whose turn it is", float64(b.social.checks.Load()-checks), "requests", "")
}

func tokensOf(i int) string { return fmt.Sprintf("tokens-%d", i) }

// connected counts the profiles whose tokens are good.
func (b *bench) connected() int {
	connected := 0
	var list rosterv1alpha1.SocialProfileList
	b.must(b.client.List(b.ctx, &list, client.UnsafeDisableDeepCopy))
	for _, p := range list.Items {
		if meta.IsStatusConditionTrue(p.Status.Conditions, rosterv1alpha1.ConditionConnected) {
			connected++
		}
	}
	return connected
}

// SPDX-License-Identifier: Apache-2.0

package logout_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/openid/logout"
)

// configured is a portal whose configuration names tools.
func configured(clients ...config.OpenIDClient) func(*logout.Options) {
	return func(o *logout.Options) { o.Standing.Clients = clients }
}

// studio is a tool of the platform that listens, and its entry in a configuration.
func (w *world) studio(roles ...rosterv1alpha1.OrganizationRole) (*tool, config.OpenIDClient) {
	w.t.Helper()
	key, err := theKey()
	w.Expect(err).NotTo(HaveOccurred())
	listening := newTool(w.t, "studio", key)
	return listening, config.OpenIDClient{ID: "studio", Roles: roles, BackChannelLogoutURI: listening.url("/logout")}
}

// signInAt signs the person in to a tool of the platform, at a portal with that entry in its configuration.
func (p *person) signInAt(entry config.OpenIDClient) string {
	p.w.t.Helper()
	return p.signInTo(entry.ID, "", "laptop", grant.Facts{
		Platform: &grant.Platform{Roles: entry.Roles, To: entry.BackChannelLogoutURI},
	})
}

// TestPortalsOfDifferentConfiguration: while a configuration is rolled out, a portal ends nothing for what its own says of a tool. What a
// sign-in itself rests on ends it at each portal, and the tool is told. One that is taken out of the configuration is told after a day.
func TestPortalsOfDifferentConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	studio, entry := w.studio(rosterv1alpha1.RoleManager, rosterv1alpha1.RoleMember)
	narrower := entry
	narrower.Roles = []rosterv1alpha1.OrganizationRole{rosterv1alpha1.RoleManager}
	ana, ben, zoe := w.person("ana"), w.person("ben"), w.person("zoe")
	anas, bens, zoes := ana.signInAt(entry), ben.signInAt(entry), zoe.signInAt(entry)
	with := w.replica(configured(entry))
	others := []*replica{w.replica(), w.replica(configured(narrower))}
	w.clock.SetTime(w.clock.Now().Add(23 * time.Hour))
	for _, r := range append(others, with) {
		for _, p := range []*person{ana, ben, zoe} {
			r.Ask(p.of.Name)
		}
	}
	w.Consistently(func(g Gomega) {
		g.Expect(ana.sessions()).To(ConsistOf(anas))
		g.Expect(ben.sessions()).To(ConsistOf(bens))
		g.Expect(studio.requests()).To(BeZero())
	}, 2*time.Second).Should(Succeed(), "no portal ends what another one has begun")

	with.stop() // None that is left has the configuration that the sign-ins began with.
	ana.changeMember(func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleAdvancedMember })
	w.Eventually(studio.ended).Should(ConsistOf(anas), "Ana has none of the roles any more that the tool was for")
	ben.suspend()
	w.Eventually(studio.ended).Should(ConsistOf(anas, bens))
	w.Eventually(ben.grants).Should(BeEmpty())

	for _, r := range others[1:] {
		r.stop() // Now the tool is gone for good.
	}
	w.Expect(zoe.sessions()).To(ConsistOf(zoes))
	w.clock.SetTime(w.clock.Now().Add(time.Hour))
	others[0].Ask(zoe.of.Name)
	w.Eventually(studio.ended).Should(ConsistOf(anas, bens, zoes), "nobody has given it tokens for a day")
	w.Eventually(zoe.grants).Should(BeEmpty())
}

// TestAnApplicationThatNobodySawGo is told where it wanted to be when the person signed in.
func TestAnApplicationThatNobodySawGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.person("ana")
	session := ana.signIn("tool", "laptop")
	w.Expect(w.api.Delete(t.Context(), &rosterv1alpha1.Application{ObjectMeta: objectMeta(w.ns, "tool")})).To(Succeed())
	w.replica()
	w.Eventually(w.tool.ended).Should(ConsistOf(session))
	w.Eventually(ana.grants).Should(BeEmpty())
}

// TestGarbageCollectionIsFaster: of an Account that is deleted, the Secret may go after it has been read and before anything is written.
func TestGarbageCollectionIsFaster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.person("ana")
	session := ana.signIn("tool", "laptop")
	ana.keepSecret()
	release := func(ctx context.Context) error { // as the garbage collector has it deleted
		secret := &corev1.Secret{}
		if err := w.api.Get(ctx, ana.key(), secret); err != nil {
			return client.IgnoreNotFound(err)
		}
		secret.Finalizers = nil
		if err := w.api.Update(ctx, secret); err != nil {
			return client.IgnoreNotFound(err)
		}
		return client.IgnoreNotFound(w.api.Delete(ctx, secret))
	}
	w.replica(func(o *logout.Options) {
		c, err := client.NewWithWatch(cluster.As("roster-portal"), client.Options{Scheme: cluster.Scheme})
		w.Expect(err).NotTo(HaveOccurred())
		o.Secrets = account.ClusterSecrets{Client: interceptor.NewClient(c, interceptor.Funcs{
			Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
				if err := release(ctx); err != nil {
					return err
				}
				return c.Update(ctx, o, options...)
			},
		})}
	})
	w.Expect(w.api.Delete(t.Context(), ana.of)).To(Succeed())
	w.Eventually(w.tool.ended).Should(ConsistOf(session))
}

// behind is a cache that does not know any Application.
type behind struct{ client.Reader }

func (b behind) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if _, ok := o.(*rosterv1alpha1.Application); ok {
		key.Name += "-not-known-yet"
	}
	return b.Reader.Get(ctx, key, o, options...)
}

// TestACacheThatIsBehindEndsNothing: what this replica does not know yet of an Application, another did when somebody signed in.
func TestACacheThatIsBehindEndsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.person("ana")
	session := ana.signIn("tool", "laptop")
	r := w.replica(func(o *logout.Options) { o.Standing.Cache = behind{o.Standing.Cache} })
	w.clock.SetTime(w.clock.Now().Add(time.Hour))
	r.Ask(ana.of.Name)
	w.Consistently(ana.sessions).Should(ConsistOf(session))
	w.Expect(w.tool.requests()).To(BeZero())
}

// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/openid/logout"
	"github.com/roster-dev/roster/internal/portal/openid/standing"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// newSigningKeys are the keys that sign tokens. One that was taken away does not count any more, even if it was the last one.
func newSigningKeys(direct client.Reader, secret client.ObjectKey, c clock.PassiveClock) *web.Source[signing.Set] {
	keys := web.NewSource(direct, secret, signing.FromSecret, c)
	keys.Empty = func(s signing.Set) bool { return len(s) == 0 }
	return keys
}

// firstSigningKey is what a portal that is a provider waits for before it is ready: a key that signs. That it was withdrawn later is no
// reason to turn away people who come for something else.
func firstSigningKey(keys *web.Source[signing.Set]) func(ctx context.Context) error {
	var seen atomic.Bool
	return func(ctx context.Context) error {
		if seen.Load() {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, web.CheckTimeout)
		defer cancel()
		set, err := keys.Keys(ctx)
		switch {
		case err != nil:
			return err
		case len(set) == 0:
			return fmt.Errorf("the Secret %s has no key yet that signs tokens: the manager makes it", keys.Secret)
		}
		seen.Store(true)
		return nil
	}
}

// endSignIns has sign-ins to applications end with what they rest on, and returns the credentials by which the portal's own doings end
// them, too. Where the portal is no provider, it does nothing.
func endSignIns(
	ctx context.Context, mgr manager.Manager, o SetupOptions, direct client.Client, keys *web.Source[signing.Set],
) (account.Secrets, error) {
	secrets := account.ClusterSecrets{Client: direct}
	c := o.Config.Portal.OpenID
	if !c.On() {
		return secrets, nil
	}
	metrics, err := logout.NewMetrics(o.Registry)
	if err != nil {
		return nil, err
	}
	var networks []netip.Prefix
	for _, network := range c.BackChannelNetworks {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, fmt.Errorf("portal.openID.backChannelNetworks: %w", err)
		}
		networks = append(networks, prefix.Masked())
	}
	ender := logout.New(logout.Options{
		Client: direct, Secrets: secrets, Keys: keys, Issuer: c.Issuer, Networks: networks, Clock: o.Clock,
		Standing: &standing.Reader{
			Cache: mgr.GetCache(), Client: direct, Clients: c.Clients,
			Sessions: &session.Manager{Cache: mgr.GetCache(), Links: &link.Store{Clock: o.Clock}},
		},
		Log: mgr.GetLogger().WithName("sign-ins"), Metrics: metrics,
	})
	err = errors.Join(
		ender.Watch(ctx, mgr.GetCache()), mgr.Add(ender),
		mgr.Add(manager.RunnableFunc(func(ctx context.Context) error { return ender.Rounds(ctx, mgr.GetCache()) })))
	return logout.Watched{Secrets: secrets, Ask: ender.Ask}, err
}

// tidyEvery is how often it is looked for what devices have waited for in vain.
const tidyEvery = 10 * time.Minute

// tidying removes device codes that nobody typed.
func (p *Portal) tidying(o SetupOptions) manager.RunnableFunc {
	return func(ctx context.Context) error {
		if !o.Config.Portal.OpenID.On() {
			return nil
		}
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			if err := p.applications.Tidy(ctx, o.Clock.Now()); err != nil && ctx.Err() == nil {
				p.site.Log.Error(err, "Device codes that are over stay until the next look")
			}
		}, wait.Jitter(tidyEvery, 0.2))
		return nil
	}
}

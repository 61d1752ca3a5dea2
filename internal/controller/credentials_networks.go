// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"golang.org/x/time/rate"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/network"
)

// Entries of a Secret with the app that is registered with a network.
const (
	appClientID     = "client_id"
	appClientSecret = "client_secret"
)

// networks finds the network of a profile, and sees to it that none is asked too often.
type networks struct {
	client     client.Reader
	clock      clock.PassiveClock
	namespace  string
	configured []config.Network

	mu       sync.Mutex
	limiters map[string]*rate.Limiter
	resting  map[string]time.Time
}

func newNetworks(o Options, c client.Reader) *networks {
	return &networks{
		client: c, clock: o.Clock, namespace: o.Namespace, configured: o.Config.Networks,
		limiters: map[string]*rate.Limiter{}, resting: map[string]time.Time{},
	}
}

// venue is where the tokens of a profile are asked about.
type venue struct {
	network.Network
	key    string
	wanted []string
	limit  int
}

// of is the network of a profile, or why there is none.
func (n *networks) of(ctx context.Context, p *rosterv1alpha1.SocialProfile) (*venue, *credential.Obstacle, error) {
	c, found := n.find(p)
	if !found {
		return nil, &credential.Obstacle{Reason: rosterv1alpha1.ReasonNetworkNotConfigured, Message: fmt.Sprintf(
			"The operator's configuration does not name the server of %s. Write the handle with its server, such as @acme@mastodon.example, "+
				"and add that server to networks there.", p.Spec.Handle)}, nil
	}
	app, obstacle, err := n.app(ctx, c)
	if obstacle != nil || err != nil {
		return nil, obstacle, err
	}
	at, err := network.New(c.Name, network.Options{URL: c.URL, AuthURL: c.AuthURL, ConnectURL: c.ConnectURL, App: app, Clock: n.clock})
	if err != nil {
		return nil, nil, err
	}
	v := &venue{Network: at, key: string(c.Name) + " " + c.Host(), wanted: c.Scopes, limit: c.ChecksPerMinute}
	if p.Spec.Type == rosterv1alpha1.TypeAdAccount {
		v.wanted = c.AdScopes
	} else if len(c.Scopes) == 0 {
		v.wanted = at.Traits().Scopes
	}
	return v, nil, nil
}

// find is what the configuration says of the network of a profile. Of Mastodon, only the servers that it names are asked: else whoever may
// write a SocialProfile could have the operator send requests anywhere.
func (n *networks) find(p *rosterv1alpha1.SocialProfile) (config.Network, bool) {
	var same []config.Network
	for _, c := range n.configured {
		if c.Name == p.Spec.Network {
			same = append(same, c)
		}
	}
	if p.Spec.Network != rosterv1alpha1.NetworkMastodon {
		if len(same) == 0 {
			return config.Network{Name: p.Spec.Network, ChecksPerMinute: config.ChecksPerMinute}, true
		}
		return same[0], true
	}
	_, server, _ := strings.Cut(strings.TrimPrefix(p.Spec.Handle, "@"), "@")
	if server == "" && len(same) == 1 {
		return same[0], true
	}
	i := slices.IndexFunc(same, func(c config.Network) bool { return c.Host() == strings.ToLower(server) })
	if i < 0 {
		return config.Network{}, false
	}
	return same[i], true
}

// app reads the registration of the operator with a network.
func (n *networks) app(ctx context.Context, c config.Network) (network.App, *credential.Obstacle, error) {
	if c.Secret == "" {
		return network.App{}, nil, nil
	}
	missing := func(what string) (network.App, *credential.Obstacle, error) {
		return network.App{}, &credential.Obstacle{Reason: rosterv1alpha1.ReasonNetworkNotConfigured, Message: fmt.Sprintf(
			"The Secret %s in the operator's namespace, which its configuration names for %s, %s.", c.Secret, c.Name, what)}, nil
	}
	var secret corev1.Secret
	switch err := n.client.Get(ctx, client.ObjectKey{Namespace: n.namespace, Name: c.Secret}, &secret); {
	case apierrors.IsNotFound(err):
		return missing("does not exist")
	case apierrors.IsForbidden(err):
		return missing("may not be read by the operator: name it in the Role roster-manager")
	case err != nil:
		return network.App{}, nil, err
	}
	app := network.App{
		ClientID:     strings.TrimSpace(string(secret.Data[appClientID])),
		ClientSecret: strings.TrimSpace(string(secret.Data[appClientSecret])),
	}
	if app.ClientID == "" {
		return missing("has no entry " + appClientID)
	}
	return app, nil, nil
}

// turn is how long to wait before a network may be asked once more. The place is taken: whoever waits that long need not ask again.
func (n *networks) turn(v *venue) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.clock.Now()
	limiter := n.limiters[v.key]
	if limiter == nil {
		perSecond := float64(v.limit) / 60
		limiter = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
		n.limiters[v.key] = limiter
	}
	wait := limiter.ReserveN(now, 1).DelayFrom(now)
	return max(wait, n.resting[v.key].Sub(now))
}

// rest lets a network alone for as long as it asks, where its limit is one for all profiles.
func (n *networks) rest(v *venue, err error) {
	asked := credential.RestOf(err)
	if asked == 0 || !v.Traits().Shared {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if until := n.clock.Now().Add(asked); until.After(n.resting[v.key]) {
		n.resting[v.key] = until
	}
}

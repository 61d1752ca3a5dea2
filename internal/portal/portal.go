// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Options are what a Portal works with. All but UserPrefix, TrustedProxies and Limits are required.
type Options struct {
	// Cache is where invitations are looked up, prepared by SetupCache. What is decided is decided by what Client reads.
	Cache client.Reader
	// Client reads and writes without a cache.
	Client client.Client
	// Keys verify links.
	Keys *web.KeySource
	// SessionKeys seal cookies.
	SessionKeys *web.KeySource
	// FactorKeys seal the seeds of authenticator apps.
	FactorKeys *web.KeySource
	// Companies are the issuers that people can sign in with.
	Companies oidc.Directory
	// Networks that people can connect profiles of.
	Networks directory.Directory
	// Accounts of the people who accept.
	Accounts *account.Store
	// BaseURL is the public address of the portal. The Host header of a request is never believed.
	BaseURL string
	// UserPrefix may stand before the address in an Invitation's spec.invitedBy.
	UserPrefix string
	// TrustedProxies are the networks (CIDR) whose X-Forwarded-For is believed.
	TrustedProxies []string
	// Limits on requests and tries.
	Limits web.Limits
	// Clock says what time it is.
	Clock clock.PassiveClock
	// Log gets a line for every request and every error, with no token, password or path.
	Log logr.Logger
	// Warn tells the operator of the portal, where they look first, what they have to change. May be nil.
	Warn func(reason, note string)
	// Metrics to count in.
	Metrics *web.Metrics
}

// Portal is the http.Handler of the portal.
type Portal struct {
	site      *web.Site
	headers   http.Header
	mux       *http.ServeMux
	crossSite *http.CrossOriginProtection

	cache      web.Cache
	client     client.Client
	keys       *web.KeySource
	factorKeys *web.KeySource
	accounts   *account.Store
	userPrefix string
	clock      clock.PassiveClock
	log        logr.Logger
	metrics    *web.Metrics
	warn       func(reason, note string)
	clients    web.Clients
	limits     *web.Limiters
	networks   directory.Directory
	companies  oidc.Directory
	// passkeys is nil where browsers offer none.
	passkeys   *factor.RelyingParty
	common     *common.Passwords
	background *web.Background
	// patience is how long a page waits for a status that is behind the mail.
	patience time.Duration

	proxySeen sync.Once
	// stopping says that no more requests should be sent here.
	stopping atomic.Bool
}

// New returns the portal.
func New(o Options) (*Portal, error) {
	clients, clientsErr := web.NewClients(o.TrustedProxies)
	site, siteErr := web.NewSite(web.SiteOptions{
		BaseURL: o.BaseURL, Clients: clients, CookieKeys: o.SessionKeys, Busy: account.ErrBusy, Log: o.Log, Metrics: o.Metrics,
	})
	common, commonErr := common.Load()
	if err := errors.Join(clientsErr, siteErr, commonErr); err != nil {
		return nil, err
	}
	p := &Portal{
		site: site, headers: site.Headers(), crossSite: http.NewCrossOriginProtection(),
		cache: web.Cache{Reader: o.Cache, Log: o.Log}, client: o.Client, keys: o.Keys, factorKeys: o.FactorKeys, accounts: o.Accounts,
		userPrefix: o.UserPrefix, clock: o.Clock, log: o.Log, metrics: o.Metrics, warn: o.Warn,
		clients: clients, limits: web.NewLimiters(o.Limits, o.Clock), networks: o.Networks, companies: o.Companies,
		common: common, background: web.NewBackground(), patience: patience,
	}
	if p.warn == nil {
		p.warn = func(string, string) {}
	}
	// A proxy may hand on another Host than the one that browsers know.
	if err := p.crossSite.AddTrustedOrigin(site.URL.Scheme + "://" + site.URL.Host); err != nil {
		return nil, err
	}
	var err error
	if p.passkeys, err = factor.NewRelyingParty(site.URL, issuerName); err != nil {
		p.log.Info("Passkeys are not offered", "why", err.Error())
	}
	p.mux = site.Serve(p.routes())
	return p, nil
}

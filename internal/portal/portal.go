// SPDX-License-Identifier: Apache-2.0

// Package portal is what invited people and members see. Its pages stand in rooms of their own; here they are put together and served.
package portal

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/limit"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/connect"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/console/activity"
	"github.com/roster-dev/roster/internal/portal/console/applications"
	"github.com/roster-dev/roster/internal/portal/console/bulk"
	"github.com/roster-dev/roster/internal/portal/console/groups"
	"github.com/roster-dev/roster/internal/portal/console/inviting"
	"github.com/roster-dev/roster/internal/portal/console/people"
	"github.com/roster-dev/roster/internal/portal/console/settings"
	"github.com/roster-dev/roster/internal/portal/invite"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/openid"
	"github.com/roster-dev/roster/internal/portal/openid/standing"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/personal"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Options are what a Portal works with. All but As, OpenID, SigningKeys, UserPrefix, TrustedProxies and Limits are required.
type Options struct {
	// Cache is where invitations are looked up, prepared by SetupCache. What is decided is decided by what Client reads, or by a write that
	// carries the version that the cache knows.
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
	// OpenID is the portal as a provider for applications, and SigningKeys are those of its tokens. Without an issuer it is none.
	OpenID      config.OpenID
	SigningKeys *web.Source[signing.Set]
	// Networks that people can connect profiles of.
	Networks directory.Directory
	// Accounts of the people who accept.
	Accounts *account.Store
	// As is the API server as a user meets it, by user name: for the pages by which people look after an organisation. Nil turns them off.
	As func(user string) (client.Client, error)
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

// previewSender is in the mails that people look at before the operator sends them: the portal sends none, and shows no sender.
const previewSender = "Roster <roster@roster.invalid>"

// Portal is the http.Handler of the portal.
type Portal struct {
	site      *web.Site
	headers   http.Header
	mux       *http.ServeMux
	crossSite *http.CrossOriginProtection

	links    *link.Store
	sessions *session.Manager
	// manyPeople are the pages on which many people are changed together.
	manyPeople *bulk.Handler
	// applications are what people sign in to from here.
	applications *openid.Handler
	routes       []web.Route
	// tools are the paths that programs ask at, not browsers.
	tools map[string]bool
	// largeForms are the largest forms of the pages that need larger ones than others, by path.
	largeForms map[string]int64

	limits     *web.Limiters
	background *web.Background
	warn       func(reason, note string)

	proxySeen sync.Once
	// stopping says that no more requests should be sent here.
	stopping atomic.Bool
}

// New returns the portal.
func New(o Options) (*Portal, error) {
	clients, clientsErr := web.NewClients(o.TrustedProxies)
	site, siteErr := web.NewSite(web.SiteOptions{
		BaseURL: o.BaseURL, Clients: clients, CookieKeys: o.SessionKeys, Busy: account.ErrBusy, Clock: o.Clock, Log: o.Log, Metrics: o.Metrics,
		Rooms: []fs.FS{console.Files, people.Files, inviting.Files, bulk.Files, groups.Files, settings.Files, activity.Files, applications.Files,
			openid.Files},
	})
	known, commonErr := common.Load()
	composer, composerErr := mail.NewComposer(previewSender, "")
	if err := errors.Join(clientsErr, siteErr, commonErr, composerErr); err != nil {
		return nil, err
	}
	p := &Portal{
		site: site, headers: site.Headers(), crossSite: http.NewCrossOriginProtection(),
		limits: web.NewLimiters(o.Limits, o.Clock), background: web.NewBackground(), warn: o.Warn,
	}
	if p.warn == nil {
		p.warn = func(string, string) {}
	}
	// A proxy may hand on another Host than the one that browsers know.
	if err := p.crossSite.AddTrustedOrigin(site.URL.Scheme + "://" + site.URL.Host); err != nil {
		return nil, err
	}
	passkeys, err := factor.NewRelyingParty(site.URL, signin.IssuerName)
	if err != nil {
		o.Log.Info("Passkeys are not offered", "why", err.Error())
	}
	p.build(o, passkeys, known, composer)
	p.mux = site.Serve(p.routes, p.sessions.Recognise)
	p.largeForms, p.tools = map[string]int64{}, map[string]bool{}
	for _, r := range p.routes {
		if r.Tool {
			p.tools[r.Path] = true
			if !r.AtHost {
				p.tools[site.Root+r.Path] = true
			}
		}
		if r.MaxBody > 0 {
			p.largeForms[r.Path] = r.MaxBody
		}
	}
	return p, nil
}

// build makes the rooms, each with what it needs, and collects their pages.
func (p *Portal) build(o Options, passkeys *factor.RelyingParty, known *common.Passwords, composer *mail.Composer) {
	cache := web.Cache{Reader: o.Cache, Log: o.Log}
	p.links = &link.Store{Cache: o.Cache, Client: o.Client, Keys: o.Keys, UserPrefix: o.UserPrefix, Patience: link.Patience, Clock: o.Clock}
	p.sessions = &session.Manager{Accounts: o.Accounts, Cache: o.Cache, Links: p.links}
	signIn := &signin.Handler{
		Sessions: p.sessions, Links: p.links, Accounts: o.Accounts, Companies: o.Companies, Passkeys: passkeys, LinkKeys: o.Keys,
		FactorKeys: o.FactorKeys, Common: known, Limits: p.limits, Background: p.background,
	}
	organizations := &organization.Handler{Sessions: p.sessions, Accounts: o.Accounts, Cache: cache}
	if o.As != nil {
		organizations.Team, organizations.Invite, organizations.Teams = people.Path, inviting.Path, groups.TeamsPath
	}
	aboutPerson := &personal.Handler{
		Sessions: p.sessions, SignIn: signIn, Organizations: organizations, Links: p.links, Accounts: o.Accounts, Companies: o.Companies,
		Passkeys: passkeys, FactorKeys: o.FactorKeys, Common: known, Limits: p.limits,
	}
	invitations := &invite.Handler{
		Sessions: p.sessions, SignIn: signIn, Organizations: organizations, Links: p.links, Accounts: o.Accounts, Companies: o.Companies,
		Cache: o.Cache, Client: o.Client, LinkKeys: o.Keys, UserPrefix: o.UserPrefix, Common: known, Limits: p.limits, Metrics: o.Metrics,
	}
	connecting := &connect.Handler{
		Sessions: p.sessions, Organizations: organizations, Networks: o.Networks, Cache: cache, Client: o.Client,
	}
	provider := p.provider(o, cache)
	p.applications = provider
	if o.OpenID.On() {
		aboutPerson.SignIns = openid.PathSignIns
	}
	for _, pattern := range provider.CrossSite() {
		p.crossSite.AddInsecureBypassPattern(pattern)
	}
	p.routes = slices.Concat(
		p.ownRoutes(), invitations.Routes(), signIn.Routes(), aboutPerson.Routes(), organizations.Routes(), connecting.Routes(),
		p.consoleRoutes(o, cache, composer), provider.Routes())
}

// maxPolls bounds the memory of who polls how often, maxLooks that of who has Applications looked up.
const (
	maxPolls = 10_000
	maxLooks = 10_000
)

// provider is the portal as an OpenID provider.
func (p *Portal) provider(o Options, cache web.Cache) *openid.Handler {
	return &openid.Handler{
		Config: o.OpenID, Sessions: p.sessions, Accounts: o.Accounts, Client: o.Client, Companies: o.Companies, Sealing: o.SessionKeys,
		Signing: o.SigningKeys, Limits: p.limits, Polls: limit.New[string](openid.PollsAtMost(), maxPolls), Cache: cache,
		Codes: limit.New[string](openid.DeviceCodesAtMost(), 1), BaseURL: strings.TrimRight(o.BaseURL, "/"),
		Looks: limit.New[string](openid.LooksAtMost(), maxLooks), AllLooks: limit.New[string](openid.AllLooksAtMost(), 1),
		Standing: &standing.Reader{
			Accounts: o.Accounts, Sessions: p.sessions, Cache: o.Cache, Client: o.Client, Clients: o.OpenID.Clients,
		},
	}
}

// consoleRoutes are the pages by which people look after an organisation.
func (p *Portal) consoleRoutes(o Options, cache web.Cache, composer *mail.Composer) []web.Route {
	desk := &console.Desk{
		Sessions: p.sessions, As: o.As, Cache: cache, UserPrefix: o.UserPrefix, Self: o.Client, Warn: p.warn, Metrics: o.Metrics,
	}
	desk.Tabs = slices.Concat(
		[]console.Tab{people.Tab(), inviting.Tab(), bulk.Tab()}, groups.Tabs(),
		[]console.Tab{applications.Tab(), settings.Tab(), activity.Tab()})
	aboutPeople := &people.Handler{Desk: desk}
	invites := &inviting.Handler{Desk: desk, Composer: composer, LinkKeys: o.Keys}
	p.manyPeople = &bulk.Handler{Desk: desk}
	aboutGroups := &groups.Handler{Desk: desk}
	aboutOrganization := &settings.Handler{Desk: desk}
	aboutApplications := &applications.Handler{Desk: desk, Issuer: o.OpenID.Issuer}
	return slices.Concat(
		aboutPeople.Routes(), invites.Routes(), p.manyPeople.Routes(), aboutGroups.Routes(), aboutOrganization.Routes(),
		aboutApplications.Routes(),
		(&activity.Handler{Desk: desk}).Routes())
}

// pathAsset is that of style, icon and script.
const pathAsset = "/assets/{name}"

// ownRoutes are the pages that belong to no room.
func (p *Portal) ownRoutes() []web.Route {
	return []web.Route{
		{Path: "/{$}", Get: p.sessions.Recognise(home)},
		{Path: "/robots.txt", Get: robots},
		{Path: pathAsset, Get: (*web.Visit).Asset},
		// Password managers look for it there (A Well-Known URL for Changing Passwords, W3C).
		{Path: "/.well-known/change-password", Get: func(v *web.Visit) error { return v.SeeOther("/account/password", "") }, AtHost: true},
	}
}

func home(v *web.Visit) error {
	w := v.Words
	return v.Notice(http.StatusOK, web.Notice{Heading: w.T("home.title"), Paragraphs: []string{w.T("home.text"), w.T("home.next")},
		Go: v.ToAccount()})
}

func robots(v *web.Visit) error {
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = v.W.Write([]byte("User-agent: *\nDisallow: /\n"))
	return nil
}

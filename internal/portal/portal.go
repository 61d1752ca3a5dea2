// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
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
	cache       client.Reader
	client      client.Client
	keys        *web.KeySource
	sessionKeys *web.KeySource
	factorKeys  *web.KeySource
	accounts    *account.Store
	userPrefix  string
	clock       clock.PassiveClock
	log         logr.Logger
	metrics     *web.Metrics
	warn        func(reason, note string)

	networks directory.Directory

	base string // BaseURL without a slash at the end
	// hostname of BaseURL.
	hostname string
	root     string // path of BaseURL without a slash at the end
	secure   bool   // BaseURL is https
	headers  http.Header

	pages      *web.Pages
	dictionary *web.Dictionary
	clients    web.Clients
	limits     *web.Limiters
	// passkeys is nil where browsers offer none.
	passkeys     *factor.RelyingParty
	companies    oidc.Directory
	destinations *regexp.Regexp
	common       *common.Passwords
	background   *web.Background
	proxySeen    sync.Once
	// patience is how long a page waits for a status that is behind the mail.
	patience time.Duration
	// stopping says that no more requests should be sent here.
	stopping  atomic.Bool
	mux       *http.ServeMux
	crossSite *http.CrossOriginProtection
}

// New returns the portal.
func New(o Options) (*Portal, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	p := &Portal{
		cache: o.Cache, client: o.Client, keys: o.Keys, sessionKeys: o.SessionKeys, factorKeys: o.FactorKeys, companies: o.Companies,
		networks: o.Networks, base: strings.TrimRight(o.BaseURL, "/"),
		accounts: o.Accounts, userPrefix: o.UserPrefix,
		clock: o.Clock, log: o.Log, metrics: o.Metrics, warn: o.Warn,
		hostname: base.Hostname(), root: strings.TrimRight(base.Path, "/"), secure: base.Scheme == "https", headers: headers(base),
		crossSite: http.NewCrossOriginProtection(), patience: patience,
	}
	if p.warn == nil {
		p.warn = func(string, string) {}
	}
	p.limits, p.background = web.NewLimiters(o.Limits, o.Clock), web.NewBackground()
	var pagesErr, wordsErr, clientsErr, commonErr error
	p.pages, pagesErr = web.NewPages(p.root)
	p.dictionary, wordsErr = web.NewDictionary()
	p.clients, clientsErr = web.NewClients(o.TrustedProxies)
	p.common, commonErr = common.Load()
	// A proxy may hand on another Host than the one that browsers know.
	originErr := p.crossSite.AddTrustedOrigin(base.Scheme + "://" + base.Host)
	if err := errors.Join(pagesErr, wordsErr, clientsErr, commonErr, originErr); err != nil {
		return nil, err
	}
	if p.passkeys, err = factor.NewRelyingParty(base, issuerName); err != nil {
		p.log.Info("Passkeys are not offered", "why", err.Error())
	}
	routes := p.routes()
	p.mux, p.destinations = p.newMux(routes), destinations(routes)
	return p, nil
}

// parseBase wants an address whose path can stand in a route and in links as it is.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("portal address %q: must be one such as https://roster.example.com", s)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9._~/-]*$`).MatchString(u.Path) || strings.Contains(u.Path, "//") {
		return nil, fmt.Errorf("portal address %q: its path may hold letters, digits and ._~- only", s)
	}
	u.Host = browserHost(u)
	return u, nil
}

// browserHost is the host of an address as browsers have it in origins, and in what passkeys are made for: lower case, ASCII, and without
// the port that belongs to the scheme (URL Standard, 3.5; HTML Standard, 7.1).
func browserHost(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if ascii, err := address.Domain(host); err == nil {
		host = ascii
	}
	switch port := u.Port(); {
	case port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme]:
		return net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

// visit is one request, and what is known about it.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	client netip.Addr
	words  web.Words
	// link is the invitation that the page is about.
	link verifiedLink
	// person is who is signed in, on pages that ask for it.
	person *person
	// memberships are their memberships, as far as the session opens them.
	memberships []membership
	// closed are those that ask for another way to sign in. Nothing is told of them.
	closed []membership
	// menu stands on the pages of somebody who is signed in; nil on all others. The guard of a page sets it.
	menu *web.MenuView
	// gives: the visit leads to a membership, so whoever invites must still be allowed to give it. Declining needs nobody's right.
	gives bool
}

// path of a page about the invitation of the visit.
func (p *Portal) path(v *visit, page string) string {
	return p.root + "/invitations/" + v.link.token + page + v.words.Query()
}

// redirect sends the browser to a page about the invitation, which it opens with GET.
func (p *Portal) redirect(v *visit, page string) {
	v.w.Header().Set("Location", p.path(v, page))
	v.w.WriteHeader(http.StatusSeeOther)
}

// visit starts with the language of a page that speaks of no invitation.
func (p *Portal) visit(w http.ResponseWriter, r *http.Request) *visit {
	return &visit{w: w, r: r, client: p.clients.Address(r), words: p.dictionary.Choose(r, "", "")}
}

func (p *Portal) robots(v *visit) {
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = v.w.Write([]byte("User-agent: *\nDisallow: /\n"))
}

func (p *Portal) asset(v *visit) {
	if !p.pages.ServeAsset(v.w, v.r) {
		p.notFound(v)
	}
}

// identified finds the invitation of the link in the cache; otherwise it answers, and returns false.
func (p *Portal) identified(v *visit) bool {
	f, err := p.identify(v.r.Context(), v.r.PathValue("token"))
	if err != nil {
		p.fail(v, form{}, err)
		return false
	}
	p.setLink(v, f)
	return true
}

// open finds the invitation of the link and reads it again; otherwise it answers, and returns false.
func (p *Portal) open(v *visit) bool {
	if !p.identified(v) {
		return false
	}
	err := p.refreshVisit(v)
	if err == nil && v.r.Method != http.MethodPost && v.link.check(p.clock.Now()) == invitation.LinkNotReady {
		err = p.catchUp(v)
	}
	if err != nil {
		p.fail(v, form{}, err)
		return false
	}
	return true
}

func (p *Portal) refreshVisit(v *visit) error {
	f, err := p.refresh(v.r.Context(), v.link)
	return p.refreshed(v, f, err)
}

// lookAround reads again what stands around an invitation that has been read. That it has not changed itself, its version tells when it is
// written.
func (p *Portal) lookAround(v *visit) error {
	f, err := p.regather(v.r.Context(), v.link, v.link.offer.Invitation)
	return p.refreshed(v, f, err)
}

func (p *Portal) refreshed(v *visit, f verifiedLink, err error) error {
	if err == nil && v.gives {
		err = p.review(v.r.Context(), &f)
	}
	if err == nil {
		p.setLink(v, f)
	}
	return err
}

func (p *Portal) setLink(v *visit, f verifiedLink) {
	v.link = f
	otherwise := f.offer.Locale()
	v.words = p.dictionary.Choose(v.r, f.offer.Invitation.Spec.Locale, otherwise)
}

// isForm reports whether the body was an HTML form's: nothing else has been parsed.
func isForm(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded"
}

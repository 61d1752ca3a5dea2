// SPDX-License-Identifier: Apache-2.0

// Package connect has the pages on which people connect social profiles to an organisation: which there are, the way to a network and back,
// and what became of it.
package connect

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Handler of the pages on which people connect profiles.
type Handler struct {
	Sessions      *session.Manager
	Organizations *organization.Handler
	// Networks that people can connect profiles of.
	Networks directory.Directory
	Cache    web.Cache
	Client   client.Client
}

// The way to a network and back that a browser has begun. The browser carries it, so that any replica can go on. Tokens stay in the
// cluster.
const (
	connectCookie = "roster-connect"
	connectUse    = "roster.dev portal connection v1"
	// connectFor is how long somebody may take, from setting out to choosing accounts.
	connectFor = connection.DraftLifetime
)

// The parameters of the pages, besides the language.
const (
	parameterServer  = "server"
	parameterProfile = "profile"
)

// The fields of the form for networks that people sign in to with an app password.
const (
	fieldHandle      = "handle"
	fieldAppPassword = "appPassword"
)

// connecting is how far somebody is.
type connecting struct {
	// AccountUID of the person, and the namespace of the organisation.
	AccountUID string `json:"account"`
	Namespace  string `json:"namespace"`
	// Network and, of Mastodon, its server.
	Network rosterv1alpha1.Network `json:"network,omitempty"`
	Server  string                 `json:"server,omitempty"`
	// Repair is the profile that is connected again; nil for a new one.
	Repair *connection.Profile `json:"repair,omitempty"`
	// Until is when this is over.
	Until time.Time `json:"until"`
	// State and Verifier are those of the authorization, while the person is away.
	State    string `json:"state,omitempty"`
	Verifier string `json:"verifier,omitempty"`
	// Draft names the Secret with what they came back with, Order the one that the operator answers in.
	Draft string `json:"draft,omitempty"`
	Order string `json:"order,omitempty"`
}

// connectPage tells what happens next, or asks for an app password.
type connectPage struct {
	web.Fields
	Network string
	// Profile that is connected again; empty for a new one.
	Profile string
	// Go leads to the network; Action takes the app password.
	Go, Action string
	Handle     string
	Back       string
}

// Routes are the pages on which people connect social profiles.
func (h *Handler) Routes() []web.Route {
	const profiles, connect = "/organizations/{namespace}/profiles", "/organizations/{namespace}/connect/{network}"
	member, recent := h.Sessions.RequireMember, h.Sessions.RequireRecentMember
	return []web.Route{
		{Path: profiles, Get: member(h.getSocialProfiles), Returnable: true},
		{Path: profiles + "/outcome", Get: member(h.getOutcome)},
		{Path: profiles + "/{profile}/remove", Get: recent(h.getRemove), Post: recent(h.postRemove), Returnable: true},
		{Path: connect, Get: member(h.getConnect), Post: member(h.postConnect), Returnable: true},
		{Path: connect + "/go", Get: member(h.goToNetwork)},
		{Path: connect + "/choose", Get: member(h.getChoose), Post: member(h.postChoose), Returnable: true},
		{Path: "/connect/{network}/callback", Get: h.Sessions.Require(h.backFromNetwork)},
	}
}

func (h *Handler) getConnect(v *session.MemberVisit) error {
	n, err := h.findTarget(v)
	if err != nil {
		return err
	}
	handle := ""
	if n.profile != nil {
		handle = n.profile.Spec.Handle
	}
	return h.connectForm(v, n, handle, nil)
}

func (h *Handler) connectForm(v *session.MemberVisit, n networkTarget, handle string, problems []web.Problem) error {
	page := connectPage{
		Fields: web.Fields{Problems: problems}, Network: n.title(), Handle: handle, Back: v.OrganizationPath(v.Member.Namespace, "/profiles"),
	}
	if n.profile != nil {
		page.Profile = n.profile.Spec.Handle
	}
	if n.Name == rosterv1alpha1.NetworkBluesky {
		page.Action = connectPath(v.Visit, v.Member.Namespace, n, "")
	} else {
		page.Go = connectPath(v.Visit, v.Member.Namespace, n, "/go")
	}
	return v.Form(web.PageConnect, v.Words.T("connect.title", "Network", n.title()), problems, page)
}

// goToNetwork answers GET /organizations/{namespace}/connect/{network}/go: it sends the browser there, and changes nothing.
func (h *Handler) goToNetwork(v *session.MemberVisit) error {
	n, err := h.findTarget(v)
	if err != nil {
		return err
	}
	// Nothing is connected because somebody else sent a person here: that takes a click on a page of the portal.
	if !v.FromOwnPage() {
		return h.connectForm(v, n, "", nil)
	}
	there, err := h.Networks.Open(v.R.Context(), n.Network)
	if err != nil {
		return h.connectFailed(v.Visit, v.Member.Namespace, n, err)
	}
	redirector, ok := network.Redirects(there)
	if !ok {
		return v.NotFound()
	}
	way := h.setOut(v, n)
	way.State, way.Verifier = rand.Text(), oauth2.GenerateVerifier()
	if err := v.SealCookie(connectCookie, connectUse, way, connectFor); err != nil {
		return err
	}
	return v.Redirect(redirector.AuthorizeURL(authorization(v.Visit, way, n, there)))
}

// setOut is the beginning of a way.
func (h *Handler) setOut(v *session.MemberVisit, n networkTarget) connecting {
	way := connecting{
		AccountUID: string(v.Person.Account.UID), Namespace: v.Member.Namespace, Network: n.Name, Server: n.server(),
		Until: v.Now().Add(connectFor),
	}
	if n.profile != nil {
		way.Repair = &connection.Profile{Name: n.profile.Name, UID: string(n.profile.UID)}
	}
	return way
}

func authorization(v *session.Visit, way connecting, n networkTarget, there network.Network) network.Authorization {
	return network.Authorization{
		State: way.State, Verifier: way.Verifier, RedirectURL: v.URL("/connect/" + slug(way.Network) + "/callback"),
		Scopes: n.scopes(there.Traits()),
	}
}

// underway is the way that the browser is on, and the network; nil if it is on none, it is over, or it is not this person's.
func (h *Handler) underway(v *session.Visit) (*connecting, networkTarget, error) {
	var way connecting
	ok, err := v.OpenCookie(connectCookie, connectUse, &way)
	if err != nil || !ok || !v.Now().Before(way.Until) || way.AccountUID != string(v.Person.Account.UID) {
		return nil, networkTarget{}, err
	}
	c, ok := h.Networks.Named(way.Network, way.Server)
	if !ok {
		return nil, networkTarget{}, nil
	}
	return &way, networkTarget{Network: c}, nil
}

func (h *Handler) backFromNetwork(v *session.Visit) error {
	way, n, err := h.underway(v)
	if err != nil {
		return err
	}
	query := v.R.URL.Query()
	if way == nil || way.State == "" || slug(way.Network) != v.R.PathValue("network") ||
		subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(way.State)) != 1 {
		return h.connectLost(v)
	}
	// RFC 6749, section 4.1.2.1. Whatever else stands there is the network's and not shown.
	if problem := query.Get("error"); problem != "" || query.Get("code") == "" {
		v.Log().Info("A network sent somebody back without a code", "network", way.Network, "error", oauthError(problem))
		return h.connectFailed(v, way.Namespace, n, errDenied)
	}
	there, err := h.Networks.Open(v.R.Context(), n.Network)
	if err != nil {
		return h.connectFailed(v, way.Namespace, n, err)
	}
	redirector, ok := network.Redirects(there)
	if !ok {
		return v.NotFound()
	}
	tokens, err := redirector.Exchange(v.R.Context(), query.Get("code"), authorization(v, *way, n, there))
	if err != nil {
		return h.connectFailed(v, way.Namespace, n, err)
	}
	return h.arrive(v, *way, connection.Draft{Entries: tokens.Store(nil)})
}

// oauthError keeps what may stand in a log of an error code (RFC 6749, appendix A.7).
func oauthError(code string) string {
	const longest = 60
	return strings.Map(func(r rune) rune {
		if r >= ' ' && r < 0x7f {
			return r
		}
		return -1
	}, code[:min(len(code), longest)])
}

// postConnect answers POST /organizations/{namespace}/connect/{network}, which brings an app password.
func (h *Handler) postConnect(v *session.MemberVisit) error {
	n, err := h.findTarget(v)
	if err != nil {
		return err
	}
	if n.Name != rosterv1alpha1.NetworkBluesky {
		return v.MethodNotAllowed(web.AllowGet)
	}
	handle := network.Handle(n.Name, v.R.PostForm.Get(fieldHandle))
	tokens := network.Tokens{Handle: handle, AppPassword: strings.TrimSpace(v.R.PostForm.Get(fieldAppPassword))}
	var problems []web.Problem
	if tokens.Handle == "" {
		problems = append(problems, web.Problem{Field: fieldHandle, Text: v.Words.T("error.handle.missing")})
	} else if !network.SignsIn(handle) {
		problems = append(problems, web.Problem{Field: fieldHandle, Text: v.Words.T("error.handle.invalid")})
	}
	if tokens.AppPassword == "" {
		problems = append(problems, web.Problem{Field: fieldAppPassword, Text: v.Words.T("error.appPassword.missing")})
	}
	if len(problems) == 0 {
		there, err := h.Networks.Open(v.R.Context(), n.Network)
		if err == nil {
			_, err = offersOf(v.R.Context(), there, tokens)
		}
		if network.ValidityOf(err) == network.Invalid {
			problems = append(problems, web.Problem{Field: fieldAppPassword, Text: v.Words.T("error.appPassword.refused")})
		} else if err != nil {
			return h.connectFailed(v.Visit, v.Member.Namespace, n, err)
		}
	}
	if len(problems) > 0 {
		return h.connectForm(v, n, handle, problems)
	}
	return h.arrive(v.Visit, h.setOut(v, n), connection.Draft{Handle: handle, Entries: tokens.Store(nil)})
}

// arrive keeps what somebody brought back, and has them choose.
func (h *Handler) arrive(v *session.Visit, way connecting, d connection.Draft) error {
	d.AccountUID, d.Time = way.AccountUID, metav1.NewTime(v.Now())
	secret, err := d.Secret()
	if err == nil {
		err = h.Client.Create(v.R.Context(), secret)
	}
	if err == nil {
		way.State, way.Verifier, way.Draft = "", "", secret.Name
		err = v.SealCookie(connectCookie, connectUse, way, connectFor)
	}
	if err != nil {
		return err
	}
	return v.SeeOther("/organizations/"+way.Namespace+"/connect/"+slug(way.Network)+"/choose", "")
}

// offersOf are the accounts that tokens open.
func offersOf(ctx context.Context, there network.Network, t network.Tokens) ([]network.Offer, error) {
	connector, ok := network.Connects(there)
	if !ok {
		return nil, errors.New("portal: this network connects no accounts")
	}
	return connector.Offers(ctx, t)
}

// errDenied says that a network sent somebody back without what they went for.
var errDenied = errors.New("the person or the network said no")

// connectFailed says why nothing has been connected. The log says more.
func (h *Handler) connectFailed(v *session.Visit, namespace string, n networkTarget, err error) error {
	w, status := v.Words, http.StatusBadGateway
	var text string
	missing, unset := errors.AsType[*directory.NotConfiguredError](err)
	fault, told := errors.AsType[*network.Error](err)
	switch {
	case errors.Is(err, errDenied):
		status, text = http.StatusForbidden, w.T("connect.denied", "Network", n.title())
	case unset:
		v.Log().Info("A network cannot be connected", "network", n.Name, "why", missing.Message)
		status, text = http.StatusServiceUnavailable, w.T("connect.unset", "Network", n.title())
	case told && fault.Kind == network.KindLimit:
		status, text = http.StatusServiceUnavailable, w.T("connect.limit", "Network", n.title())
	case network.ValidityOf(err) == network.Closed:
		status, text = http.StatusForbidden, w.T("connect.closed", "Network", n.title())
	case told && fault.Kind == network.KindScope:
		status, text = http.StatusForbidden, w.T("connect.scope", "Network", n.title())
	case told:
		text = w.T("connect.refused", "Network", n.title())
	default:
		return err
	}
	if told {
		v.Log().Info("A network did not do what it was asked", "network", n.Name, "why", fault.Message)
	}
	v.Audit(web.EventConnect, web.ResultFailure, v.Person.Account.Name, "namespace", namespace, "network", n.Name)
	return v.Notice(status, web.Notice{Symbol: web.SymbolStop, Heading: w.T("connect.failed"),
		Paragraphs: []string{text, w.T("connect.nothing")}, Go: h.toProfiles(v, namespace)})
}

// connectLost is for an answer that belongs to no way that the browser is on.
func (h *Handler) connectLost(v *session.Visit) error {
	w := v.Words
	return v.Notice(http.StatusBadRequest, web.Notice{Symbol: web.SymbolClock, Heading: w.T("connect.failed"),
		Paragraphs: []string{w.T("connect.lost"), w.T("connect.nothing")},
		Go:         web.Action{Text: w.T("connect.account"), Href: v.Path("/account")}})
}

// toProfiles leads back to the profiles of an organisation.
func (h *Handler) toProfiles(v *session.Visit, namespace string) web.Action {
	return web.Action{Text: v.Words.T("connect.profiles"), Href: v.OrganizationPath(namespace, "/profiles")}
}

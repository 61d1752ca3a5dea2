// SPDX-License-Identifier: Apache-2.0

// Package network asks social networks about the tokens of a profile, and renews them. Each network is one file, with what its
// documentation says about endpoints, lifetimes, error codes and rotation.
package network

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/utils/clock"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/tracing"
)

// Network is a social network, as far as tokens go.
type Network interface {
	Traits() Traits
	// Check asks the network about tokens, and whether they open the account that AccountID and Type name, where that may be another than the
	// one they are of. ValidityOf its error says how they stand; what the network told is returned even then. An error of KindScope says that
	// tokens that are good do not reach so far.
	Check(ctx context.Context, t Tokens) (Report, error)
	// Renew gets new tokens. Only what is new is in the result: Tokens.With puts it over the old.
	Renew(ctx context.Context, t Tokens) (Tokens, error)
}

// Inbox is a Network that tells how many items nobody has looked at yet.
type Inbox interface {
	Unread(ctx context.Context, t Tokens) (int, error)
}

// Traits are what the documentation of a network says about its tokens.
type Traits struct {
	// SingleUse: a refresh token is good for one use.
	SingleUse bool
	// Lead is how long before the access token expires a renewal is due.
	Lead time.Duration
	// Scopes are what publishing and answering need.
	Scopes []string
	// Shared: the network counts the requests of the app or the address, not of the account alone. If one is told to wait, all wait.
	Shared bool
	// AdAccounts: the network is asked about ad accounts, too. Of others, it tells nothing about one.
	AdAccounts bool
	// Renewable reports whether these tokens hold all that a renewal needs.
	Renewable func(t Tokens) bool
}

// Report is what a network says about tokens. What it does not tell is left at its zero value.
type Report struct {
	// AccountID is the network's own name of the account: it stays when the handle changes.
	AccountID string
	Handle    string
	// Scopes that the token has; nil where the network does not tell.
	Scopes []string
	// AccessExpiry is when the access token ends, DataAccessExpiry when the network wants the person to agree again.
	AccessExpiry, DataAccessExpiry time.Time
}

// App is the registration of Roster with a network. Zero: there is none.
type App struct{ ClientID, ClientSecret string }

func (a App) registered() bool { return a.ClientID != "" && a.ClientSecret != "" }

// Options are how to reach a network.
type Options struct {
	// URL is where its API is; the network's own address by default. Mastodon has none.
	URL string
	// AuthURL is where its tokens come from; the network's own address by default.
	AuthURL string
	// ConnectURL is where people agree to be connected; where URL is by default, and the network's own address if that is the network's.
	ConnectURL string
	App        App
	// HTTP sends the requests. Redirects are not followed, so that no token goes elsewhere.
	HTTP  *http.Client
	Clock clock.PassiveClock
}

// Timeout of one request to a network.
const Timeout = 20 * time.Second

// New is a network by its name.
func New(name rosterv1alpha1.Network, o Options) (Network, error) {
	build, ok := builders()[name]
	if !ok {
		return nil, fmt.Errorf("network: %q: is not one that Roster knows", name)
	}
	client := http.Client{Timeout: Timeout}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	client.Transport = tracing.Peer(string(name), client.Transport)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.URL == "" && build.url == "" {
		return nil, fmt.Errorf("network: %s has no address of its own: name the server", name)
	}
	c := caller{http: &client, clock: o.Clock, app: o.App, url: address(o.URL, build.url)}
	own := builder{authURL: c.url, connectURL: c.url}
	if c.url == build.url {
		own.authURL, own.connectURL = cmp.Or(build.authURL, c.url), cmp.Or(build.connectURL, c.url)
	}
	c.authURL, c.connectURL = address(o.AuthURL, own.authURL), address(o.ConnectURL, own.connectURL)
	return discreet{Network: build.with(c), app: o.App}, nil
}

// address is one that was chosen, or else the usual one.
func address(chosen, usual string) string { return strings.TrimSuffix(cmp.Or(chosen, usual), "/") }

// builder is how a network is made, and where it is. Where tokens come from and where people agree is the same place if nothing is said.
type builder struct {
	with                     func(caller) Network
	url, authURL, connectURL string
}

func builders() map[rosterv1alpha1.Network]builder {
	return map[rosterv1alpha1.Network]builder{
		rosterv1alpha1.NetworkFacebook: {newFacebook, "https://graph.facebook.com", "", "https://www.facebook.com"},
		rosterv1alpha1.NetworkInstagram: {
			newInstagram, "https://graph.instagram.com", "https://api.instagram.com", "https://www.instagram.com",
		},
		rosterv1alpha1.NetworkThreads:  {newThreads, "https://graph.threads.net", "", "https://threads.net"},
		rosterv1alpha1.NetworkX:        {newX, "https://api.x.com", "", "https://x.com"},
		rosterv1alpha1.NetworkLinkedIn: {newLinkedIn, "https://api.linkedin.com", "https://www.linkedin.com", "https://www.linkedin.com"},
		rosterv1alpha1.NetworkYouTube: {
			newYouTube, "https://www.googleapis.com", "https://oauth2.googleapis.com", "https://accounts.google.com",
		},
		rosterv1alpha1.NetworkTikTok:    {newTikTok, "https://open.tiktokapis.com", "", "https://www.tiktok.com"},
		rosterv1alpha1.NetworkPinterest: {newPinterest, "https://api.pinterest.com", "", "https://www.pinterest.com"},
		rosterv1alpha1.NetworkMastodon:  {with: newMastodon},
		rosterv1alpha1.NetworkBluesky:   {with: newBluesky, url: "https://bsky.social"},
	}
}

// discreet sees to it that no token is in an error: errors end up in conditions and logs, and some networks repeat what they were sent.
type discreet struct {
	Network
	app App
}

func (d discreet) Check(ctx context.Context, t Tokens) (Report, error) {
	report, err := d.Network.Check(ctx, t)
	if t.Type == rosterv1alpha1.TypeAdAccount && (t.AccountID == "" || !d.Traits().AdAccounts) {
		report.AccountID, report.Handle = "", "" // are those of the person, who has any number of ad accounts
	}
	return report, d.scrub(err, t)
}

func (d discreet) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	renewed, err := d.Network.Renew(ctx, t)
	return renewed, d.scrub(err, t)
}

// Unread is how many items nobody has looked at yet; told is false where the network does not tell.
func Unread(ctx context.Context, n Network, t Tokens) (unread int, told bool, err error) {
	d, _ := n.(discreet)
	inbox, ok := d.Network.(Inbox)
	if !ok {
		return 0, false, nil
	}
	unread, err = inbox.Unread(ctx, t)
	return unread, err == nil, d.scrub(err, t)
}

func (d discreet) scrub(err error, t Tokens, others ...string) error {
	if err == nil {
		return nil
	}
	fault := faultOf(err)
	for _, secret := range append(others, t.Access, t.Refresh, t.AppPassword, d.app.ClientSecret) {
		if secret = oneLine(secret); secret != "" {
			fault.Message = strings.ReplaceAll(fault.Message, secret, "[secret]")
		}
	}
	fault.Message = short(fault.Message)
	return &fault
}

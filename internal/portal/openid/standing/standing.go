// SPDX-License-Identifier: Apache-2.0

// Package standing gathers what grants rest on: the Account and its Secret as the API server has them, the rest from the cache. No grant
// ends because the cache is behind with an Application.
package standing

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/session"
)

// ErrNobody is for an Account that does not exist or has no credentials.
var ErrNobody = errors.New("no such account")

// Reader gathers what grants rest on.
type Reader struct {
	Accounts *account.Store
	Sessions *session.Manager
	Cache    client.Reader
	// Client reads without a cache.
	Client client.Reader
	// Clients are the applications of the platform.
	Clients []config.OpenIDClient
}

// Application of that client ID, as the cache knows it. It is nil where no organisation has one of it, and where it is the platform's.
func (r *Reader) Application(ctx context.Context, clientID string) (*rosterv1alpha1.Application, error) {
	return application(ctx, r.Cache, clientID)
}

// Current is the Application of that client ID as the API server has it: the cache is behind what has just been applied, and more so where
// a watch has broken off. It is for when the cache's answer would be a refusal.
func (r *Reader) Current(ctx context.Context, clientID string) (*rosterv1alpha1.Application, error) {
	return application(ctx, r.Client, clientID)
}

func application(ctx context.Context, from client.Reader, clientID string) (*rosterv1alpha1.Application, error) {
	namespace, name, ok := strings.Cut(clientID, ".")
	if !ok || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return nil, nil
	}
	a := &rosterv1alpha1.Application{}
	err := from.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, a)
	if err != nil || a.DeletionTimestamp != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return a, nil
}

// Configured is the application of the platform with that client ID; nil where there is none.
func (r *Reader) Configured(clientID string) *config.OpenIDClient {
	i := slices.IndexFunc(r.Clients, func(c config.OpenIDClient) bool { return c.ID == clientID })
	if i < 0 {
		return nil
	}
	return &r.Clients[i]
}

// Platform is what grants rest on of an application of the platform; nil where there is none.
func (r *Reader) Platform(clientID string) *grant.Platform {
	c := r.Configured(clientID)
	if c == nil {
		return nil
	}
	return &grant.Platform{Roles: c.Roles, To: c.BackChannelLogoutURI}
}

// Person reads an Account and its credentials. The error is ErrNobody, or that of the API server.
func (r *Reader) Person(ctx context.Context, name string) (*rosterv1alpha1.Account, account.Credentials, error) {
	of, err := r.Accounts.Named(ctx, name)
	if errors.Is(err, account.ErrNotFound) || errors.Is(err, account.ErrTerminating) || errors.Is(err, account.ErrMismatch) {
		return nil, account.Credentials{}, ErrNobody
	}
	if err != nil {
		return nil, account.Credentials{}, err
	}
	c, err := r.Accounts.Credentials(ctx, of)
	if errors.Is(err, account.ErrNoCredentials) {
		return nil, account.Credentials{}, ErrNobody
	}
	return of, c, err
}

// Facts are what a grant of a person rests on. The Account is nil if it is gone. Where the grant would not count for what the cache knows
// of its Application, they have that as it is now.
func (r *Reader) Facts(
	ctx context.Context, of *rosterv1alpha1.Account, c account.Credentials, g *grant.Grant, now time.Time,
) (grant.Facts, error) {
	f := grant.Facts{Account: of, Credentials: c, Platform: r.Platform(g.Client)}
	var err error
	if f.Application, err = r.Application(ctx, g.Client); err != nil || of == nil {
		return f, err
	}
	memberships, err := r.Sessions.Memberships(ctx, of)
	if err != nil {
		return f, err
	}
	for _, m := range memberships {
		f.Memberships = append(f.Memberships, grant.Membership{Member: m.Member, Organization: m.Organization})
	}
	if !g.OfPlatform() && grant.Counts(g, f, now).OfApplication() {
		f.Application, err = r.Current(ctx, g.Client)
	}
	return f, err
}

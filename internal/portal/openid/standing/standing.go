// SPDX-License-Identifier: Apache-2.0

// Package standing gathers what grants rest on: the Account and its Secret as the API server has them, the rest from the cache.
package standing

import (
	"context"
	"errors"
	"slices"
	"strings"

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
	// Clients are the applications of the platform.
	Clients []config.OpenIDClient
}

// Application of that client ID. It is nil where an organisation has none of it, and where it is one of the platform.
func (r *Reader) Application(ctx context.Context, clientID string) (*rosterv1alpha1.Application, error) {
	namespace, name, ok := strings.Cut(clientID, ".")
	if !ok {
		return nil, nil
	}
	a := &rosterv1alpha1.Application{}
	err := r.Cache.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, a)
	if err != nil || a.DeletionTimestamp != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return a, nil
}

// Platform is the application of the platform with that client ID; nil where there is none.
func (r *Reader) Platform(clientID string) *config.OpenIDClient {
	i := slices.IndexFunc(r.Clients, func(c config.OpenIDClient) bool { return c.ID == clientID })
	if i < 0 {
		return nil
	}
	return &r.Clients[i]
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

// Facts are what the grants of a person at an application rest on. The Account is nil if it is gone.
func (r *Reader) Facts(
	ctx context.Context, of *rosterv1alpha1.Account, c account.Credentials, clientID string,
) (grant.Facts, error) {
	f := grant.Facts{Account: of, Credentials: c, Platform: r.Platform(clientID) != nil}
	var err error
	if f.Application, err = r.Application(ctx, clientID); err != nil || of == nil {
		return f, err
	}
	memberships, err := r.Sessions.Memberships(ctx, of)
	for _, m := range memberships {
		f.Memberships = append(f.Memberships, grant.Membership{Member: m.Member, Organization: m.Organization})
	}
	return f, err
}

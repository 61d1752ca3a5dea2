// SPDX-License-Identifier: Apache-2.0

package testpeer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Bluesky is a running Personal Data Server (npm: @atproto/pds), with a PLC directory of its own.
type Bluesky struct {
	*peer
	URL string
	// JWTSecret is the key that the server signs access and refresh tokens with (HS256), so that a test can make one that has expired.
	JWTSecret string
	// AdminPassword is the one of the user admin, who may take accounts down.
	AdminPassword string
}

// BlueskyAccount is an account on the server.
type BlueskyAccount struct {
	DID        string `json:"did"`
	Handle     string `json:"handle"`
	AccessJWT  string `json:"accessJwt"`
	RefreshJWT string `json:"refreshJwt"`
}

// StartBluesky runs a Personal Data Server.
func StartBluesky(ctx context.Context) (*Bluesky, error) {
	var ready struct{ URL, JWTSecret, AdminPassword string }
	p, err := start(ctx, "bluesky.mjs", &ready)
	if err != nil {
		return nil, err
	}
	return &Bluesky{peer: p, URL: ready.URL, JWTSecret: ready.JWTSecret, AdminPassword: ready.AdminPassword}, nil
}

// CreateAccount registers name.test with a password.
func (b *Bluesky) CreateAccount(ctx context.Context, name, password string) (BlueskyAccount, error) {
	var account BlueskyAccount
	err := b.call(ctx, "com.atproto.server.createAccount", func(*http.Request) {},
		map[string]any{"handle": name + ".test", "email": name + "@bluesky.example", "password": password}, &account)
	return account, err
}

// AppPassword makes an app password, as people do in the settings of Bluesky.
func (b *Bluesky) AppPassword(ctx context.Context, a BlueskyAccount, name string) (string, error) {
	var created struct{ Password string }
	err := b.call(ctx, "com.atproto.server.createAppPassword", bearer(a.AccessJWT), map[string]any{"name": name}, &created)
	return created.Password, err
}

// RevokeAppPassword takes an app password back.
func (b *Bluesky) RevokeAppPassword(ctx context.Context, a BlueskyAccount, name string) error {
	return b.call(ctx, "com.atproto.server.revokeAppPassword", bearer(a.AccessJWT), map[string]any{"name": name}, nil)
}

// Rename gives an account the handle name.test, as people do in the settings of Bluesky.
func (b *Bluesky) Rename(ctx context.Context, a BlueskyAccount, name string) error {
	return b.call(ctx, "com.atproto.identity.updateHandle", bearer(a.AccessJWT), map[string]any{"handle": name + ".test"}, nil)
}

// TakeDown suspends an account, as the moderators of the server do.
func (b *Bluesky) TakeDown(ctx context.Context, a BlueskyAccount) error {
	admin := func(r *http.Request) { r.SetBasicAuth("admin", b.AdminPassword) }
	return b.call(ctx, "com.atproto.admin.updateSubjectStatus", admin, map[string]any{
		"subject":  map[string]any{"$type": "com.atproto.admin.defs#repoRef", "did": a.DID},
		"takedown": map[string]any{"applied": true},
	}, nil)
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func (b *Bluesky) call(ctx context.Context, method string, sign func(*http.Request), in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL+"/xrpc/"+method, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	sign(r)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", method, response.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// SPDX-License-Identifier: Apache-2.0

package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/cli/login/cache"
	"github.com/roster-dev/roster/internal/cli/login/provider"
)

const (
	// margin is how long before its end a token is renewed: a request is on its way for a while, and no two clocks agree.
	margin = 20 * time.Second
	// lockPatience is how long somebody who cannot be asked waits for a kubectl that asks.
	lockPatience = 30 * time.Second
)

// errAsk means that only a person can help.
var errAsk = errors.New("you are not signed in")

// again is what helps a person whose sign-in does not count.
const again = "run kubectl roster login"

// session is a sign-in that is kept between two calls of kubectl.
type session struct {
	file     cache.File
	clock    clock.PassiveClock
	provider provider.Options
	errOut   io.Writer
}

// ask lets a person sign in.
type ask func(context.Context, *provider.Provider) (provider.Tokens, error)

// counts reports whether the API server will take the token for a while.
func counts(e *cache.Entry, now time.Time) bool { return e != nil && now.Before(e.Expiry.Add(-margin)) }

// token returns one that counts: the one that is kept, or else the next one, or else that of a new sign-in. Without ask, nobody is asked.
func (s *session) token(ctx context.Context, a ask) (*cache.Entry, error) {
	e, err := s.file.Read()
	if err != nil || counts(e, s.clock.Now()) {
		return e, err
	}
	unlock, err := s.lock(ctx, a != nil)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another kubectl may have renewed it meanwhile. A refresh token is good for one use.
	if e, err = s.file.Read(); err != nil || counts(e, s.clock.Now()) {
		return e, err
	}
	p, err := s.discoverFor(ctx, e, a)
	if err != nil {
		return nil, err
	}
	e, err = s.renew(ctx, p, e)
	if !errors.Is(err, errAsk) {
		return e, err
	}
	if a == nil {
		return nil, fmt.Errorf("%w: %s", err, again)
	}
	return s.begin(ctx, p, a)
}

// discoverFor asks the provider where it is, unless nothing could come of it.
func (s *session) discoverFor(ctx context.Context, e *cache.Entry, a ask) (*provider.Provider, error) {
	if a == nil && (e == nil || e.RefreshToken == "") {
		return nil, fmt.Errorf("%w: %s", errAsk, again)
	}
	return provider.Discover(ctx, s.provider)
}

// renew uses the refresh token. What has ended is forgotten.
func (s *session) renew(ctx context.Context, p *provider.Provider, e *cache.Entry) (*cache.Entry, error) {
	if e == nil || e.RefreshToken == "" {
		return nil, errAsk
	}
	next, err := p.Refresh(ctx, provider.Tokens{Refresh: e.RefreshToken, Subject: e.Subject})
	if errors.Is(err, provider.ErrEnded) {
		return nil, errors.Join(s.file.Remove(), ended{})
	}
	if err != nil {
		return nil, err
	}
	return s.keep(next)
}

// ended is errAsk for somebody who was signed in.
type ended struct{}

// Error implements error.
func (ended) Error() string { return "your sign-in has ended" }

// Is makes it errAsk.
func (ended) Is(err error) bool { return err == errAsk }

// signIn asks the person. The sign-in before it ends.
func (s *session) signIn(ctx context.Context, a ask) (provider.Tokens, error) {
	unlock, err := s.lock(ctx, true)
	if err != nil {
		return provider.Tokens{}, err
	}
	defer unlock()
	before, err := s.file.Read()
	if err != nil {
		return provider.Tokens{}, err
	}
	p, err := provider.Discover(ctx, s.provider)
	if err != nil {
		return provider.Tokens{}, err
	}
	tokens, err := a(ctx, p)
	if err != nil {
		return provider.Tokens{}, err
	}
	if _, err := s.keep(tokens); err != nil {
		return provider.Tokens{}, err
	}
	if before != nil && before.RefreshToken != "" {
		// It lies nowhere any more, and ends by itself if the portal cannot be told.
		_ = p.Revoke(ctx, before.RefreshToken)
	}
	return tokens, nil
}

func (s *session) begin(ctx context.Context, p *provider.Provider, a ask) (*cache.Entry, error) {
	tokens, err := a(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.keep(tokens)
}

func (s *session) keep(t provider.Tokens) (*cache.Entry, error) {
	e := cache.Entry{IDToken: t.ID, Expiry: t.Expiry, RefreshToken: t.Refresh, Subject: t.Subject, Email: t.Email}
	return &e, s.file.Write(e)
}

// end revokes the refresh token and forgets everything. It reports whether there was anything to end.
func (s *session) end(ctx context.Context) (bool, error) {
	unlock, err := s.lock(ctx, true)
	if err != nil {
		return false, err
	}
	defer unlock()
	e, err := s.file.Read()
	if err != nil || e == nil {
		return false, err
	}
	if err := s.file.Remove(); err != nil {
		return false, err
	}
	if e.RefreshToken == "" {
		return true, nil
	}
	p, err := provider.Discover(ctx, s.provider)
	if err == nil {
		err = p.Revoke(ctx, e.RefreshToken)
	}
	if err != nil {
		return true, fmt.Errorf("the tokens are removed from this machine, and the portal could not be told: %w. Sign out on your page there "+
			"if somebody may have copied them", err)
	}
	return true, nil
}

// lock waits for another kubectl. Somebody who can be asked waits as long as they like.
func (s *session) lock(ctx context.Context, patient bool) (func(), error) {
	if !patient {
		limited, cancel := context.WithTimeout(ctx, lockPatience)
		defer cancel()
		ctx = limited
	}
	unlock, err := s.file.Lock(ctx, func() {
		if patient {
			fmt.Fprintln(s.errOut, "Another kubectl is signing in. Waiting for it.")
		}
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, errors.New("another kubectl is signing in and has not finished: finish that in the browser, and try again")
	}
	return unlock, err
}

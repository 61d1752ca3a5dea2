// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// CallbackPath is where browsers are sent back to, on whatever port of this machine (RFC 8252, 7.3).
const CallbackPath = "/callback"

const (
	// signInPatience is how long somebody may take in the browser.
	signInPatience = 10 * time.Minute
	// pagePatience is how long the last page may take to reach the browser.
	pagePatience = 5 * time.Second
)

// Browser signs somebody in with a browser on this machine. It listens on a loopback address, and calls show with the address that the
// browser is to open.
func (p *Provider) Browser(ctx context.Context, listen string, show func(address string)) (Tokens, error) {
	listener, err := listenOn(listen)
	if err != nil {
		return Tokens{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, signInPatience)
	defer cancel()
	w := p.newWait(ctx, listener.Addr().String())
	server := &http.Server{Handler: w.handler(), ReadHeaderTimeout: pagePatience}
	go func() { _ = server.Serve(listener) }()
	defer func() {
		// The context of the command may have ended, and the page is on its way.
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), pagePatience)
		defer stop()
		if server.Shutdown(last) != nil {
			_ = server.Close()
		}
	}()
	show("http://" + w.host + "/")
	select {
	case end := <-w.ends:
		return end.tokens, end.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return Tokens{}, fmt.Errorf("%w: nobody signed in within %s. Run the command again", ErrRefused, signInPatience)
		}
		return Tokens{}, ctx.Err()
	}
}

func listenOn(address string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen-address %s: must be an address such as 127.0.0.1:8000 (%w)", address, err)
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("--listen-address %s: must be one of this machine alone, such as 127.0.0.1:8000: the code arrives there", address)
	}
	listener, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return nil, fmt.Errorf("--listen-address %s: %w", address, err)
	}
	return listener, nil
}

// wait is a sign-in that a browser has not come back from.
type wait struct {
	provider *Provider
	ctx      context.Context // The code is redeemed for the command, and not for the browser's request.
	host     string
	config   *oauth2.Config
	state    string
	nonce    string
	verifier string
	once     sync.Once
	ends     chan end
}

type end struct {
	tokens Tokens
	err    error
}

func (p *Provider) newWait(ctx context.Context, host string) *wait {
	return &wait{
		provider: p, ctx: ctx, host: host, config: p.config("http://" + host + CallbackPath),
		state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), ends: make(chan end, 1),
	}
}

func (w *wait) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.begin)
	mux.HandleFunc("GET "+CallbackPath, w.back)
	// Another site cannot have a name of its own lead here.
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Host != w.host {
			http.Error(rw, "not here", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(rw, r)
	})
}

// begin keeps the long address off the command line of the browser, which everybody on the machine can read.
func (w *wait) begin(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Cache-Control", "no-store")
	// Refresh tokens are only for those who were asked (OpenID Connect Core 1.0, 11).
	http.Redirect(rw, r, w.config.AuthCodeURL(w.state, oauth2.S256ChallengeOption(w.verifier), goidc.Nonce(w.nonce),
		oauth2.SetAuthURLParam("prompt", "consent")), http.StatusFound)
}

// back takes the first answer that has the state. Others are somebody else's, and do not end the wait.
func (w *wait) back(rw http.ResponseWriter, r *http.Request) {
	answer := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(w.state)) != 1 {
		showPage(rw, r, http.StatusBadRequest, pageForeign)
		return
	}
	over := true
	w.once.Do(func() {
		over = false
		tokens, err := w.redeem(answer)
		if err != nil {
			showPage(rw, r, http.StatusOK, pageRefused)
		} else {
			showPage(rw, r, http.StatusOK, pageDone)
		}
		w.ends <- end{tokens, err}
	})
	if over {
		showPage(rw, r, http.StatusBadRequest, pageForeign)
	}
}

func (w *wait) redeem(answer url.Values) (Tokens, error) {
	p := w.provider
	if answer.Has("iss") && answer.Get("iss") != p.Issuer || p.metadata.NamesItself && !answer.Has("iss") { // RFC 9207
		return Tokens{}, fmt.Errorf("%w: it comes from the issuer %q", ErrUnbelievable, printable(answer.Get("iss")))
	}
	if code := answer.Get("error"); code != "" {
		return Tokens{}, fmt.Errorf("%w: %s%s", ErrRefused, printable(code),
			described(&oauth2.RetrieveError{ErrorDescription: answer.Get("error_description")}))
	}
	token, err := w.config.Exchange(p.client(w.ctx), answer.Get("code"), oauth2.VerifierOption(w.verifier))
	if err != nil {
		return Tokens{}, p.refused(err, ErrRefused)
	}
	return p.tokens(w.ctx, token, w.nonce)
}

// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/roster-dev/roster/internal/testenv"
)

// authenticator is a virtual authenticator in a real browser.
type authenticator struct {
	t   *testing.T
	ctx context.Context
	id  webauthn.AuthenticatorID
	rp  *RelyingParty
}

// site is a page of the portal's origin in a real browser.
type site struct {
	ctx  context.Context
	base *url.URL
}

func openSite(t *testing.T) site {
	t.Helper()
	path := testenv.Chromium(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<title>x</title>")) }))
	t.Cleanup(server.Close)
	base, err := url.Parse(strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
	if err != nil {
		t.Fatal(err)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancel := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(base.String())); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return site{ctx: ctx, base: base}
}

// authenticator adds one to the browser, for the time of a test.
func (s site) authenticator(t *testing.T) *authenticator {
	t.Helper()
	rp, err := NewRelyingParty(s.base, "Roster")
	if err != nil {
		t.Fatal(err)
	}
	added, err := chromedp.Call(s.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		params := webauthn.RemoveVirtualAuthenticatorParams(added)
		if _, err := chromedp.Call(s.ctx, webauthn.RemoveVirtualAuthenticator, params); err != nil {
			t.Error(err)
		}
	})
	return &authenticator{t: t, ctx: s.ctx, id: added.AuthenticatorID, rp: rp}
}

// ask runs a ceremony in the browser and returns its answer.
func (a *authenticator) ask(verb, parse string, options json.RawMessage) []byte {
	a.t.Helper()
	script := fmt.Sprintf(`navigator.credentials.%s({publicKey: PublicKeyCredential.%s(%s)}).then(c => JSON.stringify(c.toJSON()))`, verb, parse, options)
	answer, err := chromedp.Run(a.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		a.t.Fatalf("%s with %s: %v", verb, options, err)
	}
	return []byte(answer)
}

func (a *authenticator) create(options json.RawMessage) []byte {
	return a.ask("create", "parseCreationOptionsFromJSON", options)
}

func (a *authenticator) get(options json.RawMessage) []byte {
	return a.ask("get", "parseRequestOptionsFromJSON", options)
}

func (a *authenticator) register(p *Person, now time.Time) {
	a.t.Helper()
	options, c, err := a.rp.BeginRegistration(*p, "a-ana", now)
	if err != nil {
		a.t.Fatal(err)
	}
	k, err := a.rp.FinishRegistration(*p, c, "Laptop", a.create(options), now)
	if err != nil {
		a.t.Fatal(err)
	}
	p.Passkeys = append(p.Passkeys, k)
}

func ana() *Person {
	return &Person{Handle: NewHandle(), Name: "ana@acme.example", DisplayName: "Ana Silva"}
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func after(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// One browser serves all: starting one takes longer than what is tested.
func TestPasskeysInBrowser(t *testing.T) {
	s := openSite(t)
	for name, test := range map[string]func(*testing.T, site){
		"life":                 passkeyLife,
		"without a counter":    answerOfPasskeyWithoutCounterCountsOnce,
		"without verification": passkeyAloneNeedsUserVerification,
		"forged signature":     forgedSignatureIsRefused,
		"another origin":       answerForAnotherOriginIsRefused,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func passkeyLife(t *testing.T, s site) {
	a, p := s.authenticator(t), ana()
	a.register(p, noon)
	k := p.Passkeys[0]
	if k.Name != "Laptop" || len(k.PublicKey) == 0 || len(k.Transports) != 1 || k.Transports[0] != "internal" || !k.Added.Equal(noon) {
		t.Fatalf("passkey %+v", k)
	}

	t.Run("second factor", func(t *testing.T) {
		options, c, err := a.rp.BeginConfirmation(*p, "a-ana", after(10))
		if err != nil {
			t.Fatal(err)
		}
		answer := a.get(options)
		use, err := a.rp.Finish(*p, c, answer, after(11))
		if err != nil || use.Index != 0 || use.Passkey.SignCount <= k.SignCount || !use.Passkey.Used.Equal(after(11)) {
			t.Fatalf("Finish = %+v, %v", use, err)
		}
		p.Passkeys[0] = use.Passkey
		if _, err := a.rp.Finish(*p, c, answer, after(12)); !errors.Is(err, ErrPasskey) && !errors.Is(err, ErrCloned) {
			t.Errorf("the same answer again: %v", err)
		}
	})

	t.Run("alone", func(t *testing.T) {
		options, c, err := a.rp.BeginSignIn(after(20))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(options), "allowCredentials") {
			t.Errorf("the options name passkeys although nobody is known yet: %s", options)
		}
		answer := a.get(options)
		handle, err := HandleOf(answer)
		if err != nil || string(handle) != string(p.Handle) {
			t.Fatalf("HandleOf = %x, %v, want %x", handle, err, p.Handle)
		}
		other := ana()
		other.Passkeys = p.Passkeys
		if _, err := a.rp.Finish(*other, c, answer, after(21)); !errors.Is(err, ErrPasskey) {
			t.Errorf("as somebody else: %v, want ErrPasskey", err)
		}
		use, err := a.rp.Finish(*p, c, answer, after(21))
		if err != nil {
			t.Fatal(err)
		}
		p.Passkeys[0] = use.Passkey
	})

	t.Run("again", func(t *testing.T) {
		options, c, err := a.rp.BeginAgain(*p, "a-ana", after(25))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.Check(CeremonyAgain, "a-ana", after(26)), wantErr(c.Check(CeremonyConfirm, "a-ana", after(26)))); err != nil {
			t.Error(err)
		}
		answer, other := a.get(options), ana()
		if _, err := a.rp.Finish(*other, c, answer, after(26)); !errors.Is(err, ErrPasskey) {
			t.Errorf("as somebody else: %v, want ErrPasskey", err)
		}
		use, err := a.rp.Finish(*p, c, answer, after(26))
		if err != nil {
			t.Fatal(err)
		}
		p.Passkeys[0] = use.Passkey
	})

	t.Run("an answer to another challenge", func(t *testing.T) {
		options, _, err := a.rp.BeginConfirmation(*p, "a-ana", after(30))
		if err != nil {
			t.Fatal(err)
		}
		_, other, err := a.rp.BeginConfirmation(*p, "a-ana", after(31))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.rp.Finish(*p, other, a.get(options), after(32)); !errors.Is(err, ErrPasskey) {
			t.Errorf("%v, want ErrPasskey", err)
		}
	})

	t.Run("a copied passkey", func(t *testing.T) {
		options, c, err := a.rp.BeginConfirmation(*p, "a-ana", after(40))
		if err != nil {
			t.Fatal(err)
		}
		answer, known := a.get(options), *p
		known.Passkeys = append([]Passkey(nil), p.Passkeys...)
		known.Passkeys[0].SignCount += 1000 // somebody else's copy has been used that often
		if _, err := a.rp.Finish(known, c, answer, after(41)); !errors.Is(err, ErrCloned) {
			t.Errorf("%v, want ErrCloned", err)
		}
	})
}

// wantErr turns around what a check says.
func wantErr(err error) error {
	if err == nil {
		return errors.New("a ceremony for one thing does for another")
	}
	return nil
}

// Passkeys that are synchronised have no counter: there the time at which the ceremony began refuses a second use.
func answerOfPasskeyWithoutCounterCountsOnce(t *testing.T, s site) {
	a, p := s.authenticator(t), ana()
	a.register(p, noon)
	none := -1.0
	_, err := chromedp.Call(a.ctx, webauthn.SetCredentialProperties, webauthn.SetCredentialPropertiesParams{
		AuthenticatorID: a.id, CredentialID: p.Passkeys[0].ID, SignCount: &none,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Passkeys[0].SignCount = 0
	options, c, err := a.rp.BeginConfirmation(*p, "a-ana", after(10))
	if err != nil {
		t.Fatal(err)
	}
	answer := a.get(options)
	use, err := a.rp.Finish(*p, c, answer, after(11))
	if err != nil || use.Passkey.SignCount != 0 {
		t.Fatalf("Finish = %+v, %v", use, err)
	}
	p.Passkeys[0] = use.Passkey
	if _, err := a.rp.Finish(*p, c, answer, after(12)); !errors.Is(err, ErrPasskey) {
		t.Errorf("the same answer again: %v, want ErrPasskey", err)
	}
}

func passkeyAloneNeedsUserVerification(t *testing.T, s site) {
	a, p := s.authenticator(t), ana()
	a.register(p, noon)
	bad := true
	_, err := chromedp.Call(a.ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: a.id, IsBadUV: &bad})
	if err != nil {
		t.Fatal(err)
	}
	options, c, err := a.rp.BeginSignIn(after(10))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.rp.Finish(*p, c, a.get(options), after(11)); !errors.Is(err, ErrPasskey) {
		t.Errorf("alone without verification: %v, want ErrPasskey", err)
	}
	options, c, err = a.rp.BeginAgain(*p, "a-ana", after(15))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.rp.Finish(*p, c, a.get(options), after(16)); !errors.Is(err, ErrPasskey) {
		t.Errorf("instead of the password without verification: %v, want ErrPasskey", err)
	}
	options, c, err = a.rp.BeginConfirmation(*p, "a-ana", after(20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.rp.Finish(*p, c, a.get(options), after(21)); err != nil {
		t.Errorf("as second factor without verification: %v, want it accepted", err)
	}
}

func forgedSignatureIsRefused(t *testing.T, s site) {
	a, p := s.authenticator(t), ana()
	a.register(p, noon)
	bogus := true
	_, err := chromedp.Call(a.ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: a.id, IsBogusSignature: &bogus})
	if err != nil {
		t.Fatal(err)
	}
	options, c, err := a.rp.BeginConfirmation(*p, "a-ana", after(10))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.rp.Finish(*p, c, a.get(options), after(11)); !errors.Is(err, ErrPasskey) {
		t.Errorf("%v, want ErrPasskey", err)
	}
}

// An answer that was given at another site, such as one that only looks like the portal, proves nothing.
func answerForAnotherOriginIsRefused(t *testing.T, s site) {
	a, p := s.authenticator(t), ana()
	options, c, err := a.rp.BeginRegistration(*p, "a-ana", noon)
	if err != nil {
		t.Fatal(err)
	}
	answer := a.create(options)
	elsewhere, err := NewRelyingParty(&url.URL{Scheme: "http", Host: "localhost:1"}, "Roster")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.FinishRegistration(*p, c, "x", answer, after(1)); !errors.Is(err, ErrPasskey) {
		t.Errorf("%v, want ErrPasskey", err)
	}
	k, err := a.rp.FinishRegistration(*p, c, "x", answer, after(1))
	if err != nil {
		t.Fatal(err)
	}
	p.Passkeys = append(p.Passkeys, k)
	if _, err := a.rp.FinishRegistration(*p, c, "x", answer, after(1)); !errors.Is(err, ErrPasskey) {
		t.Errorf("the same passkey again: %v, want ErrPasskey", err)
	}
}

func TestPasskeyLimit(t *testing.T) {
	rp, err := NewRelyingParty(&url.URL{Scheme: "https", Host: "roster.example.com"}, "Roster")
	if err != nil {
		t.Fatal(err)
	}
	p := ana()
	p.Passkeys = make([]Passkey, MaxPasskeys)
	if _, _, err := rp.BeginRegistration(*p, "a-ana", noon); !errors.Is(err, ErrPasskeyLimit) {
		t.Errorf("begin: %v", err)
	}
	if _, err := rp.FinishRegistration(*p, Ceremony{}, "x", nil, noon); !errors.Is(err, ErrPasskeyLimit) {
		t.Errorf("finish: %v", err)
	}
}

func TestWherePasskeysAreOffered(t *testing.T) {
	for address, want := range map[string]bool{
		"https://roster.example.com": true, "https://example.com:8443/roster": true, "http://localhost:8080": true,
		"http://roster.example.com": false, "http://127.0.0.1:8080": false, "https://10.0.0.1": false, "https://[::1]": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewRelyingParty(u, "Roster"); (err == nil) != want {
			t.Errorf("%s: %v, want passkeys: %v", address, err, want)
		}
	}
}

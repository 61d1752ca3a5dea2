// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	redirect      = "https://tool.example.com/callback"
	verifier      = "a verifier of the benchmark that is long enough for PKCE"
	refreshesEach = 4
)

// TestBenchOpenID measures the portal as an OpenID provider, as a process of its own, against what signing alone allows: a code or a refresh
// token is exchanged for an ID token, an access token and a refresh token.
func TestBenchOpenID(t *testing.T) {
	b, r := start(t), &results{}
	b.portalKeys()
	key := b.signingKey()
	b.organization("people")
	secret := b.application("people", "tool")
	codes := b.codes("people", "tool")
	p := b.startPortal("  openID: {issuer: \"https://roster.example.com\"}\n")
	p.awaitApplication(b, secret)
	before := signatures(b, key)
	tokens := make([]string, people)
	signIns := p.measure(b, people, func(i int) {
		tokens[i] = p.tokens(b, url.Values{
			"grant_type": {"authorization_code"}, "code": {codes[i]}, "redirect_uri": {redirect}, "code_verifier": {verifier},
			"client_id": {"people.tool"}, "client_secret": {secret},
		})
	})
	var refreshes measured
	for range refreshesEach { // each person's tokens follow on each other
		m := p.measure(b, people, func(i int) {
			tokens[i] = p.tokens(b, url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {tokens[i]}, "client_id": {"people.tool"}, "client_secret": {secret},
			})
		})
		refreshes = refreshes.plus(m, refreshesEach)
	}
	after := signatures(b, key)
	alone := hashed{(before.rate + after.rate) / 2, (before.cost + after.cost) / 2}
	r.add(fmt.Sprintf("RS256 with %d bits alone, %d processors", signing.Bits, runtime.GOMAXPROCS(0)), alone.rate, "signatures/s", "")
	r.add("RS256 alone: processor time of a signature", alone.cost*1000, "ms", "")
	signIns.reportSigned(r, "signing in to an application (code)", alone)
	refreshes.reportSigned(r, "refresh", alone)
	r.print()
}

// plus adds one of so many rounds to their mean.
func (m measured) plus(round measured, rounds float64) measured {
	m.rate += round.rate / rounds
	m.reads += round.reads / rounds
	m.writes += round.writes / rounds
	m.cost.roster += round.cost.roster / rounds
	m.cost.server += round.cost.server / rounds
	m.cost.store += round.cost.store / rounds
	m.cost.clients += round.cost.clients / rounds
	return m
}

func (m measured) reportSigned(r *results, what string, alone hashed) {
	const ms = 1000
	r.add(what, m.rate, "a second", "")
	r.add(what+", as a share of signing alone", m.rate/alone.rate, "ratio", "")
	r.add(what+": the signature, of the processor time of the portal", alone.cost/m.cost.roster, "ratio", "")
	r.add(what+": processor time of the portal", m.cost.roster*ms, "ms", "")
	r.add(what+": processor time of the API server", m.cost.server*ms, "ms", "")
	r.add(what+": processor time of etcd", m.cost.store*ms, "ms", "")
	r.add(what+": reads from the API server", m.reads, "reads", "")
	r.add(what+": writes to the API server", m.writes, "writes", "1")
}

// signatures is what it takes to sign, on all processors and for as many callers at once.
func signatures(b *bench, key signing.Key) hashed {
	const n = people * 4
	sum := sha256.Sum256([]byte("the header and the claims of a token"))
	used := cpu(os.Getpid())
	took := parallel(n, func(int) {
		if _, err := key.Private.Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
			b.Error(err)
		}
	})
	return hashed{rate: n / took.Seconds(), cost: (cpu(os.Getpid()) - used) / n}
}

// signingKey makes the Secret that the manager makes otherwise.
func (b *bench) signingKey() signing.Key {
	key, err := signing.New(signing.Turn{Created: time.Now(), SignsFrom: time.Now()})
	b.must(err)
	entry, err := key.Entry()
	b.must(err)
	b.must(b.client.Create(b.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-openid-keys"}, Type: signing.SecretType,
		Data: map[string][]byte{key.ID: entry},
	}))
	return key
}

// application makes a tool as it is once the operator has made its client secret, which is returned.
func (b *bench) application(namespace, name string) string {
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       rosterv1alpha1.ApplicationSpec{Type: rosterv1alpha1.ApplicationWeb, RedirectURIs: []string{redirect}},
	}
	b.must(b.client.Create(b.ctx, a))
	secret := application.NewClientSecret()
	a.Status.ClientID, a.Status.ObservedGeneration = a.ClientID(), a.Generation
	a.Status.SecretHashes = []rosterv1alpha1.SecretHash{{SHA256: application.HashOf(secret)}}
	b.must(b.client.Status().Update(b.ctx, a))
	return secret
}

// codes makes people who have just signed in at the portal, on their way back to the tool, each with a code.
func (b *bench) codes(namespace, name string) []string {
	var a rosterv1alpha1.Application
	b.must(b.client.Get(b.ctx, client.ObjectKey{Namespace: namespace, Name: name}, &a))
	hash := sha256.Sum256([]byte(verifier))
	now, secrets := time.Now(), account.ClusterSecrets{Client: b.client}
	codes := make([]string, people)
	parallel(people, func(i int) {
		of := address.Address(newInvitation(namespace, i).Spec.Email)
		person := &rosterv1alpha1.Account{
			ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: of.AccountName()},
			Spec:       rosterv1alpha1.AccountSpec{Email: string(of), DisplayName: "Ana", CredentialsID: string(uuid.NewUUID())},
		}
		b.must(b.client.Create(b.ctx, person))
		m := &rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("person-%05d", i)},
			Spec: rosterv1alpha1.MemberSpec{
				Email: string(of), Role: rosterv1alpha1.RoleMember, AccountRef: &rosterv1alpha1.LocalReference{Name: person.Name},
			},
		}
		b.must(b.client.Create(b.ctx, m))
		m.Status.State = rosterv1alpha1.MemberActive
		b.must(b.client.Status().Update(b.ctx, m))
		g := grant.Grant{
			ID: rand.Text(), SID: rand.Text(), Client: a.ClientID(), ApplicationUID: a.UID, Namespace: namespace, MemberUID: m.UID,
			Subject: rand.Text(), Scopes: []string{"openid", "profile", "email", "offline_access", "organization"}, Device: "browser",
			Generation: person.Generation, Proofs: []account.Proof{{Method: account.MethodPassword, Time: now}}, Began: now, Used: now,
		}
		handle := "rosterc_" + base64.RawURLEncoding.EncodeToString([]byte(person.Name+"/"+g.ID))
		var hashed string
		codes[i], hashed = grant.NewToken(handle)
		g.Code = &grant.Code{
			Hash: hashed, Expires: now.Add(time.Hour), Redirect: redirect, Challenge: base64.RawURLEncoding.EncodeToString(hash[:]),
		}
		c := account.Credentials{Sessions: account.Sessions{Rounds: 1, Devices: []account.Device{{ID: "browser", Added: now, Seen: now, Round: 1}}}}
		b.must(secrets.Create(b.ctx, person, c))
		_, err := secrets.Update(b.ctx, person, func(c *account.Credentials) error {
			return grant.Change(c, func(d *grant.Document) error { d.Add(g, now); return nil })
		})
		b.must(err)
	})
	return codes
}

// awaitApplication waits until the portal knows the tool and its secret.
func (p *benchPortal) awaitApplication(b *bench, secret string) {
	b.await("the portal to know the application", time.Minute, func() bool {
		status, _ := p.ask(b, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {"people.tool"}, "client_secret": {secret}})
		return status == http.StatusBadRequest // the token is wrong, and not the client
	})
}

// tokens exchanges something for tokens, and returns the refresh token.
func (p *benchPortal) tokens(b *bench, form url.Values) string {
	status, body := p.ask(b, form)
	var got struct {
		RefreshToken string `json:"refresh_token"`
		IDToken      string `json:"id_token"`
	}
	if err := json.Unmarshal(body, &got); status != http.StatusOK || err != nil || got.RefreshToken == "" || got.IDToken == "" {
		b.Errorf("%s: status %d, %v: %.200s", form.Get("grant_type"), status, err, body)
	}
	return got.RefreshToken
}

func (p *benchPortal) ask(b *bench, form url.Values) (int, []byte) {
	r, err := http.NewRequestWithContext(b.ctx, http.MethodPost, p.url+"/openid/token", strings.NewReader(form.Encode()))
	b.must(err)
	n := p.next.Add(1)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255))
	resp, err := p.client.Do(r)
	if err != nil {
		b.Error(err)
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Error(err)
	}
	return resp.StatusCode, body
}

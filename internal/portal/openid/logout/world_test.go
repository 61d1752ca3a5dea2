// SPDX-License-Identifier: Apache-2.0

package logout_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/openid/logout"
	"github.com/roster-dev/roster/internal/portal/openid/standing"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	issuer     = "https://roster.example.com"
	keysSecret = "roster-openid-keys"
)

var (
	cluster *testenv.Cluster
	worlds  atomic.Int32
)

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard())
	var err error
	if cluster, err = testenv.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// theKey signs in all tests.
var theKey = sync.OnceValues(func() (signing.Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signing.Key{}, err
	}
	k, err := signing.Of(signing.Turn{Created: time.Now(), SignsFrom: time.Now()}, private)
	if err != nil {
		return k, err
	}
	entry, err := k.Entry()
	if err != nil {
		return k, err
	}
	return k, cluster.Client.Create(context.Background(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: keysSecret}, Data: map[string][]byte{k.ID: entry},
	})
})

// world is an organisation with applications and people, and a tool that is told when sign-ins end.
type world struct {
	*WithT
	t     *testing.T
	ns    string
	api   client.Client
	clock *clocktesting.FakePassiveClock
	tool  *tool
	// networks that messages may go to.
	networks []netip.Prefix
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		WithT: NewWithT(t), t: t, ns: fmt.Sprintf("space-%d", worlds.Add(1)), api: cluster.Client,
		clock: clocktesting.NewFakePassiveClock(time.Now()), networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	w.SetDefaultEventuallyTimeout(testenv.Patience)
	w.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	w.SetDefaultConsistentlyDuration(500 * time.Millisecond)
	w.Expect(cluster.Namespace(t.Context(), w.ns)).To(Succeed())
	w.create(&rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "acme"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme Social"},
	})
	key, err := theKey()
	w.Expect(err).NotTo(HaveOccurred())
	w.tool = newTool(t, w.ns+".tool", key)
	w.application("tool", w.tool.url("/logout"))
	return w
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	w.Expect(w.api.Create(w.t.Context(), o)).To(Succeed())
}

func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.ns, Name: name}
}

// change changes an object as kubectl patch does.
func change[T client.Object](w *world, o T, key client.ObjectKey, do func(o T)) {
	w.t.Helper()
	w.Expect(w.api.Get(w.t.Context(), key, o)).To(Succeed())
	before := o.DeepCopyObject().(client.Object)
	do(o)
	w.Expect(w.api.Patch(w.t.Context(), o, client.MergeFrom(before))).To(Succeed())
}

func changeStatus[T client.Object](w *world, o T, key client.ObjectKey, do func(o T)) {
	w.t.Helper()
	w.Expect(w.api.Get(w.t.Context(), key, o)).To(Succeed())
	before := o.DeepCopyObject().(client.Object)
	do(o)
	w.Expect(w.api.Status().Patch(w.t.Context(), o, client.MergeFrom(before))).To(Succeed())
}

func (w *world) changeOrganization(do func(o *rosterv1alpha1.Organization)) {
	w.t.Helper()
	change(w, &rosterv1alpha1.Organization{}, w.key("acme"), do)
}

func (w *world) changeApplication(name string, do func(a *rosterv1alpha1.Application)) {
	w.t.Helper()
	change(w, &rosterv1alpha1.Application{}, w.key(name), do)
}

// application makes an Application that is told at an address.
func (w *world) application(name, address string) *rosterv1alpha1.Application {
	w.t.Helper()
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: rosterv1alpha1.ApplicationSpec{
			Type: rosterv1alpha1.ApplicationWeb, RedirectURIs: []string{"https://tool.example.com/callback"}, BackChannelLogoutURI: address,
		},
	}
	w.create(a)
	return a
}

// person is somebody who belongs to the organisation and is signed in on two browsers.
type person struct {
	w      *world
	name   string
	of     *rosterv1alpha1.Account
	member *rosterv1alpha1.Member
}

func (w *world) person(name string) *person {
	w.t.Helper()
	email := address.Address(name + "@" + w.ns + ".example")
	p := &person{w: w, name: name}
	p.of = &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: email.AccountName()},
		Spec:       rosterv1alpha1.AccountSpec{Email: string(email), DisplayName: name, CredentialsID: string(uuid.NewUUID())},
	}
	w.create(p.of)
	began := w.clock.Now().Add(-time.Hour)
	devices := []account.Device{{ID: "laptop", Added: began, Seen: began, Round: 1}, {ID: "phone", Added: began, Seen: began, Round: 2}}
	w.Expect(w.secrets().Create(w.t.Context(), p.of, account.Credentials{
		PasswordHash: "x", Sessions: account.Sessions{Devices: devices, Rounds: 2},
	})).To(Succeed())
	change(w, &corev1.Secret{}, p.key(), func(s *corev1.Secret) { s.Labels["test"] = w.ns })
	p.member = &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: rosterv1alpha1.MemberSpec{
			Email: string(email), AccountRef: &rosterv1alpha1.LocalReference{Name: p.of.Name}, Role: rosterv1alpha1.RoleMember,
		},
	}
	w.create(p.member)
	changeStatus(w, p.member, w.key(name), func(m *rosterv1alpha1.Member) {
		m.Status.State = rosterv1alpha1.MemberActive
		m.Status.JoinedTime = ptr.To(metav1.NewTime(w.clock.Now().Add(-24 * time.Hour)))
		m.Status.Teams = []rosterv1alpha1.ObjectName{"writers"}
	})
	return p
}

func (p *person) key() client.ObjectKey { return client.ObjectKeyFromObject(p.of) }

// keepSecret keeps the Secret of the person there until the test ends, while garbage collection takes it along with the Account.
func (p *person) keepSecret() {
	hold := func(finalizers ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			secret := &corev1.Secret{}
			if err := p.w.api.Get(ctx, p.key(), secret); err != nil {
				return client.IgnoreNotFound(err)
			}
			secret.Finalizers = finalizers
			return p.w.api.Update(ctx, secret)
		}
	}
	p.w.Expect(hold("test.roster.dev/keep")(p.w.t.Context())).To(Succeed())
	p.w.t.Cleanup(func() {
		p.w.Eventually(hold()).WithContext(context.Background()).Should(Succeed(), "the Secret may go")
	})
}

func (p *person) changeAccount(do func(a *rosterv1alpha1.Account)) {
	p.w.t.Helper()
	change(p.w, &rosterv1alpha1.Account{}, p.key(), do)
}

func (p *person) changeMember(do func(m *rosterv1alpha1.Member)) {
	p.w.t.Helper()
	change(p.w, &rosterv1alpha1.Member{}, p.w.key(p.name), do)
}

// as is a client with the rights of the portal.
func (w *world) as(config *rest.Config) client.Client {
	w.t.Helper()
	c, err := client.New(config, client.Options{Scheme: cluster.Scheme})
	w.Expect(err).NotTo(HaveOccurred())
	return c
}

func (w *world) secrets() account.ClusterSecrets {
	w.t.Helper()
	return account.ClusterSecrets{Client: w.as(cluster.As("roster-portal"))}
}

// signIn signs the person in to an application, from a browser, and returns the name of that session.
func (p *person) signIn(application, device string) string {
	p.w.t.Helper()
	var a rosterv1alpha1.Application
	p.w.Expect(p.w.api.Get(p.w.t.Context(), p.w.key(application), &a)).To(Succeed())
	return p.signInTo(a.ClientID(), a.UID, device, grant.Facts{Application: &a})
}

// signInTo does that for any client ID; those of the platform have no object.
func (p *person) signInTo(clientID string, uid types.UID, device string, f grant.Facts) string {
	p.w.t.Helper()
	began := p.w.clock.Now().Add(-time.Minute)
	g := grant.Grant{
		ID: rand.Text(), SID: rand.Text(), Client: clientID, ApplicationUID: uid, Namespace: p.w.ns, MemberUID: p.member.UID,
		Subject: "subject of " + p.name, Device: device, Generation: p.of.Generation, Began: began, Used: began,
		Proofs: []account.Proof{{Method: account.MethodPassword, Time: began}},
	}
	g.Issue("hash", began)
	g.Note(f)
	_, err := p.w.secrets().Update(p.w.t.Context(), p.of, func(c *account.Credentials) error {
		return grant.Change(c, func(d *grant.Document) error { d.Add(g, p.w.clock.Now()); return nil })
	})
	p.w.Expect(err).NotTo(HaveOccurred())
	return g.SID
}

// sessions are the names of the sessions that the person has with applications; nothing is said of those that end.
func (p *person) sessions() (names []string) {
	p.w.t.Helper()
	for _, g := range p.grants() {
		if g.Ending == nil {
			names = append(names, g.SID)
		}
	}
	return names
}

func (p *person) grants() []grant.Grant {
	p.w.t.Helper()
	var secret corev1.Secret
	p.w.Expect(p.w.api.Get(p.w.t.Context(), p.key(), &secret)).To(Succeed())
	d, err := grant.Parse(secret.Data[grant.Entry])
	p.w.Expect(err).NotTo(HaveOccurred())
	return d.Grants
}

// replica is a portal, as far as it ends sign-ins.
type replica struct {
	*logout.Ender
	store    *account.Store
	registry *prometheus.Registry
	log      *lines
	stop     func()
}

// replica starts one, with the rights of the portal.
func (w *world) replica(change ...func(o *logout.Options)) *replica {
	w.t.Helper()
	as := portal.Unthrottled(cluster.As("roster-portal"))
	direct := w.as(as)
	options := portal.CacheOptions()
	options.Scheme = cluster.Scheme
	for o, by := range options.ByObject { // tests run beside each other, and each has portals of its own
		if o.GetObjectKind().GroupVersionKind().Kind == "Secret" {
			by.Namespaces[rosterv1alpha1.AccountNamespace] = cache.Config{
				LabelSelector: labels.SelectorFromSet(labels.Set{grant.Label: "true", "test": w.ns}),
			}
		}
	}
	c, err := cache.New(as, options)
	w.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	w.Expect(portal.SetupCache(ctx, c)).To(Succeed())
	r := &replica{registry: prometheus.NewRegistry(), log: &lines{}}
	metrics, err := logout.NewMetrics(r.registry)
	w.Expect(err).NotTo(HaveOccurred())
	keys := web.NewSource(direct, client.ObjectKey{Namespace: testenv.SystemNamespace, Name: keysSecret}, signing.FromSecret, w.clock)
	o := logout.Options{
		Client: direct, Secrets: account.ClusterSecrets{Client: direct}, Keys: keys, Issuer: issuer,
		Networks: w.networks, Clock: w.clock, Log: logr.New(r.log), Metrics: metrics,
		Standing: &standing.Reader{Cache: c, Client: direct, Sessions: &session.Manager{Cache: c, Links: &link.Store{Clock: w.clock}}},
	}
	for _, do := range change {
		do(&o)
	}
	r.Ender = logout.New(o)
	r.store = account.NewStore(direct, logout.Watched{Secrets: o.Secrets, Ask: r.Ask}, nil)
	w.Expect(r.Watch(ctx, c)).To(Succeed())
	var all sync.WaitGroup
	all.Go(func() { _ = c.Start(ctx) })
	w.Expect(c.WaitForCacheSync(ctx)).To(BeTrue())
	all.Go(func() { _ = r.Start(ctx) })
	r.stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	w.t.Cleanup(r.stop)
	return r
}

// tool is an application that hears when sign-ins end. It believes only what the certified client believes.
type tool struct {
	server   *httptest.Server
	verifier *goidc.IDTokenVerifier

	mu sync.Mutex
	// answer is how it answers; nil says yes.
	answer http.HandlerFunc
	heard  []goidc.LogoutToken
	wrong  []string
	asked  int
}

func newTool(t *testing.T, clientID string, key signing.Key) *tool {
	t.Helper()
	public := key.Public()
	published, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		t.Fatal(err)
	}
	o := &tool{}
	o.server = httptest.NewServer(o)
	t.Cleanup(o.server.Close)
	jwks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(published) }))
	t.Cleanup(jwks.Close)
	o.verifier = goidc.NewVerifier(issuer, goidc.NewRemoteKeySet(t.Context(), jwks.URL), &goidc.Config{ClientID: clientID})
	return o
}

func (o *tool) url(path string) string { return o.server.URL + path }

// ServeHTTP implements http.Handler.
func (o *tool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked++
	answer := o.answer
	o.mu.Unlock()
	if answer != nil {
		_ = r.ParseForm() // a server notices that the other side has gone once it has read the request
		answer(w, r)
		return
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		o.note(goidc.LogoutToken{}, fmt.Sprintf("%s %s", r.Method, r.Header.Get("Content-Type")))
		return
	}
	token, err := o.verifier.VerifyLogout(r.Context(), r.PostFormValue("logout_token"))
	if err != nil {
		o.note(goidc.LogoutToken{}, err.Error())
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	o.note(*token, "")
}

func (o *tool) note(token goidc.LogoutToken, wrong string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if wrong != "" {
		o.wrong = append(o.wrong, wrong)
		return
	}
	o.heard = append(o.heard, token)
}

func (o *tool) answers(with http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = with
}

// ended are the sessions that the tool has heard to be over, each as often as it has.
func (o *tool) ended() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	names := slices.Clone(o.wrong)
	for _, t := range o.heard {
		names = append(names, t.SessionID)
	}
	return names
}

func (o *tool) requests() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

func objectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func (w *world) secret(p *person) *corev1.Secret {
	w.t.Helper()
	secret := &corev1.Secret{}
	w.Expect(w.api.Get(w.t.Context(), p.key(), secret)).To(Succeed())
	return secret
}

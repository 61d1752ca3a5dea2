// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
)

const (
	systemNamespace = "roster-system"
	keySecretName   = "roster-link-keys"
	portalUser      = "system:serviceaccount:roster-system:roster-portal"
)

// now is when the tests take place.
func now() time.Time { return time.Date(2026, time.November, 23, 9, 30, 0, 0, time.UTC) }

// plane is a real API server with the kinds of Roster, and what the portal has of it under its own permissions.
type plane struct {
	env        *envtest.Environment
	userConfig *rest.Config // of the portal
	admin      client.Client
	portal     client.WithWatch
	cache      cache.Cache
	keys       invitation.Keys
	stop       context.CancelFunc
}

// thePlane is started by the first test that needs it and stopped by TestMain.
var thePlane = sync.OnceValues(startPlane)

// started says whether thePlane has to be stopped.
var started *plane

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard())
	code := m.Run()
	if started != nil {
		started.stop()
		if err := started.env.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func startPlane() (*plane, error) {
	env := &envtest.Environment{CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		built, _ := filepath.Glob("../../bin/k8s/*")
		if len(built) == 0 {
			return nil, errors.New("no etcd and kube-apiserver: set KUBEBUILDER_ASSETS or run the tests with make test, which builds them")
		}
		env.BinaryAssetsDirectory = built[len(built)-1]
	}
	cfg, err := env.Start()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &plane{env: env, stop: stop}
	started = p
	scheme := runtime.NewScheme()
	err = errors.Join(corev1.AddToScheme(scheme), rbacv1.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme))
	if err != nil {
		return nil, err
	}
	if p.admin, err = client.New(Unthrottled(cfg), client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	user, err := env.AddUser(envtest.User{Name: portalUser, Groups: []string{"system:serviceaccounts"}}, Unthrottled(cfg))
	if err != nil {
		return nil, err
	}
	p.userConfig = Unthrottled(user.Config())
	if p.portal, err = client.NewWithWatch(p.userConfig, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	options := CacheOptions()
	options.Scheme = scheme
	if p.cache, err = cache.New(p.userConfig, options); err != nil {
		return nil, err
	}
	if err := SetupCache(ctx, p.cache); err != nil {
		return nil, err
	}
	go func() { _ = p.cache.Start(ctx) }()
	if !p.cache.WaitForCacheSync(ctx) {
		return nil, errors.New("the cache does not fill")
	}
	return p, nil
}

// prepare makes what an installed Roster has: namespaces, link keys, permissions of the portal.
func (p *plane) prepare(ctx context.Context) error {
	current := bytes.Repeat([]byte("k"), 32)
	var err error
	if p.keys, err = invitation.NewKeys(current); err != nil {
		return err
	}
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: rosterv1alpha1.AccountNamespace}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: keySecretName},
			Data:       map[string][]byte{invitation.CurrentKey: current},
		},
	}
	for _, o := range append(objects, portalRBAC()...) {
		if err := p.admin.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func portalRBAC() []client.Object {
	roster := rosterv1alpha1.GroupVersion.Group
	look := []string{"get", "list", "watch"}
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: portalUser}}
	meta := func(namespace string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: "roster-portal"}
	}
	ref := func(kind string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: "roster-portal"}
	}
	return []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: meta(""), Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{roster}, Resources: []string{"invitations", "members", "organizations", "socialprofiles"}, Verbs: look},
			{APIGroups: []string{roster}, Resources: []string{"invitations/status"}, Verbs: []string{"update"}},
		}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: meta(""), Subjects: subjects, RoleRef: ref("ClusterRole")},
		&rbacv1.Role{ObjectMeta: meta(systemNamespace), Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{keySecretName}, Verbs: []string{"get"}},
		}},
		&rbacv1.RoleBinding{ObjectMeta: meta(systemNamespace), Subjects: subjects, RoleRef: ref("Role")},
		&rbacv1.Role{ObjectMeta: meta(rosterv1alpha1.AccountNamespace), Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{roster}, Resources: []string{"accounts"}, Verbs: []string{"get", "create", "update"}},
			{APIGroups: []string{roster}, Resources: []string{"accounts/status"}, Verbs: []string{"patch"}},
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "create", "delete"}},
		}},
		&rbacv1.RoleBinding{ObjectMeta: meta(rosterv1alpha1.AccountNamespace), Subjects: subjects, RoleRef: ref("Role")},
	}
}

// world is an organisation in a namespace of its own.
type world struct {
	t testing.TB
	*plane
	ns  string
	org *rosterv1alpha1.Organization
}

func newWorld(t testing.TB) *world {
	t.Helper()
	p, err := thePlane()
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "org-"}}
	w := &world{t: t, plane: p}
	w.create(namespace)
	w.ns = namespace.Name
	w.org = &rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "acme"},
		Spec: rosterv1alpha1.OrganizationSpec{
			DisplayName: "Acme Social",
			OwnerRef:    &rosterv1alpha1.LocalReference{Name: "olivia"},
			Environments: []rosterv1alpha1.Environment{
				{Name: "Live", URL: "https://social.acme.example"},
				{Name: "Beta", URL: "https://beta.social.acme.example"},
			},
			Security: rosterv1alpha1.SecurityPolicy{Password: rosterv1alpha1.PasswordPolicy{
				MinLength: 10, RequireUppercase: new(true), RequireSpecial: new(true),
			}},
		},
	}
	w.create(w.org)
	w.create(w.member("olivia", "Olivia@acme.example", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Olivia Martin" }))
	for name, sp := range map[string]rosterv1alpha1.SocialProfileSpec{
		"acme-fb":    {Network: "Facebook", Handle: "acme.social"},
		"acme-masto": {Network: "Mastodon", Handle: "@acme@mastodon.example"},
		"acme-ads":   {Network: "LinkedIn", Handle: "Acme EMEA", Type: rosterv1alpha1.TypeAdAccount},
	} {
		w.create(&rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: sp})
	}
	return w
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.admin.Create(context.Background(), o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) member(name, email string, mods ...func(*rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec:       rosterv1alpha1.MemberSpec{Email: email},
	}
	for _, mod := range mods {
		mod(m)
	}
	return m
}

// address of a person that no other test knows.
func (w *world) address(local string) string { return local + "@" + w.ns + ".example" }

// invite makes an Invitation as it is once the operator has mailed it.
func (w *world) invite(local string, mods ...func(*rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
	w.t.Helper()
	inv := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, GenerateName: local + "-"},
		Spec: rosterv1alpha1.InvitationSpec{
			Email: w.address(local), Role: rosterv1alpha1.RoleMember, InvitedBy: "olivia@acme.example",
			Profiles: []rosterv1alpha1.ProfileGrant{
				{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}, {Name: "acme-masto", Role: rosterv1alpha1.ProfileModerator},
			},
		},
	}
	for _, mod := range mods {
		mod(inv)
	}
	w.create(inv)
	return w.sent(inv, 1, now().Add(72*time.Hour))
}

// sent is what the operator notes when a mail has gone out.
func (w *world) sent(inv *rosterv1alpha1.Invitation, attempt int32, expires time.Time) *rosterv1alpha1.Invitation {
	w.t.Helper()
	return w.status(inv, func(s *rosterv1alpha1.InvitationStatus) {
		s.State = rosterv1alpha1.InvitationSent
		s.Attempt = attempt
		s.SentTime = &metav1.Time{Time: now().Add(-time.Hour)}
		s.ExpiryTime = &metav1.Time{Time: expires}
	})
}

// status changes the status and waits until the portal's cache knows.
func (w *world) status(inv *rosterv1alpha1.Invitation, change func(*rosterv1alpha1.InvitationStatus)) *rosterv1alpha1.Invitation {
	w.t.Helper()
	inv = w.fresh(inv)
	change(&inv.Status)
	if err := w.admin.Status().Update(context.Background(), inv); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(inv)
	return inv
}

func (w *world) awaitCache(o client.Object) {
	w.t.Helper()
	seen := o.DeepCopyObject().(client.Object)
	await(w.t, func(ctx context.Context) bool {
		return w.cache.Get(ctx, client.ObjectKeyFromObject(o), seen) == nil && seen.GetResourceVersion() == o.GetResourceVersion()
	})
}

func await(t testing.TB, done func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 5*time.Millisecond, 30*time.Second, true,
		func(ctx context.Context) (bool, error) { return done(ctx), nil })
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) fresh(inv *rosterv1alpha1.Invitation) *rosterv1alpha1.Invitation {
	w.t.Helper()
	got := &rosterv1alpha1.Invitation{}
	if err := w.admin.Get(context.Background(), client.ObjectKeyFromObject(inv), got); err != nil {
		w.t.Fatal(err)
	}
	return got
}

// link is the path of a link, as the mail has it.
func (w *world) link(inv *rosterv1alpha1.Invitation) string {
	return w.linkFor(inv, inv.Status.Attempt, inv.Spec.Email)
}

func (w *world) linkFor(inv *rosterv1alpha1.Invitation, attempt int32, email string) string {
	w.t.Helper()
	address, err := invitation.ParseAddress(email)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := w.keys.Token(string(inv.UID), attempt, address)
	if err != nil {
		w.t.Fatal(err)
	}
	return "/invitations/" + token
}

// credentials of an address; nil if there are none.
func (w *world) credentials(email string) *corev1.Secret {
	w.t.Helper()
	address, err := invitation.ParseAddress(email)
	if err != nil {
		w.t.Fatal(err)
	}
	secret := &corev1.Secret{}
	err = w.admin.Get(context.Background(), client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: address.AccountName()}, secret)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return secret
}

// account of an address; nil if there is none.
func (w *world) account(email string) *rosterv1alpha1.Account {
	w.t.Helper()
	address, err := invitation.ParseAddress(email)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &rosterv1alpha1.Account{}
	err = w.admin.Get(context.Background(), client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: address.AccountName()}, a)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return a
}

// site is a running portal.
type site struct {
	t       testing.TB
	url     string
	clock   *clocktesting.FakePassiveClock
	log     *lines
	metrics *prometheus.Registry
	writes  *lines
}

// lines are safe to append to from several goroutines.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// configure is what a test changes about a portal.
type configure struct {
	Options
	funcs interceptor.Funcs
}

// unlimited is for tests that ask more often than people do, at one moment of a clock that stands still.
func unlimited(c *configure) {
	r := Rate{Every: time.Millisecond, Burst: 1 << 20}
	c.Limits = Limits{Requests: r, Posts: r, Tries: r, AllTries: r}
}

// cheap keeps the tests fast; it is no cost for real passwords.
func cheap() account.Params { return account.Params{Memory: 64, Time: 1, Threads: 1} }

func (w *world) site(mods ...func(*configure)) *site {
	w.t.Helper()
	s := &site{t: w.t, clock: clocktesting.NewFakePassiveClock(now()), log: &lines{}, writes: &lines{}, metrics: prometheus.NewRegistry()}
	var c configure
	c.Cache, c.Clock, c.BaseURL = w.cache, s.clock, "http://127.0.0.1"
	c.Log = funcr.NewJSON(s.log.add, funcr.Options{})
	var err error
	if c.Metrics, err = NewMetrics(s.metrics); err != nil {
		w.t.Fatal(err)
	}
	for _, mod := range mods {
		mod(&c)
	}
	direct := interceptor.NewClient(recording(w.portal, s.writes), c.funcs)
	hasher, err := account.NewHasher(account.HasherOptions{Params: cheap(), Wait: c.Metrics.HashWait})
	if err != nil {
		w.t.Fatal(err)
	}
	c.Client = direct
	c.Accounts = account.NewStore(direct, account.ClusterSecrets{Client: direct}, hasher)
	if c.Keys == nil {
		c.Keys = NewKeySource(direct, client.ObjectKey{Namespace: systemNamespace, Name: keySecretName}, c.Clock)
	}
	handler, err := New(c.Options)
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// recording notes every write that reaches the API server.
func recording(c client.WithWatch, writes *lines) client.WithWatch {
	note := func(verb string, o client.Object) { writes.add(fmt.Sprintf("%s %T", verb, o)) }
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			note("create", o)
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			note("update", o)
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			note("patch", o)
			return c.Patch(ctx, o, p, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			note("delete", o)
			return c.Delete(ctx, o, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			note("update "+sub, o)
			return c.SubResource(sub).Update(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			note("patch "+sub, o)
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
}

// browser keeps cookies and shows redirects.
type browser struct {
	t      testing.TB
	site   *site
	client *http.Client
	header http.Header
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, site: s, header: http.Header{}, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body string
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) answer {
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (b *browser) do(method, path string, body io.Reader) answer {
	b.t.Helper()
	a, err := b.try(method, path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// try is do for goroutines other than the test's.
func (b *browser) try(method, path string, body io.Reader) (answer, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, b.site.url+path, body)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	if host := b.header.Get("Host"); host != "" {
		r.Host = host
	}
	response, err := b.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response, string(text)}, err
}

// follow opens the page that an answer sends the browser to.
func (b *browser) follow(a answer) answer {
	b.t.Helper()
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("status %d, want a redirect:\n%s", a.StatusCode, a.body)
	}
	return b.get(a.Header.Get("Location"))
}

// expect checks the status of an answer and what its page says.
func (a answer) expect(t testing.TB, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d", a.StatusCode, status)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if t.Failed() {
		page := a.body
		if _, main, ok := strings.Cut(page, "<main"); ok {
			page, _, _ = strings.Cut(main, "</main>")
		}
		t.Logf("the page: %s", page)
	}
}

const goodPassword = "Correct horse, battery"

// accepting is the form of somebody without an account.
func accepting(mods ...string) url.Values {
	v := url.Values{
		"action": {"accept"}, "displayName": {"Ana Silva"}, "company": {"Silva & Filhos"}, "locale": {"en"},
		"password": {goodPassword}, "confirm": {goodPassword},
	}
	for i := 0; i+1 < len(mods); i += 2 {
		v.Set(mods[i], mods[i+1])
	}
	return v
}

// signingIn is the form of somebody with an account.
func signingIn(password string) url.Values {
	return url.Values{"action": {"accept"}, "password": {password}}
}

// count is the value of a counter, named as in Prometheus with its labels in alphabetical order.
func (s *site) count(series string) float64 {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if f.GetName()+"{"+strings.Join(labels, ",")+"}" == series {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

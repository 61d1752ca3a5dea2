// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/admission"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	systemNamespace = "roster-system"
	keySecretName   = "roster-link-keys"
	sessionKeysName = "roster-portal-keys"
	factorKeysName  = "roster-factor-keys"
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
	keys       keyring.Keys
	stop       context.CancelFunc
	release    func()
}

// thePlane is started by the first test that needs it and stopped by TestMain.
var thePlane = sync.OnceValues(startPlane)

// started reports whether thePlane has to be stopped.
var started *plane

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the library of the OpenID provider writes there
	code := m.Run()
	if started != nil {
		started.stop()
		if err := started.env.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		started.release()
	}
	os.Exit(code)
}

func startPlane() (*plane, error) {
	env := &envtest.Environment{CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	cfg, release, err := testenv.StartEnvironment(env)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &plane{env: env, stop: stop, release: release}
	started = p
	scheme := runtime.NewScheme()
	err = errors.Join(corev1.AddToScheme(scheme), rbacv1.AddToScheme(scheme), admissionv1.AddToScheme(scheme),
		authorizationv1.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme))
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

// prepare makes what an installed Roster has: namespaces, link keys, permissions of the portal, admission policies.
func (p *plane) prepare(ctx context.Context) error {
	current := bytes.Repeat([]byte("k"), 32)
	p.keys = keyring.Keys{current}
	policies, err := filepath.Glob("../../config/policy/[^k]*.yaml") // all but kustomization.yaml
	if err != nil {
		return err
	}
	objects, err := manifests(append(policies, "../../config/namespace/namespaces.yaml",
		"../../config/rbac/portal_role.yaml", "../../config/rbac/portal_namespaced_role.yaml",
		"../../config/components/console/roles.yaml", "../../config/components/console/policy.yaml")...)
	if err != nil {
		return err
	}
	for _, name := range []string{keySecretName, sessionKeysName, factorKeysName} {
		objects = append(objects, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name},
			Data:       map[string][]byte{keyring.Current: current},
		})
	}
	for _, o := range objects {
		if err := p.admin.Create(ctx, o); err != nil {
			return err
		}
	}
	return admission.Await(ctx, p.admin, false)
}

// manifests reads objects from files as they are installed.
func manifests(files ...string) ([]client.Object, error) {
	var objects []client.Object
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for doc := range strings.SplitSeq(string(data), "\n---\n") {
			o := &unstructured.Unstructured{}
			if err := yaml.UnmarshalStrict([]byte(doc), &o.Object); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// world is an organisation in a namespace of its own.
type world struct {
	t testing.TB
	*plane
	ns  string
	org *rosterv1alpha1.Organization
	// domain of the addresses; left out, it is one of the namespace's own.
	domain string
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
func (w *world) address(local string) string { return local + "@" + cmp.Or(w.domain, w.ns+".example") }

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
	if err := w.cached(o); err != nil {
		w.t.Fatal(err)
	}
}

// cached returns when the portal's cache has that version of an object.
func (w *world) cached(o client.Object) error {
	seen := o.DeepCopyObject().(client.Object)
	return wait.PollUntilContextTimeout(context.Background(), 5*time.Millisecond, testenv.Patience, true, func(ctx context.Context) (bool, error) {
		return w.cache.Get(ctx, client.ObjectKeyFromObject(o), seen) == nil && seen.GetResourceVersion() == o.GetResourceVersion(), nil
	})
}

func await(t testing.TB, done func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 5*time.Millisecond, testenv.Patience, true,
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
	address, err := address.Parse(email)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := invitation.Token(w.keys, string(inv.UID), attempt, address)
	if err != nil {
		w.t.Fatal(err)
	}
	return "/invitations/" + token
}

// credentials of an address; nil if there are none.
func (w *world) credentials(email string) *corev1.Secret {
	w.t.Helper()
	address, err := address.Parse(email)
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
	address, err := address.Parse(email)
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

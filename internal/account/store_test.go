// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/testenv"
)

// cluster is a real API server with the kinds of Roster.
type cluster struct {
	client.WithWatch
}

// startCluster is slow, so one test function starts it and runs every case that needs it.
func startCluster(t *testing.T) cluster {
	t.Helper()
	env := &envtest.Environment{CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	cfg := testenv.Environment(t, env)
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: rosterv1alpha1.AccountNamespace}}
	if err := c.Create(context.Background(), namespace); err != nil {
		t.Fatal(err)
	}
	return cluster{c}
}

func storeOver(t *testing.T, c client.Client) *Store {
	return NewStore(c, ClusterSecrets{Client: c}, mustHasher(t, HasherOptions{}))
}

func profile(name string) Profile {
	return Profile{DisplayName: name, Company: "Acme", Locale: rosterv1alpha1.LocaleFrench}
}

// today is when the tests take place.
func today() time.Time { return time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC) }

func register(ctx context.Context, s *Store, a address.Address, p Profile, password string) (*rosterv1alpha1.Account, error) {
	account, _, err := s.Register(ctx, a, p, password, Browser{ID: "first"}, today())
	return account, err
}

func authenticate(ctx context.Context, s *Store, a address.Address, password string) error {
	_, _, err := s.Authenticate(ctx, a, password)
	return err
}

func (c cluster) secret(t *testing.T, a address.Address) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName()}
	if err := c.Get(context.Background(), key, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestStore(t *testing.T) {
	c := startCluster(t)
	for name, run := range map[string]func(*testing.T, cluster){
		"register and authenticate":                  testRegister,
		"a second password is refused":               testSecondPassword,
		"a try that was cut short is completed":      testCutShort,
		"many at once":                               testManyAtOnce,
		"an account that is being deleted":           testTerminating,
		"an account of another address":              testMismatch,
		"the password dies with its account":         testLeftover,
		"a leftover that nobody owns":                testUnowned,
		"an account that is restored":                testRestored,
		"accounts of an older portal":                testOlderPortal,
		"a leftover of an older portal":              testOlderLeftover,
		"last sign-in":                               testLastSignIn,
		"the first sign-in is in the Account":        testFirstSignIn,
		"second factor in the status":                testSecondFactorInStatus,
		"a password hash that cannot be read":        testUnreadableHash,
		"the API server's own errors are passed on":  testAPIError,
		"sign-in by address and by user name":        testSignIn,
		"sign-in from a device in use costs nothing": testSignInWrites,
		"sessions end":                               testSessionsEnd,
		"a suspended account":                        testSuspended,
		"a sign-in that is overtaken":                testOvertaken,
		"a sign-in beside other changes":             testOvertakenByOthers,
		"an outdated hash is replaced":               testRehash,
		"what others keep beside the password":       testEntries,
		"a forgotten password":                       testReset,
		"resets at once":                             testResetsAtOnce,
		"a changed password":                         testChangePassword,
		"many changes at once":                       testManyChanges,
	} {
		t.Run(name, func(t *testing.T) { run(t, c) })
	}
}

func testRegister(t *testing.T, c cluster) {
	ctx, s, ana := t.Context(), storeOver(t, c), address.Address("ana@example.com")
	if _, _, err := s.Find(ctx, ana); !errors.Is(err, ErrNotFound) {
		t.Errorf("Find before: %v, want ErrNotFound", err)
	}
	if err := authenticate(ctx, s, ana, "correct horse"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Authenticate before: %v, want ErrNotFound", err)
	}
	account, err := register(ctx, s, ana, profile("Ana Silva"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	got := account.Spec
	if account.Name != ana.AccountName() || got.Email != "ana@example.com" || got.DisplayName != "Ana Silva" || got.Company != "Acme" || got.Locale != "fr" {
		t.Errorf("account %s: %+v", account.Name, got)
	}
	secret := c.secret(t, ana)
	if secret.Type != SecretType || !metav1.IsControlledBy(secret, account) {
		t.Errorf("Secret of type %s with owners %v", secret.Type, secret.OwnerReferences)
	}
	found, hasPassword, err := s.Find(ctx, ana)
	if err != nil || !hasPassword || found.UID != account.UID {
		t.Errorf("Find after = %v, %v, %v", found, hasPassword, err)
	}
	if err := authenticate(ctx, s, ana, "correct horse"); err != nil {
		t.Errorf("the right password: %v", err)
	}
	if err := authenticate(ctx, s, ana, "battery staple"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a wrong password: %v, want ErrWrongPassword", err)
	}
}

func testSecondPassword(t *testing.T, c cluster) {
	ctx, s, bob := t.Context(), storeOver(t, c), address.Address("bob@example.com")
	if _, err := register(ctx, s, bob, profile("Bob"), "correct horse"); err != nil {
		t.Fatal(err)
	}
	before := c.secret(t, bob)
	if _, err := register(ctx, s, bob, profile("Mallory"), "mallory's own"); !errors.Is(err, ErrCredentialsExist) {
		t.Errorf("a second Register: %v, want ErrCredentialsExist", err)
	}
	if after := c.secret(t, bob); after.ResourceVersion != before.ResourceVersion {
		t.Error("the Secret was written again")
	}
	if account, _, _ := s.Find(ctx, bob); account.Spec.DisplayName != "Bob" {
		t.Errorf("the name became %q", account.Spec.DisplayName)
	}
}

// failOnce returns a client whose first write of a kind fails.
func failOnce(c client.WithWatch, kind client.Object) client.Client {
	failed := false
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if fmt.Sprintf("%T", obj) == fmt.Sprintf("%T", kind) && !failed {
				failed = true
				return errors.New("connection reset by peer")
			}
			return c.Create(ctx, obj, opts...)
		},
	})
}

func testCutShort(t *testing.T, c cluster) {
	ctx := t.Context()
	for i, kind := range []client.Object{&rosterv1alpha1.Account{}, &corev1.Secret{}} {
		address := address.Address(fmt.Sprintf("cut%d@example.com", i))
		s := storeOver(t, failOnce(c, kind))
		if _, err := register(ctx, s, address, profile("Cut Shrot"), "first password"); err == nil {
			t.Fatalf("%T: no error", kind)
		}
		if _, hasPassword, err := s.Find(ctx, address); hasPassword || err != nil && !errors.Is(err, ErrNotFound) {
			t.Errorf("%T: in between: password %v, %v", kind, hasPassword, err)
		}
		account, err := register(ctx, s, address, profile("Cut Short"), "second password")
		if err != nil {
			t.Fatalf("%T: the second try: %v", kind, err)
		}
		if account.Spec.DisplayName != "Cut Short" {
			t.Errorf("%T: the corrected name is not taken over: %q", kind, account.Spec.DisplayName)
		}
		if err := authenticate(ctx, s, address, "second password"); err != nil {
			t.Errorf("%T: %v", kind, err)
		}
	}
}

func testManyAtOnce(t *testing.T, c cluster) {
	ctx, s, address := t.Context(), storeOver(t, c), address.Address("many@example.com")
	const n = 8
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { _, errs[i] = register(ctx, s, address, profile("Many"), fmt.Sprintf("password %d", i)) })
	}
	wg.Wait()
	oneWins(t, s, address, errs, ErrCredentialsExist)
}

// oneWins: of several who set "password 0", "password 1" and so on at the same moment, one did, and the others were told why not.
func oneWins(t *testing.T, s *Store, address address.Address, errs []error, otherwise error) {
	t.Helper()
	winners := 0
	for i, err := range errs {
		signIn := authenticate(t.Context(), s, address, fmt.Sprintf("password %d", i))
		switch {
		case err == nil && signIn == nil:
			winners++
		case errors.Is(err, otherwise) && errors.Is(signIn, ErrWrongPassword):
		default:
			t.Errorf("number %d: %v, Authenticate: %v", i, err, signIn)
		}
	}
	if winners != 1 {
		t.Errorf("%d passwords were set, want 1", winners)
	}
}

func testTerminating(t *testing.T, c cluster) {
	ctx, s, address := t.Context(), storeOver(t, c), address.Address("leaving@example.com")
	account, err := register(ctx, s, address, profile("Leaving"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	account.Finalizers = []string{"example.com/hold"}
	if err := errors.Join(c.Update(ctx, account), c.Delete(ctx, account)); err != nil {
		t.Fatal(err)
	}
	_, registerErr := register(ctx, s, address, profile("Leaving"), "correct horse")
	signInErr := authenticate(ctx, s, address, "correct horse")
	if !errors.Is(registerErr, ErrTerminating) || !errors.Is(signInErr, ErrTerminating) {
		t.Errorf("Register: %v, Authenticate: %v, want ErrTerminating", registerErr, signInErr)
	}
}

func testMismatch(t *testing.T, c cluster) {
	ctx, s, victim := t.Context(), storeOver(t, c), address.Address("victim@example.com")
	impostor := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: victim.AccountName()},
		Spec:       rosterv1alpha1.AccountSpec{Email: "impostor@example.com", DisplayName: "Impostor", Username: "impostor"},
	}
	if err := c.Create(ctx, impostor); err != nil {
		t.Fatal(err)
	}
	if _, err := register(ctx, s, victim, profile("Victim"), "correct horse"); !errors.Is(err, ErrMismatch) {
		t.Errorf("Register: %v, want ErrMismatch", err)
	}
	if _, err := s.Named(ctx, impostor.Name); !errors.Is(err, ErrMismatch) {
		t.Errorf("Named: %v, want ErrMismatch", err)
	}
	if _, err := s.Lookup(ctx, "impostor"); !errors.Is(err, ErrMismatch) {
		t.Errorf("Lookup by the user name: %v, want ErrMismatch", err)
	}
}

// No garbage collector runs here, as in a cluster whose collector is slow.
func testLeftover(t *testing.T, c cluster) {
	ctx, s, address := t.Context(), storeOver(t, c), address.Address("again@example.com")
	account, err := register(ctx, s, address, profile("Again"), "old password")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, account); err != nil {
		t.Fatal(err)
	}
	account, err = register(ctx, s, address, profile("Again"), "new password")
	if err != nil {
		t.Fatal(err)
	}
	if err := authenticate(ctx, s, address, "old password"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("the deleted account's password: %v, want ErrWrongPassword", err)
	}
	if err := authenticate(ctx, s, address, "new password"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if !metav1.IsControlledBy(c.secret(t, address), account) {
		t.Error("the Secret does not belong to the new Account")
	}
}

func testLastSignIn(t *testing.T, c cluster) {
	ctx, s, address := t.Context(), storeOver(t, c), address.Address("seen@example.com")
	account, err := register(ctx, s, address, profile("Seen"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	if err := s.RecordSignIn(ctx, account, at); err != nil {
		t.Fatal(err)
	}
	found, _, err := s.Find(ctx, address)
	if err != nil || found.Status.LastSignInTime == nil || !found.Status.LastSignInTime.Time.Equal(at) {
		t.Errorf("lastSignInTime = %v, %v, want %v", found.Status.LastSignInTime, err, at)
	}
}

// testFirstSignIn: what has been said as the Account was made is not written again, while no operator runs either, and what comes later is.
func testFirstSignIn(t *testing.T, c cluster) {
	count := map[string]int{}
	ctx, s, address, made := t.Context(), storeOver(t, counting(c.WithWatch, count)), address.Address("first@example.com"), time.Now()
	account, _, err := s.Register(ctx, address, profile("First"), "correct horse", Browser{ID: "first"}, made)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name   string
		at     time.Time
		do     func(at time.Time) error
		writes int
		last   time.Time
	}{
		{"registered", made, func(at time.Time) error { return s.RecordSignIn(ctx, account, at) }, 0, made},
		{"signed in elsewhere, within the hour", made.Add(time.Minute), func(at time.Time) error {
			_, err := signIn(ctx, s, address, "tablet", at)
			return err
		}, 0, made},
		{"signed in an hour later", made.Add(time.Hour), func(at time.Time) error {
			_, err := signIn(ctx, s, address, "laptop", at)
			return err
		}, 1, made.Add(time.Hour)},
	} {
		count["status"] = 0
		if err := step.do(step.at); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		found, _, err := s.Find(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		if got := found.LastSignIn(); count["status"] != step.writes || got == nil || got.Unix() != step.last.Unix() {
			t.Errorf("%s: last signed in at %v, in %d writes, want %v in %d", step.name, got, count["status"], step.last, step.writes)
		}
		if has := found.HasSecondFactor(step.at); has == nil || *has {
			t.Errorf("%s: has a second factor: %v", step.name, has)
		}
	}
}

func testUnreadableHash(t *testing.T, c cluster) {
	ctx, s, address := t.Context(), storeOver(t, c), address.Address("broken@example.com")
	if _, err := register(ctx, s, address, profile("Broken"), "correct horse"); err != nil {
		t.Fatal(err)
	}
	secret := c.secret(t, address)
	secret.Data[passwordKey] = []byte("correct horse")
	if err := c.Update(ctx, secret); err != nil {
		t.Fatal(err)
	}
	if err := authenticate(ctx, s, address, "correct horse"); err == nil || errors.Is(err, ErrWrongPassword) {
		t.Errorf("a password in plain text: %v, want an error of its own", err)
	}
}

func testAPIError(t *testing.T, c cluster) {
	down := interceptor.NewClient(c, interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return context.DeadlineExceeded
		},
	})
	ctx, s, address := t.Context(), storeOver(t, down), address.Address("down@example.com")
	_, _, findErr := s.Find(ctx, address)
	signInErr := authenticate(ctx, s, address, "correct horse")
	if !errors.Is(findErr, context.DeadlineExceeded) || !errors.Is(signInErr, context.DeadlineExceeded) {
		t.Errorf("Find: %v, Authenticate: %v, want the client's error", findErr, signInErr)
	}
}

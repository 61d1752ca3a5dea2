// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// together posts forms at the same moment, each from a browser of its own, and returns the answers and the pages that they lead to.
func (s *site) together(link string, forms ...url.Values) (answers, pages []answer) {
	s.t.Helper()
	answers, pages = make([]answer, len(forms)), make([]answer, len(forms))
	errs := make([]error, len(forms))
	var ready, done sync.WaitGroup
	ready.Add(len(forms))
	for i, form := range forms {
		done.Go(func() {
			b := s.browser()
			ready.Done()
			ready.Wait()
			answers[i], errs[i] = b.try(http.MethodPost, link, strings.NewReader(form.Encode()))
			if errs[i] == nil && answers[i].StatusCode == http.StatusSeeOther {
				pages[i], errs[i] = b.try(http.MethodGet, answers[i].Header.Get("Location"), nil)
			}
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	return answers, pages
}

func TestDoubleClickEndsOnTheWelcomePage(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	answers, pages := s.together(w.link(inv), accepting(), accepting(), accepting(), accepting())
	for i := range answers {
		if pages[i].Response == nil || pages[i].StatusCode != http.StatusOK || !strings.Contains(pages[i].body, "Welcome to Acme Social") {
			t.Errorf("click %d ended with %d:\n%s", i, answers[i].StatusCode, answers[i].body)
		}
	}
	if s.count(`roster_portal_claims_total{result="accepted"}`) != 1 {
		t.Error("not one acceptance was counted")
	}
}

func TestTwoBrowsersAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	for round := range 5 {
		inv := w.invite("ana", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = w.address(fmt.Sprintf("ana%d", round)) })
		var forms []url.Values
		for i := range 6 {
			password := fmt.Sprintf("Password number %d!", i)
			forms = append(forms, accepting("password", password, "confirm", password))
		}
		answers, _ := s.together(w.link(inv), forms...)
		welcome := -1
		for i, a := range answers {
			switch a.StatusCode {
			case http.StatusSeeOther:
				if welcome >= 0 {
					t.Errorf("browsers %d and %d were both welcomed", welcome, i)
				}
				welcome = i
			case http.StatusGone:
				a.expect(t, http.StatusGone, "Already accepted")
			default:
				a.expect(t, http.StatusUnprocessableEntity, "This address now has an account")
			}
		}
		got := w.fresh(inv).Status
		if welcome < 0 || got.State != rosterv1alpha1.InvitationAccepted {
			t.Fatalf("welcomed: %d, state %s", welcome, got.State)
		}
		// The password that counts is that of the browser that was welcomed.
		next := w.invite("next", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = inv.Spec.Email })
		for i, form := range forms {
			a := s.browser().post(w.link(next), signingIn(form.Get("password")))
			if ok := a.StatusCode == http.StatusSeeOther; ok != (i == welcome) {
				t.Errorf("password of browser %d: status %d, welcomed was %d", i, a.StatusCode, welcome)
			}
			if a.StatusCode == http.StatusSeeOther {
				break
			}
		}
	}
}

// once runs a function the first time and nothing after that.
func once(f func()) func() {
	var o sync.Once
	return func() { o.Do(f) }
}

func TestRevokedWhileAccepting(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	revoke := once(func() {
		fresh := w.fresh(inv)
		fresh.Spec.Revoked = new(true)
		if err := w.admin.Update(context.Background(), fresh); err != nil {
			t.Error(err)
		}
	})
	s := w.site(beforeClaim(revoke))
	s.browser().post(w.link(inv), accepting()).expect(t, http.StatusGone, "Withdrawn")
	if got := w.fresh(inv).Status; got.State == rosterv1alpha1.InvitationAccepted || got.AccountRef != nil {
		t.Errorf("a revoked invitation was accepted: %+v", got)
	}
}

func TestResentWhileAccepting(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	s := w.site(beforeClaim(once(func() { w.sent(inv, 2, now().Add(72*time.Hour)) })))
	s.browser().post(w.link(inv), accepting()).expect(t, http.StatusGone, "There is a newer link")
	inv = w.fresh(inv)
	s.browser().post(w.link(inv), signingIn(goodPassword)).expect(t, http.StatusSeeOther)
}

func TestHarmlessChangeWhileAccepting(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	s := w.site(beforeClaim(once(func() {
		w.status(inv, func(s *rosterv1alpha1.InvitationStatus) { s.RemindersSent = 1 })
	})))
	b := s.browser()
	b.follow(b.post(w.link(inv), accepting())).expect(t, http.StatusOK, "Welcome to Acme Social")
	if got := w.fresh(inv).Status; got.RemindersSent != 1 || got.State != rosterv1alpha1.InvitationAccepted {
		t.Errorf("an update was lost: %+v", got)
	}
}

func TestDeletedWhileAccepting(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	s := w.site(beforeClaim(once(func() {
		if err := w.admin.Delete(context.Background(), inv); err != nil {
			t.Error(err)
		}
	})))
	s.browser().post(w.link(inv), accepting()).expect(t, http.StatusNotFound, "This link does not work")
}

func TestSuspendedWhileAccepting(t *testing.T) {
	w := newWorld(t)
	m, inv := w.declared("ana")
	// Between the form and the claim: when the password is stored.
	suspend := once(func() {
		m.Spec.Suspended = new(true)
		if err := errors.Join(w.admin.Update(context.Background(), m), w.cached(m)); err != nil {
			t.Error(err)
		}
	})
	s := w.site(func(c *configure) {
		c.funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			suspend()
			return c.Create(ctx, o, opts...)
		}
	})
	s.browser().post(w.linkFor(inv, 1, m.Spec.Email), accepting()).expect(t, http.StatusForbidden, "suspended")
}

// beforeClaim does something at the last moment before the status of an Invitation is written.
func beforeClaim(f func()) func(*configure) {
	return func(c *configure) {
		c.funcs.SubResourceUpdate = func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			f()
			return c.SubResource(sub).Update(ctx, o, opts...)
		}
	}
}

func TestAcceptAndRevokeAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	welcomed := 0
	for range 10 {
		inv := w.invite("race", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = w.address(fmt.Sprintf("race%d", welcomed)) })
		var revoked atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			fresh := &rosterv1alpha1.Invitation{}
			if w.admin.Get(context.Background(), client.ObjectKeyFromObject(inv), fresh) == nil {
				fresh.Spec.Revoked = new(true)
				revoked.Store(w.admin.Update(context.Background(), fresh) == nil)
			}
		})
		answers, _ := s.together(w.link(inv), accepting())
		wg.Wait()
		state := w.fresh(inv).Status.State
		switch answers[0].StatusCode {
		case http.StatusSeeOther:
			if state != rosterv1alpha1.InvitationAccepted {
				t.Errorf("welcomed, but the state is %s", state)
			}
			welcomed++
		default:
			if state == rosterv1alpha1.InvitationAccepted || !revoked.Load() {
				t.Errorf("status %d, state %s, revoked %v", answers[0].StatusCode, state, revoked.Load())
			}
		}
	}
}

// write is one of the writes of an acceptance.
type write string

const (
	writeAccount write = "Account"
	writeSecret  write = "Secret"
	writeClaim   write = "claim"
	writeSignIn  write = "last sign-in"
)

// failing makes the first write of a kind fail; arrived reports whether the API server has it all the same.
func failing(at write, arrived bool) func(*configure) {
	failed := false
	fail := func(kind write, do func() error) error {
		if kind != at || failed {
			return do()
		}
		failed = true
		if arrived {
			if err := do(); err != nil {
				return err
			}
		}
		return errors.New("connection reset by peer")
	}
	return func(c *configure) {
		c.funcs = interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				kind := writeAccount
				if _, ok := o.(*corev1.Secret); ok {
					kind = writeSecret
				}
				return fail(kind, func() error { return c.Create(ctx, o, opts...) })
			},
			SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				return fail(writeClaim, func() error { return c.SubResource(sub).Update(ctx, o, opts...) })
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				return fail(writeSignIn, func() error { return c.SubResource(sub).Patch(ctx, o, p, opts...) })
			},
		}
	}
}

func TestCrashBetweenAnyTwoWrites(t *testing.T) {
	w := newWorld(t)
	for i, c := range []struct {
		at      write
		arrived bool
		first   int // status of the first try
	}{
		{writeAccount, false, http.StatusServiceUnavailable},
		{writeAccount, true, http.StatusServiceUnavailable},
		{writeSecret, false, http.StatusServiceUnavailable},
		{writeSecret, true, http.StatusServiceUnavailable},
		{writeClaim, false, http.StatusServiceUnavailable},
		{writeClaim, true, http.StatusSeeOther}, // looked again, and found it done
		{writeSignIn, false, http.StatusSeeOther},
		{writeSignIn, true, http.StatusSeeOther},
	} {
		t.Run(fmt.Sprintf("%s, arrived %v", c.at, c.arrived), func(t *testing.T) {
			inv := w.invite("ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = w.address(fmt.Sprintf("crash%d", i)) })
			s := w.site(failing(c.at, c.arrived))
			b := s.browser()
			first := b.post(w.link(inv), accepting())
			first.expect(t, c.first)
			if c.first == http.StatusServiceUnavailable {
				first.expect(t, c.first, "Nothing is lost", `value="Ana Silva"`, `value="Silva &amp; Filhos"`)
				if strings.Contains(first.body, goodPassword) || first.Header.Get("Retry-After") == "" {
					t.Error("the password is given back, or Retry-After is missing")
				}
				b.get(w.link(inv)).expect(t, http.StatusOK)
				// The second try goes to another replica, which knows nothing of the first.
				b.site = w.site()
				b.follow(b.post(w.link(inv), accepting())).expect(t, http.StatusOK, "Welcome to Acme Social")
			}
			if got := w.fresh(inv).Status.State; got != rosterv1alpha1.InvitationAccepted {
				t.Errorf("state %s", got)
			}
		})
	}
}

func TestCorrectedNameAfterCrash(t *testing.T) {
	w := newWorld(t)
	inv, b := w.invite("ana"), w.site(failing(writeSecret, false)).browser()
	b.post(w.link(inv), accepting("displayName", "Ana Slvia")).expect(t, http.StatusServiceUnavailable)
	b.get(w.link(inv)).expect(t, http.StatusOK, "Create your account")
	b.post(w.link(inv), accepting("displayName", "Ana Silva")).expect(t, http.StatusSeeOther)
	if got := w.account(w.address("ana")).Spec.DisplayName; got != "Ana Silva" {
		t.Errorf("the name is %q", got)
	}
}

// down is an API server that answers nothing.
func down(err error) func(*configure) {
	return func(c *configure) {
		c.funcs = interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return err
			},
			List:   func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return err },
			Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return err },
			SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
				return err
			},
		}
	}
}

func TestUnreachableAPIServer(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	keys := web.NewKeySource(w.portal, client.ObjectKey{Namespace: systemNamespace, Name: keySecretName}, w.site().clock)
	if _, err := keys.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := w.site(down(errors.New("dial tcp 10.0.0.1:443: connect: connection refused")), func(c *configure) { c.Keys = keys })
	b := s.browser()
	for _, path := range []string{"", "/decline", "/welcome"} {
		a := b.get(w.link(inv) + path)
		a.expect(t, http.StatusServiceUnavailable, "Please try again in a minute")
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	b.post(w.link(inv), accepting()).expect(t, http.StatusServiceUnavailable, "Nothing is lost", `value="Ana Silva"`)
	b.post(w.link(inv), signingIn("some password")).expect(t, http.StatusServiceUnavailable, "Nothing is lost", "current-password")
	b.post(w.link(inv), url.Values{"action": {"decline"}, "confirm": {"yes"}}).expect(t, http.StatusServiceUnavailable)
	t.Run("from the start", func(t *testing.T) {
		w.site(down(context.DeadlineExceeded)).browser().get(w.link(inv)).expect(t, http.StatusServiceUnavailable, "try again in a minute")
	})
}

// A browser that is closed is no fault of the API server's.
func TestClientThatDoesNotWait(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	s.browser().get(w.link(inv)).expect(t, http.StatusOK) // the keys are known
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, w.link(inv), nil))
	if recorder.Code != 499 || strings.Contains(s.log.String(), "Cannot serve") {
		t.Errorf("status %d, log:\n%s", recorder.Code, s.log)
	}
}

func TestAccountsThatCannotBeUsed(t *testing.T) {
	w := newWorld(t)
	b := w.site().browser()
	for name, c := range map[string]struct {
		spoil  func(*testing.T, *rosterv1alpha1.Account)
		status int
		want   string
	}{
		"being deleted": {func(t *testing.T, a *rosterv1alpha1.Account) {
			a.Finalizers = []string{"example.com/hold"}
			if err := errors.Join(w.admin.Update(t.Context(), a), w.admin.Delete(t.Context(), a)); err != nil {
				t.Fatal(err)
			}
		}, http.StatusServiceUnavailable, "Your account is being removed"},
		"of another address": {func(t *testing.T, a *rosterv1alpha1.Account) {
			other := &rosterv1alpha1.Account{Spec: rosterv1alpha1.AccountSpec{Email: "impostor@acme.example", DisplayName: "Impostor"}}
			other.Namespace, other.Name = a.Namespace, a.Name
			if err := errors.Join(w.admin.Delete(t.Context(), a), w.admin.Create(t.Context(), other)); err != nil {
				t.Fatal(err)
			}
		}, http.StatusConflict, "This account cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			email := w.address(strings.ReplaceAll(name, " ", "-"))
			to := func(i *rosterv1alpha1.Invitation) { i.Spec.Email = email }
			b.post(w.link(w.invite("first", to)), accepting()).expect(t, http.StatusSeeOther)
			c.spoil(t, w.account(email))
			inv := w.invite("second", to)
			b.get(w.link(inv)).expect(t, c.status, c.want)
			b.post(w.link(inv), accepting()).expect(t, c.status, c.want)
			b.post(w.link(inv), signingIn(goodPassword)).expect(t, c.status, c.want)
			if w.fresh(inv).Status.State != rosterv1alpha1.InvitationSent {
				t.Error("it was accepted")
			}
		})
	}
}

// An administrator who deletes an Account takes its password away: the next valid link may set one.
func TestDeletedAccountStartsAnew(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := s.browser()
	b.post(w.link(w.invite("ana")), accepting()).expect(t, http.StatusSeeOther)
	if err := w.admin.Delete(t.Context(), w.account(w.address("ana"))); err != nil {
		t.Fatal(err)
	}
	inv := w.invite("ana")
	b.get(w.link(inv)).expect(t, http.StatusOK, "Create your account")
	b.post(w.link(inv), accepting("password", "Another password!", "confirm", "Another password!")).expect(t, http.StatusSeeOther)
	b = s.browser()
	b.post(w.link(w.invite("ana")), signingIn(goodPassword)).expect(t, http.StatusUnprocessableEntity)
	b.post(w.link(w.invite("ana")), signingIn("Another password!")).expect(t, http.StatusSeeOther)
}

// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// readsIn notes what is read from the API server, past the cache.
func readsIn(l *lines) func(*configure) {
	note := func(o any) { l.add(strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", o), "*v1alpha1."), "*v1.")) }
	return func(c *configure) {
		c.funcs.Get = func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			note(o)
			return c.Get(ctx, key, o, opts...)
		}
		c.funcs.List = func(ctx context.Context, c client.WithWatch, o client.ObjectList, opts ...client.ListOption) error {
			note(o)
			return c.List(ctx, o, opts...)
		}
	}
}

// TestReads: what is read again, and that nothing is read without need. The API server is what many sign-ins at once wait for.
func TestReads(t *testing.T) {
	w, read := newWorld(t), &lines{}
	s := w.site(readsIn(read))
	for _, ready := range s.keys {
		if _, err := ready.Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b, link, second := s.browser(), w.link(w.invite("ana")), w.link(w.invite("ana"))
	for _, step := range []struct {
		name string
		do   func() answer
		want []string
	}{
		// The organisation once more when the password has been hashed, in the cache. Where the cache is behind, the writes tell.
		{"accepting", func() answer { return b.post(link, accepting()) }, []string{"OrganizationList"}},
		{"accepting as somebody who has an account", func() answer { return s.browser().post(second, signingIn(goodPassword)) },
			[]string{"OrganizationList", "Account", "Secret"}},
		{"signing out", func() answer { return b.post("/sign-out", nil) }, []string{"Account", "Secret", "Secret"}},
		{"signing in", func() answer { return b.post("/sign-in", signIn(w.address("ana"), goodPassword)) }, []string{"Account", "Secret"}},
		{"a page", func() answer { return b.get("/account/profile") }, []string{"Account", "Secret"}},
	} {
		read.all = nil
		step.do()
		if !slices.Equal(read.all, step.want) {
			t.Errorf("%s reads %v, want %v", step.name, read.all, step.want)
		}
	}
}

func TestSignInAgainOnTheSameBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	w.registered(s, "ana")
	b := s.browser()
	for range 3 {
		b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
		if !b.isSignedIn() {
			t.Fatal("the session does not count")
		}
	}
}

// TestOrganizationChangedWhileHashing: between the form and the claim, the organisation stops inviting people of that domain.
func TestOrganizationChangedWhileHashing(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	change := once(func() {
		var list rosterv1alpha1.OrganizationList
		if err := w.admin.List(context.Background(), &list, client.InNamespace(w.ns)); err != nil || len(list.Items) != 1 {
			t.Error(len(list.Items), err)
			return
		}
		list.Items[0].Spec.Invitations.AllowedDomains = []string{"elsewhere.example"}
		if err := w.admin.Update(context.Background(), &list.Items[0]); err != nil {
			t.Error(err)
		}
		if err := w.cached(&list.Items[0]); err != nil {
			t.Error(err)
		}
	})
	s := w.site(func(c *configure) {
		c.funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			change()
			return c.Create(ctx, o, opts...)
		}
	})
	s.browser().post(w.link(inv), accepting()).expect(t, http.StatusForbidden, "This address cannot join")
	if got := w.fresh(inv).Status; got.State == rosterv1alpha1.InvitationAccepted {
		t.Errorf("accepted although the domain is not allowed any more: %+v", got)
	}
}

// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/test/site"
)

const (
	// place is the namespace of an organisation in which much happens.
	place = "load"
	// edited is how many Members are edited, over and over.
	edited = 5
	// atMost is how many people are invited, and how often each Member is edited, if an upgrade takes that long.
	atMost = 500
)

// load is what people do while an upgrade goes on: a pipeline edits Members, and a manager invites people, who accept.
type load struct {
	*site.Site
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	writes   int
	names    map[string]string // what was written last to Members, and acknowledged
	accepted []string
	errs     []error
}

// startLoad has people begin.
func startLoad(s *site.Site) *load {
	s.Helper()
	l := &load{Site: s, stop: make(chan struct{}), names: map[string]string{}}
	s.Must(s.Cluster.Namespace(s.Context(), place))
	s.Create(
		&rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: place, Name: place}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Load"},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: place, Name: "administer"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-admin"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "pipeline"}},
		},
	)
	pipeline, err := client.New(s.Cluster.AsUser("pipeline"), client.Options{Scheme: s.Cluster.Scheme})
	s.Must(err)
	l.Eventually("the pipeline may write", func() error { return l.edit(pipeline, 0, 0) })
	l.done.Go(func() {
		for n := 1; l.goesOn(n); n++ {
			for i := range edited {
				if err := l.edit(pipeline, i, n); err != nil {
					l.fail(fmt.Errorf("editing: %w", err))
				}
			}
		}
	})
	l.done.Go(func() {
		for n := 1; l.goesOn(n); n++ {
			if err := l.invite(pipeline, fmt.Sprintf("person-%d", n)); err != nil {
				l.fail(fmt.Errorf("inviting: %w", err))
			}
		}
	})
	return l
}

func (l *load) goesOn(n int) bool {
	select {
	case <-l.stop:
		return false
	default:
		return n < atMost
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// edit applies a Member that differs from time to time.
func (l *load) edit(c client.Client, i, n int) error {
	role := []string{"Member", "AdvancedMember"}[n%2]
	return l.apply(c, rosterv1alpha1.GroupVersion, fmt.Sprintf("edited-%d", i), fmt.Sprintf("Edited %d times", n), role)
}

// apply applies a Member, as a pipeline does.
func (l *load) apply(c client.Client, gv schema.GroupVersion, name, says, role string, options ...client.ApplyOption) error {
	o := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"email": address(name), "displayName": says, "role": role},
	}}
	o.SetGroupVersionKind(gv.WithKind("Member"))
	o.SetNamespace(place)
	o.SetName(name)
	options = append(options, client.FieldOwner("pipeline"))
	err := c.Apply(l.Context(), client.ApplyConfigurationFromUnstructured(o), options...)
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.names[name] = says
		l.writes++
	}
	return err
}

func address(name string) string { return name + "@load.example" }

// invite has somebody invited, who accepts.
func (l *load) invite(c client.Client, name string) error {
	inv := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: place, Name: name}, Spec: rosterv1alpha1.InvitationSpec{Email: address(name)},
	}
	if err := c.Create(l.Context(), inv); err != nil {
		return err
	}
	link, err := l.AwaitLink(address(name))
	if err != nil {
		return err
	}
	form := url.Values{
		"action": {"accept"}, "displayName": {name}, "locale": {"en"}, "password": {"Correct-horse-battery-9"}, "confirm": {"Correct-horse-battery-9"},
	}
	var page string
	var failed error
	err = l.Await(name+" accepts", func() error {
		page, _, failed = l.Browser().Try(http.MethodPost, "/invitations/"+link, form)
		if failed == nil && strings.Contains(page, "Your invitation is being prepared") {
			return errors.New("it is being prepared")
		}
		// When the kinds change, a portal reads all objects again, and does not know the newest until it has. People try again.
		if failed == nil && strings.Contains(page, "This link does not work") {
			return errors.New("the portal does not know the invitation yet")
		}
		return nil
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if !strings.Contains(page, "Welcome to Load") {
		return fmt.Errorf("%s accepts and sees:\n%s", name, page)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted = append(l.accepted, name)
	return nil
}

// counts are the edits and the people so far.
func (l *load) counts() (edits, people int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes, len(l.accepted)
}

// more waits until people have done something more.
func (l *load) more(what string) {
	l.Helper()
	edits, people := l.counts()
	l.Eventually(what+": people go on", func() error {
		if e, p := l.counts(); e < edits+edited || p < people+2 {
			return fmt.Errorf("%d edits and %d people more; errors: %w", e-edits, p-people, l.err())
		}
		return nil
	})
}

func (l *load) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

// end has people stop, and looks at what became of what they did.
func (l *load) end() {
	l.Helper()
	close(l.stop)
	l.done.Wait()
	if err := l.err(); err != nil {
		l.Errorf("people met errors: %v", err)
	}
	for _, name := range l.accepted {
		l.Eventually(name+" is a member", func() error {
			m, err := l.member(name)
			if err == nil && (m.Status.State != rosterv1alpha1.MemberActive || m.Spec.AccountRef == nil) {
				err = fmt.Errorf("%s: %+v", m.Status.State, m.Status.Conditions)
			}
			return err
		})
	}
	for name, says := range l.names {
		m, err := l.member(name)
		l.Must(err)
		if m.Spec.DisplayName != says {
			l.Errorf("%s says %q, and %q was written last", name, m.Spec.DisplayName, says)
		}
	}
}

func (l *load) member(name string) (*rosterv1alpha1.Member, error) {
	m := &rosterv1alpha1.Member{}
	err := l.Client.Get(context.Background(), client.ObjectKey{Namespace: place, Name: name}, m)
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("%s is lost: %w", name, err)
	}
	return m, err
}

// checkMail: everybody who was invited meanwhile has one mail, and nobody else has any.
func (l *load) checkMail() {
	l.Helper()
	var got []string
	for _, m := range l.Relay.Messages() {
		got = append(got, m.To...)
	}
	var want []string
	for _, name := range l.accepted {
		want = append(want, address(name))
	}
	for name := range l.names {
		want = append(want, address(name))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.Errorf("mailed: %v\nwant: %v", got, want)
	}
}

// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// inviter is a Member who invites, and the Role that the operator has compiled for them.
type inviter struct {
	*world
	member *rosterv1alpha1.Member
	role   *rbacv1.Role
}

const prefix = "oidc:"

// prefixed is how the cluster of these tests calls people.
func prefixed(c *configure) { c.UserPrefix = prefix }

func (w *world) inviter(spec rosterv1alpha1.MemberSpec) *inviter {
	w.t.Helper()
	spec.Email, spec.DisplayName = w.address("Mona"), "Mona Roy"
	spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-mona"}
	i := &inviter{world: w, member: w.member("mona", "", func(m *rosterv1alpha1.Member) { m.Spec = spec })}
	w.create(i.member)
	i.member.Status.State = rosterv1alpha1.MemberActive
	if err := w.admin.Status().Update(context.Background(), i.member); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(i.member)
	named := metav1.ObjectMeta{Namespace: w.ns, Name: "everything-of-mona"}
	i.role = &rbacv1.Role{ObjectMeta: named}
	w.create(i.role)
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: i.user()}},
	})
	i.holds(spec)
	return i
}

func (i *inviter) user() string { return prefix + i.address("mona") }

// holds gives the inviter what they have by a spec, as the operator does, and waits until the API server knows.
func (i *inviter) holds(spec rosterv1alpha1.MemberSpec) {
	i.t.Helper()
	recruiter := rosterv1alpha1.CustomRoleSpec{
		Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionManageMembers},
	}
	sources := access.Sources{
		Spec: spec, Roles: access.Roles{"recruiter": recruiter},
		Profiles: map[string]access.Standing{"acme-fb": access.Present, "acme-masto": access.Present},
	}
	sign := fmt.Sprint("seen-", len(i.role.Rules), "-", spec.Role) // A verb that tells this version of the Role from the last one.
	i.role.Rules = append(access.Compile(sources, i.org.Name), rbacv1.PolicyRule{
		APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Resources: []string{"orgroles"}, Verbs: []string{sign},
	})
	if err := i.admin.Update(context.Background(), i.role); err != nil {
		i.t.Fatal(err)
	}
	await(i.t, func(ctx context.Context) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: i.user(), ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: i.ns, Group: rosterv1alpha1.GroupVersion.Group, Resource: "orgroles", Verb: sign,
			},
		}}
		return i.admin.Create(ctx, review) == nil && review.Status.Allowed
	})
}

// demote makes the inviter a Member without anything to give.
func (i *inviter) demote() { i.holds(rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleMember}) }

func (i *inviter) suspend() {
	i.t.Helper()
	i.member.Spec.Suspended = new(true)
	if err := i.admin.Update(context.Background(), i.member); err != nil {
		i.t.Fatal(err)
	}
}

// end has the membership end now. The operator has not noticed, so the Role is there still.
func (i *inviter) end() {
	i.t.Helper()
	i.member.Spec.EndTime = &metav1.Time{Time: now()}
	if err := i.admin.Update(context.Background(), i.member); err != nil {
		i.t.Fatal(err)
	}
}

// remove deletes the Member and, as the operator does a little later, the Role.
func (i *inviter) remove() {
	i.t.Helper()
	if err := errors.Join(i.admin.Delete(context.Background(), i.member), i.admin.Delete(context.Background(), i.role)); err != nil {
		i.t.Fatal(err)
	}
	await(i.t, func(ctx context.Context) bool {
		return i.cache.Get(ctx, client.ObjectKeyFromObject(i.member), &rosterv1alpha1.Member{}) != nil
	})
}

// by makes an Invitation of the inviter's; recorded: the operator has noted that they are a Member.
func (i *inviter) by(recorded bool, mods ...func(*rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
	i.t.Helper()
	inv := i.invite("ana", append([]func(*rosterv1alpha1.Invitation){func(inv *rosterv1alpha1.Invitation) {
		inv.Spec.InvitedBy = i.user()
	}}, mods...)...)
	if !recorded {
		return inv
	}
	return i.status(inv, func(s *rosterv1alpha1.InvitationStatus) {
		s.InviterRef = &rosterv1alpha1.InviterReference{Name: "mona", InvitedBy: i.user()}
	})
}

// counting counts the questions to the API server.
func counting(n *int) func(*configure) {
	return func(c *configure) {
		c.funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if _, ok := o.(*authorizationv1.SubjectAccessReview); ok {
				*n++
			}
			return c.Create(ctx, o, opts...)
		}
	}
}

var managerSpec = rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleManager}

const lostRight = "This invitation can no longer be accepted"

// TestInviterMustStillHaveTheRight: X-03. It is asked again when the person accepts.
func TestInviterMustStillHaveTheRight(t *testing.T) {
	recruiter := rosterv1alpha1.MemberSpec{
		Role: "recruiter", Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}},
	}
	offers := func(role rosterv1alpha1.OrganizationRole, profiles ...rosterv1alpha1.ProfileGrant) func(*rosterv1alpha1.Invitation) {
		return func(inv *rosterv1alpha1.Invitation) { inv.Spec.Role, inv.Spec.Profiles = role, profiles }
	}
	named := func(user string) func(*rosterv1alpha1.Invitation) {
		return func(inv *rosterv1alpha1.Invitation) { inv.Spec.InvitedBy = user }
	}
	ownerOnly := func(i *inviter) {
		i.org.Spec.Invitations.AllowedFor = rosterv1alpha1.InvitersOwner
		if err := i.admin.Update(context.Background(), i.org); err != nil {
			i.t.Fatal(err)
		}
	}
	anything := func(*rosterv1alpha1.Invitation) {}
	cases := map[string]struct {
		spec     rosterv1alpha1.MemberSpec
		recorded bool
		offer    func(*rosterv1alpha1.Invitation)
		then     func(*inviter)
		open     bool
		reviews  int
	}{
		"still a Manager":                      {managerSpec, true, anything, func(*inviter) {}, true, 1},
		"demoted":                              {managerSpec, true, anything, (*inviter).demote, false, 2},
		"demoted, not recorded":                {managerSpec, false, anything, (*inviter).demote, false, 2},
		"suspended":                            {managerSpec, true, anything, (*inviter).suspend, false, 0},
		"ended":                                {managerSpec, true, anything, (*inviter).end, false, 0},
		"removed":                              {managerSpec, true, anything, (*inviter).remove, false, 0},
		"never a Member":                       {managerSpec, false, anything, (*inviter).remove, true, 0},
		"a platform administrator":             {managerSpec, false, named("kubernetes-admin"), (*inviter).demote, true, 0},
		"taken over by one":                    {managerSpec, true, named("platform@acme.example"), (*inviter).remove, true, 0},
		"under another prefix":                 {managerSpec, false, named("OIDC:mona@acme.example"), func(*inviter) {}, true, 0},
		"a service account":                    {managerSpec, false, named(syncer), (*inviter).syncs, true, 1},
		"one that lost the right":              {managerSpec, false, named(syncer), func(*inviter) {}, false, 2},
		"no inviter":                           {managerSpec, false, named(""), (*inviter).demote, true, 0},
		"only the owner invites by now":        {managerSpec, true, anything, ownerOnly, false, 1},
		"a Manager may not offer a CoOwner":    {managerSpec, true, offers("CoOwner"), func(*inviter) {}, false, 1},
		"a recruiter offers a role":            {recruiter, true, offers("Member"), func(*inviter) {}, true, 2},
		"a recruiter offers less than theirs":  {recruiter, true, offers("Member", moderates("acme-fb")), func(*inviter) {}, true, 5},
		"a recruiter offers more than theirs":  {recruiter, true, offers("Member", moderates("acme-masto")), func(*inviter) {}, false, 3},
		"a recruiter offers a role above":      {recruiter, true, offers("Manager"), func(*inviter) {}, false, 1},
		"a recruiter offers what they are not": {recruiter, true, offers("AdvancedMember"), func(*inviter) {}, false, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			i := w.inviter(c.spec)
			inv := i.by(c.recorded, c.offer)
			c.then(i)
			var reviews int
			s := w.site(prefixed, counting(&reviews))
			b := s.browser()
			page := b.get(w.link(inv))
			if reviews != c.reviews {
				t.Errorf("%d questions to the API server, want %d", reviews, c.reviews)
			}
			if c.open {
				page.expect(t, http.StatusOK, "Create your account")
				b.follow(b.post(w.link(inv), accepting())).expect(t, http.StatusOK, "Welcome to Acme Social")
				return
			}
			page.expect(t, http.StatusForbidden, lostRight, "Ask Olivia Martin to invite you again", w.link(inv)+"/decline")
			b.post(w.link(inv), accepting()).expect(t, http.StatusForbidden, lostRight)
			if got := s.writes.String(); got != "" {
				t.Errorf("writes: %s", got)
			}
			b.get(w.link(inv)+"/decline").expect(t, http.StatusOK, "Decline this invitation?")
			b.follow(b.post(w.link(inv), url.Values{"action": {"decline"}, "confirm": {"yes"}})).expect(t, http.StatusGone, "Declined")
		})
	}
}

func moderates(profile string) rosterv1alpha1.ProfileGrant {
	return rosterv1alpha1.ProfileGrant{Name: profile, Role: rosterv1alpha1.ProfileModerator}
}

const syncer = "system:serviceaccount:flux-system:sync"

// syncs lets that service account, by one of the groups that it is in, do what Managers may.
func (i *inviter) syncs() {
	i.t.Helper()
	i.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: i.ns, Name: "sync"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: i.role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:serviceaccounts:flux-system"}},
	})
	await(i.t, func(ctx context.Context) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: syncer, Groups: []string{"system:serviceaccounts:flux-system"}, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: i.ns, Group: rosterv1alpha1.GroupVersion.Group, Resource: "orgroles", Name: "Manager", Verb: "grant",
			},
		}}
		return i.admin.Create(ctx, review) == nil && review.Status.Allowed
	})
}

// The person who declared a Member, or raised it since, answers for it by its spec.invitedBy: about them, and about what it offers by now,
// the API server is asked.
func TestWhoDeclaredAMemberMustStillHaveTheRight(t *testing.T) {
	raise := func(i *inviter, m *rosterv1alpha1.Member) {
		m.Spec.Role = rosterv1alpha1.RoleCoOwner
		if err := i.admin.Update(context.Background(), m); err != nil {
			i.t.Fatal(err)
		}
	}
	rename := func(i *inviter, _ *rosterv1alpha1.Member) {
		i.remove()
		i.member = i.world.member("mona-roy", i.address("mona"), func(m *rosterv1alpha1.Member) {
			m.Spec.DisplayName, m.Spec.Role = "Mona Roy", rosterv1alpha1.RoleManager
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-mona"}
		})
		i.create(i.member)
		i.role.ResourceVersion, i.role.UID = "", ""
		i.create(i.role)
		i.awaitCache(i.member)
	}
	for name, c := range map[string]struct {
		then func(*inviter, *rosterv1alpha1.Member)
		open bool
	}{
		"still a Manager":                     {func(*inviter, *rosterv1alpha1.Member) {}, true},
		"demoted":                             {func(i *inviter, _ *rosterv1alpha1.Member) { i.demote() }, false},
		"suspended":                           {func(i *inviter, _ *rosterv1alpha1.Member) { i.suspend() }, false},
		"removed":                             {func(i *inviter, _ *rosterv1alpha1.Member) { i.remove() }, false},
		"a role above theirs since":           {raise, false},
		"a Manager whose object is a new one": {rename, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			i := w.inviter(managerSpec)
			m := w.member("ben", w.address("ben"), func(m *rosterv1alpha1.Member) {
				m.Spec.Role, m.Spec.InvitedBy = rosterv1alpha1.RoleManager, i.user()
			})
			w.create(m)
			w.awaitCache(m)
			inv := i.by(true, func(inv *rosterv1alpha1.Invitation) {
				inv.Spec = rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: "ben"}}
			})
			c.then(i, m)
			link := w.linkFor(inv, 1, m.Spec.Email)
			b := w.site(prefixed).browser()
			if c.open {
				b.get(link).expect(t, http.StatusOK, "Manager", "Mona Roy")
				b.follow(b.post(link, accepting())).expect(t, http.StatusOK, "Welcome to Acme Social")
				return
			}
			b.get(link).expect(t, http.StatusForbidden, lostRight)
			b.post(link, accepting()).expect(t, http.StatusForbidden, lostRight)
		})
	}
}

// The roles of a Member that was declared without a name were given by the platform. Who asked for its mail must be there still.
func TestInviterOfADeclaredMember(t *testing.T) {
	w := newWorld(t)
	i := w.inviter(managerSpec)
	m := w.member("ben", w.address("ben"), func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleCoOwner })
	w.create(m)
	w.awaitCache(m)
	inv := i.by(true, func(inv *rosterv1alpha1.Invitation) {
		inv.Spec = rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: "ben"}, InvitedBy: i.user()}
	})
	link := w.linkFor(inv, 1, m.Spec.Email)
	var reviews int
	b := w.site(prefixed, counting(&reviews)).browser()
	b.get(link).expect(t, http.StatusOK, "Co-owner")
	if reviews != 0 {
		t.Errorf("%d questions to the API server", reviews)
	}
	i.suspend()
	b.get(link).expect(t, http.StatusForbidden, lostRight)
}

func TestExpiredLinkOfAnInviterWithoutTheRightIsNotRenewed(t *testing.T) {
	w := newWorld(t)
	w.org.Spec.Invitations.SelfRenewal = new(true)
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	i := w.inviter(managerSpec)
	inv, s := i.by(true), w.site(prefixed)
	s.clock.SetTime(now().Add(72 * time.Hour))
	b := s.browser()
	b.get(w.link(inv)).expect(t, http.StatusGone, "Send me a new link")
	i.demote()
	b.get(w.link(inv)).expect(t, http.StatusForbidden, lostRight)
	b.post(w.link(inv), url.Values{"action": {"renew"}}).expect(t, http.StatusForbidden, lostRight)
	if got := w.fresh(inv).Status.RenewalRequestedTime; got != nil {
		t.Errorf("a new link is asked for at %s", got)
	}
}

// Where the API server does not say whether the inviter has the right, nothing is accepted and nothing is lost.
func TestInviterCannotBeAskedAbout(t *testing.T) {
	w := newWorld(t)
	i := w.inviter(managerSpec)
	inv := i.by(true)
	silent := true
	s := w.site(prefixed, func(c *configure) {
		c.funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if _, ok := o.(*authorizationv1.SubjectAccessReview); ok && silent {
				return errors.New("dial tcp 10.0.0.1:443: connect: connection refused")
			}
			return c.Create(ctx, o, opts...)
		}
	})
	b := s.browser()
	b.get(w.link(inv)).expect(t, http.StatusServiceUnavailable, "Please try again in a minute")
	b.post(w.link(inv), accepting()).expect(t, http.StatusServiceUnavailable, "Nothing is lost", `value="Ana Silva"`)
	if got := s.writes.String(); got != "" {
		t.Errorf("writes: %s", got)
	}
	b.get(w.link(inv)+"/decline").expect(t, http.StatusOK, "Decline this invitation?")
	silent = false
	b.follow(b.post(w.link(inv), accepting())).expect(t, http.StatusOK, "Welcome to Acme Social")
}

// The right is lost after the form was shown, and after the account was made.
func TestInviterLosesTheRightWhileAccepting(t *testing.T) {
	for _, kind := range []string{"*v1alpha1.Account", "*v1.Secret"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			i := w.inviter(managerSpec)
			inv := i.by(true)
			demote := once(i.demote)
			s := w.site(prefixed, func(c *configure) {
				c.funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
					if fmt.Sprintf("%T", o) == kind {
						demote()
					}
					return c.Create(ctx, o, opts...)
				}
			})
			b := s.browser()
			b.get(w.link(inv)).expect(t, http.StatusOK)
			b.post(w.link(inv), accepting()).expect(t, http.StatusForbidden, lostRight)
			if got := w.fresh(inv).Status; got.State != rosterv1alpha1.InvitationSent || got.AccountRef != nil {
				t.Errorf("accepted: %+v", got)
			}
			i.holds(managerSpec)
			b.post(w.link(inv), signingIn(goodPassword)).expect(t, http.StatusSeeOther)
		})
	}
}

// Demotion and acceptance at once: either comes first, and the page says what the Invitation says.
func TestDemotionAgainstAcceptance(t *testing.T) {
	w := newWorld(t)
	i, s := w.inviter(managerSpec), w.site(prefixed, unlimited)
	for round := range 8 {
		inv := i.by(true, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = w.address(fmt.Sprint("ana", round)) })
		var a answer
		var err error
		var wg sync.WaitGroup
		wg.Go(func() {
			a, err = s.browser().try(http.MethodPost, w.link(inv), strings.NewReader(accepting().Encode()))
		})
		wg.Go(i.demote)
		wg.Wait()
		if err != nil {
			t.Fatal(err)
		}
		accepted := w.fresh(inv).Status.State == rosterv1alpha1.InvitationAccepted
		switch {
		case accepted && a.StatusCode != http.StatusSeeOther:
			t.Errorf("accepted, and the answer is %d", a.StatusCode)
		case !accepted:
			a.expect(t, http.StatusForbidden, lostRight)
		}
		s.browser().post(w.link(inv), accepting("password", "wrong")).expect(t, map[bool]int{true: http.StatusGone, false: http.StatusForbidden}[accepted])
		i.holds(managerSpec)
	}
}

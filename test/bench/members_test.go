// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"fmt"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// The organisation of the operator, and that of the bare client, which has the same in it.
const (
	large            = "large"
	bareOrganization = "bare-members"
)

// seldom is how often is asked how far thousands have come: to list what they are bound to, or to read the metrics of the manager, costs as
// much as some of them do.
const seldom = time.Second

// thousands measures an organisation of many members: how fast it comes into force, what a review costs, what a change of a Team with many
// members does, and what others notice of all that.
func thousands(b *bench, r *results) {
	n, inTeam := 2**count, *count/5
	fmt.Printf("An organisation of %d members, %d of them in a Team\n", n, inTeam)
	team := b.bringIn(r, n, inTeam)
	r.add("Roles and RoleBindings there", float64(b.rbacObjects()), "objects", "600")
	reviews(b, r, n, inTeam)
	teamChange(b, r, team, inTeam)
	suspensions(b, r, team)
	b.must(b.client.Delete(b.ctx, team))
}

// bringIn creates the Members of the large organisation, who have Accounts, and waits until all are active and bound.
func (b *bench) bringIn(r *results, n, inTeam int) *rosterv1alpha1.Team {
	bare := bareMembers(b, n, inTeam, false)
	bare.report(r, "Members with a status, written by a bare client")
	recorded := bareMembers(b, n, inTeam, true)
	recorded.report(r, "the same with a membership in the status of each Account")
	team := b.largeOrganization(large, inTeam)
	others := b.small()
	parallel(n, func(i int) { b.must(b.client.Create(b.ctx, accountOf(newMember(large, i)))) })
	b.settle()
	stop := others.suspendedMeanwhile(b)
	begin, used := time.Now(), usageWith(b.manager.cmd.Process.Pid)
	parallel(n, func(i int) { b.must(b.client.Create(b.ctx, newMember(large, i))) })
	b.await("everybody to be bound", 30*time.Minute, func() bool {
		time.Sleep(seldom)
		return b.bound("roster:role:Member") == n
	})
	bound := time.Since(begin)
	b.await("everybody to be active", 30*time.Minute, func() bool {
		time.Sleep(seldom)
		return b.metric("roster_members", `organization="`+large+`"`, `state="Active"`) >= float64(n)
	})
	rate := float64(n) / time.Since(begin).Seconds()
	lags := stop()
	b.settle()
	what := fmt.Sprintf("%d members: applied to active, with their RBAC", n)
	operator := brought{rate: rate, cost: usageWith(b.manager.cmd.Process.Pid).minus(used).each(n)}
	operator.report(r, what)
	r.add("the same, against the bare client", rate/bare.rate, "×", "0.8")
	r.add("the same, in processor time", bare.cost.sum()/operator.cost.sum(), "×", "")
	r.add("the same, against the bare client that writes Accounts, too", recorded.cost.sum()/operator.cost.sum(), "×", "")
	r.add(fmt.Sprintf("%d members: applied to bound", n), float64(n)/bound.Seconds(), "/s", "")
	r.percentiles("meanwhile, in another organisation: suspended to refused", lags.suspension, "2000")
	r.percentiles("meanwhile, in another organisation: invited to mailed", lags.invitation, "2000")
	return team
}

// bareMembers is how many Members a second a bare client creates and gives a status, in an organisation like the one that the operator has:
// the policies look at it for each new Member. It can record the memberships in Accounts besides, which are there already.
func bareMembers(b *bench, n, inTeam int, recorded bool) brought {
	b.stopManager()
	defer b.startManager()
	b.largeOrganization(bareOrganization, inTeam)
	accounts := make([]*rosterv1alpha1.Account, n)
	if recorded {
		parallel(n, func(i int) {
			accounts[i] = accountOf(newMember(bareOrganization, i))
			b.must(b.client.Create(b.ctx, accounts[i]))
		})
	}
	used := usageWith(0)
	took := parallel(n, func(i int) {
		m := newMember(bareOrganization, i)
		b.must(b.client.Create(b.ctx, m))
		m.Status.State, m.Status.ObservedGeneration, m.Status.Email = rosterv1alpha1.MemberActive, m.Generation, m.Spec.Email
		m.Status.Conditions = []metav1.Condition{
			condition(rosterv1alpha1.ConditionReady), condition(rosterv1alpha1.ConditionJoined), condition(rosterv1alpha1.ConditionRolesGranted),
		}
		b.must(b.bare.Status().Update(b.ctx, m))
		if a := accounts[i]; a != nil {
			a.Status.Memberships = []rosterv1alpha1.Membership{{
				Namespace: m.Namespace, Organization: "acme", Member: m.Name, JoinedTime: metav1.Now(),
			}}
			b.must(b.bare.Status().Update(b.ctx, a))
		}
	})
	cost := usageWith(0).minus(used).each(n)
	for _, kind := range []client.Object{
		&rosterv1alpha1.Member{}, &rosterv1alpha1.Team{}, &rosterv1alpha1.SocialProfile{}, &rosterv1alpha1.Organization{},
	} {
		b.must(b.client.DeleteAllOf(b.ctx, kind, client.InNamespace(bareOrganization)))
	}
	if recorded {
		b.must(b.client.DeleteAllOf(b.ctx, &rosterv1alpha1.Account{}, client.InNamespace(rosterv1alpha1.AccountNamespace)))
	}
	return brought{rate: float64(n) / took.Seconds(), cost: cost}
}

func condition(kind string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: metav1.ConditionTrue, Reason: "Active", Message: "The member holds the roles of its spec.",
		LastTransitionTime: metav1.Now(),
	}
}

// largeOrganization has 100 profiles, 50 Teams, or as many as there are people for, and 200 people with a role on a profile by name.
func (b *bench) largeOrganization(namespace string, inTeam int) *rosterv1alpha1.Team {
	b.organization(namespace)
	for _, name := range append([]string{"acme-fb", "acme-x"}, profileNames()...) {
		b.must(b.client.Create(b.ctx, &rosterv1alpha1.SocialProfile{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec:       rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@" + name},
		}))
	}
	newTeam := func(name string, members []string, profiles ...string) *rosterv1alpha1.Team {
		t := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		t.Spec.Role, t.Spec.Profiles, t.Spec.Members = rosterv1alpha1.ProfileGuest, profiles, members
		b.must(b.client.Create(b.ctx, t))
		return t
	}
	names := make([]string, inTeam)
	for i := range names {
		names[i] = personName(i)
	}
	for i := range min(49, inTeam/10) {
		newTeam(fmt.Sprintf("team-%02d", i), names[i*10:i*10+10], profileNames()[2*i])
	}
	return newTeam("writers", names, "acme-fb")
}

func profileNames() []string {
	var names []string
	for i := range 98 {
		names = append(names, fmt.Sprintf("acme-%02d", i))
	}
	return names
}

func personName(i int) string { return fmt.Sprintf("person-%05d", i) }

func personAddress(namespace string, i int) address.Address {
	return address.Address(personName(i) + "@" + namespace + ".example")
}

func newMember(namespace string, i int) *rosterv1alpha1.Member {
	of := personAddress(namespace, i)
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: personName(i)},
		Spec: rosterv1alpha1.MemberSpec{
			Email: string(of), AccountRef: &rosterv1alpha1.LocalReference{Name: of.AccountName()},
		},
	}
	if (namespace == large || namespace == bareOrganization) && i < 200 {
		m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: profileNames()[i%98], Role: rosterv1alpha1.ProfileEditor}}
	}
	return m
}

// accountOf is the Account of somebody who has joined.
func accountOf(m *rosterv1alpha1.Member) *rosterv1alpha1.Account {
	return &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: m.Spec.AccountRef.Name},
		Spec:       rosterv1alpha1.AccountSpec{Email: m.Spec.Email, DisplayName: m.Name},
	}
}

// bound is how many people are bound to a Role.
func (b *bench) bound(role string) int {
	b.Helper()
	var list rbacv1.RoleBindingList
	b.must(b.client.List(b.ctx, &list, client.InNamespace(large)))
	people := 0
	for i := range list.Items {
		if list.Items[i].RoleRef.Name == role {
			people += len(list.Items[i].Subjects)
		}
	}
	return people
}

func (b *bench) rbacObjects() int {
	b.Helper()
	n := 0
	for _, kind := range []string{"RoleList", "RoleBindingList"} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind(kind))
		b.must(b.client.List(b.ctx, list, client.InNamespace(large)))
		n += len(list.Items)
	}
	return n
}

// settle waits until the manager has nothing to do for longer than counts in a status lag behind.
func (b *bench) settle() {
	b.Helper()
	var quiet time.Time
	b.await("the queues to stay empty", time.Hour, func() bool {
		time.Sleep(seldom)
		if b.waiting() > 0 {
			quiet = time.Time{}
		} else if quiet.IsZero() {
			quiet = time.Now()
		}
		return !quiet.IsZero() && time.Since(quiet) > 5*time.Second
	})
}

// neighbour is another organisation, with one member.
type neighbour struct{ member *rosterv1alpha1.Member }

// delays are what is noticed in another organisation.
type delays struct{ suspension, invitation []time.Duration }

func (b *bench) small() *neighbour {
	b.organization("small")
	m := newMember("small", 0)
	b.must(b.client.Create(b.ctx, m))
	b.await("the member of a small organisation to be bound", time.Minute, func() bool { return b.may("small", 0, "organizations", "get", "acme") })
	return &neighbour{m}
}

// suspendedMeanwhile suspends, resumes and invites one after the other, until what it returns is called.
func (o *neighbour) suspendedMeanwhile(b *bench) func() delays {
	var d delays
	end := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(250 * time.Millisecond):
			}
			d.suspension = append(d.suspension, b.suspend(o.member, true))
			b.suspend(o.member, false)
			inv := newInvitation("small", i+1)
			begin := time.Now()
			b.must(b.client.Create(b.ctx, inv))
			b.await("a mail", time.Minute, func() bool {
				b.must(b.client.Get(b.ctx, client.ObjectKeyFromObject(inv), inv))
				return inv.Status.State == rosterv1alpha1.InvitationSent
			})
			d.invitation = append(d.invitation, time.Since(begin))
		}
	})
	return func() delays {
		close(end)
		done.Wait()
		return d
	}
}

// suspend suspends a Member or resumes it, and says how long it took until that was in force.
func (b *bench) suspend(m *rosterv1alpha1.Member, suspended bool) time.Duration {
	begin := time.Now()
	patch := fmt.Sprintf(`{"spec":{"suspended":%v}}`, suspended)
	b.must(b.client.Patch(b.ctx, m, client.RawPatch("application/merge-patch+json", []byte(patch))))
	b.await("a suspension", time.Minute, func() bool {
		return b.mayUser(m.Namespace, m.Spec.Email, "organizations", "get", "acme") != suspended
	})
	return time.Since(begin)
}

// reviews measures SubjectAccessReviews about one person after another, one at a time and many at once, next to a small organisation.
func reviews(b *bench, r *results, n, inTeam int) {
	var there, here []time.Duration
	for i := range 500 {
		person := i * 7919 % n
		begin := time.Now()
		if may := b.may(large, person, "socialprofiles", "get", "acme-fb"); may != (person < inTeam) {
			b.Fatalf("%s may look at the profile: %v", personName(person), may)
		}
		here = append(here, time.Since(begin))
		begin = time.Now()
		b.may("small", 0, "socialprofiles", "get", "acme-fb")
		there = append(there, time.Since(begin))
	}
	r.percentiles("access review in an organisation of 1 member", there, "")
	r.percentiles(fmt.Sprintf("access review in an organisation of %d members", n), here, "")
	took := parallel(2000, func(i int) { b.may(large, i*7919%n, "socialprofiles", "publish", "acme-x") })
	r.add("access reviews, 16 at once", 2000/took.Seconds(), "/s", "")
}

func (b *bench) may(namespace string, person int, resource, verb, name string) bool {
	return b.mayUser(namespace, string(personAddress(namespace, person)), resource, verb, name)
}

func (b *bench) mayUser(namespace, user, resource, verb, name string) bool {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Group: rosterv1alpha1.GroupVersion.Group, Resource: resource, Verb: verb, Name: name,
		},
	}}
	b.must(b.client.Create(b.ctx, review))
	return review.Status.Allowed
}

// writes are those of Roles, bindings and Members.
func (b *bench) writes() float64 {
	return b.apiWrites("roles") + b.apiWrites("rolebindings") + b.apiWrites("members")
}

// teamChange gives a Team with many members another role, and then takes one of them out and in again.
func teamChange(b *bench, r *results, team *rosterv1alpha1.Team, members int) {
	change := func(what string, edit func(), inForce func() bool, aim string) {
		before, writes := team.DeepCopy(), b.writes()
		edit()
		begin := time.Now()
		b.must(b.client.Patch(b.ctx, team, client.MergeFrom(before)))
		b.await(what, time.Minute, inForce)
		r.add(what+": in force", time.Since(begin).Seconds()*1000, "ms", aim)
		b.settle()
		r.add(what+": writes", b.writes()-writes, "writes", "3")
	}
	may := func(person int, verb string) func() bool {
		return func() bool { return b.may(large, person, "socialprofiles", verb, "acme-fb") }
	}
	change(fmt.Sprintf("a Team of %d gets another role", members),
		func() { team.Spec.Role = rosterv1alpha1.ProfileEditor }, may(members-1, "publish"), "1000")
	all := team.Spec.Members
	change(fmt.Sprintf("one leaves a Team of %d", members),
		func() { team.Spec.Members = all[1:] }, func() bool { return !may(0, "get")() }, "500")
	change(fmt.Sprintf("one joins a Team of %d", members-1), func() { team.Spec.Members = all }, may(0, "get"), "500")
}

// suspensions measures how long one takes while the Team is edited all the time.
func suspensions(b *bench, r *results, team *rosterv1alpha1.Team) {
	end, edits := make(chan struct{}), 0
	var done sync.WaitGroup
	done.Go(func() {
		for ; ; edits++ {
			select {
			case <-end:
				return
			default:
			}
			before := team.DeepCopy()
			team.Spec.Role = []rosterv1alpha1.ProfileRole{rosterv1alpha1.ProfileGuest, rosterv1alpha1.ProfileEditor}[edits%2]
			team.Spec.Members = append(before.Spec.Members[1:], before.Spec.Members[0])
			b.must(b.client.Patch(b.ctx, team, client.MergeFrom(before)))
		}
	})
	var lags []time.Duration
	for i := range 100 {
		m := newMember(large, 200+i)
		lags = append(lags, b.suspend(m, true))
	}
	close(end)
	done.Wait()
	r.add("edits of the Team meanwhile", float64(edits), "edits", "")
	r.percentiles("suspended to refused, while a large Team is edited", lags, "2000")
}

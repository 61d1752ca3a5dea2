// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

const large = "large"

// thousands measures an organisation of many members: what a review costs, and what a change of a Team with many members does.
func thousands(b *bench, r *results) {
	n, inTeam := 2**count, *count/5
	fmt.Printf("An organisation of %d members, %d of them in a Team\n", n, inTeam)
	b.organization(large)
	for _, name := range []string{"acme-fb", "acme-x"} {
		b.must(b.client.Create(b.ctx, &rosterv1alpha1.SocialProfile{
			ObjectMeta: metav1.ObjectMeta{Namespace: large, Name: name},
			Spec:       rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@" + name},
		}))
	}
	team := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: large, Name: "writers"}}
	team.Spec.Role, team.Spec.Profiles = rosterv1alpha1.ProfileGuest, []string{"acme-fb"}
	for i := range inTeam {
		team.Spec.Members = append(team.Spec.Members, personName(i))
	}
	b.must(b.client.Create(b.ctx, team))

	begin := time.Now()
	parallel(n, func(i int) { b.must(b.client.Create(b.ctx, newMember(i))) })
	b.await("every Role", 30*time.Minute, func() bool { return b.bindings() == n })
	r.add(fmt.Sprintf("%d members: applied to active, with their RBAC", n), float64(n)/time.Since(begin).Seconds(), "/s", "")
	b.settle()

	reviews(b, r, n, inTeam)
	teamChange(b, r, team, inTeam)
	b.must(b.client.Delete(b.ctx, team))
}

func personName(i int) string { return fmt.Sprintf("person-%05d", i) }

func personAddress(i int) address.Address {
	return address.Address(personName(i) + "@" + large + ".example")
}

func newMember(i int) *rosterv1alpha1.Member {
	return &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: large, Name: personName(i)},
		Spec: rosterv1alpha1.MemberSpec{
			Email: string(personAddress(i)), AccountRef: &rosterv1alpha1.LocalReference{Name: personAddress(i).AccountName()},
		},
	}
}

// bindings are how many RoleBindings there are.
func (b *bench) bindings() int {
	b.Helper()
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind("RoleBindingList"))
	b.must(b.client.List(b.ctx, list, client.InNamespace(large)))
	return len(list.Items)
}

// settle waits until the manager has nothing to do for longer than counts in a status lag behind.
func (b *bench) settle() {
	b.Helper()
	var quiet time.Time
	b.await("the queues to stay empty", 5*time.Minute, func() bool {
		if b.metric("workqueue_depth") > 0 {
			quiet = time.Time{}
		} else if quiet.IsZero() {
			quiet = time.Now()
		}
		return !quiet.IsZero() && time.Since(quiet) > 5*time.Second
	})
}

// reviews measures SubjectAccessReviews about one person after another, one at a time and many at once.
func reviews(b *bench, r *results, n, inTeam int) {
	var lags []time.Duration
	for i := range 500 {
		person := i * 7919 % n
		begin := time.Now()
		if may := b.mayOn(person, "get", "acme-fb"); may != (person < inTeam) {
			b.Fatalf("%s may look at the profile: %v", personName(person), may)
		}
		lags = append(lags, time.Since(begin))
	}
	r.percentiles(fmt.Sprintf("access review in a namespace of %d members", n), lags, "")
	took := parallel(2000, func(i int) { b.mayOn(i*7919%n, "publish", "acme-x") })
	r.add("access reviews, 16 at once", 2000/took.Seconds(), "/s", "")
}

func (b *bench) mayOn(person int, verb, profile string) bool {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: string(personAddress(person)),
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: large, Group: rosterv1alpha1.GroupVersion.Group, Resource: "socialprofiles", Verb: verb, Name: profile,
		},
	}}
	b.must(b.client.Create(b.ctx, review))
	return review.Status.Allowed
}

// teamChange raises the role of a Team with many members, and then takes one of them out.
func teamChange(b *bench, r *results, team *rosterv1alpha1.Team, members int) {
	status, roles := b.apiWrites("members"), b.apiWrites("roles")
	before := team.DeepCopy()
	team.Spec.Role = rosterv1alpha1.ProfileEditor
	begin := time.Now()
	b.must(b.client.Patch(b.ctx, team, client.MergeFrom(before)))
	b.await("all Roles", 10*time.Minute, func() bool { return b.apiWrites("roles")-roles >= float64(members) })
	took := time.Since(begin)
	b.settle()
	r.add(fmt.Sprintf("a Team of %d gets another role: until every Role is written", members), took.Seconds(), "s", "")
	r.add("a Team gets another role: writes of Roles per changed member", (b.apiWrites("roles")-roles)/float64(members), "writes", "1")
	r.add("a Team gets another role: writes of Members per changed member", (b.apiWrites("members")-status)/float64(members), "writes", "1")
	if !b.mayOn(members-1, "publish", "acme-fb") {
		b.Fatal("the last member does not hold the new role")
	}

	status, roles = b.apiWrites("members"), b.apiWrites("roles")
	before = team.DeepCopy()
	team.Spec.Members = team.Spec.Members[1:]
	b.must(b.client.Patch(b.ctx, team, client.MergeFrom(before)))
	b.await("one Role", time.Minute, func() bool { return b.apiWrites("roles") > roles })
	b.settle()
	r.add(fmt.Sprintf("one of %d leaves the Team: writes of Roles and Members", members), b.apiWrites("roles")-roles+b.apiWrites("members")-status, "writes", "2")
	if b.mayOn(0, "get", "acme-fb") {
		b.Fatal("people who left still hold the role")
	}
}

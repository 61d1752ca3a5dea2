// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// fieldManager is the name that the operator's writes go by in managedFields. Tools that compare a Member with Git can be told to leave
// alone what it wrote.
const fieldManager = "roster"

// grants keeps one Role for each source of rights, and binds the people to it who have that source. A request names a Role. However many
// people come and go meanwhile, it is in the queue once.
type grants struct {
	client     client.Client
	metrics    *Metrics
	userPrefix string
	find       finder
	unwritten  *unwritten
	joining    *joining
	echoes     *echoes
	clock      clock.PassiveClock
	// live reads from the API server.
	live client.Reader
	// standing gathers what decides what the person of a Member holds.
	standing func(ctx context.Context, m *rosterv1alpha1.Member) (*membership.MemberInput, error)
}

// granted is what a Role and its bindings should be.
type granted struct {
	// owner goes with them: what the rights come from.
	owner client.Object
	rules []rbacv1.PolicyRule
	// people are user names, sorted, each once.
	people []string
	// has reports whether a Member that were active would have the source.
	has func(m *rosterv1alpha1.Member) bool
}

// Reconcile brings a Role and its bindings to what its source gives, and to whom.
func (r *grants) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if req.Name == access.ConsoleBinding {
		return ctrl.Result{}, nil // of no Role: consolePlaces keeps it
	}
	if member := access.FormerMember(req.Name); member != "" {
		return r.retire(ctx, req.NamespacedName, member)
	}
	_, waiting := r.joining.among(req.NamespacedName)
	source, known := access.ParseSource(req.Name)
	var want granted
	var err error
	if known {
		if want, err = r.gather(ctx, req.Namespace, source); err != nil {
			return ctrl.Result{}, err
		}
	}
	err = r.write(ctx, req.NamespacedName, want)
	problem := asProblem(err)
	if err != nil && problem == nil {
		return ctrl.Result{}, err
	}
	r.unwritten.note(ctx, req.NamespacedName, source, problem)
	r.joining.settled(ctx, req.NamespacedName, waiting, problem)
	if problem != nil {
		return ctrl.Result{RequeueAfter: refusedRetry}, nil
	}
	return ctrl.Result{}, nil
}

// gather finds what a source gives, and who has it; nothing where there is no such source.
func (r *grants) gather(ctx context.Context, namespace string, s access.Source) (granted, error) {
	o, err := reading.CountingOrganization(ctx, r.client, namespace)
	if o == nil || err != nil {
		return granted{}, err
	}
	l := newLookup(r.client, namespace, o)
	w := access.World{Organization: o.Name, Plan: o.Status.Plan}
	if w.Roles, err = customRoles(ctx, r.client, namespace); err != nil {
		return granted{}, err
	}
	found, role, people, err := r.source(ctx, l, s)
	if found == nil || err != nil {
		return granted{}, err
	}
	w.Profiles = l.standings()
	if w.Teamless, err = l.teamless(ctx); err != nil {
		return granted{}, err
	}
	has := func(m *rosterv1alpha1.Member) bool { return slices.Contains(access.OfSpec(&m.Spec), s) }
	switch s.Kind {
	case access.FromConnecting:
		has = func(m *rosterv1alpha1.Member) bool {
			as, connects := w.Connecting(membership.RoleOf(o, m), m.Spec.CanManageProfiles != nil && *m.Spec.CanManageProfiles)
			return connects && as == s.Role
		}
		people = slices.DeleteFunc(people, func(m *rosterv1alpha1.Member) bool { return !has(m) })
	case access.FromTeam:
		named := found.(*rosterv1alpha1.Team).Spec.Members
		has = func(m *rosterv1alpha1.Member) bool {
			return m.Spec.Role != rosterv1alpha1.RoleProfileConnector && slices.Contains(named, m.Name)
		}
	}
	return granted{owner: found, rules: w.Rules(s, role), people: userNames(r.userPrefix, people), has: has}, nil
}

// source finds the object that rights come from, a Team's role, and the people who have them.
func (r *grants) source(
	ctx context.Context, l *lookup, s access.Source,
) (owner client.Object, role rosterv1alpha1.ProfileRole, people []*rosterv1alpha1.Member, err error) {
	switch s.Kind {
	case access.FromRole:
		if owner, err = r.ownerOfRole(ctx, l, s); err != nil {
			return nil, "", nil, err
		}
		people, err = r.holdersOfRole(ctx, l, s)
		return owner, "", people, err
	case access.FromAdding:
		owner = l.organization
	case access.FromTeam:
		return r.team(ctx, l, s.Name)
	case access.FromWorkspace:
		workspace, err := reading.Peek[rosterv1alpha1.Workspace](ctx, r.client, l.namespace, s.Name)
		if workspace == nil || err != nil || workspace.DeletionTimestamp != nil {
			return nil, "", nil, err
		}
		if _, err := l.profilesOf(ctx, membership.GroupOfWorkspace(workspace)); err != nil {
			return nil, "", nil, err
		}
		owner = workspace
	case access.FromProfile, access.FromConnecting:
		p, err := l.profile(ctx, s.Name)
		if p == nil || err != nil {
			return nil, "", nil, err
		}
		if owner = p; s.Kind == access.FromConnecting {
			people, err = r.connectorsOf(ctx, p)
			return owner, "", people, err
		}
	}
	people, err = r.named(ctx, l, s)
	return owner, "", people, err
}

// named are those whose spec names a source and who are active, or about to be.
func (r *grants) named(ctx context.Context, l *lookup, s access.Source) ([]*rosterv1alpha1.Member, error) {
	// Who is active meanwhile is among the ones or the others.
	newcomers, _ := r.joining.among(client.ObjectKey{Namespace: l.namespace, Name: s.RoleName()})
	people, err := reading.MembersBy(ctx, r.client, l.namespace, reading.IndexSource, s.RoleName())
	if err != nil {
		return nil, err
	}
	for _, key := range newcomers {
		m, err := reading.Peek[rosterv1alpha1.Member](ctx, r.client, key.Namespace, key.Name)
		if err != nil {
			return nil, err
		}
		if m != nil && r.holds(m) && slices.Contains(access.OfSpec(&m.Spec), s) {
			people = append(people, m)
		}
	}
	return people, nil
}

// holds reports whether a Member is to be bound to what they have: they are active, or are once they are bound.
func (r *grants) holds(m *rosterv1alpha1.Member) bool {
	return membership.IsActive(m) || r.joining.has(m) && membership.MayBeActive(m)
}

// ownerOfRole is the CustomRole, else the Organization.
func (r *grants) ownerOfRole(ctx context.Context, l *lookup, s access.Source) (client.Object, error) {
	custom, err := reading.Peek[rosterv1alpha1.CustomRole](ctx, r.client, l.namespace, s.Name)
	if custom == nil || err != nil || custom.DeletionTimestamp != nil {
		return l.organization, err
	}
	return custom, nil
}

// holdersOfRole are those whose spec has the role, and the owner of the organisation, who may have another there.
func (r *grants) holdersOfRole(ctx context.Context, l *lookup, s access.Source) ([]*rosterv1alpha1.Member, error) {
	people, err := r.named(ctx, l, s)
	if l.organization.Status.OwnerRef == nil || err != nil {
		return people, err
	}
	m, err := reading.Peek[rosterv1alpha1.Member](ctx, r.client, l.namespace, l.organization.Status.OwnerRef.Name)
	if m != nil && r.holds(m) && string(membership.RoleOf(l.organization, m)) == s.Name {
		people = append(people, m)
	}
	return people, err
}

func (r *grants) team(
	ctx context.Context, l *lookup, name string,
) (owner client.Object, role rosterv1alpha1.ProfileRole, people []*rosterv1alpha1.Member, err error) {
	t, err := reading.Peek[rosterv1alpha1.Team](ctx, r.client, l.namespace, name)
	if t == nil || err != nil || t.DeletionTimestamp != nil {
		return nil, "", nil, err
	}
	if _, err := l.profilesOf(ctx, membership.GroupOfTeam(t)); err != nil {
		return nil, "", nil, err
	}
	for _, member := range t.Spec.Members {
		m, err := r.memberOf(ctx, t, member)
		if err != nil {
			return nil, "", nil, err
		}
		if m == nil {
			continue
		}
		if works, err := r.worksIn(ctx, m); err != nil {
			return nil, "", nil, err
		} else if works {
			people = append(people, m)
		}
	}
	return t, t.Spec.Role, people, nil
}

func (r *grants) connectorsOf(ctx context.Context, p *rosterv1alpha1.SocialProfile) ([]*rosterv1alpha1.Member, error) {
	var active []*rosterv1alpha1.Member
	for _, of := range reading.ConnectorKey(p, r.userPrefix) {
		people, err := reading.MembersWithAddress(ctx, r.client, p.Namespace, of)
		if err != nil {
			return nil, err
		}
		for _, m := range people {
			if r.holds(m) {
				active = append(active, m)
			}
		}
	}
	return active, nil
}

// userNames are those of some people, sorted, each once.
func userNames(prefix string, people []*rosterv1alpha1.Member) []string {
	names := make([]string, 0, len(people))
	for _, m := range people {
		if m.Spec.Email == m.Status.Email { // It is in the form that is compared, as of most.
			names = append(names, prefix+m.Spec.Email)
		} else if of, err := address.OfMember(m); err == nil {
			names = append(names, prefix+string(of))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// write makes the Role and its bindings what they should be. Those who are to hold nothing by it any more are taken out first and those who
// are to hold it are put in last, so that nobody holds for a moment what they should not.
func (r *grants) write(ctx context.Context, key client.ObjectKey, want granted) error {
	role, err := reading.Optional[rbacv1.Role](ctx, r.client, key.Namespace, key.Name)
	if err != nil {
		return err
	}
	shards, strays, err := r.shards(ctx, key)
	if err = errors.Join(err, r.deleteBindings(ctx, strays)); err != nil {
		return err
	}
	if want, err = r.withHeirs(ctx, key.Namespace, want, shards); err != nil {
		return err
	}
	if want.owner == nil || len(want.rules) == 0 || len(want.people) == 0 {
		return r.remove(ctx, role, shards)
	}
	owner, err := ownedBy(r.client, want.owner)
	if err != nil {
		return err
	}
	change := role == nil || !isOurs(role, want.owner) || !equality.Semantic.DeepEqual(role.Rules, want.rules)
	people := make([][]string, len(shards))
	for i, s := range shards {
		people[i] = s.people()
	}
	next := access.Reshard(people, want.people, access.ShardSize)
	for i := range shards {
		if err := r.takeOut(ctx, shards[i], owner, people[i], next[i], change); err != nil {
			return err
		}
	}
	if change {
		if err := r.applyRole(ctx, key, owner, want.rules); err != nil {
			return err
		}
	}
	return r.bind(ctx, key, want.owner, owner, shards, next)
}

// bind writes the bindings that are not as they should be.
func (r *grants) bind(
	ctx context.Context, key client.ObjectKey, of client.Object, owner *metav1ac.OwnerReferenceApplyConfiguration,
	shards []*shard, next [][]string,
) error {
	for i, subjects := range next {
		s := &shard{name: access.BindingName(key.Name, i), role: key}
		if i < len(shards) {
			s = shards[i]
		}
		if len(subjects) == 0 || s.is(of, subjects) {
			continue
		}
		if err := r.applyBinding(ctx, s, owner, subjects); err != nil {
			return err
		}
	}
	return nil
}

// takeOut removes from a binding who is not to be in it. Where the Role stays as it is, who comes in is written along.
func (r *grants) takeOut(
	ctx context.Context, s *shard, owner *metav1ac.OwnerReferenceApplyConfiguration, is, next []string, roleChanges bool,
) error {
	stay := slices.DeleteFunc(slices.Clone(is), func(name string) bool {
		_, found := slices.BinarySearch(next, name)
		return !found
	})
	switch {
	case s.binding == nil:
		return nil
	case len(next) == 0, s.binding.RoleRef != s.roleRef():
		// Of another Role: somebody put it there. A roleRef cannot be changed, only replaced with its binding.
		return r.deleteBinding(ctx, s)
	case len(stay) == len(is) && s.onlyUsers():
		return nil
	case !roleChanges:
		stay = next
	case len(stay) == 0:
		return r.deleteBinding(ctx, s)
	}
	return r.applyBinding(ctx, s, owner, stay)
}

// remove deletes the bindings of a Role and then the Role, as far as they are there.
func (r *grants) remove(ctx context.Context, role *rbacv1.Role, shards []*shard) error {
	if err := r.deleteBindings(ctx, shards); role == nil || err != nil {
		return err
	}
	return r.metrics.refused(client.IgnoreNotFound(r.client.Delete(ctx, role)), "Role", role.Name)
}

func (r *grants) applyRole(
	ctx context.Context, key client.ObjectKey, owner *metav1ac.OwnerReferenceApplyConfiguration, rules []rbacv1.PolicyRule,
) error {
	config := rbacv1ac.Role(key.Name, key.Namespace).WithLabels(reading.Managed()).WithOwnerReferences(owner)
	for _, rule := range rules {
		config.WithRules(rbacv1ac.PolicyRule().WithAPIGroups(rule.APIGroups...).WithResources(rule.Resources...).
			WithResourceNames(rule.ResourceNames...).WithVerbs(rule.Verbs...))
	}
	r.echoes.wrote("Role", key, fingerprint(*owner.UID, ruleItems(rules)))
	return r.metrics.refused(r.client.Apply(ctx, config, client.FieldOwner(fieldManager), client.ForceOwnership), "Role", key.Name)
}

func (r *grants) applyBinding(
	ctx context.Context, s *shard, owner *metav1ac.OwnerReferenceApplyConfiguration, people []string,
) error {
	config := rbacv1ac.RoleBinding(s.name, s.role.Namespace).WithLabels(reading.Managed()).WithOwnerReferences(owner).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(s.role.Name))
	for _, name := range people {
		config.WithSubjects(rbacv1ac.Subject().WithAPIGroup(rbacv1.GroupName).WithKind(rbacv1.UserKind).WithName(name))
	}
	key := client.ObjectKey{Namespace: s.role.Namespace, Name: s.name}
	r.echoes.wrote("RoleBinding", key, fingerprint(*owner.UID, append([]string{"Role", s.role.Name}, people...)))
	err := r.client.Apply(ctx, config, client.FieldOwner(fieldManager), client.ForceOwnership)
	if err == nil {
		s.applied = people
	}
	return r.metrics.refused(err, "RoleBinding", s.name)
}

func (r *grants) deleteBindings(ctx context.Context, shards []*shard) error {
	for _, s := range shards {
		if err := r.deleteBinding(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *grants) deleteBinding(ctx context.Context, s *shard) error {
	if s.binding == nil {
		return nil
	}
	err := r.metrics.refused(client.IgnoreNotFound(r.client.Delete(ctx, s.binding)), "RoleBinding", s.name)
	if err == nil {
		s.binding = nil
	}
	return err
}

// ownedBy has what comes from an object go when the object goes, even while the operator is away.
func ownedBy(c client.Client, o client.Object) (*metav1ac.OwnerReferenceApplyConfiguration, error) {
	gvk, err := apiutil.GVKForObject(o, c.Scheme())
	if err != nil {
		return nil, fmt.Errorf("owner %s: %w", o.GetName(), err)
	}
	return metav1ac.OwnerReference().WithAPIVersion(gvk.GroupVersion().String()).WithKind(gvk.Kind).
		WithName(o.GetName()).WithUID(o.GetUID()).WithController(true), nil
}

// isOurs reports whether a Role or RoleBinding is still marked as what it is.
func isOurs(o, owner client.Object) bool {
	return metav1.IsControlledBy(o, owner) && o.GetLabels()[reading.ManagedByLabel] == reading.ManagedBy
}

// maxShards bounds the numbers of bindings, so that one that somebody else made costs no long list.
const maxShards = 10_000

// shard is one of the bindings of a Role.
type shard struct {
	name string
	role client.ObjectKey
	// binding is nil where it is still to be made.
	binding *rbacv1.RoleBinding
	// applied are the people whom this reconciliation wrote into it; nil where it wrote nothing.
	applied []string
}

func (s *shard) roleRef() rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: s.role.Name}
}

// people are the users among the subjects.
func (s *shard) people() []string {
	var names []string
	if s.binding != nil && s.binding.RoleRef == s.roleRef() {
		for _, subject := range s.binding.Subjects {
			if isUser(subject) {
				names = append(names, subject.Name)
			}
		}
	}
	return names
}

func (s *shard) onlyUsers() bool {
	return !slices.ContainsFunc(s.binding.Subjects, func(subject rbacv1.Subject) bool { return !isUser(subject) })
}

func isUser(s rbacv1.Subject) bool {
	return s.Kind == rbacv1.UserKind && s.APIGroup == rbacv1.GroupName && s.Namespace == ""
}

// is reports whether the binding is what it should be.
func (s *shard) is(owner client.Object, people []string) bool {
	if s.applied != nil {
		return slices.Equal(s.applied, people)
	}
	return s.binding != nil && isOurs(s.binding, owner) && s.onlyUsers() && slices.Equal(s.people(), people)
}

// shards are the bindings of a Role by their number, and those that have no number: somebody else gave them such a name and the label.
func (r *grants) shards(ctx context.Context, role client.ObjectKey) (shards, strays []*shard, err error) {
	var list rbacv1.RoleBindingList
	if err := r.client.List(ctx, &list, reading.ByIndex(role.Namespace, reading.IndexBoundRole, role.Name)...); err != nil {
		return nil, nil, err
	}
	next := 0
	for i := range list.Items {
		b := &list.Items[i]
		if n, numbered := access.Shard(b.Name); numbered && n < maxShards {
			next = max(next, n+1)
		} else {
			strays = append(strays, &shard{name: b.Name, role: role, binding: b})
		}
	}
	// A list that waits for what this process has written would wait for the bindings of all organisations; each of these is waited for by
	// itself. New ones go after the last, and may not be in the cache yet.
	for i := 0; i < next || r.echoes.wroteBinding(role, i); i++ {
		s := &shard{name: access.BindingName(role.Name, i), role: role}
		if s.binding, err = reading.Latest[rbacv1.RoleBinding](ctx, r.client, role.Namespace, s.name); err != nil {
			return nil, nil, err
		}
		shards = append(shards, s)
	}
	return shards, strays, nil
}

// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// Which Roles a change concerns. What is missed here would leave somebody with rights that they should not have until something else
// happens, so a doubt queues one more Role: one that is as it should be costs no write.

const (
	// grantDelay is how long giving waits for more to give by the same Role, and longestGrantDelay how long while many people join.
	grantDelay        = 100 * time.Millisecond
	longestGrantDelay = time.Second
	// takePriority puts taking away before giving, however long the queue is.
	takePriority = 10
)

// concernsRoles finds the Roles that the difference between two versions of an object concerns: those by which somebody may lose
// something, and the others.
type concernsRoles[T client.Object] func(ctx context.Context, before, after T) (lose, gain []client.ObjectKey, err error)

// losing is for changes of which it is not asked whether somebody may lose something by them: they may.
func losing[T client.Object](find concerns[T]) concernsRoles[T] {
	return func(ctx context.Context, before, after T) (lose, gain []client.ObjectKey, err error) {
		lose, err = find(ctx, before, after)
		return lose, nil, err
	}
}

// enqueueRoles queues Roles: at once and before all others where somebody may lose something, and after the pause of the namespace
// otherwise.
func enqueueRoles[T client.Object](find concernsRoles[T], pause func(namespace string) time.Duration) handler.EventHandler {
	var none T
	add := func(ctx context.Context, q queue, before, after T, initial bool) {
		var lose []client.ObjectKey
		o := either(before, after)
		insist(ctx, q, pause(o.GetNamespace()), o, func() (gain []client.ObjectKey, err error) {
			lose, gain, err = find(ctx, before, after)
			return gain, err
		})
		urgency := takePriority
		if initial {
			urgency = handler.LowPriority
		}
		for _, key := range lose {
			addWith(q, priorityqueue.AddOpts{Priority: &urgency}, reconcile.Request{NamespacedName: key})
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			add(ctx, q, none, e.Object.(T), e.IsInInitialList)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			add(ctx, q, e.ObjectOld.(T), e.ObjectNew.(T), false)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, q, e.Object.(T), none, false) },
	}
}

// give queues Roles that somebody is to be bound to, after the pause of their namespace.
func give(pause func(namespace string) time.Duration) handler.EventHandler {
	return handler.Funcs{GenericFunc: func(_ context.Context, e event.GenericEvent, q queue) {
		q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(e.Object)}, pause(e.Object.GetNamespace()))
	}}
}

// take queues Roles that somebody is to be taken out of, at once and before all others.
func take() handler.EventHandler {
	return handler.Funcs{GenericFunc: func(_ context.Context, e event.GenericEvent, q queue) {
		o := priorityqueue.AddOpts{Priority: ptr.To(takePriority)}
		addWith(q, o, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(e.Object)})
	}}
}

func addWith(q queue, o priorityqueue.AddOpts, request reconcile.Request) {
	if p, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		p.AddWithOpts(o, request)
		return
	}
	q.Add(request)
}

func roleKeys(namespace string, sources ...access.Source) []client.ObjectKey {
	all := make([]client.ObjectKey, len(sources))
	for i, s := range sources {
		all[i] = client.ObjectKey{Namespace: namespace, Name: s.RoleName()}
	}
	return all
}

// rolesOf are the Roles that a Member is bound to, or may be.
func (f finder) rolesOf(ctx context.Context, m *rosterv1alpha1.Member) ([]client.ObjectKey, error) {
	if m == nil {
		return nil, nil
	}
	if membership.IsActive(m) {
		return f.rolesFor(ctx, m)
	}
	if elsewhere, err := f.countsElsewhere(ctx, m); !elsewhere || err != nil {
		return nil, err
	}
	teams, err := f.teamsOf(ctx, m)
	return roleKeys(m.Namespace, teams...), err
}

// teamsOf are the sources that a Member may have by Teams, also by those that name another Member of the person.
func (f finder) teamsOf(ctx context.Context, m *rosterv1alpha1.Member) ([]access.Source, error) {
	twins, err := twinsOf(ctx, f, m)
	if err != nil {
		return nil, err
	}
	var sources []access.Source
	for _, m := range append(twins, m) {
		teams, err := reading.TeamsBy(ctx, f.reader, m.Namespace, reading.IndexTeamMember, m.Name)
		if err != nil {
			return nil, err
		}
		for _, t := range teams {
			sources = append(sources, access.Source{Kind: access.FromTeam, Name: t.Name})
		}
	}
	return sources, nil
}

// rolesFor are those that a Member is bound to who is active.
func (f finder) rolesFor(ctx context.Context, m *rosterv1alpha1.Member) ([]client.ObjectKey, error) {
	teams, err := f.teamsOf(ctx, m)
	if err != nil {
		return nil, err
	}
	sources := append(access.OfSpec(&m.Spec), teams...)
	connected, err := f.connectedBy(ctx, m)
	if err != nil {
		return nil, err
	}
	o, err := reading.CountingOrganization(ctx, f.reader, m.Namespace)
	if o != nil && slices.Contains(reading.OrganizationOwners(o), m.Name) {
		sources = append(sources, ownerSources()...)
	}
	return roleKeys(m.Namespace, append(sources, connected...)...), err
}

// connectedBy are the sources that a Member may have by the profiles that they connected.
func (f finder) connectedBy(ctx context.Context, m *rosterv1alpha1.Member) ([]access.Source, error) {
	var sources []access.Source
	for _, of := range reading.MemberAddress(m) {
		profiles, err := reading.ProfilesBy(ctx, f.reader, m.Namespace, reading.IndexConnectedBy, of)
		if err != nil {
			return nil, err
		}
		for _, p := range profiles {
			sources = append(sources, connectingSources(p)...)
		}
	}
	return sources, nil
}

func connectingSources(p *rosterv1alpha1.SocialProfile) []access.Source {
	return []access.Source{
		{Kind: access.FromConnecting, Name: p.Name},
		{Kind: access.FromConnecting, Name: p.Name, Role: string(rosterv1alpha1.RoleProfileConnector)},
	}
}

// ownerSources are those that an owner has, in one organisation or another.
func ownerSources() []access.Source {
	return []access.Source{
		{Kind: access.FromRole, Name: string(rosterv1alpha1.RoleOwner)}, {Kind: access.FromRole, Name: string(rosterv1alpha1.RoleCoOwner)},
	}
}

// memberHolds is what of a Member decides what they are bound to.
func memberHolds(m *rosterv1alpha1.Member) any {
	s := m.Spec
	return []any{
		membership.IsActive(m), s.Role, s.CanManageProfiles, s.Profiles, s.Workspaces, s.Email, m.Annotations[rosterv1alpha1.OwnershipAnnotation],
	}
}

// rolesOfMember are those that the Member had and has not, or may have less of, and those that they have and had not.
func (f finder) rolesOfMember(
	ctx context.Context, before, after *rosterv1alpha1.Member,
) (lose, gain []client.ObjectKey, err error) {
	had, err := f.rolesOf(ctx, before)
	if err != nil {
		return nil, nil, err
	}
	has, err := f.rolesOf(ctx, after)
	if err != nil {
		return nil, nil, err
	}
	m := either(before, after).(*rosterv1alpha1.Member)
	for _, key := range had {
		if !slices.Contains(has, key) {
			lose = append(lose, key)
		}
	}
	if len(lose) > 0 { // and what an earlier version of the operator gave them
		lose = append(lose, client.ObjectKey{Namespace: m.Namespace, Name: access.FormerRole(m.Name)})
	}
	for _, key := range has {
		if !slices.Contains(had, key) {
			gain = append(gain, key)
		}
	}
	if before == nil || after == nil {
		return lose, gain, nil
	}
	if before.Annotations[rosterv1alpha1.OwnershipAnnotation] != after.Annotations[rosterv1alpha1.OwnershipAnnotation] {
		lose = append(lose, roleKeys(m.Namespace, ownerSources()...)...)
	}
	// What they may do with the profiles that they connected depends on their role.
	connected, err := f.connectedBy(ctx, m)
	return append(lose, roleKeys(m.Namespace, connected...)...), gain, err
}

// rolesOfTeam is the Team's own; where profiles wait for their first Team, also those that give something on one that comes or goes.
func (f finder) rolesOfTeam(ctx context.Context, before, after *rosterv1alpha1.Team) (lose, gain []client.ObjectKey, err error) {
	t := either(before, after).(*rosterv1alpha1.Team)
	own := roleKeys(t.Namespace, access.Source{Kind: access.FromTeam, Name: t.Name})
	onlyMore := before == nil || after != nil && !differs(before, after, teamGives) && containsAll(after.Spec.Members, before.Spec.Members)
	if lose = own; onlyMore {
		lose, gain = nil, own
	}
	o, err := reading.CountingOrganization(ctx, f.reader, t.Namespace)
	if err != nil || !membership.RequiresTeam(o) || !differs(before, after, teamProfiles) {
		return lose, gain, err
	}
	for _, version := range []*rosterv1alpha1.Team{before, after} {
		if version == nil {
			continue
		}
		names, err := newLookup(f.reader, t.Namespace, o).profilesOf(ctx, membership.GroupOfTeam(version))
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			roles, err := f.rolesNaming(ctx, t.Namespace, name)
			if err != nil {
				return nil, nil, err
			}
			lose = append(lose, roles...)
		}
	}
	return lose, gain, nil
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(all, name) })
}

// rolesNaming are those that give something on a profile by name or by a Workspace.
func (f finder) rolesNaming(ctx context.Context, namespace, profile string) ([]client.ObjectKey, error) {
	found, err := f.inUse(ctx, namespace, reading.IndexProfile, access.FromProfile, profile)
	if err != nil {
		return nil, err
	}
	p, err := reading.Peek[rosterv1alpha1.SocialProfile](ctx, f.reader, namespace, profile)
	if p == nil || err != nil {
		return found, err
	}
	workspaces, err := f.workspacesWith(ctx, p)
	for _, w := range workspaces {
		roles, err := f.rolesOfWorkspace(ctx, w)
		if err != nil {
			return nil, err
		}
		found = append(found, roles...)
	}
	return found, err
}

// inUse are the Roles of one kind and name that Members have, whom an index finds by that name.
func (f finder) inUse(ctx context.Context, namespace, field string, kind access.Kind, name string) ([]client.ObjectKey, error) {
	members, err := reading.MembersBy(ctx, f.reader, namespace, field, name)
	var sources []access.Source
	for _, m := range members {
		for _, s := range access.OfSpec(&m.Spec) {
			if s.Kind == kind && s.Name == name && !slices.Contains(sources, s) {
				sources = append(sources, s)
			}
		}
	}
	return roleKeys(namespace, sources...), err
}

func (f finder) rolesOfWorkspace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	return f.inUse(ctx, o.GetNamespace(), reading.IndexWorkspace, access.FromWorkspace, o.GetName())
}

// rolesOfProfile are those that give something on the profile, as it was and as it is.
func (f finder) rolesOfProfile(ctx context.Context, before, after *rosterv1alpha1.SocialProfile) ([]client.ObjectKey, error) {
	var lose []client.ObjectKey
	for _, p := range []*rosterv1alpha1.SocialProfile{before, after} {
		if p == nil {
			continue
		}
		found, err := f.rolesOn(ctx, p)
		if err != nil {
			return nil, err
		}
		lose = append(lose, found...)
	}
	return lose, nil
}

func (f finder) rolesOn(ctx context.Context, p *rosterv1alpha1.SocialProfile) ([]client.ObjectKey, error) {
	found, err := f.rolesNaming(ctx, p.Namespace, p.Name)
	if err != nil {
		return nil, err
	}
	sources := connectingSources(p)
	teams, err := f.teamsWith(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, t := range teams {
		sources = append(sources, access.Source{Kind: access.FromTeam, Name: t.Name})
	}
	// Workspaces that held it by labels that it has not any more.
	workspaces, err := f.workspacesWith(ctx, p)
	for _, w := range workspaces {
		roles, err := f.rolesOfWorkspace(ctx, w)
		if err != nil {
			return nil, err
		}
		found = append(found, roles...)
	}
	return append(found, roleKeys(p.Namespace, sources...)...), err
}

// rolesOfRole are those that a CustomRole is in, and those by which roles can be given: which ones depends on what the CustomRoles allow.
func (f finder) rolesOfRole(ctx context.Context, before, after *rosterv1alpha1.CustomRole) ([]client.ObjectKey, error) {
	namespace, role := either(before, after).GetNamespace(), either(before, after).GetName()
	custom, err := customRoles(ctx, f.reader, namespace)
	if err != nil {
		return nil, err
	}
	sources := append(ownerSources(), access.Source{Kind: access.FromRole, Name: string(rosterv1alpha1.RoleManager)},
		access.Source{Kind: access.FromRole, Name: role})
	for name, spec := range custom {
		if slices.Contains(spec.Permissions, rosterv1alpha1.PermissionManageMembers) {
			sources = append(sources, access.Source{Kind: access.FromRole, Name: name})
		}
	}
	teams, err := reading.TeamsBy(ctx, f.reader, namespace, reading.IndexTeamRole, role)
	if err != nil {
		return nil, err
	}
	for _, t := range teams {
		sources = append(sources, access.Source{Kind: access.FromTeam, Name: t.Name})
	}
	members, err := reading.MembersBy(ctx, f.reader, namespace, reading.IndexRole, role)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		for _, s := range access.OfSpec(&m.Spec) {
			if s.Role == role && !slices.Contains(sources, s) {
				sources = append(sources, s)
			}
		}
		if string(m.Spec.Role) != role {
			continue
		}
		connected, err := f.connectedBy(ctx, m)
		if err != nil {
			return nil, err
		}
		sources = append(sources, connected...)
	}
	return roleKeys(namespace, sources...), nil
}

// rolesOfOrganization are all where a policy or the plan changed; else those of the owner, and those that give something on profiles for
// which the places of the plan make a difference.
func (f finder) rolesOfOrganization(ctx context.Context, before, after *rosterv1alpha1.Organization) ([]client.ObjectKey, error) {
	o := either(before, after)
	var lose []client.ObjectKey
	if differs(before, after, organizationForMembers) {
		return f.allRoles(ctx, o.GetNamespace())
	}
	if differs(before, after, organizationOwner) {
		lose = roleKeys(o.GetNamespace(), ownerSources()...)
		for _, name := range append(reading.OrganizationOwners(before), reading.OrganizationOwners(after)...) {
			m, err := reading.Peek[rosterv1alpha1.Member](ctx, f.reader, o.GetNamespace(), name)
			if err != nil {
				return nil, err
			}
			roles, err := f.rolesOf(ctx, m)
			if err != nil {
				return nil, err
			}
			lose = append(lose, roles...)
		}
	}
	profiles, err := f.profilesBetween(ctx, before, after)
	for _, p := range profiles {
		roles, err := f.rolesOn(ctx, p)
		if err != nil {
			return nil, err
		}
		lose = append(lose, roles...)
	}
	return lose, err
}

// allRoles are those that there are in a namespace, and those that there should be.
func (f finder) allRoles(ctx context.Context, namespace string) ([]client.ObjectKey, error) {
	var written rbacv1.RoleList
	if err := f.reader.List(ctx, &written, reading.InNamespace(namespace)...); err != nil {
		return nil, err
	}
	all := map[client.ObjectKey]bool{}
	for i := range written.Items {
		all[client.ObjectKeyFromObject(&written.Items[i])] = true
	}
	var members rosterv1alpha1.MemberList
	if err := f.reader.List(ctx, &members, reading.InNamespace(namespace)...); err != nil {
		return nil, err
	}
	for i := range members.Items {
		roles, err := f.rolesOf(ctx, &members.Items[i])
		if err != nil {
			return nil, err
		}
		for _, key := range roles {
			all[key] = true
		}
	}
	found := make([]client.ObjectKey, 0, len(all))
	for key := range all {
		found = append(found, key)
	}
	return found, nil
}

// roleBoundBy is the Role that a RoleBinding is about, whatever its roleRef says.
func roleBoundBy(_ context.Context, o client.Object) ([]client.ObjectKey, error) {
	return []client.ObjectKey{{Namespace: o.GetNamespace(), Name: access.BoundRole(o.GetName())}}, nil
}

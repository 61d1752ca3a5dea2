// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"

	rbacv1 "k8s.io/api/rbac/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/applications"
	"github.com/roster-dev/roster/internal/controller/queueing"
	"github.com/roster-dev/roster/internal/controller/watching"
	"github.com/roster-dev/roster/internal/tracing"
)

// What each controller looks at.

// fairManager is a manager for controllers of what is in the namespaces of organisations: none keeps the others waiting.
type fairManager struct {
	manager.Manager
	queues *queueing.Queues
}

func (m fairManager) controller() *builder.Builder {
	return ctrl.NewControllerManagedBy(m).WithOptions(m.queues.Fair())
}

// changes is a source for the handlers of enqueue, enqueueAfter and enqueueChange.
func (m fairManager) changes(of client.Object, h handler.EventHandler, predicates ...predicate.Predicate) source.Source {
	return watching.Changes(m.GetCache(), of, h, predicates...)
}

// invitationWatches are what both controllers of an Invitation look at.
func invitationWatches(mgr fairManager, find finder, name string) *builder.Builder {
	return mgr.controller().Named(name).
		For(&rosterv1alpha1.Invitation{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Invitation{}, enqueue(find.invitationsOfInvitation), changed(invitationOpen))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueue(find.invitationsOfMember), changed(memberForInvitation))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.SocialProfile{}, enqueue(find.invitationsOfProfile), changed(profileAlive))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.CustomRole{}, enqueue(find.openInvitations), changed(roleSpec))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Workspace{}, enqueue(find.openInvitations), changed(workspaceAlive))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueueChange(find.invitationsOfOrganization, 0)))
}

func setupLifecycle(mgr fairManager, find finder, r *lifecycle) error {
	return invitationWatches(mgr, find, "invitation").Complete(tracing.Reconciler("invitation", "Invitation", r))
}

func setupDelivery(mgr fairManager, find finder, r *delivery, deliveries int) error {
	return invitationWatches(mgr, find, "delivery").
		WithOptions(mgr.queues.FairAmong(deliveries)).
		Complete(tracing.Reconciler("delivery", "Invitation", r))
}

func setupMembers(mgr fairManager, find finder, r *members) error {
	return mgr.controller().
		For(&rosterv1alpha1.Member{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueue(find.membersOfMember), changed(memberTwin))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Invitation{}, enqueue(find.membersOfInvitation), changed(invitationForMember))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.SocialProfile{}, enqueueChange(find.membersOfProfile, 0),
			changed(profileForMembers))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Team{}, enqueueChange(find.membersOfTeam, 0), changed(teamMembers))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Workspace{}, enqueue(find.membersOfWorkspace), changed(workspaceAlive))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.CustomRole{}, enqueue(find.membersOfRole), changed(roleSpec))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Account{}, enqueue(find.membersOfAccount), changed(accountForMember))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueueChange(find.membersOfOrganization, 0))).
		WatchesRawSource(source.Channel(r.joining.members, enqueue(itself))).
		Complete(tracing.Reconciler("member", "Member", r))
}

// setupGrants has the Roles looked at that a change concerns. What of an object concerns the Roles, its predicate says.
func setupGrants(mgr fairManager, find finder, r *grants) error {
	workspaces := func(ctx context.Context, before, after *rosterv1alpha1.Workspace) ([]client.ObjectKey, error) {
		return find.rolesOfWorkspace(ctx, either(before, after))
	}
	pause := r.joining.pause
	return mgr.controller().Named("grants").
		For(&rbacv1.Role{}, builder.WithPredicates(r.echoes.others("Role"))).
		Watches(&rbacv1.RoleBinding{}, enqueueListed(roleBoundBy, 0), builder.WithPredicates(r.echoes.others("RoleBinding"))).
		Watches(&rosterv1alpha1.Member{}, enqueueRoles(find.rolesOfMember, pause), builder.WithPredicates(changed(memberHolds))).
		Watches(&rosterv1alpha1.Team{}, enqueueRoles(find.rolesOfTeam, pause), builder.WithPredicates(changed(teamSpec))).
		Watches(&rosterv1alpha1.Workspace{}, enqueueRoles(losing(workspaces), pause), builder.WithPredicates(changed(workspaceProfiles))).
		Watches(&rosterv1alpha1.SocialProfile{}, enqueueRoles(losing(find.rolesOfProfile), pause),
			builder.WithPredicates(changed(profileForRoles))).
		Watches(&rosterv1alpha1.CustomRole{}, enqueueRoles(losing(find.rolesOfRole), pause), builder.WithPredicates(changed(roleSpec))).
		Watches(&rosterv1alpha1.Organization{}, enqueueRoles(losing(find.rolesOfOrganization), pause)).
		WatchesRawSource(source.Channel(r.joining.roles, give(pause))).
		WatchesRawSource(source.Channel(r.joining.leaving, take())).
		WithOptions(mgr.queues.FairAtOnce()).Complete(tracing.Reconciler("grants", "Role", r))
}

// setupConsole has the list looked at as one, and the binding of a namespace by its own.
func setupConsole(mgr fairManager, list *consoleList, places *consolePlaces) error {
	all := func(context.Context, client.Object) ([]client.ObjectKey, error) {
		return []client.ObjectKey{{Name: consolePeople}}, nil
	}
	place := func(_ context.Context, o client.Object) ([]client.ObjectKey, error) {
		return inNamespaceOf(o, []string{access.ConsoleBinding}), nil
	}
	binding := predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetName() == access.ConsoleBinding })
	return errors.Join(
		ctrl.NewControllerManagedBy(mgr).Named("console").
			WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueueAfter(all, grantDelay), changed(organizationOwned))).
			WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueueAfter(all, grantDelay), changed(memberLooksAfter))).
			WatchesRawSource(mgr.changes(&rosterv1alpha1.CustomRole{}, enqueueAfter(all, grantDelay), changed(roleSpec))).
			WatchesRawSource(source.Func(func(_ context.Context, q queue) error {
				q.Add(ctrl.Request{NamespacedName: client.ObjectKey{Name: consolePeople}}) // even where there is no organisation yet
				return nil
			})).
			WithOptions(controller.Options{MaxConcurrentReconciles: 1}).Complete(tracing.Reconciler("console", "ClusterRole", list)),
		mgr.controller().Named("console-places").
			Watches(&rosterv1alpha1.Organization{}, enqueueListed(place, 0), builder.WithPredicates(changed(organizationAlive))).
			Watches(&rbacv1.RoleBinding{}, enqueueListed(itself, 0), builder.WithPredicates(binding)).
			WatchesRawSource(source.Channel(list.console.places, enqueue(itself))).
			Complete(tracing.Reconciler("console-places", "RoleBinding", places)),
	)
}

func setupOrganizations(mgr fairManager, find finder, r *organizations, troubles chan event.GenericEvent) error {
	return mgr.controller().
		For(&rosterv1alpha1.Organization{}, builder.WithPredicates(changed(organizationButCounts))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueueAfter(itself, summaryDelay), updates())).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueue(find.organizations), changed(organizationAlive))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueue(find.organizationsOfOwner),
			changed(organizationOwnership))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Plan{}, enqueue(find.organizationsOfPlan), changed(planSpec))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueue(find.organizationsOwnedBy), changed(memberCounts))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueueAfter(find.limitedOrganizations, countDelay),
			changed(memberCounts))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueueAfter(find.organizations, summaryDelay), changed(memberCounts))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Invitation{}, enqueueAfter(find.limitedOrganizations, countDelay),
			changed(invitationCounts))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Invitation{}, enqueueAfter(find.organizations, summaryDelay),
			changed(invitationCounts))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.SocialProfile{}, enqueueAfter(find.limitedOrganizations, countDelay),
			changed(profileAlive))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.SocialProfile{}, enqueueAfter(find.organizations, summaryDelay),
			changed(profileAlive))).
		WatchesRawSource(source.Channel(troubles, enqueue(find.organizationsWithoutMail))).
		WatchesRawSource(r.unwritten.watch(kindOrganization, enqueue(find.organizations))).
		Complete(tracing.Reconciler("organization", "Organization", r))
}

func setupAccounts(mgr fairManager, find finder, r *accounts) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&rosterv1alpha1.Account{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Account{}, enqueue(find.accountsOfUsername), changed(accountUsername))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueue(accountOfMember), changed(memberJoined))).
		WithOptions(mgr.queues.Patient()).Complete(tracing.Reconciler("account", "Account", r))
}

func setupProfiles(mgr fairManager, find finder, r *profiles) error {
	return mgr.controller().
		For(&rosterv1alpha1.SocialProfile{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueueAfter(find.profilesOfMember, summaryDelay),
			changed(memberStanding))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Invitation{}, enqueueAfter(find.profilesLookedAfterBy, summaryDelay),
			changed(invitationOpen))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Team{}, enqueueAfter(find.profilesOfTeam, summaryDelay), changed(teamSpec))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Workspace{}, enqueueAfter(find.profilesOfWorkspace, summaryDelay),
			changed(workspaceProfiles))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.CustomRole{}, enqueueAfter(find.profilesOfNamespace, summaryDelay),
			changed(roleSpec))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueueChange(find.profilesOfOrganization, 0))).
		WatchesRawSource(r.unwritten.watch(kindProfile, enqueue(itself))).
		Complete(tracing.Reconciler("socialprofile", "SocialProfile", r))
}

func setupTeams(mgr fairManager, find finder, r *teams) error {
	return mgr.controller().
		For(&rosterv1alpha1.Team{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueueAfter(find.teamsOfMember, summaryDelay), changed(memberCounts))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Invitation{}, enqueueAfter(find.teamsOfMember, summaryDelay),
			changed(invitationOpen))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.SocialProfile{}, enqueueAfter(find.teamsOfProfile, summaryDelay),
			changed(profileInGroups))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.CustomRole{}, enqueue(find.teamsOfRole), changed(roleSpec))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueue(find.teamsOfNamespace), changed(inEffect))).
		WatchesRawSource(r.unwritten.watch(kindTeam, enqueue(itself))).
		Complete(tracing.Reconciler("team", "Team", r))
}

func setupWorkspaces(mgr fairManager, find finder, r *workspaces) error {
	return mgr.controller().
		For(&rosterv1alpha1.Workspace{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Member{}, enqueueAfter(workspacesOfMember, summaryDelay),
			changed(memberWorkspaces))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.SocialProfile{}, enqueueAfter(find.workspacesOfProfile, summaryDelay),
			changed(profileInGroups))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueue(find.workspacesOfNamespace), changed(inEffect))).
		WatchesRawSource(r.unwritten.watch(kindWorkspace, enqueue(itself))).
		Complete(tracing.Reconciler("workspace", "Workspace", r))
}

func setupRoles(mgr fairManager, find finder, r *roles) error {
	return mgr.controller().
		For(&rosterv1alpha1.CustomRole{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueue(find.rolesOfNamespace), changed(inEffect))).
		WatchesRawSource(r.unwritten.watch(kindCustomRole, enqueue(itself))).
		Complete(tracing.Reconciler("customrole", "CustomRole", r))
}

func setupApplications(mgr fairManager, find finder, r *applications.Reconciler) error {
	return mgr.controller().
		For(&rosterv1alpha1.Application{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Team{}, enqueue(find.applicationsOfTeam), changed(teamAlive))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.CustomRole{}, enqueue(find.applicationsOfNamespace), changed(roleSpec))).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueue(find.applicationsOfNamespace),
			changed(organizationAlive))).
		WatchesRawSource(source.Channel(r.SecretChanges(), enqueue(find.applicationsOfSecret))).
		Complete(tracing.Reconciler("application", "Application", r))
}

func setupPlans(mgr fairManager, r *plans) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&rosterv1alpha1.Plan{}).
		WatchesRawSource(mgr.changes(&rosterv1alpha1.Organization{}, enqueueAfter(planOf, summaryDelay), changed(organizationPlan))).
		Complete(tracing.Reconciler("plan", "Plan", r))
}

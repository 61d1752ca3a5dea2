// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// What config/components/console brings. Where it is not installed, there is nothing to keep, and the manager may do none of this.
const (
	// consoleRole is what may be done in people's names.
	consoleRole = "roster-console"
	// consolePeople holds whom the portal may act as.
	consolePeople = "roster-console-people"
	// portalAccount is the ServiceAccount that acts.
	portalAccount = "roster-portal"

	// consoleLook is how long it may take to notice that the console was installed or removed, or that somebody changed the list. The
	// manager may watch no ClusterRoles.
	consoleLook = time.Minute
	// mostListed bounds the bytes of all names: the API server stores no object of more than 1.5 MiB.
	mostListed = 1 << 20

	// reasonTooManyPeople is told of the ClusterRole when not everybody fits.
	reasonTooManyPeople = "TooManyPeople"
)

// console is whether it is installed. Nothing is known before the first look.
type console struct {
	// places are the bindings to look at when it came or went.
	places chan event.GenericEvent

	mu               sync.Mutex
	known, installed bool
}

func newConsole() *console { return &console{places: make(chan event.GenericEvent)} }

func (c *console) is() (known, installed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known, c.installed
}

// forget is for when what a look found could not be passed on, or turned out to be wrong.
func (c *console) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = false
}

// found notes what a look found, and reports whether that is new.
func (c *console) found(installed bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	isNew := !c.known || c.installed != installed
	c.known, c.installed = true, installed
	return isNew
}

// consoleList keeps the list of people that the portal may act as: everybody who looks after an organisation. One at a time works on it.
type consoleList struct {
	client client.Client
	// live reads the ClusterRole: it is in no cache.
	live       client.Reader
	clock      clock.PassiveClock
	events     Events
	metrics    *Metrics
	userPrefix string
	console    *console
	// most bytes of all names together.
	most int

	// looked is when the ClusterRole was last read, kept who was in it after that, and told the problem that was last told of.
	looked time.Time
	kept   []string
	told   access.Problem
}

// Reconcile brings the list to what it should be.
func (r *consoleList) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	rest := ctrl.Result{RequeueAfter: consoleLook - r.clock.Since(r.looked)}
	known, installed := r.console.is()
	resting := known && rest.RequeueAfter > 0
	if resting && !installed {
		return rest, nil
	}
	people, err := r.people(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	if resting && slices.Equal(people, r.kept) {
		return rest, nil
	}
	list, err := readConsole(ctx, r.live)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.looked = r.clock.Now()
	if err := r.noteFound(ctx, list != nil); list == nil || err != nil {
		return ctrl.Result{RequeueAfter: consoleLook}, err
	}
	return r.keep(ctx, list, people)
}

// readConsole reads the list; nil where the console is not installed, so that the manager may not read it.
func readConsole(ctx context.Context, live client.Reader) (*rbacv1.ClusterRole, error) {
	list, err := reading.Optional[rbacv1.ClusterRole](ctx, live, "", consolePeople)
	if apierrors.IsForbidden(err) {
		return nil, nil
	}
	return list, err
}

// noteFound has the bindings looked at where the console came or went.
func (r *consoleList) noteFound(ctx context.Context, installed bool) error {
	if !r.console.found(installed) {
		return nil
	}
	if installed {
		log.FromContext(ctx).Info("The console is installed: keeping whom the portal may act as")
	} else {
		log.FromContext(ctx).Info("The console is not installed: nobody can look after an organisation at the portal")
		r.kept, r.told = nil, access.Problem{}
		r.metrics.console.Reset()
	}
	places, err := r.places(ctx)
	if err != nil {
		r.console.forget()
		return err
	}
	signal(ctx, r.console.places, places...)
	return nil
}

// places are where a binding is, or may have to be.
func (r *consoleList) places(ctx context.Context) ([]client.ObjectKey, error) {
	places := map[client.ObjectKey]bool{}
	var organizations rosterv1alpha1.OrganizationList
	if err := r.client.List(ctx, &organizations, reading.InNamespace("")...); err != nil {
		return nil, err
	}
	for i := range organizations.Items {
		places[client.ObjectKey{Namespace: organizations.Items[i].Namespace, Name: access.ConsoleBinding}] = true
	}
	var bindings rbacv1.RoleBindingList
	if err := r.client.List(ctx, &bindings, reading.ByIndex("", reading.IndexBoundRole, access.ConsoleBinding)...); err != nil {
		return nil, err
	}
	for i := range bindings.Items {
		places[client.ObjectKeyFromObject(&bindings.Items[i])] = true
	}
	return slices.Collect(maps.Keys(places)), nil
}

// keep writes the list unless it is as it should be.
func (r *consoleList) keep(ctx context.Context, list *rbacv1.ClusterRole, people []string) (ctrl.Result, error) {
	listed := fitting(people, r.most)
	var problem *access.Problem
	if rules := consoleRules(listed); !equality.Semantic.DeepEqual(list.Rules, rules) {
		before := list.DeepCopy()
		list.Rules = rules
		err := r.client.Patch(ctx, list, client.MergeFrom(before), client.FieldOwner(fieldManager), reading.Uncached)
		err = r.metrics.refused(client.IgnoreNotFound(err), "ClusterRole", consolePeople)
		if problem = asProblem(err); problem != nil {
			r.tell(list, problem)
			return ctrl.Result{RequeueAfter: refusedRetry}, nil
		}
		if err != nil {
			return ctrl.Result{}, err
		}
	}
	r.kept = people
	left := len(people) - len(listed)
	r.metrics.console.WithLabelValues("true").Set(float64(len(listed)))
	r.metrics.console.WithLabelValues("false").Set(float64(left))
	if left > 0 {
		problem = &access.Problem{Reason: reasonTooManyPeople, Message: fmt.Sprintf("%d people look after an organisation, and the ClusterRole "+
			"holds no more than %d of these names: those from %s on cannot use the console.", len(people), len(listed), people[len(listed)])}
	}
	r.tell(list, problem)
	return ctrl.Result{RequeueAfter: consoleLook}, nil
}

// tell makes an event of a problem that was not told yet.
func (r *consoleList) tell(list *rbacv1.ClusterRole, p *access.Problem) {
	if p == nil {
		r.told = access.Problem{}
		return
	}
	if *p != r.told {
		r.events.Warn(list, p.Reason, "List", p.Message)
		r.told = *p
	}
}

// fitting are the first of some names that are no more than that many bytes together.
func fitting(names []string, most int) []string {
	size := 0
	for i, name := range names {
		if size += len(name); size > most {
			return names[:i]
		}
	}
	return names
}

func consoleRules(names []string) []rbacv1.PolicyRule {
	if len(names) == 0 {
		return nil // A rule without names would be about everybody.
	}
	return []rbacv1.PolicyRule{{
		APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"users"}, ResourceNames: names,
		Verbs: []string{"impersonate:user-info"},
	}}
}

// people are the user names of everybody who looks after an organisation, sorted, each once.
func (r *consoleList) people(ctx context.Context) ([]string, error) {
	places, err := r.organizations(ctx)
	if err != nil {
		return nil, err
	}
	named := map[rosterv1alpha1.OrganizationRole]bool{}
	var people []*rosterv1alpha1.Member
	for namespace, p := range places {
		for _, role := range p.roles.LookingAfter() {
			named[role] = true
		}
		if ref := p.organization.Status.OwnerRef; ref != nil { // whose spec may have another role
			m, err := reading.Peek[rosterv1alpha1.Member](ctx, r.client, namespace, ref.Name)
			if err != nil {
				return nil, err
			}
			if m != nil && membership.IsActive(m) {
				people = append(people, m)
			}
		}
	}
	for role := range named {
		source := access.Source{Kind: access.FromRole, Name: string(role)}
		found, err := reading.MembersBy(ctx, r.client, "", reading.IndexSource, source.RoleName())
		if err != nil {
			return nil, err
		}
		people = append(people, found...)
	}
	return userNames(r.userPrefix, slices.DeleteFunc(people, func(m *rosterv1alpha1.Member) bool {
		p, counts := places[m.Namespace]
		return !counts || !p.lookedAfterBy(m)
	})), nil
}

// lookedAfter is an Organization that counts, with its CustomRoles.
type lookedAfter struct {
	organization *rosterv1alpha1.Organization
	roles        access.Roles
}

func (p lookedAfter) lookedAfterBy(m *rosterv1alpha1.Member) bool {
	w := access.World{Plan: p.organization.Status.Plan, Roles: p.roles}
	return access.LooksAfter(w.Permissions(membership.RoleOf(p.organization, m), false))
}

// organizations are those that count, by namespace.
func (r *consoleList) organizations(ctx context.Context) (map[string]lookedAfter, error) {
	var all rosterv1alpha1.OrganizationList
	if err := r.client.List(ctx, &all, reading.InNamespace("")...); err != nil {
		return nil, err
	}
	var roles rosterv1alpha1.CustomRoleList
	if err := r.client.List(ctx, &roles, reading.InNamespace("")...); err != nil {
		return nil, err
	}
	organizations := map[string][]*rosterv1alpha1.Organization{}
	for i := range all.Items {
		organizations[all.Items[i].Namespace] = append(organizations[all.Items[i].Namespace], &all.Items[i])
	}
	custom := map[string][]*rosterv1alpha1.CustomRole{}
	for i := range roles.Items {
		custom[roles.Items[i].Namespace] = append(custom[roles.Items[i].Namespace], &roles.Items[i])
	}
	places := map[string]lookedAfter{}
	for namespace, list := range organizations {
		if o := membership.Counting(list); o != nil {
			places[namespace] = lookedAfter{organization: o, roles: membership.CustomRoles(custom[namespace])}
		}
	}
	return places, nil
}

// consolePlaces binds what may be done in people's names to the portal, in the namespaces of organisations and nowhere else.
type consolePlaces struct {
	client  client.Client
	live    client.Reader
	metrics *Metrics
	// namespace of the portal.
	namespace string
	unwritten *unwritten
	console   *console
}

// Reconcile brings the binding of a namespace to what it should be.
func (r *consolePlaces) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	known, installed := r.console.is()
	if !known {
		return ctrl.Result{}, nil // It comes again when it is known.
	}
	var o *rosterv1alpha1.Organization
	var err error
	if installed {
		if o, err = reading.CountingOrganization(ctx, r.client, req.Namespace); err != nil {
			return ctrl.Result{}, err
		}
	}
	err = r.write(ctx, req.NamespacedName, o)
	problem := asProblem(err)
	if problem != nil || apierrors.IsNotFound(err) {
		// Where the console was removed a moment ago, nothing is wrong: with the next look, all bindings are looked at, even if it is back then.
		if list, gone := readConsole(ctx, r.live); list == nil && gone == nil {
			r.console.forget()
			return ctrl.Result{}, nil
		}
	}
	if err != nil && problem == nil {
		return ctrl.Result{}, err
	}
	r.unwritten.note(ctx, req.NamespacedName, access.Source{}, problem)
	if problem != nil {
		return ctrl.Result{RequeueAfter: refusedRetry}, nil
	}
	return ctrl.Result{}, nil
}

// write makes the binding what it should be: nothing where no Organization counts.
func (r *consolePlaces) write(ctx context.Context, key client.ObjectKey, o *rosterv1alpha1.Organization) error {
	binding, err := reading.Optional[rbacv1.RoleBinding](ctx, r.client, key.Namespace, key.Name)
	if err != nil {
		return err
	}
	role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: consoleRole}
	portal := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: r.namespace, Name: portalAccount}
	if binding != nil && (o == nil || binding.RoleRef != role) { // A roleRef cannot be changed, only replaced with its binding.
		err := r.metrics.refused(client.IgnoreNotFound(r.client.Delete(ctx, binding)), "RoleBinding", key.Name)
		if err != nil {
			return err
		}
		binding = nil
	}
	if o == nil || binding != nil && isOurs(binding, o) && slices.Equal(binding.Subjects, []rbacv1.Subject{portal}) {
		return nil
	}
	owner, err := ownedBy(r.client, o)
	if err != nil {
		return err
	}
	return r.apply(ctx, key, owner, role, portal)
}

func (r *consolePlaces) apply(
	ctx context.Context, key client.ObjectKey, owner *metav1ac.OwnerReferenceApplyConfiguration, role rbacv1.RoleRef, portal rbacv1.Subject,
) error {
	config := rbacv1ac.RoleBinding(key.Name, key.Namespace).WithLabels(reading.Managed()).WithOwnerReferences(owner).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(role.APIGroup).WithKind(role.Kind).WithName(role.Name)).
		WithSubjects(rbacv1ac.Subject().WithKind(portal.Kind).WithNamespace(portal.Namespace).WithName(portal.Name))
	err := r.client.Apply(ctx, config, client.FieldOwner(fieldManager), client.ForceOwnership)
	return r.metrics.refused(err, "RoleBinding", key.Name)
}

// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/apiserver"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

const (
	// skew is how far two clocks may be apart.
	skew = 5 * time.Second
	// stale is how old the last sign of an operator may be.
	stale = time.Minute
)

func (p *patient) versions() {
	p.say("plugin", OK, "", "version %s", p.version)
	v, err := p.discovery.ServerVersion()
	if err != nil {
		p.refused("API server", err)
		return
	}
	const look = "see docs/versions.md"
	switch {
	case apiserver.TooOld(v):
		p.say("API server", Failed, "upgrade the cluster; "+look, "%s is older than %s, the oldest that Roster supports", v.GitVersion,
			apiserver.Oldest)
	case apiserver.Untested(v):
		p.say("API server", Warning, look, "%s is newer than %s, the newest that this version is tested on", v.GitVersion, apiserver.Newest)
	default:
		p.say("API server", OK, "", "%s", v.GitVersion)
	}
}

func (p *patient) clock() {
	d := p.factory.Skew()
	direction := "ahead of"
	if d < 0 {
		direction = "behind"
	}
	if d.Abs() > skew {
		p.say("clocks", Warning, "compare both with the time, and set the one that is wrong", "the API server's clock is %s %s this machine's",
			d.Abs(), direction)
		return
	}
	p.say("clocks", OK, "", "this machine's and the API server's agree")
}

// kinds reports whether the API server serves the kinds.
func (p *patient) kinds() bool {
	served, err := p.discovery.ServerResourcesForGroupVersion(rosterv1alpha1.GroupVersion.String())
	if err != nil {
		p.say("kinds", Failed, "install Roster: make install, or kubectl apply -f dist/install.yaml", "the API server does not serve %s",
			rosterv1alpha1.GroupVersion)
		return false
	}
	var missing []string
	for _, want := range []string{
		"accounts", "applications", "customroles", "invitations", "members", "organizations", "plans", "socialprofiles", "teams", "workspaces",
	} {
		if !slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Name == want }) {
			missing = append(missing, want)
		}
	}
	if len(missing) > 0 {
		p.say("kinds", Failed, "apply the manifests of this version again", "missing: %s", strings.Join(missing, ", "))
		return false
	}
	p.say("kinds", OK, "", "%s, all of them", rosterv1alpha1.GroupVersion)
	return true
}

// refused reports what may not be looked at.
func (p *patient) refused(check string, err error) {
	if apierrors.IsForbidden(err) {
		p.say(check, Unknown, "", "you may not look at it")
		return
	}
	p.say(check, Failed, "", "%s", kube.Explain(err))
}

// processes looks at the manager and the portal.
func (p *patient) processes(ctx context.Context) {
	var lease coordinationv1.Lease
	err := p.client.Get(ctx, client.ObjectKey{Namespace: p.system, Name: "roster-manager"}, &lease)
	switch {
	case apierrors.IsNotFound(err):
		p.say("operator", Warning, "kubectl get deployments -n "+p.system, "no manager has taken the Lease roster-manager in %s", p.system)
	case err != nil:
		p.refused("operator", err)
	case lease.Spec.RenewTime == nil || p.factory.Now().Sub(lease.Spec.RenewTime.Time) > stale:
		p.say("operator", Failed, "kubectl -n "+p.system+" logs deployment/roster-manager",
			"no manager is at work: the Lease was last renewed %s",
			ptr.Deref(lease.Spec.RenewTime, metav1.MicroTime{}).UTC().Format(time.RFC3339))
	case ptr.Deref(lease.Spec.HolderIdentity, "") == "":
		p.say("operator", Warning, "kubectl get deployments -n "+p.system, "no manager is at work: the last one has been stopped")
	default:
		p.say("operator", OK, "", "%s is at work", *lease.Spec.HolderIdentity)
	}
	for _, name := range []string{"roster-manager", "roster-portal"} {
		p.deployment(ctx, name)
	}
}

func (p *patient) deployment(ctx context.Context, name string) {
	var d appsv1.Deployment
	err := p.client.Get(ctx, client.ObjectKey{Namespace: p.system, Name: name}, &d)
	switch {
	case apierrors.IsNotFound(err):
		p.say(name, Warning, "", "there is no Deployment of that name in %s: it may run elsewhere, as in make demo", p.system)
		return
	case err != nil:
		p.refused(name, err)
		return
	}
	image := ""
	if containers := d.Spec.Template.Spec.Containers; len(containers) > 0 {
		image = containers[0].Image
	}
	version := image[strings.LastIndex(image, ":")+1:]
	switch wanted := ptr.Deref(d.Spec.Replicas, 1); {
	case d.Status.ReadyReplicas < wanted:
		p.say(name, Failed, "kubectl -n "+p.system+" describe pods", "%d of %d Pods are ready", d.Status.ReadyReplicas, wanted)
	case strings.HasPrefix(version, "v") && strings.HasPrefix(p.version, "v") && version != p.version:
		p.say(name, Warning, "use the plugin of the same version", "runs %s, and the plugin is %s", version, p.version)
	default:
		p.say(name, OK, "", "%d Pods are ready, image %s", d.Status.ReadyReplicas, image)
	}
}

// outside tells what the cluster knows of the relay and the issuers, by the conditions of the Organizations.
func (p *patient) outside() {
	if len(p.organizations) == 0 {
		p.say("mail relay", Unknown, "", "there is no Organization that would tell, or you may not see it")
		return
	}
	for _, o := range p.organizations {
		if o.Status.ObservedGeneration < o.Generation {
			p.say("operator", Warning, "kubectl -n "+p.system+" logs deployment/roster-manager",
				"it has not looked at the Organization %s in %s yet", o.Name, o.Namespace)
		}
	}
	p.condition("mail relay", rosterv1alpha1.ConditionMailDelivered, "see docs/mail.md#when-a-mail-does-not-go-out", "no mail waits for it")
	p.condition("issuers", rosterv1alpha1.ConditionIssuerResolved, "see docs/sso.md", "no organisation names one that is not configured")
}

// condition reports the Organizations in which one is false.
func (p *patient) condition(check, condition, try, good string) {
	fine := true
	for _, o := range p.organizations {
		if c := meta.FindStatusCondition(o.Status.Conditions, condition); c != nil && c.Status == metav1.ConditionFalse {
			p.say(check, Failed, try, "%s: %s", o.Namespace, c.Message)
			fine = false
		}
	}
	if fine {
		p.say(check, OK, "", "%s", good)
	}
}

// findOrganizations lists those that the user may see, the one that is asked about first.
func (p *patient) findOrganizations(ctx context.Context) error {
	var list rosterv1alpha1.OrganizationList
	err := p.client.List(ctx, &list)
	if apierrors.IsForbidden(err) {
		err = p.client.List(ctx, &list, client.InNamespace(p.namespace))
	}
	p.organizations = pointers.To(list.Items)
	slices.SortStableFunc(p.organizations, func(a, b *rosterv1alpha1.Organization) int {
		switch p.namespace {
		case a.Namespace:
			return -1
		case b.Namespace:
			return 1
		}
		return 0
	})
	return err
}

// policiesWork tries what a policy has to refuse everybody: to suspend an owner. The API server only checks it.
func (p *patient) policiesWork(ctx context.Context) {
	const check = "policies at work"
	if err := p.findOrganizations(ctx); err != nil {
		p.refused(check, err)
		return
	}
	owner := p.someOwner(ctx)
	if owner == nil {
		p.say(check, Unknown, "", "no organisation that you may see has an owner to try it with")
		return
	}
	before := owner.DeepCopy()
	owner.Spec.Suspended = ptr.To(true)
	err := p.dry.Patch(ctx, owner, client.MergeFrom(before))
	switch {
	case err == nil:
		p.say(check, Failed, again, "the API server would let the owner of %s be suspended", owner.Namespace)
	case strings.Contains(err.Error(), "denied request"):
		p.say(check, OK, "", "the API server refuses to suspend the owner of %s", owner.Namespace)
	default:
		p.refused(check, err)
	}
}

// someOwner is the Member of somebody who owns an organisation; nil where there is none.
func (p *patient) someOwner(ctx context.Context) *rosterv1alpha1.Member {
	for _, o := range p.organizations {
		if o.Status.OwnerRef == nil || membership.NamedOwner(o) != o.Status.OwnerRef.Name {
			continue
		}
		owner := &rosterv1alpha1.Member{}
		err := p.client.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Status.OwnerRef.Name}, owner)
		if err == nil && owner.Spec.AccountRef != nil {
			return owner
		}
	}
	return nil
}

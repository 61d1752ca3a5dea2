// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"context"
	"slices"
	"strconv"
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
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/membership"
)

const (
	// oldest is the oldest minor version of Kubernetes that has what the kinds use.
	oldest = 31
	// skew is how far two clocks may be apart.
	skew = 5 * time.Second
	// stale is how old the last sign of an operator may be.
	stale = time.Minute
)

func (p *patient) versions() {
	p.say("plugin", OK, "", "version %s", p.version)
	v, err := p.discovery.ServerVersion()
	if err != nil {
		p.say("API server", Failed, "", "%s", kube.Explain(err))
		return
	}
	minor, err := strconv.Atoi(strings.TrimRight(v.Minor, "+"))
	if err == nil && v.Major == "1" && minor < oldest {
		p.say("API server", Failed, "upgrade the cluster", "%s is older than 1.%d, which the kinds need", v.GitVersion, oldest)
		return
	}
	p.say("API server", OK, "", "%s", v.GitVersion)
}

func (p *patient) clock() {
	switch d := p.factory.Skew(); {
	case d.Abs() > skew:
		p.say("clocks", Warning, "set the clock of this machine", "the API server's clock is %s ahead of this machine's", d)
	default:
		p.say("clocks", OK, "", "this machine's and the API server's agree")
	}
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
		"accounts", "customroles", "invitations", "members", "organizations", "plans", "socialprofiles", "teams", "workspaces",
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
	default:
		p.say("operator", OK, "", "%s is at work", ptr.Deref(lease.Spec.HolderIdentity, "a manager"))
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
		p.say("mail relay", Unknown, "", "there is no Organization that would tell")
		return
	}
	held := false
	for _, o := range p.organizations {
		if meta.IsStatusConditionFalse(o.Status.Conditions, rosterv1alpha1.ConditionMailDelivered) {
			c := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionMailDelivered)
			p.say("mail relay", Failed, "see docs/mail.md#when-a-mail-does-not-go-out", "%s: %s", o.Namespace, c.Message)
			held = true
		}
		if meta.IsStatusConditionFalse(o.Status.Conditions, rosterv1alpha1.ConditionIssuerResolved) {
			c := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionIssuerResolved)
			p.say("issuer", Failed, "", "%s: %s", o.Namespace, c.Message)
		}
		if o.Status.ObservedGeneration < o.Generation {
			p.say("operator", Warning, "", "it has not looked at the Organization %s in %s yet", o.Name, o.Namespace)
		}
	}
	if !held {
		p.say("mail relay", OK, "", "no mail waits for it")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// policiesWork tries what a policy has to refuse everybody: to suspend an owner. The API server only checks it.
func (p *patient) policiesWork(ctx context.Context) {
	var list rosterv1alpha1.OrganizationList
	if err := p.client.List(ctx, &list); apierrors.IsForbidden(err) {
		err = p.client.List(ctx, &list, client.InNamespace(p.namespace))
		if err != nil {
			p.refused("policies at work", err)
			return
		}
	}
	p.organizations = kube.Pointers(list.Items)
	slices.SortStableFunc(p.organizations, func(a, b *rosterv1alpha1.Organization) int { // the one that is asked about first
		return cmp.Compare(btoi(a.Namespace != p.namespace), btoi(b.Namespace != p.namespace))
	})
	for _, o := range p.organizations {
		if o.Status.OwnerRef == nil || membership.NamedOwner(o) != o.Status.OwnerRef.Name {
			continue
		}
		owner := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Status.OwnerRef.Name}}
		if err := p.client.Get(ctx, client.ObjectKeyFromObject(owner), owner); err != nil || owner.Spec.AccountRef == nil {
			continue
		}
		before := owner.DeepCopy()
		owner.Spec.Suspended = ptr.To(true)
		err := p.dry.Patch(ctx, owner, client.MergeFrom(before))
		switch {
		case err == nil:
			p.say("policies at work", Failed, "kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings",
				"the API server would let the owner of %s be suspended", o.Namespace)
		case strings.Contains(err.Error(), "denied request"):
			p.say("policies at work", OK, "", "the API server refuses to suspend the owner of %s", o.Namespace)
		default:
			p.refused("policies at work", err)
		}
		return
	}
	p.say("policies at work", Unknown, "", "no organisation has an owner to try it with")
}

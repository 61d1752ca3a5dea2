// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// fieldManager owns what the operator applies.
const fieldManager = "roster"

// grantName is the name of the Role and the RoleBinding of a Member.
func grantName(member string) string { return "roster:member:" + member }

// applyGrants makes the Role and RoleBinding of a Member what was decided. The binding comes last and goes first, so that nobody
// holds for a moment what they should not.
func (r *members) applyGrants(ctx context.Context, in *membership.MemberInput, d membership.MemberDecision) error {
	m := in.Member
	if d.Holds == nil {
		return r.revoke(ctx, client.ObjectKeyFromObject(m))
	}
	rules := access.Compile(*d.Holds, in.Organization.Name, m.Name)
	if err := r.applyRole(ctx, m, rules); err != nil {
		return err
	}
	return r.applyBinding(ctx, m, r.userPrefix+string(d.Address))
}

func (r *members) applyRole(ctx context.Context, m *rosterv1alpha1.Member, rules []rbacv1.PolicyRule) error {
	name := grantName(m.Name)
	role, err := reading.Optional[rbacv1.Role](ctx, r.client, m.Namespace, name)
	if err != nil || role != nil && belongsTo(role, m) && equality.Semantic.DeepEqual(role.Rules, rules) {
		return err
	}
	config := rbacv1ac.Role(name, m.Namespace).WithLabels(reading.Managed()).WithOwnerReferences(ownedBy(m))
	for _, rule := range rules {
		config.WithRules(rbacv1ac.PolicyRule().WithAPIGroups(rule.APIGroups...).WithResources(rule.Resources...).
			WithResourceNames(rule.ResourceNames...).WithVerbs(rule.Verbs...))
	}
	err = r.client.Apply(ctx, config, client.FieldOwner(fieldManager), client.ForceOwnership)
	return r.metrics.refused(err, "Role", name)
}

func (r *members) applyBinding(ctx context.Context, m *rosterv1alpha1.Member, user string) error {
	name := grantName(m.Name)
	roleRef := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}
	binding, err := reading.Optional[rbacv1.RoleBinding](ctx, r.client, m.Namespace, name)
	if err != nil {
		return err
	}
	if binding != nil && binding.RoleRef != roleRef {
		// Somebody put another in its place. A roleRef cannot be changed, only replaced with its binding.
		if err := client.IgnoreNotFound(r.client.Delete(ctx, binding)); err != nil {
			return r.metrics.refused(err, "RoleBinding", name)
		}
	} else if binding != nil && belongsTo(binding, m) && equality.Semantic.DeepEqual(binding.Subjects, subjects) {
		return nil
	}
	config := rbacv1ac.RoleBinding(name, m.Namespace).WithLabels(reading.Managed()).WithOwnerReferences(ownedBy(m)).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(roleRef.APIGroup).WithKind(roleRef.Kind).WithName(roleRef.Name)).
		WithSubjects(rbacv1ac.Subject().WithAPIGroup(rbacv1.GroupName).WithKind(rbacv1.UserKind).WithName(user))
	err = r.client.Apply(ctx, config, client.FieldOwner(fieldManager), client.ForceOwnership)
	return r.metrics.refused(err, "RoleBinding", name)
}

// revoke removes the RoleBinding and the Role of a Member, if they are there.
func (r *members) revoke(ctx context.Context, member client.ObjectKey) error {
	name := grantName(member.Name)
	binding, err := reading.Optional[rbacv1.RoleBinding](ctx, r.client, member.Namespace, name)
	if err != nil {
		return err
	}
	if binding != nil {
		if err := client.IgnoreNotFound(r.client.Delete(ctx, binding)); err != nil {
			return r.metrics.refused(err, "RoleBinding", name)
		}
	}
	role, err := reading.Optional[rbacv1.Role](ctx, r.client, member.Namespace, name)
	if err != nil || role == nil {
		return err
	}
	return r.metrics.refused(client.IgnoreNotFound(r.client.Delete(ctx, role)), "Role", name)
}

func ownedBy(m *rosterv1alpha1.Member) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().WithAPIVersion(rosterv1alpha1.GroupVersion.String()).WithKind("Member").
		WithName(m.Name).WithUID(m.UID).WithController(true)
}

// belongsTo reports whether a Role or RoleBinding is still marked as this Member's.
func belongsTo(o client.Object, m *rosterv1alpha1.Member) bool {
	return metav1.IsControlledBy(o, m) && o.GetLabels()[reading.ManagedByLabel] == reading.ManagedBy
}

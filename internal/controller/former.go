// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// retirePause is how often it is looked again whether the Role of one Member has become superfluous.
const retirePause = time.Second

// retire removes the Role and the RoleBinding of one Member, as the first versions made them: at once where the person is not active any
// more, else as soon as the Roles of everything that they have are written, so that they lack nothing in between.
func (r *grants) retire(ctx context.Context, key client.ObjectKey, member string) (ctrl.Result, error) {
	binding, err := reading.Optional[rbacv1.RoleBinding](ctx, r.client, key.Namespace, key.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	role, err := reading.Optional[rbacv1.Role](ctx, r.client, key.Namespace, key.Name)
	if err != nil || role == nil && binding == nil {
		return ctrl.Result{}, err
	}
	if written, err := r.allWritten(ctx, key.Namespace, member); err != nil || !written {
		return ctrl.Result{RequeueAfter: retirePause}, err
	}
	return ctrl.Result{}, r.remove(ctx, role, []*shard{{name: key.Name, role: key, binding: binding}})
}

// allWritten reports whether the Roles of everything that a Member has are as they should be.
func (r *grants) allWritten(ctx context.Context, namespace, member string) (bool, error) {
	m, err := reading.Peek[rosterv1alpha1.Member](ctx, r.client, namespace, member)
	if m == nil || err != nil || !membership.IsActive(m) {
		return err == nil, err
	}
	roles, err := r.find.rolesOf(ctx, m)
	if err != nil {
		return false, err
	}
	for _, role := range roles {
		if !r.unwritten.isWritten(role) {
			return false, nil
		}
	}
	return true, nil
}

// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/testenv"
)

// saved is what people wrote for Roster beside its own objects.
func saved() []client.Object {
	system := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: name}
	}
	acme := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	reads := []rbacv1.PolicyRule{{APIGroups: []string{"roster.dev"}, Resources: []string{"invitations"}, Verbs: []string{"get"}}}
	to := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "hr"}}
	by := func(kind, name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	return []client.Object{
		&corev1.ConfigMap{ObjectMeta: system("roster-config"), Data: map[string]string{"config.yaml": "kind: RosterConfig"}},
		&corev1.Secret{ObjectMeta: system("roster-smtp"), Type: corev1.SecretTypeBasicAuth, StringData: map[string]string{"username": "u", "password": "p"}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "hr-reads"}, Rules: reads},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "hr-reads"}, RoleRef: by("ClusterRole", "hr-reads"), Subjects: to},
		&rbacv1.Role{ObjectMeta: acme("hr"), Rules: reads},
		&rbacv1.RoleBinding{ObjectMeta: acme("hr"), RoleRef: by("Role", "hr"), Subjects: to},
		&rbacv1.RoleBinding{ObjectMeta: acme("hr-administers"), RoleRef: by("ClusterRole", "roster-admin"), Subjects: to},
	}
}

// notSaved is what others keep beside it.
func notSaved() []client.Object {
	pods := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}
	return []client.Object{
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "of-somebody-else"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "of-somebody-else"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "of-somebody-else"}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "of-somebody-else"}, Rules: pods},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "of-somebody-else"}, Rules: pods},
	}
}

// CheckRights looks for what people wrote, after a restore.
func (s *Site) CheckRights() {
	s.Helper()
	for _, o := range saved() {
		if err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			s.Errorf("not restored: %v", err)
		}
	}
}

// CheckNothingElse looks for what is not Roster's.
func (s *Site) CheckNothingElse() {
	s.Helper()
	for _, o := range notSaved() {
		if err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(o), o); !apierrors.IsNotFound(err) {
			s.Errorf("%s is restored, which is not Roster's: %v", fmt.Sprintf("%T %s", o, o.GetName()), err)
		}
	}
}

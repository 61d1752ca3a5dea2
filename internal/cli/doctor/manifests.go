// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/config"
)

// shipped are the objects of a kind in the manifests of this version.
func shipped[T any](folder, kind string) ([]*T, error) {
	files, err := config.Files.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []*T
	for _, file := range files {
		data, err := config.Files.ReadFile(folder + "/" + file.Name())
		if err != nil {
			return nil, err
		}
		decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
		for {
			var fields unstructured.Unstructured
			if err := decoder.Decode(&fields.Object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", file.Name(), err)
			}
			if fields.GetKind() != kind {
				continue
			}
			object := new(T)
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields.Object, object); err != nil {
				return nil, fmt.Errorf("%s: %w", file.Name(), err)
			}
			all = append(all, object)
		}
	}
	return all, nil
}

// again is what helps where the manifests of another version are installed.
const again = "apply the manifests of this version again: kubectl apply --server-side -f dist/install.yaml"

// permissions compares the Roles of the processes with those of this version.
func (p *patient) permissions(ctx context.Context) {
	clusterRoles, err := shipped[rbacv1.ClusterRole]("rbac", "ClusterRole")
	roles, errRoles := shipped[rbacv1.Role]("rbac", "Role")
	if err = errors.Join(err, errRoles); err != nil {
		p.say("permissions", Failed, "", "%v", err)
		return
	}
	var lacking []string
	for _, want := range clusterRoles {
		var is rbacv1.ClusterRole
		if err = p.client.Get(ctx, client.ObjectKey{Name: want.Name}, &is); err != nil && !apierrors.IsNotFound(err) {
			break
		}
		lacking = append(lacking, lacks("ClusterRole "+want.Name, want.Rules, is.Rules)...)
	}
	for _, want := range roles {
		var is rbacv1.Role
		key := client.ObjectKey{Namespace: strings.Replace(want.Namespace, "roster-system", p.system, 1), Name: want.Name}
		if err != nil && !apierrors.IsNotFound(err) {
			break
		}
		if err = p.client.Get(ctx, key, &is); err == nil || apierrors.IsNotFound(err) {
			lacking = append(lacking, lacks("Role "+key.String(), want.Rules, is.Rules)...)
		}
	}
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		p.refused("permissions", err)
	case len(lacking) > 0:
		p.say("permissions", Failed, again, "lacking: %s", strings.Join(lacking, "; "))
	default:
		p.say("permissions", OK, "", "manager and portal have all that this version needs")
	}
}

// lacks are the rules that are not there.
func lacks(role string, want, is []rbacv1.PolicyRule) []string {
	if len(is) == 0 && len(want) > 0 {
		return []string{role + " is missing"}
	}
	var missing []string
	for _, rule := range want {
		if !slices.ContainsFunc(is, func(r rbacv1.PolicyRule) bool { return equality.Semantic.DeepEqual(r, rule) }) {
			missing = append(missing, fmt.Sprintf("%s: %s on %s", role, strings.Join(rule.Verbs, ","), strings.Join(rule.Resources, ",")))
		}
	}
	return missing
}

// policies compares the admission policies with those of this version.
func (p *patient) policies(ctx context.Context) {
	want, err := shipped[admissionv1.ValidatingAdmissionPolicy]("policy", "ValidatingAdmissionPolicy")
	if err != nil {
		p.say("policies", Failed, "", "%v", err)
		return
	}
	var is admissionv1.ValidatingAdmissionPolicyList
	var bound admissionv1.ValidatingAdmissionPolicyBindingList
	if err := errors.Join(p.client.List(ctx, &is), p.client.List(ctx, &bound)); err != nil {
		p.refused("policies", err)
		return
	}
	var wrong []string
	for _, policy := range want {
		at := slices.IndexFunc(is.Items, func(i admissionv1.ValidatingAdmissionPolicy) bool { return i.Name == policy.Name })
		switch {
		case at < 0:
			wrong = append(wrong, policy.Name+" is missing")
		case !equality.Semantic.DeepEqual(expressions(policy), expressions(&is.Items[at])):
			wrong = append(wrong, policy.Name+" is of another version")
		case !slices.ContainsFunc(bound.Items, func(b admissionv1.ValidatingAdmissionPolicyBinding) bool {
			return b.Spec.PolicyName == policy.Name
		}):
			wrong = append(wrong, policy.Name+" has no binding, so it does nothing")
		}
	}
	if len(wrong) > 0 {
		p.say("policies", Failed, again, "%s", strings.Join(wrong, "; "))
		return
	}
	p.say("policies", OK, "", "all %d are installed, bound and of this version", len(want))
}

// expressions are what a policy asks.
func expressions(policy *admissionv1.ValidatingAdmissionPolicy) []string {
	var all []string
	for _, v := range policy.Spec.Variables {
		all = append(all, v.Name+" = "+v.Expression)
	}
	for _, v := range policy.Spec.Validations {
		all = append(all, v.Expression)
	}
	return all
}

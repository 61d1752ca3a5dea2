// SPDX-License-Identifier: Apache-2.0

// Package admission waits for the admission policies of config/policy, which the API server takes up some time after they were applied.
package admission

import (
	"context"
	"errors"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// The API server looks for new policies every second, and for new kinds of parameters every half minute.
const (
	patience  = time.Minute
	pollEvery = 50 * time.Millisecond
)

// probe is the name of a policy that is applied after all others and refuses one ConfigMap: once it does, the others are active too.
const probe = "roster-probe"

// ServesMutating reports whether the API server serves MutatingAdmissionPolicy v1, as Kubernetes does from 1.36 on.
func ServesMutating(c client.Client) (bool, error) {
	kind := admissionv1.SchemeGroupVersion.WithKind("MutatingAdmissionPolicy")
	_, err := c.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	return err == nil, err
}

// Await returns when the policies that were applied before are active and find their parameters. The client is a cluster
// administrator's; mutating reports whether config/policy/mutating was applied too. An error says what is still missing after a minute.
func Await(ctx context.Context, c client.Client, mutating bool) (err error) {
	objects := refuseProbe()
	for _, o := range objects {
		if err := client.IgnoreAlreadyExists(c.Create(ctx, o)); err != nil {
			return err
		}
	}
	defer func() {
		for _, o := range objects {
			err = errors.Join(err, client.IgnoreNotFound(c.Delete(ctx, o)))
		}
	}()
	var missing error
	err = wait.PollUntilContextTimeout(ctx, pollEvery, patience, true, func(ctx context.Context) (bool, error) {
		missing = tryOut(ctx, client.NewDryRunClient(c), mutating)
		return missing == nil, nil
	})
	if err != nil {
		return fmt.Errorf("the admission policies do not become active: %w", errors.Join(missing, err))
	}
	return nil
}

// tryOut returns nil when the policies refuse what they should and allow what they should. It writes nothing.
func tryOut(ctx context.Context, dry client.Client, mutating bool) error {
	at := metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: probe}
	if err := dry.Create(ctx, &corev1.ConfigMap{ObjectMeta: at}); !apierrors.IsInvalid(err) {
		return fmt.Errorf("the last policy does not refuse yet: %w", err)
	}
	// An API server that does not know the Organization yet cannot use it as a parameter, and refuses everything.
	inv := &rosterv1alpha1.Invitation{ObjectMeta: at, Spec: rosterv1alpha1.InvitationSpec{Email: "somebody@example.com"}}
	if err := dry.Create(ctx, inv); err != nil {
		return err
	}
	if mutating && inv.Spec.InvitedBy == "" {
		return errors.New("spec.invitedBy is not filled in yet")
	}
	return nil
}

// refuseProbe is the policy of that name, and its binding.
func refuseProbe() []client.Object {
	rule := admissionv1.NamedRuleWithOperations{
		ResourceNames: []string{probe},
		RuleWithOperations: admissionv1.RuleWithOperations{
			Operations: []admissionv1.OperationType{admissionv1.Create},
			Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
		},
	}
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: probe},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{rule}},
			Validations:      []admissionv1.Validation{{Expression: "false"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: probe},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: probe, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	return []client.Object{policy, binding}
}

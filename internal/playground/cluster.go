// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/admission"
)

// systemNamespace is where manager and portal belong, and their Secrets.
const systemNamespace = "roster-system"

// tokenLife is how long the tokens of manager and portal are good for, which is longer than any demonstration.
const tokenLife = 365 * 24 * time.Hour

// applier is who the API server notes as the author of what the playground applies: the same as when somebody applies the files
// again with kubectl apply --server-side, so that the two do not quarrel over a field.
const applier = client.FieldOwner("kubectl")

// cluster fills the API server.
type cluster struct{ client client.Client }

func newCluster(config *rest.Config) (*cluster, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	return &cluster{c}, err
}

// apply creates or updates objects, one after the other. A kind that the API server has just learnt may take a moment.
func (c *cluster) apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		var last error
		applied := func(ctx context.Context) (bool, error) {
			last = c.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()), applier, client.ForceOwnership)
			return last == nil, ignoreUnknownKind(last)
		}
		if err := wait.PollUntilContextTimeout(ctx, pollEvery, startPatience, true, applied); err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), errors.Join(last, ctx.Err()))
		}
	}
	return nil
}

// install applies what an installation does, and returns when the API server serves the kinds and the policies are active.
func (c *cluster) install(ctx context.Context, i installation) error {
	if err := c.apply(ctx, i.kinds); err != nil {
		return err
	}
	if err := c.waitEstablished(ctx, i.kinds); err != nil {
		return err
	}
	mutating, err := admission.ServesMutating(c.client)
	if err != nil {
		return err
	}
	if mutating {
		i.rules = append(i.rules, i.mutating...)
	}
	if err := c.apply(ctx, i.rules); err != nil {
		return err
	}
	return admission.Await(ctx, c.client, mutating)
}

func ignoreUnknownKind(err error) error {
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// waitEstablished returns when the API server serves the kinds of all these CustomResourceDefinitions.
func (c *cluster) waitEstablished(ctx context.Context, definitions []*unstructured.Unstructured) error {
	for _, definition := range definitions {
		if definition.GetKind() != "CustomResourceDefinition" {
			continue
		}
		read := &unstructured.Unstructured{}
		read.SetGroupVersionKind(definition.GroupVersionKind())
		established := func(ctx context.Context) (bool, error) {
			if err := c.client.Get(ctx, client.ObjectKeyFromObject(definition), read); err != nil {
				return false, err
			}
			return hasTrueCondition(read, "Established"), nil
		}
		if err := wait.PollUntilContextTimeout(ctx, pollEvery, startPatience, true, established); err != nil {
			return fmt.Errorf("CustomResourceDefinition %s is not served: %w", definition.GetName(), err)
		}
	}
	return nil
}

func hasTrueCondition(object *unstructured.Unstructured, kind string) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["type"] == kind && condition["status"] == "True" {
			return true
		}
	}
	return false
}

// ensureNamespace creates a namespace unless it is there.
func (c *cluster) ensureNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	return client.IgnoreAlreadyExists(c.client.Create(ctx, namespace))
}

// token issues a token for a ServiceAccount: the identity that a Pod of it would have.
func (c *cluster) token(ctx context.Context, serviceAccount string) (string, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: serviceAccount}}
	seconds := int64(tokenLife.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if err := c.client.SubResource("token").Create(ctx, account, request); err != nil {
		return "", fmt.Errorf("token for the ServiceAccount %s/%s: %w", systemNamespace, serviceAccount, err)
	}
	return request.Status.Token, nil
}

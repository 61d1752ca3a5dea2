// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

// OrganizationIn is the Organization that counts in a namespace. Where there is none, the error names the namespaces that have one.
func OrganizationIn(ctx context.Context, c client.Reader, namespace string) (*rosterv1alpha1.Organization, error) {
	var list rosterv1alpha1.OrganizationList
	if err := c.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	if o := membership.Counting(pointers.To(list.Items)); o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("the namespace %s has no Organization: %s", namespace, elsewhere(ctx, c))
}

// elsewhere says what to type instead, as far as the user may see it.
func elsewhere(ctx context.Context, c client.Reader) string {
	var list rosterv1alpha1.OrganizationList
	if err := c.List(ctx, &list); err != nil || len(list.Items) == 0 {
		return "choose another with --namespace, or apply an Organization there"
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Namespace)
	}
	slices.Sort(names)
	return "choose another with --namespace: " + strings.Join(slices.Compact(names), ", ")
}

// Object is a pointer to a kind.
type Object[T any] interface {
	*T
	client.Object
}

// Names are the names of objects, for completion.
func Names[T any, P Object[T]](items []T) []string {
	var names []string
	for i := range items {
		names = append(names, P(&items[i]).GetName())
	}
	return names
}

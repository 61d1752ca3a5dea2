// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Require asks whether the user has the permissions that something takes. The error names those that are missing.
func Require(ctx context.Context, c client.Client, purpose, remedy string, needs []authorizationv1.ResourceAttributes) error {
	var missing []string
	for _, need := range needs {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &need}}
		if err := c.Create(ctx, review); err != nil {
			return err
		}
		if !review.Status.Allowed {
			missing = append(missing, permission(need))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("to %s, you may not: %s. %s", purpose, strings.Join(missing, "; "), remedy)
	}
	return nil
}

func permission(need authorizationv1.ResourceAttributes) string {
	text := need.Verb + " " + need.Resource
	if need.Group != "" {
		text += "." + need.Group
	}
	if need.Subresource != "" {
		text += "/" + need.Subresource
	}
	if need.Name != "" {
		text += " " + need.Name
	}
	if need.Namespace != "" {
		text += " in " + need.Namespace
	}
	return text
}

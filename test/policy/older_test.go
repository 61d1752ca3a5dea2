// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"context"
	"regexp"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// byHand is a client of people on an API server that fills in nothing, which is one older than Kubernetes 1.36: where they are told to
// answer for what they offer, and have named nobody, they do, and try again. So they meet the same policies as others.
func byHand(c client.WithWatch) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			err := c.Create(ctx, o, options...)
			if name := toName(err); name != "" && inviterOf(o) != nil && *inviterOf(o) == "" {
				*inviterOf(o) = name
				return c.Create(ctx, o, options...)
			}
			return err
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
			err := c.Update(ctx, o, options...)
			if name := toName(err); name != "" && inviterOf(o) != nil {
				before := o.DeepCopyObject().(client.Object)
				if err := cluster.Client.Get(ctx, client.ObjectKeyFromObject(o), before); err == nil && *inviterOf(before) == *inviterOf(o) {
					*inviterOf(o) = name
					return c.Update(ctx, o, options...)
				}
			}
			return err
		},
	})
}

var writeYourself = regexp.MustCompile(`Write spec\.invitedBy: (\S+)`)

// toName is whom an error says to name; "" where it says nothing of the kind.
func toName(err error) string {
	if err == nil {
		return ""
	}
	if found := writeYourself.FindStringSubmatch(err.Error()); found != nil {
		return strings.TrimSuffix(found[1], ".")
	}
	return ""
}

// inviterOf is the field of an object that names who answers for it; nil where there is none.
func inviterOf(o client.Object) *string {
	switch o := o.(type) {
	case *rosterv1alpha1.Member:
		return &o.Spec.InvitedBy
	case *rosterv1alpha1.Invitation:
		return &o.Spec.InvitedBy
	}
	return nil
}

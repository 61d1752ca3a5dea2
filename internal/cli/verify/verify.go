// SPDX-License-Identifier: Apache-2.0

// Package verify compares what the plugin says about people's rights with what the API server answers.
package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/rights"
)

// sample is how many answers are compared at most.
const sample = 100

// Claim is that somebody may, or may not, do something.
type Claim struct {
	User, Verb, Resource, Name string
	Allowed                    bool
}

// Claims asks the API server about some claims, evenly taken from all, and reports those that it does not share.
func Claims(ctx context.Context, f *kube.Factory, namespace string, claims []Claim) error {
	c, err := f.Client()
	if err != nil {
		return err
	}
	step := max(1, len(claims)/sample)
	asked := 0
	var wrong []string
	for i := 0; i < len(claims); i += step {
		claim := claims[i]
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: claim.User, Groups: []string{"system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: claim.Verb, Group: rosterv1alpha1.GroupVersion.Group, Resource: claim.Resource, Name: claim.Name,
			},
		}}
		if err := c.Create(ctx, review); err != nil {
			return fmt.Errorf("--verify: %w", err)
		}
		asked++
		if review.Status.Allowed != claim.Allowed {
			wrong = append(wrong, fmt.Sprintf("%s %s %s/%s: the API server says %s", claim.User, claim.Verb, claim.Resource, claim.Name,
				map[bool]string{true: "yes", false: "no"}[review.Status.Allowed]))
		}
	}
	fmt.Fprintf(f.ErrOut, "Verified: %d of %d answers were compared with the API server, and %d differ.\n", asked, len(claims), len(wrong))
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n") + "\nThe operator may be about to carry out a change, or somebody has rights by " +
			"other roles of the cluster")
	}
	return nil
}

// OnProfiles are the claims about what people may do on every profile.
func OnProfiles(o *rights.Organization, people ...*rights.Person) []Claim {
	var all []Claim
	for _, p := range people {
		for _, s := range o.Profiles {
			held := p.Holds.On(s.Name)
			for _, permission := range access.Permissions() {
				all = append(all, Claim{
					User: o.UserPrefix + string(p.Address), Verb: string(permission), Resource: "socialprofiles", Name: s.Name,
					Allowed: p.State == rights.Active && held.Contains(access.NewSet(permission)),
				})
			}
		}
	}
	return all
}

// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// byHand is a client of people on an API server that fills in nothing, which is one older than Kubernetes 1.36: where they are told to
// answer for what they offer, and have not said who does, they do, and try again. So they meet the same policies as others, whatever
// the verb and the form of what they send.
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
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
			data, errData := p.Data(o)
			err := c.Patch(ctx, o, p, options...)
			if name := toName(err); name != "" && errData == nil {
				if answering := answeringPatch(p.Type(), data, name); answering != nil {
					return c.Patch(ctx, o, client.RawPatch(p.Type(), answering), options...)
				}
			}
			return err
		},
		Apply: func(ctx context.Context, c client.WithWatch, a runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			data, errData := json.Marshal(a)
			err := c.Apply(ctx, a, options...)
			if name := toName(err); name != "" && errData == nil {
				if o := answeringObject(data, name); o != nil {
					return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: o}), options...)
				}
			}
			return err
		},
	})
}

// answeringPatch is a patch that names who answers as well; nil for one that names somebody already.
func answeringPatch(how types.PatchType, data []byte, name string) []byte {
	const field = "/spec/invitedBy"
	var patch any
	switch how {
	case types.JSONPatchType:
		var steps []map[string]any
		err := json.Unmarshal(data, &steps)
		if err != nil || slices.ContainsFunc(steps, func(step map[string]any) bool { return step["path"] == field }) {
			return nil
		}
		patch = append(steps, map[string]any{"op": "add", "path": field, "value": name})
	case types.MergePatchType:
		o := answeringObject(data, name)
		if o == nil {
			return nil
		}
		patch = o
	default:
		return nil
	}
	answering, err := json.Marshal(patch)
	if err != nil {
		return nil
	}
	return answering
}

// answeringObject is an object, or the part of one, that names who answers as well; nil for one that names somebody already.
func answeringObject(data []byte, name string) map[string]any {
	o := map[string]any{}
	if err := json.Unmarshal(data, &o); err != nil {
		return nil
	}
	_, there, err := unstructured.NestedFieldNoCopy(o, "spec", "invitedBy")
	if there || err != nil || unstructured.SetNestedField(o, name, "spec", "invitedBy") != nil {
		return nil
	}
	return o
}

var writeYourself = regexp.MustCompile(`Write spec\.invitedBy: (\S+)`)

// toName is whom an error says to name; "" where it says nothing of the kind, or the name is longer than the field may be: newer API servers
// do not fill in that one either.
func toName(err error) string {
	if err == nil {
		return ""
	}
	found := writeYourself.FindStringSubmatch(err.Error())
	if found == nil {
		return ""
	}
	name := strings.TrimSuffix(found[1], ".")
	if len(name) > 320 {
		return ""
	}
	return name
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

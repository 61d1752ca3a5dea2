// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/config"
	"github.com/roster-dev/roster/internal/admission"
)

type object = unstructured.Unstructured

// again is what helps where the manifests of another version are installed.
const again = "apply the manifests of this version again: kubectl apply --server-side -f dist/install.yaml, or helm upgrade"

// optional is a role that an installation can leave out: nobody holds it unless somebody binds it.
const optional = "roster-credentials"

// shipped are the objects in the manifests of this version whose kind ends with one of these words.
func shipped(folder string, kinds ...string) ([]*object, error) {
	files, err := config.Files.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []*object
	for _, file := range files {
		if file.IsDir() {
			continue
		}
		data, err := config.Files.ReadFile(folder + "/" + file.Name())
		if err != nil {
			return nil, err
		}
		for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096); ; {
			o := &object{}
			if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", file.Name(), err)
			}
			if slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasSuffix(o.GetKind(), kind) }) {
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// installed is the object in the cluster; nil where there is none.
func (p *patient) installed(ctx context.Context, want *object) (*object, error) {
	is := &object{}
	is.SetGroupVersionKind(want.GroupVersionKind())
	namespace := strings.Replace(want.GetNamespace(), "roster-system", p.system, 1)
	if err := p.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: want.GetName()}, is); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return is, nil
}

// compare reports what of the manifests of this version is not as it should be.
func (p *patient) compare(ctx context.Context, check, good string, all []*object, lacks func(want, is *object) []string) {
	var wrong []string
	for _, want := range all {
		is, err := p.installed(ctx, want)
		if err != nil {
			p.refused(check, err)
			return
		}
		if is == nil && want.GetName() == optional {
			continue
		}
		if is == nil {
			wrong = append(wrong, called(want)+" is missing")
			continue
		}
		wrong = append(wrong, lacks(want, is)...)
	}
	if len(wrong) > 0 {
		p.say(check, Failed, again, "%s", strings.Join(wrong, "; "))
		return
	}
	p.say(check, OK, "", "%s", good)
}

func called(o *object) string {
	if o.GetNamespace() != "" {
		return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
	}
	return o.GetKind() + " " + o.GetName()
}

// permissions compares the roles of the processes with those of this version.
func (p *patient) permissions(ctx context.Context) {
	roles, err := shipped("rbac", "Role")
	if err != nil {
		p.say("permissions", Failed, "", "%v", err)
		return
	}
	p.compare(ctx, "permissions", "manager and portal have all that this version needs", roles, lacksRules)
}

// lacksRules are the rules that a role does not have.
func lacksRules(want, is *object) []string {
	has, _, _ := unstructured.NestedSlice(is.Object, "rules")
	wanted, _, _ := unstructured.NestedSlice(want.Object, "rules")
	var missing []string
	for _, rule := range wanted {
		if !slices.ContainsFunc(has, func(r any) bool { return reflect.DeepEqual(r, rule) }) {
			fields, _ := rule.(map[string]any)
			missing = append(missing, fmt.Sprintf("%s lacks %v on %v", called(want), fields["verbs"], fields["resources"]))
		}
	}
	return missing
}

// policies compares the admission policies and their bindings with those of this version.
func (p *patient) policies(ctx context.Context) {
	all, err := shipped("policy", "AdmissionPolicy", "AdmissionPolicyBinding")
	mutating, errServed := admission.ServesMutating(p.client)
	if mutating {
		more, errMore := shipped("policy/mutating", "AdmissionPolicy", "AdmissionPolicyBinding")
		all, err = append(all, more...), errors.Join(err, errMore)
	}
	if err = errors.Join(err, errServed); err != nil {
		p.say("policies", Failed, "", "%v", err)
		return
	}
	p.compare(ctx, "policies", "all are installed, bound and of this version", all, func(want, is *object) []string {
		if within(want.Object["spec"], is.Object["spec"]) {
			return nil
		}
		return []string{called(want) + " is of another version, or was changed"}
	})
}

// within reports whether an object in the cluster is as its manifest says. The API server fills in defaults, none of which is a list.
func within(want, is any) bool {
	switch want := want.(type) {
	case map[string]any:
		is, ok := is.(map[string]any)
		for field, value := range is {
			if list, isList := value.([]any); isList && len(list) > 0 && want[field] == nil {
				return false
			}
		}
		for field, value := range want {
			if !ok || !within(value, is[field]) {
				return false
			}
		}
		return ok
	case []any:
		is, ok := is.([]any)
		return ok && slices.EqualFunc(want, is, within)
	}
	return reflect.DeepEqual(want, is)
}

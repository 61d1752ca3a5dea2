// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/gitops"
	"github.com/roster-dev/roster/internal/portal/web"
)

// KeptError is that an object is kept in Git, where a change by hand would be put back.
type KeptError struct {
	// Keeper is who keeps it, such as Flux.
	Keeper string
	// Object as it would have been written.
	Object client.Object
	// Deletes: it was to be deleted.
	Deletes bool
}

// Error implements error.
func (e *KeptError) Error() string {
	return fmt.Sprintf("%s keeps %s in Git: change it there", e.Keeper, e.Object.GetName())
}

// Keeper is who keeps an object in Git, such as Flux; empty where nobody does.
func Keeper(o client.Object) string { return gitops.Of(o, "").Name }

func kept(o client.Object, deletes bool) error {
	if keeper := Keeper(o); keeper != "" {
		return &KeptError{Keeper: keeper, Object: o, Deletes: deletes}
	}
	return nil
}

// KeptView is what the template kept-in-git shows above an object that is kept in Git.
type KeptView struct{ Keeper string }

// KeptView of an object; nil where nobody keeps it.
func (v *Visit) KeptView(o client.Object) *KeptView {
	if keeper := Keeper(o); keeper != "" {
		return &KeptView{Keeper: keeper}
	}
	return nil
}

// Failed answers to an error of a write: with a page that has the YAML to copy, where the object is kept in Git; with the form again, where
// the API server has refused.
func (v *Visit) Failed(err error, form func([]web.Problem) error, fields ...Fields) error {
	if kept, ok := errors.AsType[*KeptError](err); ok {
		return v.showKept(kept)
	}
	problems, err := v.Refused(err, fields...)
	if err != nil {
		return err
	}
	return form(problems)
}

// Wrote goes on after a write: done, or as Failed does.
func (v *Visit) Wrote(err error, done func() error, form func([]web.Problem) error, fields ...Fields) error {
	if err == nil {
		return done()
	}
	return v.Failed(err, form, fields...)
}

const pageKept web.PageName = "kept"

type keptPage struct {
	Frame        Frame
	Keeper, Name string
	Deletes      bool
	YAML         string
	Lines        []Line
	Back         string
}

// showKept says what to change in Git instead.
func (v *Visit) showKept(e *KeptError) error {
	now, isObject := e.Object.DeepCopyObject().(client.Object)
	if !isObject {
		return e
	}
	err := v.API.Get(v.R.Context(), client.ObjectKeyFromObject(e.Object), now)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	before, err := authored(now, v.API.Scheme())
	if err != nil {
		return err
	}
	after, err := authored(e.Object, v.API.Scheme())
	if err != nil {
		return err
	}
	page := keptPage{
		Frame: v.Frame(), Keeper: e.Keeper, Name: e.Object.GetName(), Deletes: e.Deletes, YAML: after, Back: v.Path(v.Page()),
	}
	if e.Deletes {
		page.YAML = before
	} else {
		page.Lines = changes(before, after)
	}
	return v.Show(http.StatusConflict, pageKept, v.Words.T("console.kept.title"), page)
}

// authored is an object as its author would write it: without what Kubernetes, Roster and tools have added.
func authored(o client.Object, scheme *runtime.Scheme) (string, error) {
	kind, err := apiutil.GVKForObject(o, scheme)
	if err != nil {
		return "", err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return "", err
	}
	metadata := map[string]any{"name": o.GetName(), "namespace": o.GetNamespace()}
	for field, all := range map[string]map[string]string{"labels": o.GetLabels(), "annotations": o.GetAnnotations()} {
		if own := authoredOnly(all); len(own) > 0 {
			metadata[field] = own
		}
	}
	// Roster writes it when the person accepts.
	unstructured.RemoveNestedField(content, "spec", "accountRef")
	version := rosterv1alpha1.BetaGroupVersion.String()
	clean := map[string]any{"apiVersion": version, "kind": kind.Kind, "metadata": metadata, "spec": content["spec"]}
	text, err := yaml.Marshal(clean)
	return string(text), err
}

// authoredOnly leaves out the labels and annotations that tools and Roster write.
func authoredOnly(all map[string]string) map[string]string {
	own := map[string]string{}
	for key, value := range all {
		if gitops.IsMark(key) || strings.HasPrefix(key, "kubectl.kubernetes.io/") || strings.HasPrefix(key, "roster.dev/") {
			continue
		}
		own[key] = value
	}
	return own
}

// Line of a change: it goes out, comes in, or stays.
type Line struct {
	Removed, Added bool
	Text           string
}

// around is how many lines that stay are shown on each side of a change.
const around = 2

// changes are the lines in which two texts differ, with those around them.
func changes(before, after string) []Line {
	a, b := split(before), split(after)
	var all []Line
	for _, group := range difflib.NewMatcher(a, b).GetGroupedOpCodes(around) {
		for _, op := range group {
			if op.Tag == 'e' {
				all = appendLines(all, Line{}, a[op.I1:op.I2])
				continue
			}
			all = appendLines(all, Line{Removed: true}, a[op.I1:op.I2])
			all = appendLines(all, Line{Added: true}, b[op.J1:op.J2])
		}
	}
	return all
}

func split(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

func appendLines(all []Line, like Line, texts []string) []Line {
	for _, text := range texts {
		like.Text = text
		all = append(all, like)
	}
	return all
}

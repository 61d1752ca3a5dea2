// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/archive"
	"github.com/roster-dev/roster/internal/testenv"
	"github.com/roster-dev/roster/test/site"
)

// now is what people apply to upgrade.
const now = "dist/install.yaml"

// TestUpgrade upgrades from each release, while people go on, and back.
func TestUpgrade(t *testing.T) {
	releases, err := filepath.Glob("v[0-9]*")
	if err != nil || len(releases) == 0 {
		t.Fatalf("no release is kept here: make freeze keeps one (%v)", err)
	}
	current := build(t, testenv.Root())
	for _, release := range releases {
		t.Run(release, func(t *testing.T) { upgrade(t, release, current) })
	}
}

func upgrade(t *testing.T, release, current string) {
	cluster, err := testenv.StartBare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	outside := site.NewOutside(t)
	s := site.New(t, outside, cluster)
	manifests, err := filepath.Abs(filepath.Join(release, "install.yaml"))
	s.Must(err)
	s.Must(cluster.InstallFile(t.Context(), manifests))
	put(s, release)
	front := serve(t, outside.Address)
	former := start(s, build(t, sources(t, release)))
	front.send(former)
	s.Settle()
	was := s.Facts()
	if diff := cmp.Diff(read(s, release, "facts.txt"), timeless(was)+"\n"); diff != "" {
		t.Fatalf("the objects of %s are not as they were when they were kept:\n%s", release, diff)
	}

	l := startLoad(s)
	l.more("before the upgrade")
	s.Must(cluster.InstallFile(t.Context(), filepath.Join(testenv.Root(), now)))
	l.more("with the former operator")
	latter := start(s, current)
	front.send(latter)
	former.stop()
	l.more("with the operator of now")
	l.end()
	s.Settle()
	checkSame(s, was)
	l.checkMail()
	checkTaken(s)
	// A pipeline whose manifests say v1beta1 now, and have to say v1alpha1 again after the way back.
	s.Must(l.apply(s.Client, rosterv1alpha1.BetaGroupVersion, "edited-0", "Said as v1beta1", "Member"))

	latter.stop()
	specs := lines(s, " spec")
	s.Must(cluster.InstallFile(t.Context(), manifests))
	if diff := cmp.Diff(specs, lines(s, " spec")); diff != "" {
		t.Errorf("what the manifests of %s lose again:\n%s", release, diff)
	}
	forgetAppliers(s)
	s.Must(l.apply(s.Client, rosterv1alpha1.GroupVersion, "edited-0", "Said as v1alpha1", "Member", client.ForceOwnership))
	checkTaken(s)
	again := start(s, build(t, sources(t, release)))
	front.send(again)
	s.Settle()
	checkSame(s, was)
	l.checkMail()
	s.CheckGone()
	s.CheckSignIn()
	s.CheckLinks()
	again.stop()
}

// put restores the objects of a release, as if they had been saved just now, and the company were the one of this test.
func put(s *site.Site, release string) {
	s.Helper()
	var k kept
	s.Must(json.Unmarshal([]byte(read(s, release, "kept.json")), &k))
	*s.Kept = *k.Kept
	saved, err := archive.Read(strings.NewReader(read(s, release, "objects.yaml")))
	s.Must(err)
	age := time.Since(k.Time).Truncate(time.Second)
	for _, o := range saved.Objects {
		rewrite(o, func(text string) string { return strings.ReplaceAll(shift(text, age), k.Company, s.Company.URL) })
	}
	file, err := os.Create(filepath.Join(s.TempDir(), "objects.yaml"))
	s.Must(err)
	s.Must(saved.Write(file))
	s.Must(file.Close())
	said, err := s.Plugin("restore", file.Name(), "--stopped")
	s.Log(said)
	s.Must(err)
}

func read(s *site.Site, release, name string) string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(release, name))
	s.Must(err)
	return string(text)
}

// checkSame compares what there is with what there was, apart from what people have added meanwhile.
func checkSame(s *site.Site, was string) {
	s.Helper()
	s.Eventually("everything is as it was", func() error {
		is := map[string]bool{}
		for line := range strings.Lines(s.Facts() + "\n") {
			is[line] = true
		}
		var lost []string
		for line := range strings.Lines(was + "\n") {
			if !is[line] {
				lost = append(lost, line)
			}
		}
		if len(lost) > 0 {
			return fmt.Errorf("this is not so any more:\n%s", strings.Join(lost, ""))
		}
		return nil
	})
}

// forgetAppliers does what docs/compatibility.md says for the way back to a release without v1beta1: the API server could not translate the
// fields that somebody owns in a version that it does not serve.
func forgetAppliers(s *site.Site) {
	s.Helper()
	forget := client.RawPatch(types.JSONPatchType, []byte(`[{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]`))
	for _, step := range archive.Steps() {
		if !step.Roster() {
			continue
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(step.Kind)
		s.Must(s.Client.List(s.Context(), list))
		for _, o := range list.Items {
			if slices.ContainsFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
				return e.APIVersion == rosterv1alpha1.BetaGroupVersion.String()
			}) {
				s.Must(s.Client.Patch(s.Context(), &o, forget))
			}
		}
	}
}

// lines are the facts about something.
func lines(s *site.Site, about string) []string {
	s.Helper()
	var all []string
	for line := range strings.Lines(s.Facts()) {
		if strings.Contains(line, about) {
			all = append(all, line)
		}
	}
	return all
}

// checkTaken has the API server take every object once more: as a change, and as a new one, whose every field it looks at.
func checkTaken(s *site.Site) {
	s.Helper()
	strict := client.WithFieldValidation(client.NewDryRunClient(s.Client), "Strict")
	for _, step := range archive.Steps() {
		if !step.Roster() {
			continue
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(step.Kind)
		s.Must(s.Client.List(s.Context(), list))
		for _, o := range list.Items {
			changed := o.DeepCopy()
			changed.SetAnnotations(map[string]string{"example.com/changed": "yes"})
			if err := strict.Update(s.Context(), changed); err != nil {
				s.Errorf("%s %s cannot be changed any more: %v", o.GetKind(), archive.Key(&o), err)
			}
			again := &unstructured.Unstructured{Object: map[string]any{"spec": o.Object["spec"]}}
			again.SetGroupVersionKind(step.Kind)
			again.SetNamespace(o.GetNamespace())
			again.SetName(o.GetName() + "-again")
			if err := strict.Create(s.Context(), again); err != nil {
				s.Errorf("%s %s cannot be created any more: %v", o.GetKind(), archive.Key(&o), err)
			}
		}
	}
}

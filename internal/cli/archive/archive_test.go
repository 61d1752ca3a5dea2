// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func written(t *testing.T, objects ...*unstructured.Unstructured) (*Archive, string) {
	t.Helper()
	a := &Archive{Objects: objects, Header: Header{
		Namespace: "acme", SystemNamespace: "roster-system", Time: metav1.NewTime(time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)),
	}}
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	return a, b.String()
}

func member(fields map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "roster.dev/v1alpha1", "kind": "Member", "metadata": map[string]any{"namespace": "acme", "name": "ana"}, "spec": fields,
	}}
}

// TestReadsWhatItWrites: texts that look like the marks between documents are texts, and numbers stay whole.
func TestReadsWhatItWrites(t *testing.T) {
	want, text := written(t, member(map[string]any{"displayName": "a\n---\n...\nb", "seats": int64(1) << 60}), member(map[string]any{"a": "...\n"}))
	got, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Checksum) != 64 {
		t.Errorf("checksum %q", got.Checksum)
	}
	got.Checksum = ""
	if diff := cmp.Diff(want.Objects, got.Objects); diff != "" {
		t.Error(diff)
	}
	if got.Namespace != "acme" || !got.Time.Equal(&want.Time) {
		t.Errorf("header %+v", got.Header)
	}
}

func TestRefuses(t *testing.T) {
	_, sound := written(t, member(nil))
	for name, c := range map[string]struct{ text, says string }{
		"nothing":             {"", "it is empty"},
		"another file":        {"apiVersion: v1\nkind: Secret\n...\n", "document 1: it is not what kubectl roster backup writes"},
		"no YAML":             {"{\n...\n", "document 1: it is not what kubectl roster backup writes"},
		"a newer format":      {strings.Replace(sound, "cli.roster.dev/v1alpha1", "cli.roster.dev/v2", 1), "use the version of the plugin that wrote it"},
		"no installation":     {strings.Replace(sound, "systemNamespace: roster-system\n", "", 1), "systemNamespace is missing"},
		"cut between":         {strings.TrimSuffix(sound, "...\n"), "it was cut short"},
		"cut in an object":    {sound[:len(sound)-12], "it was cut short"},
		"without an object":   {sound[:strings.Index(sound, "---")], "it was cut short"},
		"an object in shreds": {strings.Replace(sound, "kind: Member", "kind", 1), "document 2: "},
	} {
		if _, err := Read(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestTakenOut: what somebody has taken out of a file is not missed.
func TestTakenOut(t *testing.T) {
	_, text := written(t, member(nil), member(nil))
	at := strings.LastIndex(text, "---\n")
	got, err := Read(strings.NewReader(text[:at] + "---\n# taken out\n---\n" + text[at:]))
	if err != nil || len(got.Objects) != 2 {
		t.Errorf("%v, %+v", err, got)
	}
	if got, err = Read(strings.NewReader(text[:at] + "...\n")); err != nil || len(got.Objects) != 1 {
		t.Errorf("%v, %+v", err, got)
	}
}

// TestStepOf: a file with a kind that no backup has is refused, and so is a kind in a place where it does not belong.
func TestStepOf(t *testing.T) {
	h := Header{SystemNamespace: "roster-system"}
	at := func(apiVersion, kind, namespace string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		o.SetAPIVersion(apiVersion)
		o.SetKind(kind)
		o.SetNamespace(namespace)
		o.SetName("x")
		return o
	}
	for _, c := range []struct {
		o    *unstructured.Unstructured
		want string
	}{
		{at("v1", "Secret", "roster-system"), "keys"},
		{at("v1", "Secret", "roster-accounts"), "credentials"},
		{at("v1", "Secret", "acme"), "tokens"},
		{at("v1", "Namespace", ""), "namespaces"},
		{at("roster.dev/v1alpha1", "Member", "acme"), "members"},
		{at("roster.dev/v2", "Member", "acme"), ""},
		{at("roster.dev/v1alpha1", "Member", "roster-accounts"), ""},
		{at("apps/v1", "Deployment", "acme"), ""},
		{at("v1", "ConfigMap", "acme"), ""},
	} {
		step, err := h.StepOf(c.o)
		if step.Name != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %s in %q: %q, %v; want %q", c.o.GetAPIVersion(), c.o.GetKind(), c.o.GetNamespace(), step.Name, err, c.want)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	// What carries it stays when Roster is uninstalled.
	keepLabel = "roster.dev/keep"
	keep      = "    helm.sh/resource-policy: keep\n"
	// One of roster.labels.
	partOfLabel = "app.kubernetes.io/part-of"
)

// source is a folder of config/ and the template that it becomes.
type source struct {
	folder, template string
	// when is the condition under which Helm renders it; empty: always.
	when string
	// keepWhen is the condition under which Helm spares the objects that carry keepLabel; empty: always.
	keepWhen string
	// labels names more of them for each object.
	labels string
	// objectWhen has conditions of single objects, by kind and name.
	objectWhen map[string]string
	// without names objects that are not in the template, by kind and name.
	without []string
}

func sources() []source {
	return []source{
		// Helm keeps its record of the release in roster-system, so that this one has to be there before.
		{folder: "namespace", template: "namespaces", without: []string{"Namespace roster-system"}},
		{folder: "crd", template: "crds", when: ".Values.crds.enabled", keepWhen: ".Values.crds.keep"},
		{folder: "policy", template: "policies", keepWhen: ".Values.crds.keep"},
		{folder: "policy/mutating", template: "mutating-policies", when: `include "roster.mutatingPolicies" .`, keepWhen: ".Values.crds.keep"},
		{
			folder: "rbac", template: "rbac",
			objectWhen: map[string]string{"ClusterRole roster-credentials": ".Values.credentialsRole.enabled"},
			// Written by hand, since their annotations are values.
			without: []string{"ServiceAccount roster-manager", "ServiceAccount roster-portal"},
		},
		{folder: "network-policy", template: "network-policies", when: ".Values.networkPolicy.enabled"},
		{folder: "components/console", template: "console", when: ".Values.console.enabled"},
		{folder: "prometheus", template: "pod-monitors", when: ".Values.podMonitor.enabled", labels: ".Values.podMonitor.labels"},
	}
}

func writeTemplates(root, folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // as write
		return err
	}
	for _, s := range sources() {
		text, err := s.render(root)
		if err != nil {
			return fmt.Errorf("config/%s: %w", s.folder, err)
		}
		if err := write(filepath.Join(folder, s.template+".yaml"), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// render builds the folder as `kustomize build` does.
func (s source) render(root string) (string, error) {
	kustomizer := krusty.MakeKustomizer(krusty.MakeDefaultOptions())
	built, err := kustomizer.Run(filesys.MakeFsOnDisk(), filepath.Join(root, "config", s.folder))
	if err != nil {
		return "", err
	}
	var objects strings.Builder
	for _, o := range built.Resources() {
		name := o.GetKind() + " " + o.GetName()
		if slices.Contains(s.without, name) {
			continue
		}
		text, err := s.object(o)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		objects.WriteString(under(s.objectWhen[name], "", text))
	}
	head := fmt.Sprintf("{{- /* Made from config/%s by \"make chart\": change it there. */ -}}\n", s.folder)
	return head + under(s.when, "", objects.String()), nil
}

// under renders the text only where the condition holds.
func under(condition, indent, text string) string {
	if condition == "" {
		return text
	}
	return fmt.Sprintf("%[1]s{{- if %[2]s }}\n%[3]s%[1]s{{- end }}\n", indent, condition, text)
}

// metadataPattern is the field and all that is indented below it.
var metadataPattern = regexp.MustCompile(`(?m)^metadata:\n(?: .*\n)+`)

// object is the template of one object.
func (s source) object(o *resource.Resource) (string, error) {
	data, err := o.AsYAML()
	if err != nil {
		return "", err
	}
	metadata, err := s.metadata(o)
	return "---\n" + metadataPattern.ReplaceAllLiteralString(escape(string(data)), metadata), err
}

// metadata is that of the object together with what the chart adds.
func (s source) metadata(o *resource.Resource) (string, error) {
	labels := o.GetLabels()
	delete(labels, partOfLabel)
	identity := map[string]string{"name": o.GetName()}
	if namespace := o.GetNamespace(); namespace != "" {
		identity["namespace"] = namespace
	}
	names, errNames := lines("  ", identity)
	labelLines, errLabels := lines("    ", labels)
	annotationLines, errAnnotations := lines("    ", o.GetAnnotations())

	var text strings.Builder
	text.WriteString("metadata:\n" + names)
	_, kept := labels[keepLabel]
	switch {
	case kept && annotationLines == "":
		text.WriteString(under(s.keepWhen, "  ", "  annotations:\n"+keep))
	case kept:
		text.WriteString("  annotations:\n" + annotationLines + under(s.keepWhen, "    ", keep))
	case annotationLines != "":
		text.WriteString("  annotations:\n" + annotationLines)
	}
	text.WriteString("  labels:\n    {{- include \"roster.labels\" . | nindent 4 }}\n" + labelLines)
	if s.labels != "" {
		fmt.Fprintf(&text, "    {{- with %s }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n", s.labels)
	}
	return text.String(), errors.Join(errNames, errLabels, errAnnotations)
}

// lines of a map, none for an empty one.
func lines(indent string, fields map[string]string) (string, error) {
	if len(fields) == 0 {
		return "", nil
	}
	data, err := yaml.Marshal(fields)
	var text strings.Builder
	for line := range strings.Lines(escape(string(data))) {
		text.WriteString(indent + line)
	}
	return text.String(), err
}

// escape keeps Helm from taking for a template what an object says.
func escape(text string) string { return strings.ReplaceAll(text, "{{", `{{ "{{" }}`) }

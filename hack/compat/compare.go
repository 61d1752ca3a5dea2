// SPDX-License-Identifier: Apache-2.0

// Package compat tells what of a new release would break what people wrote for an older one: their objects, and their programs.
package compat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/crdify/pkg/config"
	"sigs.k8s.io/crdify/pkg/runner"
	"sigs.k8s.io/crdify/pkg/validations"
	"sigs.k8s.io/crdify/pkg/validators/version"
	"sigs.k8s.io/yaml"
)

// Kind is a CustomResourceDefinition.
type Kind = apiextensionsv1.CustomResourceDefinition

// Kinds are those in the manifests of a release, by name.
func Kinds(file string) (map[string]*Kind, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	all := map[string]*Kind{}
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(f)); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !bytes.Contains(document, []byte("\nkind: CustomResourceDefinition\n")) {
			continue
		}
		k := &Kind{}
		if err := yaml.UnmarshalStrict(document, k); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[k.Name] = k
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no CustomResourceDefinition", file)
	}
	return all, nil
}

// Breaking lists what of the new kinds breaks what people wrote for the old ones, a line for each finding.
func Breaking(before, after map[string]*Kind) ([]string, error) {
	compare, err := comparison()
	if err != nil {
		return nil, err
	}
	var all []string
	for name, old := range before {
		k := after[name]
		if k == nil {
			all = append(all, name+": the kind was removed")
			continue
		}
		for _, finding := range append(offer(old, k), schemas(compare, old, k)...) {
			all = append(all, name+": "+finding)
		}
	}
	for name, k := range after {
		if !sameShape(k) {
			all = append(all, name+": its versions differ, and nothing converts one into the other")
		}
	}
	slices.Sort(all)
	return all, nil
}

// comparison is what crdify finds, with the rules of Kubernetes' validation, which it does not know.
func comparison() (*runner.Runner, error) {
	registry := validations.NewRegistry()
	for _, name := range runner.DefaultRegistry().Registered() {
		registry.Register(name, func(c map[string]any) (validations.Validation, error) {
			return runner.DefaultRegistry().Validation(name, c)
		})
	}
	registry.Register(rulesName, func(map[string]any) (validations.Validation, error) { return &rules{}, nil })
	return runner.New(&config.Config{
		UnhandledEnforcement: config.EnforcementPolicyError,
		Validations: []config.ValidationConfig{
			// A program has to expect values that it does not know: docs/compatibility.md.
			{Name: "enum", Enforcement: config.EnforcementPolicyError, Configuration: map[string]any{"additionPolicy": "Allow"}},
			{Name: "pattern", Enforcement: config.EnforcementPolicyError, Configuration: map[string]any{"removalPolicy": "Allow"}},
			{Name: "description", Enforcement: config.EnforcementPolicyNone},
		},
	}, registry)
}

func schemas(compare *runner.Runner, before, after *Kind) []string {
	found := compare.Run(before, after)
	var all []string
	for _, r := range found.CRDValidation {
		all = append(all, r.Errors...)
	}
	for _, v := range slices.Concat(found.SameVersionValidation, found.ServedVersionValidation) {
		all = append(all, properties(v)...)
	}
	return all
}

func properties(v version.VersionedPropertyComparisonResult) []string {
	var all []string
	for _, p := range v.PropertyComparisons {
		for _, r := range p.ComparisonResults {
			for _, text := range r.Errors {
				all = append(all, fmt.Sprintf("%s %s: %s", v.Version, p.Property, text))
			}
		}
	}
	return all
}

// offer is what people and programs use of a kind beside its fields.
func offer(before, after *Kind) []string {
	var all []string
	lost := func(what string, old, now []string) {
		for _, name := range old {
			if !slices.Contains(now, name) {
				all = append(all, what+" "+name+" was removed")
			}
		}
	}
	lost("served version", served(before), served(after))
	lost("name", names(before), names(after))
	lost("category", before.Spec.Names.Categories, after.Spec.Names.Categories)
	for _, v := range before.Spec.Versions {
		now := validations.GetCRDVersionByName(after, v.Name)
		if now == nil {
			continue
		}
		lost(v.Name+" subresource", subresources(v), subresources(*now))
		lost(v.Name+" selectable field", selectable(v), selectable(*now))
	}
	// The release before this one has to read what this one stores, or nobody can go back to it.
	if v := stored(after); !slices.Contains(served(before), v) {
		all = append(all, "objects are stored as "+v+", which the older release does not know")
	}
	return all
}

func served(k *Kind) []string {
	var all []string
	for _, v := range k.Spec.Versions {
		if v.Served {
			all = append(all, v.Name)
		}
	}
	return all
}

func stored(k *Kind) string {
	for _, v := range k.Spec.Versions {
		if v.Storage {
			return v.Name
		}
	}
	return ""
}

func names(k *Kind) []string {
	n := k.Spec.Names
	return append([]string{n.Kind, n.ListKind, n.Plural, n.Singular}, n.ShortNames...)
}

func subresources(v apiextensionsv1.CustomResourceDefinitionVersion) []string {
	var all []string
	if v.Subresources != nil && v.Subresources.Status != nil {
		all = append(all, "status")
	}
	if v.Subresources != nil && v.Subresources.Scale != nil {
		all = append(all, "scale")
	}
	return all
}

func selectable(v apiextensionsv1.CustomResourceDefinitionVersion) []string {
	var all []string
	for _, f := range v.SelectableFields {
		all = append(all, f.JSONPath)
	}
	return all
}

// sameShape reports whether the versions of a kind have the same schema, as they must without a webhook that converts.
func sameShape(k *Kind) bool {
	for _, v := range k.Spec.Versions[1:] {
		if !equality.Semantic.DeepEqual(k.Spec.Versions[0].Schema, v.Schema) {
			return false
		}
	}
	return true
}

const rulesName = "rules"

// rules finds CEL rules that are new: they may refuse what the older release took. One that is gone refuses nothing any more.
type rules struct{ enforcement config.EnforcementPolicy }

// Name is part of [validations.Validation].
func (*rules) Name() string { return rulesName }

// SetEnforcement is part of [validations.Validation].
func (r *rules) SetEnforcement(p config.EnforcementPolicy) { r.enforcement = p }

// Compare is part of [validations.Comparator].
func (r *rules) Compare(a, b *apiextensionsv1.JSONSchemaProps) validations.ComparisonResult {
	was := map[string]bool{}
	for _, rule := range a.XValidations {
		was[rule.Rule] = true
	}
	var errs []error
	for _, rule := range b.XValidations {
		if !was[rule.Rule] {
			errs = append(errs, fmt.Errorf("rule added: %s", strings.Join(strings.Fields(rule.Rule), " ")))
		}
	}
	a.XValidations, b.XValidations = nil, nil
	return validations.HandleErrors(r.Name(), r.enforcement, errs...)
}

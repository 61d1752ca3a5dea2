// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const (
	root   = "../.."
	member = "members.roster.dev"
)

// accepted is what breaks nothing after all. Findings is a regular expression for whole findings.
type accepted struct {
	Release  string `json:"release"`
	Findings string `json:"findings"`
	Why      string `json:"why"`
}

// TestReleases compares the kinds as they are with those of every release that is kept.
func TestReleases(t *testing.T) {
	releases, err := filepath.Glob(filepath.Join(root, "test/compat/v[0-9]*"))
	if err != nil || len(releases) == 0 {
		t.Fatalf("no release is kept in test/compat: make freeze keeps one (%v)", err)
	}
	text, err := os.ReadFile(filepath.Join(root, "test/compat/accepted.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var fine []accepted
	if err := yaml.UnmarshalStrict(text, &fine); err != nil {
		t.Fatal(err)
	}
	now := kinds(t, "dist/install.yaml")
	found := map[string][]string{}
	for _, folder := range releases {
		release := filepath.Base(folder)
		found[release] = breaking(t, kinds(t, filepath.Join("test/compat", release, "install.yaml")), now)
	}
	for _, a := range fine {
		matches, err := regexp.Compile("^(?s:" + a.Findings + ")$")
		if err != nil || a.Why == "" {
			t.Errorf("test/compat/accepted.yaml: %+v: write a regular expression, and why it breaks nothing (%v)", a, err)
			continue
		}
		left := slices.DeleteFunc(slices.Clone(found[a.Release]), matches.MatchString)
		if len(left) == len(found[a.Release]) {
			t.Errorf("test/compat/accepted.yaml: nothing finds this in %s any more, remove it: %s", a.Release, a.Findings)
		}
		found[a.Release] = left
	}
	for release, findings := range found {
		for _, finding := range findings {
			t.Errorf("This breaks what people wrote for %s:\n  %s\nChange it so that it does not. If it breaks nothing after all, say why in "+
				"test/compat/accepted.yaml.", release, finding)
		}
	}
}

func kinds(t *testing.T, file string) map[string]*Kind {
	t.Helper()
	all, err := Kinds(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func breaking(t *testing.T, before, after map[string]*Kind) []string {
	t.Helper()
	found, err := Breaking(before, after)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// changed is the kinds with another Member.
func changed(t *testing.T, change func(*Kind, *crdVersion)) map[string]*Kind {
	t.Helper()
	all := maps.Clone(kinds(t, "dist/install.yaml"))
	k := all[member].DeepCopy()
	v := &k.Spec.Versions[0]
	change(k, v)
	for i := range k.Spec.Versions { // those of the same shape
		if k.Spec.Versions[i].Name != "v2" && i > 0 {
			k.Spec.Versions[i].Schema = v.Schema.DeepCopy()
		}
	}
	all[member] = k
	return all
}

type (
	schema     = apiextensionsv1.JSONSchemaProps
	crdVersion = apiextensionsv1.CustomResourceDefinitionVersion
)

// at changes the schema of a field.
func at(v *crdVersion, path string, change func(*schema)) {
	for _, name := range slices.Backward(strings.Split(path, ".")) {
		inner := change
		change = func(s *schema) {
			field, ok := s.Properties[name]
			if !ok {
				panic("no field " + name + " in " + path)
			}
			inner(&field)
			s.Properties[name] = field
		}
	}
	change(v.Schema.OpenAPIV3Schema)
}

func TestBreakingChangesAreFound(t *testing.T) {
	field := func(path string, change func(*schema)) func(*Kind, *crdVersion) {
		return func(_ *Kind, v *crdVersion) { at(v, path, change) }
	}
	before := kinds(t, "dist/install.yaml")
	for name, c := range map[string]struct {
		change func(*Kind, *crdVersion)
		says   string
	}{
		"a field is removed": {
			field("spec", func(s *schema) { delete(s.Properties, "company") }), "removed field : v1alpha1.^.spec.company",
		},
		"a field has another name": {field("spec", func(s *schema) {
			s.Properties["firm"] = s.Properties["company"]
			delete(s.Properties, "company")
		}), "removed field : v1alpha1.^.spec.company"},
		"a field of the status is removed": {
			field("status", func(s *schema) { delete(s.Properties, "joinedTime") }), "removed field : v1alpha1.^.status.joinedTime",
		},
		"another type":           {field("spec.suspended", func(s *schema) { s.Type = "string" }), `type changed : "boolean" -> "string"`},
		"another format":         {field("spec.endTime", func(s *schema) { s.Format = "date" }), "spec.endTime: unhandled changes"},
		"a new required field":   {field("spec", func(s *schema) { s.Required = append(s.Required, "company") }), "new required fields: [company]"},
		"a value of an enum":     {field("status.state", func(s *schema) { s.Enum = s.Enum[1:] }), "allowed enum values removed"},
		"a new enum":             {field("spec.company", func(s *schema) { s.Enum = []apiextensionsv1.JSON{{Raw: []byte(`"x"`)}} }), "enum constraint added"},
		"a new pattern":          {field("spec.company", func(s *schema) { s.Pattern = "^[A-Z]" }), "pattern added"},
		"shorter":                {field("spec.company", func(s *schema) { *s.MaxLength = 119 }), "maximum decreased : 120 -> 119"},
		"longer":                 {field("spec.company", func(s *schema) { *s.MinLength = 2 }), "minimum increased : 1 -> 2"},
		"fewer items":            {field("spec.profiles", func(s *schema) { *s.MaxItems = 499 }), "maximum decreased : 500 -> 499"},
		"another default":        {field("spec.role", func(s *schema) { s.Default.Raw = []byte(`"Manager"`) }), "default value changed"},
		"no default":             {field("spec.role", func(s *schema) { s.Default = nil }), "default value removed"},
		"a new default":          {field("spec.company", func(s *schema) { s.Default = &apiextensionsv1.JSON{Raw: []byte(`"x"`)} }), "default added"},
		"a new rule":             {field("spec.company", func(s *schema) { s.XValidations = rule("self != 'x'") }), "rule added: self != 'x'"},
		"a rule that is changed": {field("spec.role", func(s *schema) { s.XValidations[0].Rule += " && true" }), "rule added: self != 'Owner' && true"},
		"items that are matched by another key": {
			field("spec.profiles", func(s *schema) { s.XListMapKeys = []string{"role"} }), "spec.profiles: unhandled changes",
		},
		"a list that appliers share no more": {
			field("spec.profiles", func(s *schema) { *s.XListType = "atomic"; s.XListMapKeys = nil }), "spec.profiles: unhandled changes",
		},
		"a version is not served":       {func(_ *Kind, v *crdVersion) { v.Served = false }, "served version v1alpha1 was removed"},
		"a version has another name":    {func(_ *Kind, v *crdVersion) { v.Name = "v1" }, "served version v1alpha1 was removed"},
		"stored as a new version":       {store, "objects are stored as v2, which the older release does not know"},
		"versions of different shapes":  {differ, "its versions differ"},
		"no status":                     {func(_ *Kind, v *crdVersion) { v.Subresources = nil }, "v1alpha1 subresource status was removed"},
		"a field selector":              {func(_ *Kind, v *crdVersion) { v.SelectableFields = nil }, "v1alpha1 selectable field .spec.email was removed"},
		"a short name":                  {func(k *Kind, _ *crdVersion) { k.Spec.Names.ShortNames = nil }, "name mem was removed"},
		"a category":                    {func(k *Kind, _ *crdVersion) { k.Spec.Names.Categories = nil }, "category roster was removed"},
		"cluster-wide":                  {func(k *Kind, _ *crdVersion) { k.Spec.Scope = apiextensionsv1.ClusterScoped }, "scope changed"},
		"fields that were not expected": {field("spec", func(s *schema) { s.XEmbeddedResource = true }), "spec: unhandled changes"},
	} {
		t.Run(name, func(t *testing.T) {
			found := strings.Join(breaking(t, before, changed(t, c.change)), "\n")
			if !strings.Contains(found, member+": ") || !strings.Contains(found, c.says) {
				t.Errorf("found:\n%s\nwant %q", found, c.says)
			}
		})
	}
	t.Run("a kind is removed", func(t *testing.T) {
		after := kinds(t, "dist/install.yaml")
		delete(after, member)
		if got, want := breaking(t, before, after), []string{member + ": the kind was removed"}; !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
	})
}

func TestOtherChangesAreNot(t *testing.T) {
	before := kinds(t, "dist/install.yaml")
	for name, change := range map[string]func(*Kind, *crdVersion){
		"nothing":                   func(*Kind, *crdVersion) {},
		"another version, the same": add,
		"a field that may be left out": func(_ *Kind, v *crdVersion) {
			at(v, "spec", func(s *schema) {
				s.Properties["pronouns"] = schema{Type: "object", Required: []string{"x"}, Properties: map[string]schema{"x": {Type: "string"}}}
			})
		},
		"a description": func(_ *Kind, v *crdVersion) { at(v, "spec.company", func(s *schema) { s.Description = "other" }) },
		"a value more": func(_ *Kind, v *crdVersion) {
			at(v, "status.state", func(s *schema) { s.Enum = append(s.Enum, apiextensionsv1.JSON{Raw: []byte(`"Away"`)}) })
		},
		"longer":           func(_ *Kind, v *crdVersion) { at(v, "spec.company", func(s *schema) { *s.MaxLength = 200 }) },
		"no longer needed": func(_ *Kind, v *crdVersion) { at(v, "spec", func(s *schema) { s.Required = nil }) },
		"a rule less":      func(_ *Kind, v *crdVersion) { at(v, "spec.role", func(s *schema) { s.XValidations = nil }) },
		"a rule's message": func(_ *Kind, v *crdVersion) {
			at(v, "spec.role", func(s *schema) { s.XValidations[0].Message = "other" })
		},
		"a column":   func(_ *Kind, v *crdVersion) { v.AdditionalPrinterColumns = nil },
		"a new kind": func(k *Kind, _ *crdVersion) { k.Spec.Names.ShortNames = append(k.Spec.Names.ShortNames, "person") },
	} {
		t.Run(name, func(t *testing.T) {
			if found := breaking(t, before, changed(t, change)); len(found) > 0 {
				t.Errorf("found %q", found)
			}
		})
	}
	after := kinds(t, "dist/install.yaml")
	delete(before, member)
	if found := breaking(t, before, after); len(found) > 0 {
		t.Errorf("a kind more: found %q", found)
	}
}

func rule(text string) apiextensionsv1.ValidationRules {
	return apiextensionsv1.ValidationRules{{Rule: text, Message: "x"}}
}

// add serves another version of the same shape.
func add(k *Kind, v *crdVersion) {
	other := *v.DeepCopy()
	other.Name, other.Storage = "v2", false
	k.Spec.Versions = append(k.Spec.Versions, other)
}

// store makes the other version the one that is stored.
func store(k *Kind, v *crdVersion) {
	for i := range k.Spec.Versions {
		k.Spec.Versions[i].Storage = false
	}
	add(k, v)
	k.Spec.Versions[len(k.Spec.Versions)-1].Storage = true
}

// differ gives a second version a field of its own.
func differ(k *Kind, v *crdVersion) {
	add(k, v)
	other := &k.Spec.Versions[len(k.Spec.Versions)-1]
	at(other, "spec", func(s *schema) { s.Properties["pronouns"] = schema{Type: "string"} })
}

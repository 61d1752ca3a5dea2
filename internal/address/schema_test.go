// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

// schema answers as the rules of spec.email of a kind do, which are regular expressions alone.
type schema struct{ must, mustNot []*regexp.Regexp }

func (s schema) takes(address string) bool {
	return !slices.ContainsFunc(s.must, func(r *regexp.Regexp) bool { return !r.MatchString(address) }) &&
		!slices.ContainsFunc(s.mustNot, func(r *regexp.Regexp) bool { return r.MatchString(address) }) &&
		utf8.RuneCountInString(address) <= maxAddress
}

func readSchema(t *testing.T, file string) schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", file))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	var s schema
	email := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["email"]
	for _, rule := range email.XValidations {
		parts := regexp.MustCompile(`^(!?)self\.matches\(r'(.*)'\)$`).FindStringSubmatch(rule.Rule)
		if parts == nil {
			t.Fatalf("%s: spec.email has a rule that is no regular expression: %s", file, rule.Rule)
		}
		if r := regexp.MustCompile(parts[2]); parts[1] == "" {
			s.must = append(s.must, r)
		} else {
			s.mustNot = append(s.mustNot, r)
		}
	}
	if len(s.must) == 0 || len(s.mustNot) == 0 || *email.MaxLength != maxAddress {
		t.Fatalf("%s: spec.email has the rules %v", file, email.XValidations)
	}
	return s
}

// late are the faults that a schema cannot see: they show in the composed form, or in the tables of IDNA.
func late(err error) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && (e.Fault == BadDomain || e.Fault == TooLong ||
		(e.Fault == UpperCase || e.Fault == BadCharacter) && e.Character >= utf8.RuneSelf && !strings.ContainsRune(e.Text[:strings.LastIndexByte(e.Text, '@')], e.Character))
}

// The schema refuses what Parse refuses as early as it can, and takes all that Parse takes.
func TestTheSchemaAgreesWithParse(t *testing.T) {
	for _, file := range []string{"roster.dev_members.yaml", "roster.dev_invitations.yaml"} {
		s := readSchema(t, file)
		check := func(t interface{ Errorf(string, ...any) }, in string) {
			_, err := Parse(in)
			if takes := s.takes(in); takes && err != nil && !late(err) || !takes && err == nil {
				t.Errorf("%s takes %+q: %v; Parse: %v", file, in, takes, err)
			}
		}
		for _, in := range corpus() {
			check(t, in)
		}
		// Each character by itself, where the schema has to know all of them.
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if utf8.ValidRune(r) {
				check(t, "x"+string(r)+"x@acme.example")
			}
		}
		rapid.Check(t, func(t *rapid.T) { check(t, addresses().Draw(t, "address")) })
	}
}

// SPDX-License-Identifier: Apache-2.0

package texts

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// folders are all that have texts.
func folders(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "texts" && filepath.Dir(path) != ".." {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 3 {
		t.Fatalf("only %v have texts: the test does not see them", found)
	}
	return found
}

// read gives the forms of each text by its name: other is the only one of a text that does not count.
func read(t *testing.T, folder string, l rosterv1alpha1.Locale) map[string]map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, string(l)+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := yaml.UnmarshalStrict(data, &raw); err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	all := map[string]map[string]string{}
	for id, value := range raw {
		all[id] = map[string]string{}
		switch value := value.(type) {
		case string:
			all[id]["other"] = value
		case map[string]any:
			for form, text := range value {
				all[id][form], _ = text.(string)
			}
		}
	}
	return all
}

// English is the source: whatever it says, every other language says too, filled in with the same words.
func TestEveryLanguageSaysTheSame(t *testing.T) {
	for _, folder := range folders(t) {
		english := read(t, folder, rosterv1alpha1.LocaleEnglish)
		for _, l := range Languages() {
			translated := read(t, folder, l)
			for id, forms := range english {
				if len(translated[id]) == 0 {
					t.Errorf("%s/%s.yaml lacks %s: %q", folder, l, id, forms["other"])
				}
				if len(forms) > 1 && (translated[id]["one"] == "" || translated[id]["other"] == "") {
					t.Errorf("%s/%s.yaml: %s counts, and lacks a form", folder, l, id)
				}
			}
			for id, forms := range translated {
				if _, ok := english[id]; !ok {
					t.Errorf("%s/%s.yaml has %s, which English does not have", folder, l, id)
				}
				for form, text := range forms {
					if strings.TrimSpace(text) == "" {
						t.Errorf("%s/%s.yaml: %s (%s) is empty", folder, l, id, form)
					}
					if got, want := fields(text), fields(english[id]["other"]); !slices.Equal(got, want) {
						t.Errorf("%s/%s.yaml: %s (%s) is filled in with %v, in English with %v", folder, l, id, form, got, want)
					}
				}
			}
		}
	}
}

var field = regexp.MustCompile(`\.[A-Z][A-Za-z]+`)

// fields are what a text is filled in with, but for how many there are: "one" may say that in words.
func fields(text string) []string {
	found := map[string]bool{}
	for _, f := range field.FindAllString(text, -1) {
		found[f] = true
	}
	delete(found, ".PluralCount")
	return slices.Sorted(maps.Keys(found))
}

// A space that does not break looks like any other: it is written so that a translator sees it.
func TestSpacesCanBeSeen(t *testing.T) {
	for _, folder := range folders(t) {
		for _, l := range Languages() {
			data, err := os.ReadFile(filepath.Join(folder, string(l)+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if i := strings.IndexAny(string(data), "\u00a0\u202f\u2009\u200b"); i >= 0 {
				t.Errorf("%s/%s.yaml has a space that cannot be seen in %q", folder, l, data[max(0, i-20):min(len(data), i+20)])
			}
		}
	}
}

// "de Acme" is no French: what goes before a name asks the name.
func TestFrenchElides(t *testing.T) {
	plain := regexp.MustCompile(`\b([dD]e|[qQ]ue) \{\{\.(\w+)\}\}`)
	for _, folder := range folders(t) {
		for id, forms := range read(t, folder, rosterv1alpha1.LocaleFrench) {
			for _, text := range forms {
				if found := plain.FindStringSubmatch(text); found != nil && found[2] != "PluralCount" {
					t.Errorf("%s/fr.yaml: %s says %q: write {{%s .%s}}", folder, id, found[0], strings.ToLower(found[1]), found[2])
				}
			}
		}
	}
	d, err := Load(os.DirFS("../portal/web"))
	if err != nil {
		t.Fatal(err)
	}
	_, french := d.In(rosterv1alpha1.LocaleFrench)
	for name, want := range map[string]string{
		"Acme": "Un mot d’Acme", "Élise": "Un mot d’Élise", "nova": "Un mot de nova", "Hugo": "Un mot de Hugo", "Yann": "Un mot de Yann",
		"ana@acme.example": "Un mot d’ana@acme.example", "": "Un mot de ",
	} {
		got, err := Say(french, &i18n.LocalizeConfig{MessageID: "invitation.note", TemplateData: map[string]any{"Inviter": name}})
		if err != nil || got != want {
			t.Errorf("of %q: %q, %v", name, got, err)
		}
	}
}

func TestUnknownLanguageIsEnglish(t *testing.T) {
	d, err := Load(os.DirFS("../mail"))
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[rosterv1alpha1.Locale]rosterv1alpha1.Locale{"": "en", "de": "en", "en": "en", "fr": "fr"} {
		if l, localizer := d.In(asked); l != want || localizer == nil {
			t.Errorf("%q speaks %q", asked, l)
		}
	}
}

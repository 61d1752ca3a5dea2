// SPDX-License-Identifier: Apache-2.0

// Package texts reads what mails and pages say, in every language.
package texts

import (
	"fmt"
	"io/fs"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Languages are those that Roster speaks, English first: it is the source of the others.
func Languages() []rosterv1alpha1.Locale {
	return []rosterv1alpha1.Locale{rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench}
}

// Dictionary has the texts of every language. What a language lacks is said in English.
type Dictionary map[rosterv1alpha1.Locale]*i18n.Localizer

// Load reads texts/<language>.yaml of every language, wherever it stands: each text by its name, and one with plural forms where it counts.
func Load(places ...fs.FS) (Dictionary, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("yaml", func(data []byte, v any) error { return yaml.UnmarshalStrict(data, v) })
	d := Dictionary{}
	for _, l := range Languages() {
		for _, files := range places {
			if _, err := bundle.LoadMessageFileFS(files, "texts/"+string(l)+".yaml"); err != nil {
				return nil, fmt.Errorf("texts in %q: %w", l, err)
			}
		}
		d[l] = i18n.NewLocalizer(bundle, string(l))
	}
	return d, nil
}

// In is the language itself, or English where it is not spoken.
func (d Dictionary) In(l rosterv1alpha1.Locale) (rosterv1alpha1.Locale, *i18n.Localizer) {
	if localizer, ok := d[l]; ok {
		return l, localizer
	}
	return rosterv1alpha1.LocaleEnglish, d[rosterv1alpha1.LocaleEnglish]
}

// SPDX-License-Identifier: Apache-2.0

package texts

import (
	"fmt"
	"strings"
	texttemplate "text/template"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
)

// Say says a text. Every text is said by it, since texts may use the functions below.
func Say(in *i18n.Localizer, c *i18n.LocalizeConfig) (string, error) {
	c.TemplateParser = parser{&template.TextParser{Funcs: texttemplate.FuncMap{"de": elided("de"), "que": elided("que")}}}
	return in.Localize(c)
}

// parser knows functions, which are the same for all texts: so each text is parsed once.
type parser struct{ *template.TextParser }

// Cacheable is required by template.Parser.
func (parser) Cacheable() bool { return true }

// elided puts a French word that ends in e before a name: "de Nova", but "d’Acme". An h may or may not be mute, and a y may be a consonant:
// both are left alone, which is never wrong.
func elided(word string) func(name any) string {
	return func(name any) string {
		s := fmt.Sprint(name)
		if strings.IndexAny(strings.ToLower(s), "aàâäæeéèêëiîïoôöœuùûü") == 0 {
			return strings.TrimSuffix(word, "e") + "’" + s
		}
		return word + " " + s
	}
}

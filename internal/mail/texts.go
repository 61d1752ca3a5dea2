// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

//go:embed texts/*.yaml
var textFiles embed.FS

// texts are the words of mails in every language.
type texts map[rosterv1alpha1.Locale]*i18n.Localizer

// loadTexts reads texts/<locale>.yaml for every locale.
func loadTexts(files fs.FS) (texts, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("yaml", func(data []byte, v any) error { return yaml.Unmarshal(data, v) })
	t := texts{}
	for _, locale := range []rosterv1alpha1.Locale{rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench} {
		if _, err := bundle.LoadMessageFileFS(files, "texts/"+string(locale)+".yaml"); err != nil {
			return nil, fmt.Errorf("texts of mails in %q: %w", locale, err)
		}
		t[locale] = i18n.NewLocalizer(bundle, string(locale))
	}
	return t, nil
}

// words is what a text can be filled in with.
type words map[string]any

// speaker says things in one language. The first thing that it cannot say is its error.
type speaker struct {
	localizer *i18n.Localizer
	locale    rosterv1alpha1.Locale
	err       error
}

// in speaks a language, English where it is not known.
func (t texts) in(locale rosterv1alpha1.Locale) *speaker {
	if _, ok := t[locale]; !ok {
		locale = rosterv1alpha1.LocaleEnglish
	}
	return &speaker{localizer: t[locale], locale: locale}
}

func (s *speaker) say(id string, w words) string {
	return s.localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: w})
}

// count says how many.
func (s *speaker) count(id string, n int) string {
	return s.localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n})
}

func (s *speaker) localize(config *i18n.LocalizeConfig) string {
	text, err := s.localizer.Localize(config)
	if err != nil && s.err == nil {
		s.err = err
	}
	return text
}

// time says a moment in UTC, since nobody knows where the reader is.
func (s *speaker) time(t time.Time) string {
	t = t.UTC()
	return s.say("time", words{
		"Weekday": s.say("weekday."+t.Weekday().String(), nil),
		"Day":     t.Day(),
		"Month":   s.say("month."+t.Month().String(), nil),
		"Year":    t.Year(),
		"Clock":   t.Format("15:04"),
		"Zone":    "UTC",
	})
}

// duration says roughly how long, rather a little less than too much. A mail that is sent some minutes late still says "3 days".
func (s *speaker) duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d+time.Hour >= 2*day:
		return s.count("duration.days", int((d+time.Hour)/day))
	case d+5*time.Minute >= time.Hour:
		return s.count("duration.hours", int((d+5*time.Minute)/time.Hour))
	}
	return s.count("duration.minutes", max(int(d/time.Minute), 1))
}

// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"embed"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/texts"
)

//go:embed texts/*.yaml
var textFiles embed.FS

// words is what a text can be filled in with.
type words map[string]any

// speaker says things in one language. The first thing that it cannot say is its error.
type speaker struct {
	localizer *i18n.Localizer
	locale    rosterv1alpha1.Locale
	err       error
}

// speaker speaks a language, English where it is not known.
func (c *Composer) speaker(in rosterv1alpha1.Locale) *speaker {
	locale, localizer := c.texts.In(in)
	return &speaker{localizer: localizer, locale: locale}
}

func (s *speaker) say(id string, w words) string {
	return s.localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: w})
}

// count is say for a text that counts.
func (s *speaker) count(id string, n int) string {
	return s.localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n})
}

func (s *speaker) localize(config *i18n.LocalizeConfig) string {
	text, err := texts.Say(s.localizer, config)
	if err != nil && s.err == nil {
		s.err = err
	}
	return text
}

func (s *speaker) greeting(name string) string {
	if name == "" {
		return s.say("greeting.plain", nil)
	}
	return s.say("greeting.name", words{"Name": name})
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

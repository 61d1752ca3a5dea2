// SPDX-License-Identifier: Apache-2.0

package web

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/roles"
	"github.com/roster-dev/roster/internal/texts"
)

//go:embed texts/*.yaml
var textFiles embed.FS

// Dictionary holds the texts of all pages in all languages.
type Dictionary struct {
	Words   map[rosterv1alpha1.Locale]Words
	matcher language.Matcher
}

// NewDictionary reads the texts of all languages: those of all pages, and those that stand in single rooms.
func NewDictionary(rooms ...fs.FS) (*Dictionary, error) {
	pages, err := texts.Load(append([]fs.FS{textFiles}, rooms...)...)
	if err != nil {
		return nil, err
	}
	terms, err := roles.Load()
	if err != nil {
		return nil, err
	}
	d := &Dictionary{Words: map[rosterv1alpha1.Locale]Words{}}
	var tags []language.Tag
	for _, l := range texts.Languages() {
		d.Words[l] = Words{Locale: l, localizer: pages[l], Roles: terms.In(l)}
		tags = append(tags, language.Make(string(l)))
	}
	d.matcher = language.NewMatcher(tags)
	return d, nil
}

// LangParameter is the query parameter by which a person chooses a language.
const LangParameter = "lang"

// Choose finds the language of a page: the one chosen on the page, the one that the inviter asked for, the one that the browser asks for,
// the organisation's.
func (d *Dictionary) Choose(r *http.Request, asked, otherwise rosterv1alpha1.Locale) Words {
	if w, ok := d.Words[rosterv1alpha1.Locale(r.URL.Query().Get(LangParameter))]; ok {
		w.Chosen = true
		return w
	}
	if w, ok := d.Words[asked]; ok {
		return w
	}
	if tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")); err == nil && len(tags) > 0 {
		if _, i, confidence := d.matcher.Match(tags...); confidence != language.No {
			return d.Words[texts.Languages()[i]]
		}
	}
	if w, ok := d.Words[otherwise]; ok {
		return w
	}
	return d.Words[rosterv1alpha1.LocaleEnglish]
}

// Words are the texts in one language.
type Words struct {
	Locale    rosterv1alpha1.Locale
	localizer *i18n.Localizer
	Roles     roles.Words
	Chosen    bool
}

// T is the text of that name. Its placeholders are given as name, value, name, value.
func (w Words) T(id string, pairs ...any) string {
	return w.localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: placeholders(pairs)})
}

// N is T for a text that counts: {{.PluralCount}} is n.
func (w Words) N(id string, n int, pairs ...any) string {
	data := placeholders(pairs)
	data["PluralCount"] = n
	return w.localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: data})
}

// localize falls back to English, and at the very worst to the name of the text: a page with a gap is better than none. A test finds gaps.
func (w Words) localize(c *i18n.LocalizeConfig) string {
	s, err := texts.Say(w.localizer, c)
	if err != nil && s == "" {
		return c.MessageID
	}
	return s
}

func placeholders(pairs []any) map[string]any {
	data := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return data
}

// Permission is what somebody may do on a profile.
func (w Words) Permission(p access.Permission) string { return w.T("permission." + string(p)) }

// Network is what the network of a profile is called.
func (w Words) Network(sp *rosterv1alpha1.SocialProfile) string {
	if sp.Spec.Type == rosterv1alpha1.TypeAdAccount {
		return w.T("profile.adAccount", "Network", string(sp.Spec.Network))
	}
	return string(sp.Spec.Network)
}

// ErrorTitle says first of all that something has to be corrected (WCAG technique G199 and its kin).
func (w Words) ErrorTitle(title string, problems []Problem) string {
	if len(problems) == 0 {
		return title
	}
	return w.T("layout.errorTitle", "Title", title)
}

// Query is what links and forms carry to stay in the language that was chosen.
func (w Words) Query() string {
	if !w.Chosen {
		return ""
	}
	return "?" + LangParameter + "=" + string(w.Locale)
}

// Moment writes a time in full. The zone is UTC, and said: the server does not know the reader's.
func (w Words) Moment(t time.Time) string {
	t = t.UTC()
	return w.T("time.full",
		"Weekday", nth(w.T("time.weekdays"), int(t.Weekday())),
		"Day", w.dayOfMonth(t),
		"Month", nth(w.T("time.months"), int(t.Month())-1),
		"Year", t.Year(),
		"Time", t.Format("15:04"))
}

// Short writes a time without its weekday: for tables and lists of facts.
func (w Words) Short(t time.Time) MomentView {
	day := w.Day(t)
	return MomentView{Machine: day.Machine, Text: w.T("time.short", "Day", day.Text, "Time", t.UTC().Format("15:04"))}
}

// Day writes the day of a time, in UTC: for tables, where there is room for no more.
func (w Words) Day(t time.Time) MomentView {
	t = t.UTC()
	return MomentView{Machine: t.Format(time.RFC3339), Text: w.T("time.day",
		"Day", w.dayOfMonth(t), "Month", nth(w.T("time.months"), int(t.Month())-1), "Year", t.Year())}
}

func (w Words) dayOfMonth(t time.Time) string {
	if t.Day() == 1 {
		return w.T("time.firstOfMonth")
	}
	return fmt.Sprint(t.Day())
}

func nth(list string, i int) string {
	items := strings.Split(list, ",")
	return items[i%len(items)]
}

// Left is how much time is left in words, rounded down, in the largest unit of which there are at least two; empty if there is none. An
// hour short of a day counts as the day: a link of three days has three days left when it is opened at once, as its mail says.
func (w Words) Left(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d+time.Hour >= 2*day:
		return w.N("time.daysLeft", int((d+time.Hour)/day))
	case d >= 2*time.Hour:
		return w.N("time.hoursLeft", int(d/time.Hour))
	case d >= time.Minute:
		return w.N("time.minutesLeft", int(d/time.Minute))
	}
	return ""
}

// MomentView is a moment in words, and for machines (RFC 3339).
type MomentView struct{ Text, Machine string }

// Time is the view of a moment.
func (w Words) Time(t time.Time) MomentView {
	return MomentView{Text: w.Moment(t), Machine: t.UTC().Format(time.RFC3339)}
}

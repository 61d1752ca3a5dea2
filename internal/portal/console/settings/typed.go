// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/portal/web"
)

// hours writes a time span as people type it: 72, or 1.5.
func hours(d time.Duration) string { return strconv.FormatFloat(d.Hours(), 'g', 6, 64) }

func allHours(all []metav1.Duration) string {
	var words []string
	for _, d := range all {
		words = append(words, hours(d.Duration))
	}
	return strings.Join(words, " ")
}

// readHours reads a number of hours, to the minute.
func readHours(w web.Words, typed, id string, least, most time.Duration) (metav1.Duration, []web.Problem) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(typed), ",", "."), 64)
	d := time.Duration(math.Round(n*60)) * time.Minute
	if err != nil || math.IsNaN(n) || n > most.Hours() || d < least {
		return metav1.Duration{}, []web.Problem{{Field: id, Text: w.T("settings.error.hours", "Typed", typed, "Least", hours(least))}}
	}
	return metav1.Duration{Duration: d}, nil
}

// readAllHours reads the times of reminders. None is a choice, too, and differs from leaving it to the default.
func readAllHours(w web.Words, typed string) ([]metav1.Duration, []web.Problem) {
	all := []metav1.Duration{}
	for word := range strings.FieldsSeq(strings.ReplaceAll(typed, ";", " ")) {
		d, problems := readHours(w, word, "remindBefore", rosterv1alpha1.MinReminder, rosterv1alpha1.MaxReminder)
		if len(problems) > 0 {
			return nil, problems
		}
		all = append(all, d)
	}
	if len(all) > rosterv1alpha1.MaxReminders {
		return nil, []web.Problem{{Field: "remindBefore", Text: w.N("settings.error.reminders", rosterv1alpha1.MaxReminders)}}
	}
	return all, nil
}

// readDomains reads mail domains, one a line or with commas between them.
func readDomains(w web.Words, typed string) ([]string, []web.Problem) {
	var all []string
	for word := range strings.FieldsSeq(strings.ReplaceAll(strings.ToLower(typed), ",", " ")) {
		if strings.ContainsAny(word, "@*/:") || !strings.Contains(word, ".") || len(word) > 253 {
			return nil, []web.Problem{{Field: "allowedDomains", Text: w.T("settings.error.domain", "Typed", word)}}
		}
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	if len(all) > rosterv1alpha1.MaxAllowedDomains {
		return nil, []web.Problem{{Field: "allowedDomains", Text: w.N("settings.error.domains", rosterv1alpha1.MaxAllowedDomains)}}
	}
	return all, nil
}

// rowID is the id of a row's first field.
func rowID(id string, row int) string { return fmt.Sprintf("%s-%d", id, row) }

// checkPair corrects a row.
func checkPair(w web.Words, id string, row int, p pair, most int, needsURL bool) []web.Problem {
	wrong := func(text string) []web.Problem { return []web.Problem{{Field: rowID(id, row), Text: text}} }
	switch {
	case !web.IsVisible(p.First):
		return wrong(w.T("settings.error.row", "Row", row+1))
	case !web.IsLine(p.First), len([]rune(p.First)) > most:
		return wrong(w.N("settings.error.line", most))
	case p.Second == "" && !needsURL, len(p.Second) <= rosterv1alpha1.MaxURL && offer.IsWebAddress(p.Second):
		return nil
	}
	return wrong(w.T("settings.error.url", "Row", row+1, "Typed", p.Second))
}

// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/refusal"
	"github.com/roster-dev/roster/internal/roles"
)

// others collects warnings that are for nobody in particular.
type others []string

func (o *others) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	*o = append(*o, text)
}

const (
	byPolicy = "Validation failed for ValidatingAdmissionPolicy 'roster-last-renewer' with binding 'roster-last-renewer': "
	ofEva    = "without the Member eva (eva@acme.example), nobody in particular can reconnect a, b, c, d, e and 2 more, and the tokens there expire " +
		"unless someone does. Make someone else Administrator there, in spec.profiles of their Member or through a Team."
)

// TestAWarningReachesItsVisit: each visit is told of its own writes, each sentence once. What no policy says, and what is answered to nobody's
// visit, goes on to the log.
func TestAWarningReachesItsVisit(t *testing.T) {
	var log others
	w, mine, theirs := Warnings{&log}, listening(t.Context()), listening(t.Context())
	for range 2 {
		w.HandleWarningHeaderWithContext(mine, 299, "-", byPolicy+ofEva)
	}
	w.HandleWarningHeaderWithContext(theirs, 299, "-", "Validation failed for ValidatingAdmissionPolicy 'quiet' with binding 'b': it is late")
	w.HandleWarningHeaderWithContext(mine, 299, "-", "roster.dev/v1alpha1 Member is deprecated")
	w.HandleWarningHeaderWithContext(t.Context(), 299, "-", byPolicy+ofEva)
	of := func(ctx context.Context) []string {
		return slices.Collect(maps.Keys(ctx.Value(warnedKey{}).(*warned).of))
	}
	if got := of(mine); !slices.Equal(got, []string{ofEva}) {
		t.Errorf("one visit is told %q", got)
	}
	if got := of(theirs); !slices.Equal(got, []string{"it is late"}) {
		t.Errorf("the other is told %q", got)
	}
	if !slices.Equal(log, others{"roster.dev/v1alpha1 Member is deprecated", byPolicy + ofEva}) {
		t.Errorf("%q", log)
	}
}

// TestWarningsInWords: in the language of the person, with profiles as people know them; what nobody has translated is quoted.
func TestWarningsInWords(t *testing.T) {
	d, err := web.NewDictionary(Files)
	if err != nil {
		t.Fatal(err)
	}
	known := &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{Handle: "acme.social", Network: rosterv1alpha1.NetworkFacebook}}
	known.Name = "a"
	for locale, want := range map[rosterv1alpha1.Locale][2]string{
		rosterv1alpha1.LocaleEnglish: {"Without eva@acme.example, nobody in particular can reconnect acme.social (Facebook), b, c, d, e and 2 more, and the " +
			"connection will end unless somebody does. Make somebody else administrator there.", "A rule of your cluster warns: “it is late”"},
		rosterv1alpha1.LocaleFrench: {"Sans eva@acme.example, personne en particulier ne peut reconnecter acme.social (Facebook), b, c, d, e et 2 autres, et la " +
			"connexion finira par expirer. Confiez-en l’administration à quelqu’un d’autre.", "Une règle de votre cluster vous avertit\u00a0: «\u00a0it is late\u00a0»"},
	} {
		words := d.Words[locale]
		s := speaker{words: words, custom: roles.Custom{}, names: Names{words, &membership.Snapshot{Profiles: []*rosterv1alpha1.SocialProfile{known}}}}
		r, ok := refusal.ReadWarning(byPolicy + ofEva)
		if got := s.warning(r); got != want[0] || !ok {
			t.Errorf("%s: %q", locale, got)
		}
		if got := s.warning(refusal.Refusal{Kind: refusal.Policy, Says: "it is late"}); got != want[1] {
			t.Errorf("%s: %q", locale, got)
		}
		if got := s.warning(refusal.Refusal{Kind: refusal.Policy, Says: strings.Repeat("so late ", 999)}); len(got) > mostWarned {
			t.Errorf("%s: %d bytes do not fit into a cookie", locale, len(got))
		}
	}
}

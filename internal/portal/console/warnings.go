// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/roster-dev/roster/internal/refusal"
)

// Warnings brings what policies warn of to the page that the person sees next. The clients of people hand it the Warning headers that they
// are answered with.
type Warnings struct {
	// Others takes warnings that are not for the person, such as those about old versions of the API.
	Others rest.WarningHandlerWithContext
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext: the context is that of the visit whose request was answered.
func (w Warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, agent, text string) {
	r, ofPolicy := refusal.ReadWarning(text)
	all, visit := ctx.Value(warnedKey{}).(*warned)
	if !ofPolicy || !visit {
		w.Others.HandleWarningHeaderWithContext(ctx, code, agent, text)
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.of[r.Says] = r
}

// warned is what the person has been warned of in one visit, each sentence once: a write may be tried again, and many are made at once.
type warned struct {
	mu sync.Mutex
	of map[string]refusal.Refusal
}

type warnedKey struct{}

// listening is a context that collects warnings.
func listening(ctx context.Context) context.Context {
	return context.WithValue(ctx, warnedKey{}, &warned{of: map[string]refusal.Refusal{}})
}

// mostWarned is how many bytes of warnings a page shows: they travel in a cookie.
const mostWarned = 1500

// warned is what the person has been warned of in this visit, in words.
func (v *Visit) warned() []string {
	all, ok := v.R.Context().Value(warnedKey{}).(*warned)
	if !ok {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.of) == 0 {
		return nil
	}
	say, size := v.speaker(), 0
	var texts []string
	for i, says := range slices.Sorted(maps.Keys(all.of)) {
		text := say.warning(all.of[says])
		if size += len(text); size > mostWarned {
			return append(texts, v.Words.N("console.warned.more", len(all.of)-i))
		}
		texts = append(texts, text)
	}
	return texts
}

// mostQuoted is how many letters of a warning are quoted, so that it fits.
const mostQuoted = 300

// warning is a warning in words. What nobody has translated is quoted.
func (s speaker) warning(r refusal.Refusal) string {
	if r.Rule == "" {
		says := []rune(r.Says)
		if len(says) > mostQuoted {
			says = append(says[:mostQuoted], '…')
		}
		return s.words.T("console.warned", "Says", string(says))
	}
	return s.words.T("console.policy."+r.Rule, s.pairs(r)...)
}

// profiles are what profiles are called whose names a sentence lists: "a, b and 2 more".
func (s speaker) profiles(list string) string {
	list, more, cut := strings.Cut(list, " and ")
	called := strings.Split(list, ", ")
	for i, name := range called {
		called[i] = s.names.Profile(name)
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(more, " more")); cut && err == nil {
		called = append(called, s.words.N("console.more", n))
	}
	return And(s.words, called)
}

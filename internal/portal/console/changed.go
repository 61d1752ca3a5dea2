// SPDX-License-Identifier: Apache-2.0

package console

import (
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/portal/web"
)

// FieldGeneration is the hidden field of a form with the metadata.generation of the object that it was made from. The resourceVersion
// would not do: it changes with every status that the operator writes.
const FieldGeneration = "generation"

// ChangedView is what the template changed shows above a form that somebody else was faster than.
type ChangedView struct {
	// Who has changed the object last, in a sentence, and when.
	Who  string
	When *web.MomentView
	// Lines are what the form would change in what the object says now.
	Lines []Line
}

// Unconfirmed is what a page says that asks for a confirmation, if somebody has changed the object since: it tells again what that means.
// Otherwise nothing.
func (v *Visit) Unconfirmed(now client.Object) []web.Problem {
	if !v.stale(now) {
		return nil
	}
	who, _ := v.lastWriter(now)
	return []web.Problem{{Text: v.Words.T("console.changed.confirm", "Who", who)}}
}

// Generation is what a form carries about the object that it was made from.
func Generation(o client.Object) string { return strconv.FormatInt(o.GetGeneration(), 10) }

func (v *Visit) stale(now client.Object) bool {
	return v.R.PostFormValue(FieldGeneration) != Generation(now)
}

// lastWriter is who has written an object last, in words, and when.
func (v *Visit) lastWriter(o client.Object) (string, *web.MomentView) {
	all := Writers(o.GetManagedFields())
	if len(all) == 0 {
		return v.Words.T("console.writer.someone"), nil
	}
	when := v.Words.Time(all[0].Time)
	return v.WriterName(all[0]), &when
}

// Changed compares the object as it is now with the generation that the form was made from: nil where nobody has changed it since. Wanted
// is the object as the form would have it, now; nil for none. The form shows its problems, keeps what was entered, and carries the
// generation of now from then on.
func (v *Visit) Changed(now, wanted client.Object) (*ChangedView, []web.Problem) {
	if !v.stale(now) {
		return nil, nil
	}
	view := &ChangedView{}
	var who string
	who, view.When = v.lastWriter(now)
	view.Who = v.Words.T("console.changed.who", "Who", who)
	if wanted != nil {
		before, beforeErr := authored(now, v.API.Scheme())
		after, afterErr := authored(wanted, v.API.Scheme())
		if beforeErr == nil && afterErr == nil {
			view.Lines = changes(before, after)
		}
	}
	return view, []web.Problem{{Text: v.Words.T("console.changed.problem", "Who", who)}}
}

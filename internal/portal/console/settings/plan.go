// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// planPage is what the organisation may have, and has.
type planPage struct {
	Frame console.Frame
	// Plan is the name of the plan, and Contact whom to ask for more; empty where nothing is limited.
	Plan, Contact   string
	Usage, Features []usage
	Problem         string
	Back            string
}

// usage is how much is taken of something.
type usage struct{ What, Taken, Note string }

func (h *Handler) getPlan(v *console.Visit) error {
	w, o := v.Words, v.Organization
	page := planPage{
		Frame: v.Frame(), Plan: o.Status.Plan.Name, Contact: o.Status.Plan.Contact, Back: v.To(Path),
		Usage: []usage{
			usageOf(w, w.T("settings.plan.seats"), o.Status.Plan.Seats,
				int(ptr.Deref(o.Status.Members, 0)+ptr.Deref(o.Status.OpenInvitations, 0)), w.T("settings.plan.seats.hint")),
			usageOf(w, w.T("settings.plan.profiles"), o.Status.Plan.SocialProfiles, int(ptr.Deref(o.Status.SocialProfiles, 0)), ""),
		},
		Features: features(w, o.Status.Plan),
	}
	if c := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionWithinPlan); c != nil {
		switch c.Reason {
		case rosterv1alpha1.ReasonPlanExceeded:
			page.Problem = w.T("settings.plan.exceeded", "Contact", page.Contact)
		case rosterv1alpha1.ReasonPlanNotFound:
			page.Problem = w.T("settings.plan.missing")
		}
	}
	return v.Show(http.StatusOK, pagePlan, w.T("settings.plan.title", "Org", page.Frame.Org), page)
}

// usageOf says how much is taken: of a limit, or where there is none, how many there are.
func usageOf(w web.Words, what string, u rosterv1alpha1.Usage, there int, note string) usage {
	if u.Limit == nil {
		return usage{What: what, Taken: w.T("settings.plan.unlimited", "Taken", there), Note: note}
	}
	limit, wanted := int(*u.Limit), int(ptr.Deref(u.Wanted, 0))
	if waiting := wanted - limit; waiting > 0 {
		note = w.N("settings.plan.waiting", waiting)
	} else if wanted == limit {
		note = w.T("settings.plan.reached")
	}
	return usage{What: what, Taken: w.T("settings.plan.taken", "Taken", min(wanted, limit), "Limit", limit), Note: note}
}

// features are what a plan can have, with whether it has it.
func features(w web.Words, plan rosterv1alpha1.PlanInEffect) []usage {
	var all []usage
	for _, f := range []struct {
		feature rosterv1alpha1.Feature
		text    string
	}{
		{rosterv1alpha1.FeatureCustomRoles, w.T("settings.plan.customRoles")},
		{rosterv1alpha1.FeatureWorkspaces, w.T("settings.plan.workspaces")},
		{rosterv1alpha1.FeatureProfileConnectors, w.T("settings.plan.connectors")},
	} {
		has := w.T("settings.yes")
		if plan.Name != "" && !slices.Contains(plan.Features, f.feature) {
			has = w.T("settings.no")
		}
		all = append(all, usage{What: f.text, Taken: has})
	}
	return all
}

// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/http"
	"sync"

	"github.com/go-logr/logr"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/refusal"
)

// state is whether the console works, as far as it does for everybody.
type state string

const (
	unknown state = ""
	on      state = "on"
	// noComponent: config/components/console is not installed.
	noComponent state = "component"
	// oldKubernetes: the API server knows no constrained impersonation.
	oldKubernetes state = "kubernetes"
	// notYet is about one person, or one organisation: the manager has not listed or bound them.
	notYet state = "name"
)

// probe tells the people who run Roster when the console comes or goes: once for each change, however many ask for it.
type probe struct {
	mu    sync.Mutex
	state state
}

// changed notes a state, and reports whether it is another one than before.
func (p *probe) changed(now state) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == now {
		return false
	}
	p.state = now
	return true
}

// note says what became of the question whether the portal may act for somebody.
func (d *Desk) note(log logr.Logger, now state) {
	d.Metrics.CountConsole(string(now))
	if now == notYet || !d.probe.changed(now) {
		return
	}
	d.Metrics.ConsoleOff(map[string]bool{string(noComponent): now == noComponent, string(oldKubernetes): now == oldKubernetes})
	var reason, remedy string
	switch now {
	case noComponent:
		reason, remedy = "ConsoleNotInstalled", "nobody can look after an organisation in the browser, since the portal may act for nobody: "+
			"install config/components/console, or leave it and use kubectl roster"
	case oldKubernetes:
		reason, remedy = "ConsoleUnsupported", "nobody can look after an organisation in the browser, since the API server knows no constrained "+
			"impersonation: it takes Kubernetes 1.36 or later with the feature gate ConstrainedImpersonation"
	default:
		log.Info("The console is on: people can look after their organisations in the browser")
		return
	}
	log.Info("The console is off: "+remedy, "reason", reason)
	if d.Warn != nil {
		d.Warn(reason, "The console is off: "+remedy+".")
	}
}

// whyOff finds out why the portal may not act for a person, who may read the team.
func (d *Desk) whyOff(v *session.MemberVisit, err error) (state, error) {
	rule := ""
	if all := refusal.Read(err); len(all) > 0 && all[0].Kind == refusal.Acting {
		rule = all[0].Rule
	}
	switch rule {
	case refusal.NotListed:
		return notYet, nil
	case refusal.NoConstrained:
		return oldKubernetes, nil
	}
	// What may be done in people's names is asked about first, and that is bound in each organisation.
	listed, err := d.mayBe(v)
	if listed {
		return notYet, err
	}
	return noComponent, err
}

// mayBe asks the API server whether the portal may be that person at all. An old one would say so, too: it is not asked about that.
func (d *Desk) mayBe(v *session.MemberVisit) (bool, error) {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: "authentication.k8s.io", Resource: "users", Verb: "impersonate:user-info", Name: d.user(v),
		},
	}}
	if d.Self == nil {
		return false, nil
	}
	err := d.Self.Create(v.R.Context(), review)
	return review.Status.Allowed, err
}

// refuse tells those who may read the team why they cannot look after it here. To everybody else the page is not there.
func (d *Desk) refuse(v *session.MemberVisit, refused error) error {
	may, err := d.Sessions.May(v.Visit, v.Member.Namespace, invitation.Review{Resource: "members", Verb: "list"})
	switch {
	case err != nil:
		return err
	case !may:
		return v.NotFound()
	}
	why := unknown
	if d.As != nil {
		if why, err = d.whyOff(v, refused); err != nil {
			return err
		}
		d.note(v.Log(), why)
	}
	w, org := v.Words, v.Organization.Spec.DisplayName
	n := web.Notice{Heading: w.T("console.off.title"), Paragraphs: []string{w.T("console.off.text", "Org", org)}}
	v.W.Header().Set("Retry-After", web.RetryLater)
	switch why {
	case notYet:
		n = web.Notice{Symbol: web.SymbolClock, Heading: w.T("console.off.soonTitle"),
			Paragraphs: []string{w.T("console.off.soon", "Org", org), w.T("console.off.soonElse")}, Again: v.Path(v.Page())}
	case oldKubernetes:
		n = web.Notice{Heading: w.T("console.off.oldTitle"), Paragraphs: []string{w.T("console.off.old", "Org", org)}}
	}
	return v.Notice(http.StatusServiceUnavailable, n)
}

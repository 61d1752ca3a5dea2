// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/web"
)

// What the forms on the page of second factors do.
const (
	actionRemoveApp     = "remove-app"
	actionRemovePasskey = "remove-passkey"
	actionNewCodes      = "new-codes"
)

// factorsPage lists the second factors of a person.
type factorsPage struct {
	web.Fields
	Action string
	// AddApp and AddPasskey are where to add one; empty where that is not offered.
	AddApp, AddPasskey string
	// App says since when there is an authenticator app; empty if there is none.
	App      string
	Passkeys []passkeyView
	// Codes is how many recovery codes are left.
	Codes int
	// HasCodes says that there is a set of them, used up or not.
	HasCodes bool
	// Demanded are the organisations that ask for a second factor.
	Demanded []string
	// Owed says that nothing else can be seen before there is one.
	Owed bool
	Back string
}

type passkeyView struct {
	ID, Name, Added, Used string
}

// getFactors answers GET /account/factors.
func (p *Portal) getFactors(v *sessionVisit) {
	who, w := v.person, v.Words
	f, err := account.Factors(who.account, who.credentials, p.clock.Now())
	if err != nil {
		v.Fault(err)
		return
	}
	asking := v.demanding()
	page := factorsPage{Action: v.Path("/account/factors"), Back: v.Path("/account")}
	for _, b := range asking {
		page.Demanded = append(page.Demanded, b.organization.Spec.DisplayName)
	}
	page.Owed = len(asking) > 0 && !f.Enrolled()
	if f.App != nil {
		page.App = w.Moment(f.App.Added)
	} else {
		page.AddApp = v.Again("/account/factors/app")
	}
	if p.passkeys != nil && len(f.Passkeys) < factor.MaxPasskeys {
		page.AddPasskey = v.Again("/account/factors/passkey")
	}
	for _, k := range f.Passkeys {
		view := passkeyView{ID: base64.RawURLEncoding.EncodeToString(k.ID), Name: k.Name, Added: w.Moment(k.Added)}
		if !k.Used.IsZero() {
			view.Used = w.Moment(k.Used)
		}
		page.Passkeys = append(page.Passkeys, view)
	}
	if f.Recovery != nil {
		page.HasCodes, page.Codes = true, len(f.Recovery.Hashes)
	}
	v.Show(http.StatusOK, web.PageFactors, w.T("factors.title"), page)
}

// postFactors answers POST /account/factors.
func (p *Portal) postFactors(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	ctx, who, now := v.R.Context(), v.person, p.clock.Now()
	var err error
	switch v.R.PostForm.Get(web.FieldAction) {
	case actionRemoveApp:
		if err = p.accounts.RemoveApp(ctx, who.account, now); err == nil {
			p.factorsChanged(v, "app removed")
		}
	case actionRemovePasskey:
		id, bad := base64.RawURLEncoding.DecodeString(v.R.PostForm.Get(fieldName))
		if bad != nil {
			v.BadRequest()
			return
		}
		if err = p.accounts.RemovePasskey(ctx, who.account, id, now); err == nil {
			p.factorsChanged(v, "passkey removed")
		}
	case actionNewCodes:
		p.newCodes(v)
		return
	default:
		v.BadRequest()
		return
	}
	if err != nil {
		v.Fault(err)
		return
	}
	v.SeeOther("/account/factors", "")
}

// factorsChanged audits a change, and asks the operator to tell the person.
func (p *Portal) factorsChanged(v *sessionVisit, what string) {
	v.Audit(web.EventFactorChange, web.ResultSuccess, v.person.account.Name, "change", what)
	p.noteFactors(v.Visit, v.person.account)
}

// codesPage shows recovery codes, once.
type codesPage struct {
	Codes []string
	Go    string
}

// newCodes makes a set of recovery codes and shows it: as the answer to a form, so that no address shows it again.
func (p *Portal) newCodes(v *sessionVisit) {
	codes, err := p.accounts.MakeRecoveryCodes(v.R.Context(), v.person.account, p.clock.Now())
	if err != nil {
		v.Fault(err)
		return
	}
	p.factorsChanged(v, "recovery codes made")
	next := v.Next()
	if v.Destination(next) != next {
		next = "/account/factors"
	}
	v.Show(http.StatusOK, web.PageCodes, v.Words.T("codes.title"), codesPage{Codes: codes, Go: v.Path(next)})
}

// seedUse keeps what is sealed here apart from everything else that is sealed with the same keys.
const seedUse = "roster.dev portal app enrolment v1"

// enrolment is a seed that has been shown and not been confirmed yet. The page carries it, sealed.
type enrolment struct {
	Account string    `json:"account"`
	Seed    []byte    `json:"seed"`
	Shown   time.Time `json:"shown"`
}

// enrolFor is how long somebody may take to set their app up.
const enrolFor = 30 * time.Minute

// appPage shows a seed and asks for the first code.
type appPage struct {
	web.Fields
	QR     template.HTML
	Secret string
	Sealed string
	Action string
	Back   string
}

// getApp answers GET /account/factors/app.
func (p *Portal) getApp(v *sessionVisit) {
	p.appForm(v, http.StatusOK, enrolment{Account: v.person.account.Name, Seed: factor.NewSeed(), Shown: p.clock.Now()}, nil)
}

func (p *Portal) appForm(v *sessionVisit, status int, e enrolment, problems []web.Problem) {
	w := v.Words
	qr, err := factor.QRCode(factor.KeyURI(issuerName, v.person.account.Spec.Email, e.Seed), w.T("app.qr"))
	if err != nil {
		v.Fault(err)
		return
	}
	sealer, err := v.Sealer(seedUse)
	if err != nil {
		v.Fault(err)
		return
	}
	sealed, err := sealer.SealDocument(e)
	if err != nil {
		v.Fault(err)
		return
	}
	v.Show(status, web.PageApp, w.ErrorTitle(w.T("app.title"), problems), appPage{
		Fields: web.Fields{Problems: problems}, QR: qr, Secret: factor.SeedText(e.Seed), Sealed: sealed,
		Action: v.Again("/account/factors/app"), Back: v.Path("/account/factors"),
	})
}

// postApp answers POST /account/factors/app: the app counts once its first code has been typed.
func (p *Portal) postApp(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	ctx, who, now := v.R.Context(), v.person, p.clock.Now()
	sealer, err := v.Sealer(seedUse)
	if err != nil {
		v.Fault(err)
		return
	}
	var e enrolment
	if sealer.OpenDocument(v.R.PostForm.Get("seed"), &e) != nil || e.Account != who.account.Name || now.Sub(e.Shown) > enrolFor {
		v.SeeOther("/account/factors/app", "")
		return
	}
	if _, wait := p.limits.Take(web.Count(p.limits.DeviceTries, "app "+who.account.Name+" "+who.session.Device)); wait > 0 {
		v.Throttled(wait)
		return
	}
	step, ok := factor.MatchStep(e.Seed, v.R.PostForm.Get(web.FieldCode), now, 0)
	if !ok {
		p.appForm(v, http.StatusUnprocessableEntity, e, []web.Problem{{Field: web.FieldCode, Text: v.Words.T("error.code")}})
		return
	}
	keys, err := p.factorKeys.Refresh(ctx)
	if err != nil {
		v.Fault(err)
		return
	}
	c, err := p.accounts.SetApp(ctx, who.account, keys, e.Seed, step, now)
	if errors.Is(err, account.ErrFactorsExist) {
		v.SeeOther("/account/factors", "") // a double click, or another window
		return
	}
	p.enrolled(v, c, account.MethodApp, "app added", err)
}

// enrolled goes on after a factor was added: the session has given it, and with the first one come recovery codes.
func (p *Portal) enrolled(v *sessionVisit, c account.Credentials, method account.Method, change string, err error) {
	if err != nil {
		v.Fault(err)
		return
	}
	p.factorsChanged(v, change)
	if err := p.stepUp(v, method, web.Device{}); err != nil {
		v.Fault(err)
		return
	}
	f, err := account.Factors(v.person.account, c, p.clock.Now())
	switch {
	case err != nil:
		v.Fault(err)
	case f.Recovery == nil:
		p.newCodes(v)
	default:
		v.SeeOther("/account/factors", "")
	}
}

// passkeyName is what a passkey is called if its person gives it no name.
func passkeyName(typed, otherwise string) string {
	name := web.Tidy(typed)
	if name == "" || !web.IsLine(name) || !web.IsVisible(name) {
		return otherwise
	}
	return strings.ToValidUTF8(name[:min(len(name), web.MaxName)], "")
}

// SPDX-License-Identifier: Apache-2.0

package personal

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
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

func (h *Handler) getFactors(v *session.Visit) error {
	who, w := v.Person, v.Words
	f, err := account.Factors(who.Account, who.Credentials, v.Now())
	if err != nil {
		return err
	}
	asking := v.Demanding()
	page := factorsPage{Action: v.Path("/account/factors"), Back: v.Path("/account")}
	for _, b := range asking {
		page.Demanded = append(page.Demanded, b.Organization.Spec.DisplayName)
	}
	page.Owed = len(asking) > 0 && !f.Enrolled()
	if f.App != nil {
		page.App = w.Moment(f.App.Added)
	} else {
		page.AddApp = v.Again("/account/factors/app")
	}
	if h.Passkeys != nil && len(f.Passkeys) < factor.MaxPasskeys {
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
	return v.Show(http.StatusOK, web.PageFactors, w.T("factors.title"), page)
}

func (h *Handler) postFactors(v *session.Visit) error {
	ctx, who, now := v.R.Context(), v.Person, v.Now()
	var err error
	switch v.R.PostForm.Get(web.FieldAction) {
	case actionRemoveApp:
		if err = h.Accounts.RemoveApp(ctx, who.Account, now); err == nil {
			h.factorsChanged(v, "app removed")
		}
	case actionRemovePasskey:
		id, bad := base64.RawURLEncoding.DecodeString(v.R.PostForm.Get(signin.FieldName))
		if bad != nil {
			return v.BadRequest()
		}
		if err = h.Accounts.RemovePasskey(ctx, who.Account, id, now); err == nil {
			h.factorsChanged(v, "passkey removed")
		}
	case actionNewCodes:
		return h.newCodes(v)
	default:
		return v.BadRequest()
	}
	if err != nil {
		return err
	}
	return v.SeeOther("/account/factors", "")
}

// factorsChanged audits a change, and asks the operator to tell the person.
func (h *Handler) factorsChanged(v *session.Visit, what string) {
	v.Audit(web.EventFactorChange, web.ResultSuccess, v.Person.Account.Name, "change", what)
	h.SignIn.NoteFactors(v.Visit, v.Person.Account)
}

// codesPage shows recovery codes, once.
type codesPage struct {
	Codes []string
	Go    string
}

// newCodes makes a set of recovery codes and shows it: as the answer to a form, so that no address shows it again.
func (h *Handler) newCodes(v *session.Visit) error {
	codes, err := h.Accounts.MakeRecoveryCodes(v.R.Context(), v.Person.Account, v.Now())
	if err != nil {
		return err
	}
	h.factorsChanged(v, "recovery codes made")
	next := v.Next()
	if v.Destination(next) != next {
		next = "/account/factors"
	}
	return v.Show(http.StatusOK, web.PageCodes, v.Words.T("codes.title"), codesPage{Codes: codes, Go: v.Path(next)})
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

func (h *Handler) getApp(v *session.Visit) error {
	return h.appForm(v, enrolment{Account: v.Person.Account.Name, Seed: factor.NewSeed(), Shown: v.Now()}, nil)
}

func (h *Handler) appForm(v *session.Visit, e enrolment, problems []web.Problem) error {
	w := v.Words
	qr, err := factor.QRCode(factor.KeyURI(signin.IssuerName, v.Person.Account.Spec.Email, e.Seed), w.T("app.qr"))
	if err != nil {
		return err
	}
	sealed, err := v.Seal(seedUse, e)
	if err != nil {
		return err
	}
	return v.Form(web.PageApp, w.T("app.title"), problems, appPage{
		Fields: web.Fields{Problems: problems}, QR: qr, Secret: factor.SeedText(e.Seed), Sealed: sealed,
		Action: v.Again("/account/factors/app"), Back: v.Path("/account/factors"),
	})
}

// postApp answers POST /account/factors/app: the app counts once its first code has been typed.
func (h *Handler) postApp(v *session.Visit) error {
	ctx, who, now := v.R.Context(), v.Person, v.Now()
	var e enrolment
	switch ok, err := v.Open(seedUse, v.R.PostForm.Get("seed"), &e); {
	case err != nil:
		return err
	case !ok || e.Account != who.Account.Name || now.Sub(e.Shown) > enrolFor:
		return v.SeeOther("/account/factors/app", "")
	}
	if _, wait := h.Limits.Take(web.Count(h.Limits.DeviceTries, "app "+who.Account.Name+" "+who.Session.Device)); wait > 0 {
		return v.Throttled(wait)
	}
	step, ok := factor.MatchStep(e.Seed, v.R.PostForm.Get(web.FieldCode), now, 0)
	if !ok {
		return h.appForm(v, e, []web.Problem{{Field: web.FieldCode, Text: v.Words.T("error.code")}})
	}
	keys, err := h.FactorKeys.Refresh(ctx)
	if err != nil {
		return err
	}
	c, err := h.Accounts.SetApp(ctx, who.Account, keys, e.Seed, step, now)
	if errors.Is(err, account.ErrFactorsExist) {
		return v.SeeOther("/account/factors", "")
	}
	return h.enrolled(v, c, account.MethodApp, "app added", err)
}

// enrolled goes on after a factor was added: the session has given it, and with the first one come recovery codes.
func (h *Handler) enrolled(v *session.Visit, c account.Credentials, method account.Method, change string, err error) error {
	if err != nil {
		return err
	}
	h.factorsChanged(v, change)
	if err := h.SignIn.StepUp(v, method, web.Device{}); err != nil {
		return err
	}
	f, err := account.Factors(v.Person.Account, c, v.Now())
	switch {
	case err != nil:
		return err
	case f.Recovery == nil:
		return h.newCodes(v)
	default:
		return v.SeeOther("/account/factors", "")
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

// passkeyPage makes a passkey.
type passkeyPage struct {
	web.Fields
	Passkey string
	Action  string
	Back    string
}

func (h *Handler) getPasskey(v *session.Visit) error { return h.passkeyForm(v, nil) }

func (h *Handler) passkeyForm(v *session.Visit, problems []web.Problem) error {
	if h.Passkeys == nil {
		return v.NotFound()
	}
	who, now, w := v.Person, v.Now(), v.Words
	f, err := account.Factors(who.Account, who.Credentials, now)
	if err != nil {
		return err
	}
	owner := account.PersonOf(who.Account, f)
	if len(owner.Handle) == 0 {
		owner.Handle = factor.NewHandle()
	}
	options, c, err := h.Passkeys.BeginRegistration(owner, who.Account.Name, now)
	if errors.Is(err, factor.ErrPasskeyLimit) {
		return v.SeeOther("/account/factors", "")
	}
	if err == nil {
		err = h.SignIn.KeepCeremony(v.Visit, c)
	}
	if err != nil {
		return err
	}
	return v.Form(web.PagePasskey, w.T("passkey.title"), problems, passkeyPage{
		Fields: web.Fields{Problems: problems}, Passkey: string(options), Action: v.Again("/account/factors/passkey"),
		Back: v.Path("/account/factors"),
	})
}

func (h *Handler) postPasskey(v *session.Visit) error {
	if h.Passkeys == nil {
		return v.NotFound()
	}
	ctx, who, now := v.R.Context(), v.Person, v.Now()
	f, err := account.Factors(who.Account, who.Credentials, now)
	if err != nil {
		return err
	}
	c, err := h.SignIn.TakeCeremony(v.Visit, factor.CeremonyRegister, who.Account.Name)
	var k factor.Passkey
	if err == nil {
		name := passkeyName(v.R.PostForm.Get(signin.FieldName), web.BrowserLabel(v.R.UserAgent()))
		k, err = h.Passkeys.FinishRegistration(account.PersonOf(who.Account, f), c, name, []byte(v.R.PostForm.Get(web.FieldAnswer)), now)
	}
	var credentials account.Credentials
	if err == nil {
		credentials, err = h.Accounts.AddPasskey(ctx, who.Account, c.Handle, k, now)
	}
	if signin.IsWrongFactor(err) {
		v.Audit(web.EventFactorChange, web.ResultFailure, who.Account.Name, "change", "passkey added")
		v.Log().Info("A passkey was refused", "account", who.Account.Name, "why", err.Error())
		return h.passkeyForm(v, []web.Problem{{Text: v.Words.T("error.passkey")}})
	}
	return h.enrolled(v, credentials, account.MethodPasskey, "passkey added", err)
}

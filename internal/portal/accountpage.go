// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// accountPage is the personal page.
type accountPage struct {
	Name, Email, Company, Username string
	Initials, Avatar               string
	Language                       string
	LastSignIn                     web.MomentView
	Organizations                  []membershipView
	Invitations                    []pendingView
	Devices                        int
	Profile, Login                 string
	Password, Sessions, Factors    string
	// Closed says that there are organisations which this session does not open, and Ways how to open them.
	Closed string
	Ways   []wayView
	// Done says what has just been changed.
	Done string
}

// membershipView is one organisation that the person belongs to.
type membershipView struct {
	Name, Initials, Role, State, Href string
}

// pendingView is an invitation that waits for the person.
type pendingView struct {
	Organization, Href string
	Until              web.MomentView
}

// getAccount answers GET /account.
func (p *Portal) getAccount(v *visit) {
	acct, w := v.person.account, v.words
	pending, err := p.pending(v.r.Context(), v)
	if err != nil {
		p.fault(v, err)
		return
	}
	query := w.Query()
	page := accountPage{
		Name: acct.Spec.DisplayName, Email: acct.Spec.Email, Company: acct.Spec.Company, Username: cmp.Or(acct.Spec.Username, acct.Spec.Email),
		Initials: initials(acct.Spec.DisplayName), Avatar: p.avatar(v), Language: w.T("language." + string(acct.Spec.Locale)),
		Invitations: pending, Devices: len(v.person.credentials.Sessions.Devices),
		Profile: p.root + "/account/profile" + query, Login: p.root + "/account/username" + query,
		Password: p.root + "/account/password" + query, Sessions: p.root + "/account/sessions" + query,
		Factors: p.root + "/account/factors" + query,
		Done:    doneText(w, v.r.URL.Query().Get("done")),
	}
	if t := acct.Status.LastSignInTime; t != nil {
		page.LastSignIn = w.Time(t.Time)
	}
	if n := len(v.closed); n > 0 {
		page.Closed, page.Ways = w.N("account.closed", n), p.otherWays(v)
	}
	for _, b := range v.memberships {
		if b.organization != nil {
			page.Organizations = append(page.Organizations, p.membershipView(v, b))
		}
	}
	slices.SortFunc(page.Organizations, func(a, b membershipView) int { return cmp.Compare(a.Name, b.Name) })
	p.show(v, http.StatusOK, web.PageAccount, w.T("account.title"), page)
}

// doneText says what has just been changed; empty for what is not one of ours.
func doneText(w web.Words, done string) string {
	switch done {
	case donePassword:
		return w.T("done.password")
	case doneProfile:
		return w.T("done.profile")
	case doneUsername:
		return w.T("done.username")
	case doneLeft:
		return w.T("done.left")
	case doneSignedOut:
		return w.T("done.signedOut")
	}
	return ""
}

// What has just been changed, as the personal page is told.
const (
	donePassword  = "password"
	doneProfile   = "profile"
	doneUsername  = "username"
	doneLeft      = "left"
	doneSignedOut = "signed-out"
)

// done sends the browser to the personal page, which says what has been changed.
func (p *Portal) done(v *visit, what string) {
	query := "?done=" + what
	if v.words.Chosen {
		query = v.words.Query() + "&done=" + what
	}
	v.w.Header().Set("Location", p.root+"/account"+query)
	v.w.WriteHeader(http.StatusSeeOther)
}

func (p *Portal) membershipView(v *visit, b membership) membershipView {
	return membershipView{
		Name: b.organization.Spec.DisplayName, Initials: initials(b.organization.Spec.DisplayName),
		Role: p.roleTerm(v.r.Context(), v.words, b.member).Name, State: p.stateText(v, b), Href: p.organizationPath(v, b.member.Namespace, ""),
	}
}

// stateText is empty for an active member.
func (p *Portal) stateText(v *visit, b membership) string {
	switch {
	case v.person.leaves(b.member):
		return v.words.T("state.leaving")
	case b.member.Status.State == rosterv1alpha1.MemberSuspended:
		return v.words.T("state.suspended")
	case b.member.Status.State == rosterv1alpha1.MemberActive:
		return ""
	}
	return v.words.T("state.pending")
}

// leaves reports whether the person has asked to leave.
func (p *person) leaves(m *rosterv1alpha1.Member) bool {
	return slices.ContainsFunc(p.account.Status.Leaving, func(l rosterv1alpha1.Leaving) bool { return l.UID == string(m.UID) })
}

// pending are the open invitations to the person's address. The links are made here: whoever is signed in has shown that the address is
// theirs when they accepted their first one.
func (p *Portal) pending(ctx context.Context, v *visit) ([]pendingView, error) {
	address := address.Address(v.person.account.Spec.Email)
	var list rosterv1alpha1.InvitationList
	if err := p.cache.List(ctx, &list, client.MatchingFields{addressIndex: string(address)}); err != nil {
		return nil, fmt.Errorf("looking for invitations: %w", err)
	}
	keys, err := p.keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var views []pendingView
	for i := range list.Items {
		inv := &list.Items[i]
		offer, err := gather(ctx, p.cache, inv)
		if err != nil {
			return nil, err
		}
		f := verifiedLink{attempt: inv.Status.Attempt, address: address, offer: offer}
		if f.check(p.clock.Now()) != invitation.LinkOpen || offer.Organization == nil || !p.admits(v.person, offer.Organization) {
			continue
		}
		token, err := invitation.Token(keys, invitation.LinkID(inv), inv.Status.Attempt, address)
		if err != nil {
			return nil, err
		}
		views = append(views, pendingView{
			Organization: offer.Organization.Spec.DisplayName, Href: p.root + "/invitations/" + token + v.words.Query(),
			Until: v.words.Time(inv.Status.ExpiryTime.Time),
		})
	}
	return views, nil
}

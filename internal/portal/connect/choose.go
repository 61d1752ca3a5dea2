// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
)

// fieldOffer has the accounts that were chosen.
const fieldOffer = "account"

// choosePage offers accounts to connect.
type choosePage struct {
	web.Fields
	Network string
	// Profile that is connected again; empty for new ones.
	Profile string
	Offers  []offerChoice
	Action  string
	Back    string
}

// offerChoice is an account that can be connected.
type offerChoice struct {
	// Value of the field, and ID of its element.
	Value, ID          string
	Handle, Name, Type string
	Chosen             bool
	// Known says that it is connected already, and Taken that the person may not connect it again.
	Known, Taken bool
}

// choice is what somebody chooses from.
type choice struct {
	networkTarget
	way    *connecting
	there  network.Network
	offers []network.Offer
	// known are the profiles of the offers, by the value of the field, as far as there are any; taken those that the person may not connect.
	known map[string]*rosterv1alpha1.SocialProfile
	taken map[string]bool
}

func valueOf(o network.Offer) string { return string(o.Type) + "/" + o.AccountID }

// choice asks the network what can be connected. It answers if that is nothing.
func (h *Handler) choice(v *session.MemberVisit) (choice, error) {
	var c choice
	way, n, err := h.underway(v.Visit)
	if err != nil {
		return c, err
	}
	if way == nil || way.Draft == "" || way.Namespace != v.Member.Namespace || slug(way.Network) != v.R.PathValue("network") {
		return c, web.Answered(h.connectLost(v.Visit))
	}
	c.way, c.networkTarget = way, n
	if way.Repair != nil {
		c.profile = &rosterv1alpha1.SocialProfile{}
		if !h.Cache.Look(v.R.Context(), client.ObjectKey{Namespace: way.Namespace, Name: way.Repair.Name}, c.profile) {
			return c, web.Answered(h.connectLost(v.Visit))
		}
	}
	if err := h.mayGo(v, c.profile); err != nil {
		return c, err
	}
	if err := h.gatherOffers(v, &c); err != nil {
		if apierrors.IsNotFound(err) {
			return c, web.Answered(h.connectLost(v.Visit))
		}
		return c, web.Answered(h.connectFailed(v.Visit, way.Namespace, c.networkTarget, err))
	}
	if len(c.offers) == 0 {
		return c, web.Answered(h.nothingOffered(v, c))
	}
	return c, nil
}

// gatherOffers reads the draft and asks the network what it opens.
func (h *Handler) gatherOffers(v *session.MemberVisit, c *choice) error {
	ctx, secret := v.R.Context(), &corev1.Secret{}
	if err := h.Client.Get(ctx, client.ObjectKey{Namespace: rosterv1alpha1.ConnectionNamespace, Name: c.way.Draft}, secret); err != nil {
		return err
	}
	draft, err := connection.DraftOf(secret)
	if err != nil {
		return err
	}
	if draft == nil || draft.AccountUID != string(v.Person.Account.UID) {
		return apierrors.NewNotFound(corev1.Resource("secrets"), c.way.Draft)
	}
	tokens, err := network.ParseTokens(draft.Entries)
	if err != nil {
		return err
	}
	tokens.Handle = draft.Handle
	if c.there, err = h.Networks.Open(ctx, c.Network); err != nil {
		return err
	}
	if c.offers, err = offersOf(ctx, c.there, tokens); err != nil {
		return err
	}
	return h.compare(v, c)
}

// compare leaves out what the profile to repair cannot take, and finds the offers that are profiles already.
func (h *Handler) compare(v *session.MemberVisit, c *choice) error {
	c.known, c.taken = map[string]*rosterv1alpha1.SocialProfile{}, map[string]bool{}
	var list rosterv1alpha1.SocialProfileList
	if err := h.Cache.List(v.R.Context(), &list, client.InNamespace(v.Member.Namespace)); err != nil {
		return err
	}
	on := connection.Input{Order: &connection.Order{Network: c.Name}}
	account := func(o network.Offer) *connection.Account {
		return &connection.Account{ID: o.AccountID, Handle: o.Handle, Type: o.Type}
	}
	c.offers = slices.DeleteFunc(c.offers, func(o network.Offer) bool { return c.profile != nil && !on.Fits(c.profile, account(o)) })
	for _, o := range c.offers {
		acct := account(o)
		i := slices.IndexFunc(list.Items, func(sp rosterv1alpha1.SocialProfile) bool { return on.Has(&sp, acct) })
		if i < 0 {
			continue
		}
		sp := &list.Items[i]
		may, err := h.mayOn(v, "connect", sp.Name)
		if err != nil {
			return err
		}
		c.known[valueOf(o)], c.taken[valueOf(o)] = sp, !may
	}
	return nil
}

// nothingOffered says that the account which somebody signed in with opens nothing that can be connected, or not that profile.
func (h *Handler) nothingOffered(v *session.MemberVisit, c choice) error {
	w := v.Words
	text := w.T("choose.nothing", "Network", c.title())
	if c.profile != nil {
		text = w.T("choose.other", "Network", c.title(), "Profile", c.profile.Spec.Handle)
	}
	v.Audit(web.EventConnect, web.ResultFailure, v.Person.Account.Name, "namespace", c.way.Namespace, "network", c.way.Network)
	return v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("connect.failed"),
		Paragraphs: []string{text, w.T("connect.nothing")},
		Go:         web.Action{Text: w.T("choose.again"), Href: connectPath(v.Visit, c.way.Namespace, c.networkTarget, "")}})
}

func (h *Handler) getChoose(v *session.MemberVisit) error {
	c, err := h.choice(v)
	if err != nil {
		return err
	}
	return h.chooseForm(v, c, nil, nil)
}

func (h *Handler) chooseForm(v *session.MemberVisit, c choice, chosen []string, problems []web.Problem) error {
	w := v.Words
	page := choosePage{
		Fields: web.Fields{Problems: problems}, Network: c.title(),
		Action: v.OrganizationPath(c.way.Namespace, "/connect/"+slug(c.way.Network)+"/choose"),
		Back:   v.OrganizationPath(c.way.Namespace, "/profiles"),
	}
	if c.profile != nil {
		page.Profile = c.profile.Spec.Handle
	}
	for i, o := range c.offers {
		value := valueOf(o)
		view := offerChoice{
			Value: value, Handle: o.Handle, Name: o.Name, Chosen: slices.Contains(chosen, value), Taken: c.taken[value],
			Type: w.Network(&rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{Network: c.Name, Type: o.Type}}),
			ID:   fieldOffer,
		}
		if i > 0 {
			view.ID = fieldOffer + "-" + strings.ReplaceAll(value, "/", "-")
		}
		if o.Name == o.Handle {
			view.Name = ""
		}
		view.Known = c.known[value] != nil && !view.Taken
		view.Chosen = view.Chosen || len(c.offers) == 1 && !view.Taken && problems == nil
		page.Offers = append(page.Offers, view)
	}
	return v.Form(web.PageChoose, w.T("choose.title", "Network", c.title()), problems, page)
}

// postChoose answers POST /organizations/{namespace}/connect/{network}/choose: it asks the operator to connect what was chosen.
func (h *Handler) postChoose(v *session.MemberVisit) error {
	c, err := h.choice(v)
	if err != nil {
		return err
	}
	chosen := v.R.PostForm[fieldOffer]
	picked := slices.DeleteFunc(slices.Clone(c.offers), func(o network.Offer) bool {
		return !slices.Contains(chosen, valueOf(o)) || c.taken[valueOf(o)]
	})
	if text := h.problemWith(v, c, picked); text != "" {
		return h.chooseForm(v, c, chosen, []web.Problem{{Field: fieldOffer, Text: text}})
	}
	order := h.order(v)
	order.Network, order.Server, order.Draft = c.Name, network.Server(c.Name, c.URL), c.way.Draft
	for _, o := range picked {
		order.Accounts = append(order.Accounts, connection.Account{
			ID: o.AccountID, Handle: o.Handle, Type: o.Type, Repair: c.way.Repair, Entries: o.Tokens.Store(nil),
			Renewable: c.there.Traits().Renewable(o.Tokens),
		})
	}
	return h.handOver(v.Visit, *c.way, order)
}

// problemWith says what is wrong with what was picked; empty if nothing is.
func (h *Handler) problemWith(v *session.MemberVisit, c choice, picked []network.Offer) string {
	added := 0
	for _, o := range picked {
		if c.known[valueOf(o)] == nil {
			added++
		}
	}
	left, limited := quota.Left(v.Organization.Status.Plan.SocialProfiles)
	switch {
	case len(picked) == 0:
		return v.Words.T("error.choose.missing")
	case c.profile != nil && len(picked) > 1:
		return v.Words.T("error.choose.one", "Profile", c.profile.Spec.Handle)
	case c.profile == nil && limited && int32(added) > left:
		return v.Words.T("error.choose.limit", "Left", left, "Contact", v.Organization.Status.Plan.Contact)
	}
	return ""
}

// order is one of this person.
func (h *Handler) order(v *session.MemberVisit) connection.Order {
	return connection.Order{
		Namespace: v.Member.Namespace, Member: v.Member.Name, MemberUID: string(v.Member.UID),
		Account: v.Person.Account.Name, AccountUID: string(v.Person.Account.UID), RequestedTime: metav1.NewTime(v.Now()),
	}
}

// handOver leaves an order for the operator, and shows what becomes of it.
func (h *Handler) handOver(v *session.Visit, way connecting, order connection.Order) error {
	secret, err := order.Secret()
	if err == nil {
		err = h.Client.Create(v.R.Context(), secret)
	}
	if err == nil {
		way.Draft, way.Order = "", secret.Name
		err = v.SealCookie(connectCookie, connectUse, way, connectFor)
	}
	if err != nil {
		return err
	}
	e := web.EventConnect
	if order.Remove != nil {
		e = web.EventRemove
	}
	v.Audit(e, web.ResultSuccess, v.Person.Account.Name, "namespace", order.Namespace, "network", order.Network, "order", secret.Name)
	return v.SeeOther("/organizations/"+order.Namespace+"/profiles/outcome", "")
}

// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
)

// networkTarget is a network that somebody connects a profile of.
type networkTarget struct {
	config.Network
	// profile that is connected again; nil for a new one.
	profile *rosterv1alpha1.SocialProfile
}

// slug stands for a network in addresses.
func slug(n rosterv1alpha1.Network) string { return strings.ToLower(string(n)) }

// title names a network, and of Mastodon its server.
func (n networkTarget) title() string {
	if n.Name == rosterv1alpha1.NetworkMastodon {
		return string(n.Name) + " (" + n.Host() + ")"
	}
	return string(n.Name)
}

// server that tells one Mastodon from another.
func (n networkTarget) server() string {
	if n.Name == rosterv1alpha1.NetworkMastodon {
		return n.Host()
	}
	return ""
}

// scopes to ask for: those for profiles, and for ad accounts where the platform wants them.
func (n networkTarget) scopes(t network.Traits) []string {
	return slices.Concat(
		directory.Scopes(n.Network, t, rosterv1alpha1.TypeProfile), directory.Scopes(n.Network, t, rosterv1alpha1.TypeAdAccount))
}

// requestedTarget is the membership of the page, and the network to go to. It answers, and returns false, where that is not for the person.
func (h *Handler) requestedTarget(v *session.Visit) (session.Membership, networkTarget, bool) {
	b, ok := v.Membership()
	if !ok {
		return b, networkTarget{}, false
	}
	n, ok := h.findTarget(v, b)
	return b, n, ok
}

// findTarget finds the network of the page, and the profile that is to be connected again. It answers, and returns false, if there is
// none, the person may not connect it, which looks the same, or the plan has no room for another profile.
func (h *Handler) findTarget(v *session.Visit, b session.Membership) (networkTarget, bool) {
	query := v.R.URL.Query()
	var n networkTarget
	if name := query.Get(parameterProfile); name != "" {
		// Whether there is such a profile is not told to whoever may not connect it.
		may, err := h.mayOn(v, b, "connect", name)
		if err != nil {
			v.Fault(err)
			return n, false
		}
		n.profile = &rosterv1alpha1.SocialProfile{}
		if !h.Cache.Look(v.R.Context(), client.ObjectKey{Namespace: b.Member.Namespace, Name: name}, n.profile) || !may {
			v.NotFound()
			return n, false
		}
	}
	found := false
	for _, c := range h.Networks.Connectable() {
		if slug(c.Name) == v.R.PathValue("network") && (c.Name != rosterv1alpha1.NetworkMastodon || c.Host() == query.Get(parameterServer)) {
			n.Network, found = c, true
		}
	}
	if !found || n.profile != nil && n.profile.Spec.Network != n.Name {
		v.NotFound()
		return n, false
	}
	return n, n.profile != nil || h.mayGo(v, b, nil)
}

// mayGo answers, and returns false, if the person may not connect that profile, or a new one where it is nil, or if there is no
// room for it.
func (h *Handler) mayGo(v *session.Visit, b session.Membership, profile *rosterv1alpha1.SocialProfile) bool {
	may, err := h.mayConnect(v, b, profile)
	switch {
	case err != nil:
		v.Fault(err)
		return false
	case !may:
		h.notConnector(v, b)
		return false
	}
	if contact, full := planFull(b.Organization); full && profile == nil {
		w := v.Words
		v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("connect.full.title"),
			Paragraphs: []string{w.T("connect.full.text", "Org", b.Organization.Spec.DisplayName), w.T("connect.full.next", "Contact", contact)},
			Go:         h.toProfiles(v, b.Member.Namespace)})
		return false
	}
	return true
}

// mayConnect asks the API server whether the person may connect a profile: that one, or a new one where it is nil.
func (h *Handler) mayConnect(v *session.Visit, b session.Membership, profile *rosterv1alpha1.SocialProfile) (bool, error) {
	if profile != nil {
		return h.mayOn(v, b, "connect", profile.Name)
	}
	return h.mayOn(v, b, "create", "")
}

func (h *Handler) mayOn(v *session.Visit, b session.Membership, verb, profile string) (bool, error) {
	return h.Sessions.May(v, b.Member.Namespace, invitation.Review{Resource: "socialprofiles", Verb: verb, Name: profile})
}

// notConnector is for whoever may not connect what they want to.
func (h *Handler) notConnector(v *session.Visit, b session.Membership) {
	w := v.Words
	v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("connect.forbidden.title"),
		Paragraphs: []string{w.T("connect.forbidden.text"), w.T("connect.forbidden.next", "Contact", h.contactName(v, b))},
		Go:         h.toProfiles(v, b.Member.Namespace)})
}

// contactName is whom to ask in the organisation.
func (h *Handler) contactName(v *session.Visit, b session.Membership) string {
	if c := h.Organizations.Contact(v.R.Context(), b); c != nil {
		return c.Name
	}
	return v.Words.T("contact.team")
}

// planFull reports whether the plan has no place for another profile, and whom to ask.
func planFull(o *rosterv1alpha1.Organization) (contact string, full bool) {
	left, limited := quota.Left(o.Status.Plan.SocialProfiles)
	return o.Status.Plan.Contact, limited && left == 0
}

// connectPath is a page on the way to a network.
func connectPath(v *session.Visit, namespace string, n networkTarget, page string) string {
	query := url.Values{}
	if server := n.server(); server != "" {
		query.Set(parameterServer, server)
	}
	if n.profile != nil {
		query.Set(parameterProfile, n.profile.Name)
	}
	return v.PathWith("/organizations/"+namespace+"/connect/"+slug(n.Name)+page, query)
}

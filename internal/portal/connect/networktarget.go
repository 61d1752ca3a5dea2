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
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
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

// findTarget finds the network of the page, and the profile that is to be connected again. It answers if there is none, if the person may
// not connect it, which looks the same, or if the plan has no room for another profile.
func (h *Handler) findTarget(v *session.MemberVisit) (networkTarget, error) {
	query := v.R.URL.Query()
	var n networkTarget
	if name := query.Get(parameterProfile); name != "" {
		// Whether there is such a profile is not told to somebody who may not connect it.
		may, err := h.mayOn(v, "connect", name)
		if err != nil {
			return n, err
		}
		n.profile = &rosterv1alpha1.SocialProfile{}
		if !h.Cache.Look(v.R.Context(), client.ObjectKey{Namespace: v.Member.Namespace, Name: name}, n.profile) || !may {
			return n, web.Answered(v.NotFound())
		}
	}
	found := false
	for _, c := range h.Networks.Connectable() {
		if slug(c.Name) == v.R.PathValue("network") && (c.Name != rosterv1alpha1.NetworkMastodon || c.Host() == query.Get(parameterServer)) {
			n.Network, found = c, true
		}
	}
	if !found || n.profile != nil && n.profile.Spec.Network != n.Name {
		return n, web.Answered(v.NotFound())
	}
	if n.profile != nil {
		return n, nil
	}
	return n, h.mayGo(v, nil)
}

// mayGo answers if the person may not connect that profile, or a new one where it is nil, or if there is no room for it.
func (h *Handler) mayGo(v *session.MemberVisit, profile *rosterv1alpha1.SocialProfile) error {
	may, err := h.mayConnect(v, profile)
	switch {
	case err != nil:
		return err
	case !may:
		return web.Answered(h.notConnector(v))
	}
	if contact, full := organization.PlanFull(v.Organization); full && profile == nil {
		w := v.Words
		return web.Answered(v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("connect.full.title"),
			Paragraphs: []string{w.T("connect.full.text", "Org", v.Organization.Spec.DisplayName), w.T("connect.full.next", "Contact", contact)},
			Go:         h.toProfiles(v.Visit, v.Member.Namespace)}))
	}
	return nil
}

// mayConnect asks the API server whether the person may connect a profile: that one, or a new one where it is nil.
func (h *Handler) mayConnect(v *session.MemberVisit, profile *rosterv1alpha1.SocialProfile) (bool, error) {
	if profile != nil {
		return h.mayOn(v, "connect", profile.Name)
	}
	return h.mayOn(v, "create", "")
}

func (h *Handler) mayOn(v *session.MemberVisit, verb, profile string) (bool, error) {
	if v.HoldsNothing() {
		return false, nil // The API server may not know yet.
	}
	return h.Sessions.May(v.Visit, v.Member.Namespace, invitation.Review{Resource: "socialprofiles", Verb: verb, Name: profile})
}

// notConnector is for somebody who may not connect what they want to.
func (h *Handler) notConnector(v *session.MemberVisit) error {
	w := v.Words
	return v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("connect.forbidden.title"),
		Paragraphs: []string{w.T("connect.forbidden.text"), w.T("connect.forbidden.next", "Contact", h.contactName(v))},
		Go:         h.toProfiles(v.Visit, v.Member.Namespace)})
}

// contactName is whom to ask in the organisation.
func (h *Handler) contactName(v *session.MemberVisit) string {
	if c := h.Organizations.Contact(v.R.Context(), v.Membership); c != nil {
		return c.Name
	}
	return v.Words.T("contact.team")
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

// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/roles"
)

// offerView is an invitation in words.
type offerView struct {
	Org      string
	Initials string
	Email    string
	// Inviter by name or address; empty if it is not a person.
	Inviter string
	Note    string
	Role    roles.Term
	// Owns says that the person is to own the organisation.
	Owns bool
	// AllProfiles says that the role in the organisation brings all profiles with it.
	AllProfiles  bool
	Profiles     []profileView
	MoreProfiles []profileView
	// Workspaces that are given; none for whoever has all of them.
	Workspaces   []workspaceView
	Until        untilView
	Environments []web.EnvironmentView
	// Owner of the organisation; nil if there is none, or it is the invited person.
	Owner *personView
	// Contact is whom to ask, for the middle of a sentence.
	Contact string
}

type profileView struct {
	Network, Handle string
	Role            roles.Term
}

// workspaceView has no role where the roles in the workspace are given profile by profile.
type workspaceView struct {
	Name string
	Role roles.Term
}

// untilView is when the link expires: in words, for machines (RFC 3339), and how much time is left.
type untilView struct{ Text, Machine, Left string }

type personView struct{ Name, Email string }

// shownProfiles is how many profiles a page shows before it folds the rest away.
const shownProfiles = 8

// describe puts an invitation into words. What it reads besides comes from the cache, and is left out if it cannot be had: it is not what
// anything is decided by.
func (p *Portal) describe(ctx context.Context, f verifiedLink, w web.Words) offerView {
	o := f.offer
	told, err := offer.Present(ctx, p.cache, o, p.userPrefix)
	if err != nil {
		p.log.Error(err, "Cannot read all that is offered", "invitation", client.ObjectKeyFromObject(o.Invitation))
	}
	v := offerView{
		Org: cmp.Or(told.Organization, w.T("contact.organisation")), Initials: initials(told.Organization), Contact: w.T("contact.someone"),
		Email: string(f.address), Inviter: told.Inviter, Note: told.Message, Environments: environmentViews(told.Environments),
		Role: w.Roles.InOrganization(told.Role, told.AddsProfiles, told.CustomRoles), Owns: told.Role == rosterv1alpha1.RoleOwner,
		AllProfiles: told.AllProfiles,
	}
	if told.Owner != nil {
		v.Owner = &personView{Name: memberName(told.Owner), Email: told.Owner.Spec.Email}
	}
	profiles := profileViews(w, told)
	cut := min(shownProfiles, len(profiles))
	v.Profiles, v.MoreProfiles, v.Workspaces = profiles[:cut], profiles[cut:], workspaceViews(w, told)
	switch {
	case v.Inviter != "":
		v.Contact = v.Inviter
	case v.Owner != nil:
		v.Contact = v.Owner.Name
	}
	if e := o.Invitation.Status.ExpiryTime; e != nil {
		v.Until = untilView{Text: w.Moment(e.Time), Machine: e.UTC().Format(time.RFC3339), Left: w.Left(e.Sub(p.clock.Now()))}
	}
	return v
}

func workspaceViews(w web.Words, told offer.Presentation) []workspaceView {
	var views []workspaceView
	for _, g := range told.Workspaces {
		v := workspaceView{Name: g.Name}
		if g.Role != "" {
			v.Role = w.Roles.OnProfile(g.Role, told.CustomRoles)
		}
		views = append(views, v)
	}
	return views
}

func profileViews(w web.Words, told offer.Presentation) []profileView {
	var views []profileView
	for _, g := range told.Profiles {
		v := profileView{Handle: g.Name, Role: w.Roles.OnProfile(g.Role, told.CustomRoles)}
		if g.Of != nil {
			v.Handle, v.Network = g.Of.Spec.Handle, networkName(w, g.Of)
		}
		views = append(views, v)
	}
	return views
}

// owns reports whether the invited Member is the one that owns the organisation.
func owns(o invitation.Offer) bool {
	owner, invited := o.Organization.Spec.OwnerRef, o.Invitation.Spec.MemberRef
	return owner != nil && invited != nil && owner.Name == invited.Name
}

func memberName(m *rosterv1alpha1.Member) string {
	for _, name := range []string{m.Status.DisplayName, m.Spec.DisplayName} {
		if name != "" {
			return name
		}
	}
	return m.Spec.Email
}

// look reads from the cache what a page can do without.
func (p *Portal) look(ctx context.Context, key client.ObjectKey, o client.Object) bool {
	err := p.cache.Get(ctx, key, o)
	if client.IgnoreNotFound(err) != nil {
		p.log.Error(err, "Cannot read from the cache", "object", key)
	}
	return err == nil && !apierrors.IsNotFound(err)
}

func environmentViews(all []rosterv1alpha1.Environment) []web.EnvironmentView {
	var views []web.EnvironmentView
	for _, e := range all {
		u, _ := url.Parse(e.URL) // offer.Environments gives none that cannot be read.
		views = append(views, web.EnvironmentView{Name: e.Name, URL: e.URL, Host: u.Host})
	}
	return views
}

// initials are the first letters of the first two words.
func initials(name string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		r, _ := utf8.DecodeRuneInString(word)
		b.WriteRune(unicode.ToUpper(r))
		if utf8.RuneCountInString(b.String()) == 2 {
			break
		}
	}
	return b.String()
}

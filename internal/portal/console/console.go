// SPDX-License-Identifier: Apache-2.0

// Package console is what the pages stand on by which people look after an organisation. It decides nothing: what they change goes to the
// API server in their own name, so that RBAC and the admission policies answer, and the audit log names the person. What they are shown
// comes from the portal's cache, once the API server has said that they may read it.
package console

import (
	"embed"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts that all pages of the console share.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

// Desk is where people who look after an organisation are let in.
type Desk struct {
	Sessions *session.Manager
	// As is the API server as a user meets it, by user name; nil where nobody may be acted for. See docs/security.md.
	As func(user string) (client.Client, error)
	// Cache is what pages are made of.
	Cache web.Cache
	// UserPrefix stands before the address in a person's user name.
	UserPrefix string
	// Tabs lead from each page to the others.
	Tabs []Tab
	// Self is the API server as the portal meets it, for the question what the portal may do.
	Self client.Client
	// Warn tells the people who run Roster, where they look first, what they have to change. May be nil.
	Warn func(reason, note string)
	// Metrics to count in.
	Metrics *web.Metrics

	probe probe
}

// Tab leads to the pages of one room.
type Tab struct {
	// Page is the path of the room behind that of the organisation, such as "/team/people".
	Page string
	// Text is the name of its text.
	Text string
}

// Visit is one to a page of the console, by somebody who may look at the team.
type Visit struct {
	*session.MemberVisit
	// API is the API server as the person meets it. Every read that decides something and every write goes there.
	API client.Client

	desk *Desk
}

// Namespace of the organisation.
func (v *Visit) Namespace() string { return v.Member.Namespace }

// User is the name that the API server knows the person by.
func (v *Visit) User() string { return v.desk.user(v.MemberVisit) }

func (d *Desk) user(v *session.MemberVisit) string {
	return invitation.Person(d.UserPrefix, address.Address(v.Person.Account.Spec.Email)).User
}

// Open lets those in who may look at the team. To everybody else the page is not there.
func (d *Desk) Open(page func(*Visit) error) func(*web.Visit) error {
	return d.Sessions.RequireMember(d.enter(page))
}

// OpenRecent is Open for what is sensitive: people who have not proved lately who they are do so again first.
func (d *Desk) OpenRecent(page func(*Visit) error) func(*web.Visit) error {
	return d.Sessions.RequireRecentMember(d.enter(page))
}

// enter asks the API server, as the person, for the first of the team: it answers whether they may read it, and whether the portal may act
// for them.
func (d *Desk) enter(page func(*Visit) error) func(*session.MemberVisit) error {
	return func(v *session.MemberVisit) error {
		if d.As == nil {
			return d.refuse(v, nil)
		}
		api, err := d.As(d.user(v))
		if err != nil {
			return err
		}
		err = api.List(v.R.Context(), &rosterv1alpha1.MemberList{}, client.InNamespace(v.Member.Namespace), client.Limit(1))
		switch {
		case apierrors.IsForbidden(err):
			return d.refuse(v, err)
		case err != nil:
			return err
		}
		d.note(v.Log(), on)
		v.R = v.R.WithContext(listening(v.R.Context()))
		return page(&Visit{MemberVisit: v, API: api, desk: d})
	}
}

// Frame stands around the content of a page: every content has one.
type Frame struct {
	// Org is what the organisation is called, and Home the person's own page about it.
	Org, Home string
	Tabs      []TabView
	// Done is what has just been done, in words; empty for nothing. Warnings are what the API server has warned of.
	Done     string
	Warnings []string
}

// TabView leads to a room.
type TabView struct {
	Text, Href string
	Current    bool
}

// Frame of the page.
func (v *Visit) Frame() Frame {
	d := v.takeDone()
	f := Frame{
		Org: v.Organization.Spec.DisplayName, Home: v.OrganizationPath(v.Namespace(), ""),
		Done: d.Text, Warnings: append(d.Warnings, v.warned()...),
	}
	here := strings.TrimPrefix(v.Page(), "/organizations/"+v.Namespace())
	for _, t := range v.desk.Tabs {
		f.Tabs = append(f.Tabs, TabView{
			Text: v.Words.T(t.Text), Href: v.To(t.Page), Current: here == t.Page || strings.HasPrefix(here, t.Page+"/"),
		})
	}
	return f
}

// To is a page of the console about the organisation, such as "/team/people".
func (v *Visit) To(page string) string { return v.OrganizationPath(v.Namespace(), page) }

// Cache is what pages are made of: what the person may read, since they may look at the team.
func (v *Visit) Cache() web.Cache { return v.desk.Cache }

const (
	doneCookie = "roster-done"
	doneUse    = "roster.dev portal done v1"
)

// Done sends the browser to a page of the console, which says what has been done: the text of that name, filled in with pairs of names and
// values as those of web.Words.T are. It is sealed in a cookie, so that no link can make a page say it.
func (v *Visit) Done(page, text string, pairs ...any) error {
	d := done{Account: v.Person.Account.Name, Namespace: v.Namespace(), Text: v.Words.T(text, pairs...), Warnings: v.warned()}
	if err := v.SealCookie(doneCookie, doneUse, d, 0); err != nil {
		return err
	}
	return v.Redirect(v.To(page))
}

// done is what somebody has done, and was warned of, in words. Nobody else who uses the browser, and no other organisation, is told.
type done struct {
	Account, Namespace, Text string
	Warnings                 []string `json:",omitempty"`
}

func (v *Visit) takeDone() done {
	var d done
	if ok, err := v.OpenCookie(doneCookie, doneUse, &d); !ok || err != nil {
		return done{}
	}
	v.DropCookie(doneCookie)
	if d.Account != v.Person.Account.Name || d.Namespace != v.Namespace() {
		return done{}
	}
	return d
}

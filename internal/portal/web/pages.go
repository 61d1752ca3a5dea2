// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/texts"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// PageName names a page's template.
type PageName string

// The pages.
const (
	PageInvitation      PageName = "invitation"
	PageDecline         PageName = "decline"
	PageOtherAddress    PageName = "other-address"
	PageCopiedLink      PageName = "copied-link"
	PageWelcome         PageName = "welcome"
	PageNotice          PageName = "notice"
	PageSignIn          PageName = "sign-in"
	PageAccount         PageName = "account"
	PageForgotten       PageName = "forgotten"
	PageReset           PageName = "reset"
	PageSecondFactor    PageName = "second-factor"
	PageFactors         PageName = "factors"
	PageApp             PageName = "app"
	PagePasskey         PageName = "passkey"
	PageCodes           PageName = "codes"
	PageCompany         PageName = "company"
	PagePersonalDetails PageName = "personal-details"
	PageUsername        PageName = "username"
	PageDevices         PageName = "devices"
	// PageOrganization is what a person may do in an organisation, pageOnboarding what to do first.
	PageOrganization PageName = "organization"
	PageOnboarding   PageName = "onboarding"
	// PageSure asks whether the person is sure.
	PageSure PageName = "sure"
	// PageOwnership asks whether the person takes an organisation over.
	PageOwnership PageName = "ownership"
	// The pages about the connections of social profiles.
	PageSocialProfiles PageName = "social-profiles"
	PageConnect        PageName = "connect"
	PageChoose         PageName = "choose"
	PageOutcome        PageName = "outcome"
)

// Pages renders them.
type Pages struct {
	root      string // path of the portal's address, without a slash at the end
	templates map[PageName]*template.Template
	assets    map[string]asset
	Style     string
	icon      string
	script    string
}

// asset is a file that browsers may keep for ever: its name changes with its content.
type asset struct {
	contentType string
	content     []byte
}

// NewPages reads all pages, for a portal under that path. Rooms bring their own: templates/<page>.html, which defines its content, and
// templates/layout-<name>.html for what several pages share.
func NewPages(root string, rooms ...fs.FS) (*Pages, error) {
	p := &Pages{root: root, templates: map[PageName]*template.Template{}, assets: map[string]asset{}}
	all := template.New("")
	for _, place := range append([]fs.FS{templateFiles}, rooms...) {
		if err := p.addPages(all, place); err != nil {
			return nil, err
		}
	}
	var err error
	if p.Style, err = p.addAsset("portal.css", "text/css; charset=utf-8"); err != nil {
		return nil, err
	}
	if p.icon, err = p.addAsset("icon.svg", "image/svg+xml"); err != nil {
		return nil, err
	}
	p.script, err = p.addAsset("passkey.js", "text/javascript; charset=utf-8")
	return p, err
}

// addPages adds the pages of a room, and what they share, to all. What a file defines is known to all pages by its name, but for their
// content, which each has: one set for all, since a copy of what they share for each would be most of what the portal keeps in memory.
func (p *Pages) addPages(all *template.Template, place fs.FS) error {
	files, err := fs.Glob(place, "templates/*.html")
	if err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		defined, err := template.ParseFS(place, file)
		if err != nil {
			return err
		}
		for _, t := range defined.Templates() {
			if t.Name() == path.Base(file) {
				continue // what stands around the definitions
			}
			called := t.Name()
			if called == "content" {
				called = "content of " + name
			}
			if all.Lookup(called) != nil {
				return fmt.Errorf("two templates are called %q, one of them in %s", called, file)
			}
			if _, err := all.AddParseTree(called, t.Tree); err != nil {
				return err
			}
		}
		if all.Lookup("content of "+name) == nil {
			continue // it is for several pages
		}
		page, err := all.New("page " + name).Parse(`{{template "top" .}}{{template "content of ` + name + `" .}}{{template "bottom" .}}`)
		if err != nil {
			return err
		}
		p.templates[PageName(name)] = page
	}
	return nil
}

// addAsset returns the path of the file.
func (p *Pages) addAsset(name, contentType string) (string, error) {
	content, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	p.assets[hashed] = asset{contentType: contentType, content: content}
	return p.root + "/assets/" + hashed, nil
}

// pageView is what every template gets.
type pageView struct {
	Words Words
	Title string
	Style string
	Icon  string
	// Script of the page; empty on all pages but those that ask for passkeys.
	Script    string
	Languages []languageView
	// Menu is nil where nobody is signed in.
	Menu    *MenuView
	Content any
}

type languageView struct {
	Locale  rosterv1alpha1.Locale
	Name    string
	Href    string
	Current bool
}

// Write renders a page in memory first, so that a fault in a template cannot leave half a page under a status that says all is well. Marks
// that turn text around are left out: somebody may have put them into a name with kubectl, and they would turn what stands beside it.
func (p *Pages) Write(w http.ResponseWriter, status int, name PageName, words Words, title string, menu *MenuView, content any) error {
	view := pageView{
		Words: words, Title: title, Style: p.Style, Icon: p.icon, Content: content,
		Languages: languageViews(words), Menu: menu,
	}
	if view.Script = p.scriptOf(name); view.Script != "" {
		w.Header().Set("Content-Security-Policy", w.Header().Get("Content-Security-Policy")+"; script-src 'self'")
	}
	var b bytes.Buffer
	if err := p.templates[name].Execute(&b, view); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return fmt.Errorf("page %s: %w", name, err)
	}
	page := b.Bytes()
	if bytes.ContainsFunc(page, turnsText) {
		page = bytes.Map(func(r rune) rune {
			if turnsText(r) {
				return -1
			}
			return r
		}, page)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(words.Locale))
	w.WriteHeader(status)
	_, _ = w.Write(page) // the client may be gone
	return nil
}

// scriptOf is the script of the pages that ask for passkeys: browsers hand them to scripts only. All other pages allow none.
func (p *Pages) scriptOf(name PageName) string {
	switch name {
	case PageSignIn, PageSecondFactor, PagePasskey:
		return p.script
	}
	return ""
}

// languageViews link to the same page: whatever path was asked for must not find its way into a link.
func languageViews(w Words) []languageView {
	names := map[rosterv1alpha1.Locale]string{
		rosterv1alpha1.LocaleEnglish: w.T("language.en"),
		rosterv1alpha1.LocaleFrench:  w.T("language.fr"),
	}
	var views []languageView
	for _, l := range texts.Languages() {
		views = append(views, languageView{
			Locale: l, Name: names[l], Current: l == w.Locale, Href: "?" + LangParameter + "=" + string(l),
		})
	}
	return views
}

// Fields are those of a form, with what has to be corrected.
type Fields struct {
	Problems []Problem
}

// FieldView is what the markup of one field needs.
type FieldView struct {
	ID          string
	DescribedBy string
	Problems    []Problem
}

// Field describes a field; hints are the ids of what explains it.
func (p Fields) Field(id string, hints ...string) FieldView {
	v := FieldView{ID: id}
	for _, pr := range p.Problems {
		if pr.Field == id {
			v.Problems = append(v.Problems, pr)
		}
	}
	if len(v.Problems) > 0 {
		hints = append(hints, id+"-error")
	}
	v.DescribedBy = strings.Join(hints, " ")
	return v
}

// Notice is a page that says something, and perhaps what to do next.
type Notice struct {
	// Symbol beside the heading.
	Symbol       symbol
	Heading      string
	Paragraphs   []string
	Environments []EnvironmentView
	// Renew is where to ask for a new link; empty if that is not offered.
	Renew string
	// Go is where to go on; its Href is empty if there is nowhere.
	Go Action
	// Decline is where to say no; empty if that is not offered.
	Decline string
	// Again is where to try again; empty if there is no sense in that.
	Again string
}

// Action is a link with a text: what somebody can do next.
type Action struct{ Text, Href string }

// symbol names a drawing in the template of notices; the empty one is an "i".
type symbol string

// The drawings.
const (
	SymbolClock symbol = "clock"
	SymbolCheck symbol = "check"
	SymbolMail  symbol = "mail"
	SymbolStop  symbol = "stop"
	SymbolLink  symbol = "link"
)

// MenuView stands at the top of the pages of somebody who is signed in.
type MenuView struct {
	Name    string
	Account string
	SignOut string
	// Organizations to switch between, by name.
	Organizations []OrganizationLink
}

// OrganizationLink leads to the page of an organisation.
type OrganizationLink struct {
	Name    string
	Href    string
	Current bool
}

// Sure is a page that asks whether the person is sure.
type Sure struct {
	Fields
	Heading, Text string
	// Confirm stands beside the box to tick, Submit on the button.
	Confirm, Submit string
	Action, Back    string
}

// ServeAsset answers GET /assets/{name}.
func (p *Pages) ServeAsset(w http.ResponseWriter, r *http.Request) bool {
	a, ok := p.assets[r.PathValue("name")]
	if !ok {
		return false
	}
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(a.content)
	return true
}

// EnvironmentView is where the work of an organisation is done.
type EnvironmentView struct{ Name, URL, Host string }

// Environments shows addresses that a browser can open.
func Environments(all []rosterv1alpha1.Environment) []EnvironmentView {
	var views []EnvironmentView
	for _, e := range all {
		u, _ := url.Parse(e.URL)
		views = append(views, EnvironmentView{Name: e.Name, URL: e.URL, Host: u.Host})
	}
	return views
}

// Only is the one place where somebody signs in; nil if there are several, or none: then they have to choose, or to ask.
func Only(all []EnvironmentView) *EnvironmentView {
	if len(all) != 1 {
		return nil
	}
	return &all[0]
}

// Initials are the first letters of the first two words.
func Initials(name string) string {
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

// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// pageName names a page's template.
type pageName string

// The pages.
const (
	pageInvitation      pageName = "invitation"
	pageDecline         pageName = "decline"
	pageOtherAddress    pageName = "other-address"
	pageWelcome         pageName = "welcome"
	pageNotice          pageName = "notice"
	pageSignIn          pageName = "sign-in"
	pageAccount         pageName = "account"
	pageForgotten       pageName = "forgotten"
	pageReset           pageName = "reset"
	pageSecondFactor    pageName = "second-factor"
	pageFactors         pageName = "factors"
	pageApp             pageName = "app"
	pagePasskey         pageName = "passkey"
	pageCodes           pageName = "codes"
	pageCompany         pageName = "company"
	pagePersonalDetails pageName = "personal-details"
	pageUsername        pageName = "username"
	pageDevices         pageName = "devices"
	// pageOrganization is what a person may do in an organisation, pageOnboarding what to do first.
	pageOrganization pageName = "organization"
	pageOnboarding   pageName = "onboarding"
	// pageSure asks whether the person is sure.
	pageSure pageName = "sure"
	// pageOwnership asks whether the person takes an organisation over.
	pageOwnership pageName = "ownership"
	// The pages about the connections of social profiles.
	pageSocialProfiles pageName = "social-profiles"
	pageConnect        pageName = "connect"
	pageChoose         pageName = "choose"
	pageOutcome        pageName = "outcome"
)

func pageNames() []pageName {
	return []pageName{
		pageInvitation, pageDecline, pageOtherAddress, pageWelcome, pageNotice, pageSignIn, pageAccount, pageForgotten, pageReset,
		pagePersonalDetails,
		pageUsername, pageDevices, pageOrganization, pageOnboarding, pageSure, pageOwnership, pageSecondFactor, pageFactors, pageApp,
		pagePasskey, pageCodes, pageCompany, pageSocialProfiles, pageConnect, pageChoose, pageOutcome,
	}
}

// pages renders them.
type pages struct {
	root      string // path of the portal's address, without a slash at the end
	templates map[pageName]*template.Template
	assets    map[string]asset
	style     string
	icon      string
	script    string
}

// asset is a file that browsers may keep for ever: its name changes with its content.
type asset struct {
	contentType string
	content     []byte
}

func newPages(root string) (*pages, error) {
	layout, err := template.ParseFS(templateFiles, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	p := &pages{root: root, templates: map[pageName]*template.Template{}, assets: map[string]asset{}}
	for _, name := range pageNames() {
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, "templates/"+string(name)+".html")
		}
		if err != nil {
			return nil, err
		}
		p.templates[name] = t
	}
	if p.style, err = p.addAsset("portal.css", "text/css; charset=utf-8"); err != nil {
		return nil, err
	}
	if p.icon, err = p.addAsset("icon.svg", "image/svg+xml"); err != nil {
		return nil, err
	}
	p.script, err = p.addAsset("passkey.js", "text/javascript; charset=utf-8")
	return p, err
}

// addAsset returns the path of the file.
func (p *pages) addAsset(name, contentType string) (string, error) {
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
	Words words
	Title string
	Style string
	Icon  string
	// Script of the page; empty on all pages but those that ask for passkeys.
	Script    string
	Languages []languageView
	// Menu is nil where nobody is signed in.
	Menu    *menuView
	Content any
}

type languageView struct {
	Locale  rosterv1alpha1.Locale
	Name    string
	Href    string
	Current bool
}

// write renders a page in memory first, so that a fault in a template cannot leave half a page under a status that says all is well.
func (p *pages) write(w http.ResponseWriter, status int, name pageName, words words, title string, menu *menuView, content any) error {
	view := pageView{
		Words: words, Title: title, Style: p.style, Icon: p.icon, Content: content,
		Languages: languageViews(words), Menu: menu,
	}
	if view.Script = p.scriptOf(name); view.Script != "" {
		w.Header().Set("Content-Security-Policy", w.Header().Get("Content-Security-Policy")+"; script-src 'self'")
	}
	var b bytes.Buffer
	if err := p.templates[name].ExecuteTemplate(&b, "layout", view); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(words.Locale))
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the client may be gone
	return nil
}

// scriptOf is the script of the pages that ask for passkeys: browsers hand them to scripts only. All other pages allow none.
func (p *pages) scriptOf(name pageName) string {
	switch name {
	case pageSignIn, pageSecondFactor, pagePasskey:
		return p.script
	}
	return ""
}

// languageViews link to the same page: whatever path was asked for must not find its way into a link.
func languageViews(w words) []languageView {
	names := map[rosterv1alpha1.Locale]string{
		rosterv1alpha1.LocaleEnglish: w.T("language.en"),
		rosterv1alpha1.LocaleFrench:  w.T("language.fr"),
	}
	var views []languageView
	for _, l := range languages() {
		views = append(views, languageView{
			Locale: l, Name: names[l], Current: l == w.Locale, Href: "?" + langParameter + "=" + string(l),
		})
	}
	return views
}

// formPage is a page with a form about an invitation.
type formPage struct {
	fields
	Offer   offerView
	Form    form
	SignIn  bool
	Rules   []string
	Action  string
	Decline string
	Back    string
	// Forgotten is where to ask for a new password.
	Forgotten string
	// Ways are those to sign in that open the organisation.
	Ways waysView
	// SignedIn is the address of the invited person's Account, if they are signed in on this browser.
	SignedIn string
	// Other is where people accept with an account of another address; empty where none can.
	Other string
}

// fields are those of a form, with what has to be corrected.
type fields struct {
	Problems []problem
}

// fieldView is what the markup of one field needs.
type fieldView struct {
	ID          string
	DescribedBy string
	Problems    []string
}

// Field describes a field; hints are the ids of what explains it.
func (p fields) Field(id string, hints ...string) fieldView {
	v := fieldView{ID: id}
	for _, pr := range p.Problems {
		if pr.Field == id {
			v.Problems = append(v.Problems, pr.Text)
		}
	}
	if len(v.Problems) > 0 {
		hints = append(hints, id+"-error")
	}
	v.DescribedBy = strings.Join(hints, " ")
	return v
}

// welcomePage is shown after accepting.
type welcomePage struct {
	Offer   offerView
	Steps   []stepView
	Create  []string
	Account string
}

// notice is a page that says something, and perhaps what to do next.
type notice struct {
	// Symbol beside the heading.
	Symbol       symbol
	Heading      string
	Paragraphs   []string
	Environments []environmentView
	// Renew is where to ask for a new link; empty if that is not offered.
	Renew string
	// Go is where to go on; its Href is empty if there is nowhere.
	Go action
	// Decline is where to say no; empty if that is not offered.
	Decline string
	// Again is where to try again; empty if there is no sense in that.
	Again string
}

// action is a link that looks like a button.
type action struct{ Text, Href string }

// symbol names a drawing in the template of notices; the empty one is an "i".
type symbol string

const (
	symbolClock symbol = "clock"
	symbolCheck symbol = "check"
	symbolMail  symbol = "mail"
	symbolStop  symbol = "stop"
	symbolLink  symbol = "link"
)

// serveAsset answers GET /assets/{name}.
func (p *pages) serveAsset(w http.ResponseWriter, r *http.Request) bool {
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

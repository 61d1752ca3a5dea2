// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

//go:embed web
var webFiles embed.FS

// pagePolicy is the Content-Security-Policy of the mailbox itself: its own style, its own script, and frames of its own that hold
// the HTML of a mail.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// listLimit is how many mails the page lists.
const listLimit = 200

// Handler is the web page and the API. It answers only to names of this machine, so that no page elsewhere can read the mails by
// letting its own name point here.
func (m *Mailbox) Handler() http.Handler {
	pages := pages{mailbox: m, template: template.Must(template.ParseFS(webFiles, "web/*.html"))}
	mux := http.NewServeMux()
	m.handleAPI(mux)
	mux.HandleFunc("GET /{$}", pages.list)
	mux.HandleFunc("GET /messages/{id}", m.withMessage(pages.message))
	mux.HandleFunc("GET /messages/{id}/html", m.withMessage(frame))
	mux.HandleFunc("POST /messages/{id}/delete", pages.remove)
	mux.HandleFunc("POST /delete", pages.clear)
	static, _ := fs.Sub(webFiles, "web/static")
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	return localOnly(guarded(http.NewCrossOriginProtection().Handler(mux)))
}

func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			http.Error(w, "the mailbox answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLocal(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// frame is the HTML of a mail as it stands in its sandboxed frame.
func frame(w http.ResponseWriter, _ *http.Request, msg *message) {
	w.Header().Set("Content-Security-Policy", messagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(showable(msg.html)))
}

type pages struct {
	mailbox  *Mailbox
	template *template.Template
}

// page is what the template shows.
type page struct {
	Query   string
	Total   int
	Unread  int
	Found   int
	Rows    []row
	Opened  *opened
	Refresh bool
}

// row is a mail in the list.
type row struct {
	Link    template.URL
	From    string
	To      string
	Subject string
	Snippet string
	Time    string
	ISOTime string
	Read    bool
	Current bool
}

// opened is the mail that is being read.
type opened struct {
	ID      string
	Subject string
	From    *mail.Address
	To      []*mail.Address
	ReplyTo []*mail.Address
	Date    string
	ISODate string
	Initial string
	Tabs    []tab
	View    string
	Text    template.HTML
	Source  string
}

type tab struct {
	Name    string
	View    string
	Link    template.URL
	Current bool
}

func (p pages) list(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, nil)
}

func (p pages) message(w http.ResponseWriter, r *http.Request, msg *message) {
	p.mailbox.store.markRead(msg.id)
	p.render(w, r, msg)
}

func (p pages) render(w http.ResponseWriter, r *http.Request, msg *message) {
	text := r.URL.Query().Get("query")
	now := p.mailbox.options.Clock.Now()
	v := page{Query: text, Refresh: msg == nil}
	v.Total, v.Unread = p.mailbox.store.count()
	found := p.mailbox.store.list(words(r))
	v.Found = len(found)
	for _, e := range found[:min(listLimit, len(found))] {
		v.Rows = append(v.Rows, newRow(e, text, now, msg))
	}
	if msg != nil {
		v.Opened = open(msg, text, r.URL.Query().Get("view"))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// An error means that the client has gone.
	_ = p.template.ExecuteTemplate(w, "page.html", v)
}

func (p pages) remove(w http.ResponseWriter, r *http.Request) {
	p.mailbox.store.remove(r.PathValue("id"))
	p.back(w, r)
}

func (p pages) clear(w http.ResponseWriter, r *http.Request) {
	p.mailbox.store.clear()
	p.back(w, r)
}

func (p pages) back(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, string(link("/", r.URL.Query().Get("query"), "")), http.StatusSeeOther)
}

// link is a path of the mailbox that keeps the search.
func link(path, queryText, view string) template.URL {
	values := url.Values{}
	if queryText != "" {
		values.Set("query", queryText)
	}
	if view != "" {
		values.Set("view", view)
	}
	if len(values) > 0 {
		path += "?" + values.Encode()
	}
	return template.URL(path) //nolint:gosec // Built from IDs of our own and encoded values.
}

func newRow(e entry, queryText string, now time.Time, current *message) row {
	return row{
		Link: link("/messages/"+e.id, queryText, ""), From: nameOf(e.from), To: namesOf(e.to),
		Subject: subjectOf(e.message), Snippet: e.snippet(), Time: shortTime(e.received, now), ISOTime: e.received.Format(time.RFC3339),
		Read: e.isRead, Current: current != nil && current.id == e.id,
	}
}

// The views of a mail, by the names that stand in the address.
const (
	viewHTML   = "html"
	viewText   = "text"
	viewSource = "source"
)

func open(msg *message, queryText, view string) *opened {
	o := &opened{
		ID: msg.id, Subject: subjectOf(msg), From: msg.from, To: msg.to, ReplyTo: msg.replyTo,
		Date: msg.date.In(time.Local).Format("Monday, 2 January 2006, 15:04"), ISODate: msg.date.Format(time.RFC3339),
		Initial: initial(nameOf(msg.from)),
	}
	var views []tab
	if strings.TrimSpace(msg.html) != "" {
		views = append(views, tab{Name: "HTML", View: viewHTML})
	}
	views = append(views, tab{Name: "Plain text", View: viewText}, tab{Name: "Source", View: viewSource})
	o.View = views[0].View
	for _, t := range views {
		if t.View == view {
			o.View = view
		}
	}
	for _, t := range views {
		t.Link, t.Current = link("/messages/"+msg.id, queryText, t.View), t.View == o.View
		o.Tabs = append(o.Tabs, t)
	}
	switch o.View {
	case viewText:
		o.Text = linked(msg.text)
	case viewSource:
		o.Source = valid(msg.raw)
	}
	return o
}

// linked escapes plain text and makes its web addresses links, as mail programs do.
func linked(s string) template.HTML {
	var out strings.Builder
	rest := s
	for _, span := range regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?')\]]`).FindAllStringIndex(s, -1) {
		before := s[len(s)-len(rest) : span[0]]
		address := template.HTMLEscapeString(s[span[0]:span[1]])
		out.WriteString(template.HTMLEscapeString(before))
		fmt.Fprintf(&out, `<a href="%s" target="_blank" rel="noopener noreferrer">%s</a>`, address, address)
		rest = s[span[1]:]
	}
	out.WriteString(template.HTMLEscapeString(rest))
	return template.HTML(out.String()) //nolint:gosec // Everything in it was escaped above.
}

func subjectOf(m *message) string { return cmp.Or(m.subject, "(no subject)") }

func nameOf(a *mail.Address) string { return cmp.Or(a.Name, a.Address, "(nobody)") }

func namesOf(list []*mail.Address) string {
	var names []string
	for _, a := range list {
		names = append(names, cmp.Or(a.Address, a.Name))
	}
	return strings.Join(names, ", ")
}

func initial(name string) string {
	for _, r := range strings.TrimLeft(name, `"'( `) {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// shortTime is the time of day for today's mail, else the date.
func shortTime(t, now time.Time) string {
	t, now = t.In(time.Local), now.In(time.Local)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2 Jan 2006")
}

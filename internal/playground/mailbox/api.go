// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"encoding/json"
	"net/http"
	"net/mail"
	"strings"
	"time"
)

// MessagesSummary is a list of mails, newest first, with the field names of Mailpit's API (https://mailpit.axllent.org/docs/api-v1/).
type MessagesSummary struct {
	// Total is how many mails there are, Unread how many of them nobody has looked at.
	Total    int              `json:"total"`
	Unread   int              `json:"unread"`
	Messages []MessageSummary `json:"messages"`
}

// MessageSummary is a mail in a list.
type MessageSummary struct {
	ID        string
	MessageID string
	Read      bool
	From      *mail.Address
	To        []*mail.Address
	Subject   string
	// Created is when the mail came in.
	Created time.Time
	Snippet string
}

// Message is a mail with its text.
type Message struct {
	ID        string
	MessageID string
	From      *mail.Address
	To        []*mail.Address
	ReplyTo   []*mail.Address
	Subject   string
	// Date that the mail bears, or when it came in.
	Date time.Time
	Text string
	HTML string
}

func (m *Mailbox) handleAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/messages", m.listMessages)
	mux.HandleFunc("GET /api/v1/search", m.listMessages)
	mux.HandleFunc("GET /api/v1/message/{id}", m.withMessage(m.getMessage))
	mux.HandleFunc("GET /api/v1/message/{id}/raw", m.withMessage(getRaw))
}

// words are those of the search that a request asks for.
func words(r *http.Request) []string {
	return strings.Fields(strings.ToLower(r.URL.Query().Get("query")))
}

func (m *Mailbox) listMessages(w http.ResponseWriter, r *http.Request) {
	list := MessagesSummary{Messages: []MessageSummary{}}
	list.Total, list.Unread = m.store.count()
	for _, e := range m.store.list(words(r)) {
		list.Messages = append(list.Messages, MessageSummary{
			ID: e.id, MessageID: e.messageID, Read: e.isRead, From: e.from, To: e.to, Subject: e.subject, Created: e.received, Snippet: e.snippet(),
		})
	}
	writeJSON(w, list)
}

// withMessage finds the mail that the path names.
func (m *Mailbox) withMessage(next func(http.ResponseWriter, *http.Request, *message)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		found := m.store.get(r.PathValue("id"))
		if found == nil {
			http.Error(w, "there is no such mail; it may have been deleted", http.StatusNotFound)
			return
		}
		next(w, r, found)
	}
}

func (m *Mailbox) getMessage(w http.ResponseWriter, _ *http.Request, msg *message) {
	m.store.markRead(msg.id)
	writeJSON(w, Message{
		ID: msg.id, MessageID: msg.messageID, From: msg.from, To: msg.to, ReplyTo: msg.replyTo, Subject: msg.subject, Date: msg.date,
		Text: msg.text, HTML: msg.html,
	})
}

func getRaw(w http.ResponseWriter, _ *http.Request, msg *message) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+msg.id+`.eml"`)
	_, _ = w.Write(msg.raw)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// An error means that the client has gone.
	_ = json.NewEncoder(w).Encode(v)
}

// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// maxRequestBytes is the longest body of a request to the API that is read.
const maxRequestBytes = 1 << 20

// defaultLimit is how many mails a page of a list has when nobody asks for another number; Mailpit's default.
const defaultLimit = 50

func (m *Mailbox) handleAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/messages", m.listMessages)
	mux.HandleFunc("DELETE /api/v1/messages", m.deleteMessages)
	mux.HandleFunc("GET /api/v1/search", m.search)
	mux.HandleFunc("GET /api/v1/message/{id}", m.withMessage(m.getMessage))
	mux.HandleFunc("GET /api/v1/message/{id}/raw", m.withMessage(getRaw))
	mux.HandleFunc("GET /api/v1/message/{id}/headers", m.withMessage(getHeaders))
	mux.HandleFunc("GET /api/v1/message/{id}/part/{part}", m.withMessage(getPart))
}

func (m *Mailbox) listMessages(w http.ResponseWriter, r *http.Request) {
	m.writeList(w, r, nil)
}

func (m *Mailbox) search(w http.ResponseWriter, r *http.Request) {
	text := strings.TrimSpace(r.URL.Query().Get("query"))
	if text == "" {
		http.Error(w, "say what to search for: /api/v1/search?query=to:ana@example.com", http.StatusBadRequest)
		return
	}
	m.writeList(w, r, parseQuery(text))
}

func (m *Mailbox) writeList(w http.ResponseWriter, r *http.Request, q query) {
	found := m.store.list(q)
	total, unread := m.store.count()
	summary := MessagesSummary{
		Total: total, Unread: unread, MessagesCount: len(found), Tags: []string{}, Messages: []MessageSummary{},
		Start: number(r, "start", 0),
	}
	for _, e := range found {
		if !e.isRead {
			summary.MessagesUnread++
		}
	}
	// A limit of 0 is none, as in Mailpit.
	limit := number(r, "limit", defaultLimit)
	for _, e := range found[min(summary.Start, len(found)):] {
		if limit > 0 && len(summary.Messages) == limit {
			break
		}
		summary.Messages = append(summary.Messages, e.summary())
	}
	summary.Count = len(summary.Messages)
	writeJSON(w, summary)
}

// number reads a number of the query that is not negative.
func number(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}

// withMessage finds the mail that the path names; latest is the newest one, of those that ?query= matches.
func (m *Mailbox) withMessage(next func(http.ResponseWriter, *http.Request, *message)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		found := m.store.get(id)
		if id == "latest" {
			if list := m.store.list(parseQuery(r.URL.Query().Get("query"))); len(list) > 0 {
				found = list[0].message
			}
		}
		if found == nil {
			http.Error(w, "there is no such mail; it may have been deleted", http.StatusNotFound)
			return
		}
		next(w, r, found)
	}
}

func (m *Mailbox) getMessage(w http.ResponseWriter, _ *http.Request, msg *message) {
	m.store.markRead(msg.id)
	writeJSON(w, msg.full())
}

func getRaw(w http.ResponseWriter, r *http.Request, msg *message) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Query().Get("dl") == "1" {
		w.Header().Set("Content-Disposition", disposition("attachment", msg.id+".eml"))
	}
	_, _ = w.Write(msg.raw)
}

func getHeaders(w http.ResponseWriter, _ *http.Request, msg *message) {
	writeJSON(w, msg.header.values())
}

// getPart hands out a file. It is never shown in the mailbox's own name: whatever it holds, the browser saves it.
func getPart(w http.ResponseWriter, r *http.Request, msg *message) {
	for _, p := range msg.body.parts {
		if p.id == r.PathValue("part") {
			w.Header().Set("Content-Type", p.mediaType)
			w.Header().Set("Content-Disposition", disposition("attachment", p.name()))
			_, _ = w.Write(p.content)
			return
		}
	}
	http.Error(w, "the mail has no such part", http.StatusNotFound)
}

// name of the file, made up where it has none.
func (p part) name() string {
	switch {
	case p.fileName != "":
		return p.fileName
	case p.contentID != "":
		return p.contentID
	}
	return "part-" + p.id
}

func disposition(kind, fileName string) string {
	return mime.FormatMediaType(kind, map[string]string{"filename": fileName})
}

// deleteMessages drops the mails that the body names, or all where it names none; so does Mailpit.
func (m *Mailbox) deleteMessages(w http.ResponseWriter, r *http.Request) {
	var request struct {
		IDs []string `json:"IDs"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBytes)).Decode(&request)
	if err != nil && err != io.EOF {
		http.Error(w, `the body must be empty or {"IDs": ["…"]}: `+err.Error(), http.StatusBadRequest)
		return
	}
	if len(request.IDs) == 0 {
		m.store.clear()
	} else {
		m.store.remove(request.IDs)
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "ok")
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// An error means that the client has gone.
	_ = json.NewEncoder(w).Encode(v)
}

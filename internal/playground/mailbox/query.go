// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// query is a search as one would type it: words, "phrases", and words with a field before them such as to:ana or is:unread; a
// minus before a term excludes it. All terms must match. The empty query matches every mail.
type query []term

type term struct {
	field   string
	value   string
	exclude bool
}

// parseQuery never fails: what is no field is a word to look for.
func parseQuery(s string) query {
	var q query
	terms := regexp.MustCompile(`[-!]?(?:[a-zA-Z-]+:)?"[^"]*"|\S+`)
	for _, word := range terms.FindAllString(s, -1) {
		word = strings.ToLower(strings.ReplaceAll(word, `"`, ""))
		var t term
		if len(word) > 1 && (word[0] == '-' || word[0] == '!') {
			t.exclude, word = true, word[1:]
		}
		t.value = word
		if field, value, found := strings.Cut(word, ":"); found && isField(field) {
			t.field, t.value = field, value
		}
		if t.value != "" {
			q = append(q, t)
		}
	}
	return q
}

func isField(s string) bool {
	switch s {
	case "to", "from", "cc", "bcc", "reply-to", "addressed", "subject", "message-id", "is", "has":
		return true
	}
	return false
}

func (q query) matches(e entry) bool {
	for _, t := range q {
		if t.matches(e) == t.exclude {
			return false
		}
	}
	return true
}

func (t term) matches(e entry) bool {
	switch t.field {
	case "subject":
		return contains(e.subject, t.value)
	case "message-id":
		return contains(e.messageID, t.value)
	case "is":
		return t.value == "read" && e.isRead || t.value == "unread" && !e.isRead
	case "has":
		return strings.HasPrefix(t.value, "attachment") && e.attachmentCount() > 0
	case "":
		return anyAddress(t.value, e.addresses("addressed")) || contains(e.subject, t.value) ||
			contains(e.body.text, t.value) || contains(htmlText(e.body.html), t.value)
	}
	return anyAddress(t.value, e.addresses(t.field))
}

// addresses returns those that a field of a search speaks of.
func (m *message) addresses(field string) []*mail.Address {
	switch field {
	case "to":
		return m.to
	case "from":
		return []*mail.Address{m.from}
	case "cc":
		return m.cc
	case "bcc":
		return m.bcc
	case "reply-to":
		return m.replyTo
	}
	return slices.Concat([]*mail.Address{m.from}, m.to, m.cc, m.bcc, m.replyTo)
}

func anyAddress(value string, list []*mail.Address) bool {
	return slices.ContainsFunc(list, func(a *mail.Address) bool { return contains(a.Address, value) || contains(a.Name, value) })
}

func contains(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }

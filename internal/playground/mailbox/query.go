// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"net/mail"
	"regexp"
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
	from := []*mail.Address{e.from}
	switch t.field {
	case "to":
		return anyAddress(t.value, e.to)
	case "from":
		return anyAddress(t.value, from)
	case "cc":
		return anyAddress(t.value, e.cc)
	case "bcc":
		return anyAddress(t.value, e.bcc)
	case "reply-to":
		return anyAddress(t.value, e.replyTo)
	case "addressed":
		return anyAddress(t.value, from, e.to, e.cc, e.bcc, e.replyTo)
	case "subject":
		return contains(e.subject, t.value)
	case "message-id":
		return contains(e.messageID, t.value)
	case "is":
		return t.value == "read" && e.isRead || t.value == "unread" && !e.isRead
	case "has":
		return (t.value == "attachment" || t.value == "attachments") && e.attachmentCount() > 0
	}
	return anyAddress(t.value, from, e.to, e.cc, e.bcc, e.replyTo) || contains(e.subject, t.value) ||
		contains(e.body.text, t.value) || contains(htmlText(e.body.html), t.value)
}

func anyAddress(value string, lists ...[]*mail.Address) bool {
	for _, list := range lists {
		for _, a := range list {
			if contains(a.Address, value) || contains(a.Name, value) {
				return true
			}
		}
	}
	return false
}

func contains(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }

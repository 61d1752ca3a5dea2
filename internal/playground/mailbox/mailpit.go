// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"crypto/md5"  //nolint:gosec // Mailpit's API names files by their MD5 and SHA-1; nothing relies on them here.
	"crypto/sha1" //nolint:gosec // As above.
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// The types below have the field names of Mailpit's API (https://mailpit.axllent.org/docs/api-v1/), whatever their taste.

// MessagesSummary is a page of a list of mails, newest first.
type MessagesSummary struct {
	// Total is how many mails there are, Unread how many of them nobody has looked at.
	Total  int `json:"total"`
	Unread int `json:"unread"`
	// Count is how many are on this page.
	Count int `json:"count"`
	// MessagesCount is how many match the search, MessagesUnread how many of them nobody has looked at.
	MessagesCount  int `json:"messages_count"`
	MessagesUnread int `json:"messages_unread"`
	// Start is how many were skipped.
	Start int `json:"start"`
	// Tags are always empty: this mailbox has none.
	Tags     []string         `json:"tags"`
	Messages []MessageSummary `json:"messages"`
}

// MessageSummary is a mail in a list.
type MessageSummary struct {
	ID        string
	MessageID string
	Read      bool
	From      *mail.Address
	To        []*mail.Address
	Cc        []*mail.Address
	Bcc       []*mail.Address
	ReplyTo   []*mail.Address
	Subject   string
	// Created is when the mail came in.
	Created time.Time
	// Username is always empty: this mailbox asks nobody who they are.
	Username string
	Tags     []string
	// Size of the source in bytes.
	Size        int
	Attachments int
	Snippet     string
}

// Message is a mail with its text, and without the files that came with it.
type Message struct {
	ID              string
	MessageID       string
	From            *mail.Address
	To              []*mail.Address
	Cc              []*mail.Address
	Bcc             []*mail.Address
	ReplyTo         []*mail.Address
	ReturnPath      string
	Subject         string
	ListUnsubscribe ListUnsubscribe
	// Date that the mail bears, or when it came in.
	Date     time.Time
	Tags     []string
	Username string
	Text     string
	HTML     string
	// Size of the source in bytes.
	Size        int
	Inline      []Attachment
	Attachments []Attachment
}

// ListUnsubscribe is how a mail says one can leave its list (RFC 2369, RFC 8058).
type ListUnsubscribe struct {
	Header     string
	Links      []string
	Errors     string
	HeaderPost string
}

// Attachment is a file that came with a mail.
type Attachment struct {
	PartID      string
	FileName    string
	ContentType string
	ContentID   string
	// Size in bytes once decoded.
	Size      int
	Checksums Checksums
}

// Checksums of a file in hexadecimal.
type Checksums struct {
	MD5    string
	SHA1   string
	SHA256 string
}

func (e entry) summary() MessageSummary {
	return MessageSummary{
		ID: e.id, MessageID: e.messageID, Read: e.isRead,
		From: e.from, To: e.to, Cc: e.cc, Bcc: e.bcc, ReplyTo: e.replyTo,
		Subject: e.subject, Created: e.received, Tags: []string{},
		Size: len(e.raw), Attachments: e.attachmentCount(), Snippet: e.snippet(),
	}
}

func (m *message) full() Message {
	full := Message{
		ID: m.id, MessageID: m.messageID,
		From: m.from, To: m.to, Cc: m.cc, Bcc: m.bcc, ReplyTo: m.replyTo, ReturnPath: m.returnPath,
		Subject: m.subject, ListUnsubscribe: m.listUnsubscribe(), Date: m.date, Tags: []string{},
		Text: m.body.text, HTML: m.body.html, Size: len(m.raw),
		Inline: []Attachment{}, Attachments: []Attachment{},
	}
	for _, p := range m.body.parts {
		if p.inline {
			full.Inline = append(full.Inline, p.attachment())
		} else {
			full.Attachments = append(full.Attachments, p.attachment())
		}
	}
	return full
}

func (m *message) attachmentCount() int {
	n := 0
	for _, p := range m.body.parts {
		if !p.inline {
			n++
		}
	}
	return n
}

func (m *message) listUnsubscribe() ListUnsubscribe {
	l := ListUnsubscribe{
		Header: m.header.get("List-Unsubscribe"), HeaderPost: m.header.get("List-Unsubscribe-Post"), Links: []string{},
	}
	for _, link := range regexp.MustCompile(`<([^<>\s]+)>`).FindAllStringSubmatch(l.Header, -1) {
		l.Links = append(l.Links, link[1])
	}
	if l.Header != "" && len(l.Links) == 0 {
		l.Errors = "no link in angle brackets: " + strings.TrimSpace(l.Header)
	}
	return l
}

func (p part) attachment() Attachment {
	md5sum, sha1sum, sha256sum := md5.Sum(p.content), sha1.Sum(p.content), sha256.Sum256(p.content) //nolint:gosec // As above.
	return Attachment{
		PartID: p.id, FileName: p.fileName, ContentType: p.mediaType, ContentID: p.contentID, Size: len(p.content),
		Checksums: Checksums{
			MD5: hex.EncodeToString(md5sum[:]), SHA1: hex.EncodeToString(sha1sum[:]), SHA256: hex.EncodeToString(sha256sum[:]),
		},
	}
}

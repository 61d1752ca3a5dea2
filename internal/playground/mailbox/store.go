// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"slices"
	"sync"
)

// store keeps the newest mails, oldest first. A message does not change once it is in; whether it has been read is kept beside it.
type store struct {
	maxMessages int
	maxBytes    int64

	mu       sync.RWMutex
	messages []*message
	bytes    int64
	read     map[string]bool
}

func newStore(maxMessages int, maxBytes int64) *store {
	return &store{maxMessages: maxMessages, maxBytes: maxBytes, read: map[string]bool{}}
}

// add keeps a mail, and drops the oldest ones where there are too many. The newest always stays.
func (s *store) add(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	s.bytes += int64(len(m.raw))
	drop := 0
	for left := s.bytes; drop < len(s.messages)-1 && (len(s.messages)-drop > s.maxMessages || left > s.maxBytes); drop++ {
		left -= int64(len(s.messages[drop].raw))
	}
	s.forget(s.messages[:drop])
	s.messages = slices.Delete(s.messages, 0, drop)
}

// forget does the book-keeping for messages that are about to go.
func (s *store) forget(gone []*message) {
	for _, m := range gone {
		s.bytes -= int64(len(m.raw))
		delete(s.read, m.id)
	}
}

// entry is a mail in a list.
type entry struct {
	*message
	isRead bool
}

// list returns the mails that a search finds, newest first.
func (s *store) list(words []string) []entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make([]entry, 0, len(s.messages))
	for _, m := range slices.Backward(s.messages) {
		if m.matches(words) {
			found = append(found, entry{m, s.read[m.id]})
		}
	}
	return found
}

// count counts how many mails there are, and how many of them nobody has looked at.
func (s *store) count() (total, unread int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.messages), len(s.messages) - len(s.read)
}

// get returns a mail, or nil; latest is the newest one.
func (s *store) get(id string) *message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if id == "latest" && len(s.messages) > 0 {
		return s.messages[len(s.messages)-1]
	}
	if i := s.index(id); i >= 0 {
		return s.messages[i]
	}
	return nil
}

func (s *store) index(id string) int {
	return slices.IndexFunc(s.messages, func(m *message) bool { return m.id == id })
}

// markRead notes that somebody has looked at a mail.
func (s *store) markRead(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index(id) >= 0 {
		s.read[id] = true
	}
}

// remove drops a mail.
func (s *store) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(id); i >= 0 {
		s.forget(s.messages[i : i+1])
		s.messages = slices.Delete(s.messages, i, i+1)
	}
}

// clear drops every mail.
func (s *store) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages, s.bytes, s.read = nil, 0, map[string]bool{}
}

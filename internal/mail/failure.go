// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"time"
	"unicode"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// RejectedError means that the relay refused a recipient or a message for good, so that sending the same again is of no use. After every
// other error of [Relay.Send] and [Gate.Send] the mail is to be sent again.
type RejectedError struct {
	// Code of the reply, such as 550.
	Code int
	// Enhanced status code (RFC 3463), such as 5.1.1; empty where the relay gave none.
	Enhanced string
	// Reply in the relay's words: one line, without the codes.
	Reply string
	// Recipient that was refused; empty where it was the message.
	Recipient string
}

// Error is what was refused, and the relay's reply.
func (e *RejectedError) Error() string {
	what := "the message"
	if e.Recipient != "" {
		what = e.Recipient
	}
	return fmt.Sprintf("the mail relay refused %s: %s", what, joinReply(e.Code, e.Enhanced, e.Reply))
}

// step is where in a delivery something failed.
type step int

const (
	stepQueue step = iota
	stepCredentials
	stepConnect
	stepGreeting
	stepHello
	stepTLS
	stepAuth
	stepSender
	stepRecipient
	stepData
	stepContent
	stepAccept
)

func (s step) String() string {
	return [...]string{
		"waiting for a free connection", "reading the user name and password", "connecting", "waiting for the greeting", "EHLO", "TLS", "AUTH",
		"MAIL FROM", "RCPT TO", "DATA", "sending the content", "waiting for the answer to the content",
	}[s]
}

// Reasons for a failure that no reply and no error of the network tells.
var (
	errTimeout       = errors.New("no answer in time")
	errNotLeading    = errors.New("another process may send by now")
	errClosed        = errors.New("the relay has been closed")
	errNoStartTLS    = errors.New("the relay does not offer STARTTLS")
	errNoAuth        = errors.New("the relay offers no way to sign in that Roster knows")
	errPasswordClear = errors.New("the password would have to be sent unencrypted")
	errCAFile        = errors.New("the file with the certificate authorities cannot be used")
)

// failure is a temporary error of a delivery, with what Explain needs to say.
type failure struct {
	step      step
	err       error
	relay     string
	secret    string
	auth      config.AuthMode
	sender    string
	recipient string
	timeout   time.Duration
}

// Error is for logs; Explain is for people.
func (f *failure) Error() string {
	return fmt.Sprintf("mail relay %s: %s: %v", f.relay, f.step, f.err)
}

func (f *failure) Unwrap() error { return f.err }

// stage is where a delivery failed; nothing if it did not.
func (f *failure) stage() string {
	if f == nil {
		return ""
	}
	return f.step.String()
}

// beforeContent reports whether it is certain that the relay cannot have taken the mail.
func (f *failure) beforeContent() bool { return f.step < stepContent }

// lost reports whether the connection ended, by itself or by the relay closing it (421, RFC 5321, 3.8), rather than that the relay refused
// or the caller gave up.
func (f *failure) lost() bool {
	if errors.Is(f.err, errTimeout) || f.isInterrupted() {
		return false
	}
	reply, ok := replyOf(f.err)
	return !ok || reply.Code == 421
}

// rejection is the refusal of a recipient or a message in the relay's words.
func (f *failure) rejection() *RejectedError {
	e := &RejectedError{}
	if reply, ok := replyOf(f.err); ok {
		e.Code = reply.Code
		e.Enhanced, e.Reply = splitReply(reply.Msg)
	}
	if f.step == stepRecipient {
		e.Recipient = f.recipient
	}
	return e
}

// verdict is the error that the caller gets.
func (f *failure) verdict() error {
	if f.blame() == blameRecipient {
		return f.rejection()
	}
	return f
}

// Interrupted reports whether a delivery was broken off from this side: nothing is known of the mail, and nothing is wrong with it.
func Interrupted(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.blame() == blameNobody
}

// replyOf finds the relay's reply in an error.
func replyOf(err error) (*textproto.Error, bool) {
	reply, ok := errors.AsType[*textproto.Error](err)
	return reply, ok && reply.Code != 0
}

// closedByRelay reports whether the connection ended before the answer came.
func closedByRelay(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err)
}

// maxReply is how many characters of a reply are kept.
const maxReply = 300

// splitReply separates the enhanced status code from the text of a reply, and makes one line of it.
func splitReply(text string) (enhanced, reply string) {
	var words []string
	for line := range strings.Lines(text) {
		fields := strings.FieldsFunc(line, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
		if len(fields) > 0 && isEnhanced(fields[0]) {
			enhanced = fields[0]
			fields = fields[1:]
		}
		words = append(words, fields...)
	}
	reply = strings.ToValidUTF8(strings.Join(words, " "), "\uFFFD")
	if runes := []rune(reply); len(runes) > maxReply {
		reply = string(runes[:maxReply]) + "…"
	}
	return enhanced, reply
}

// isEnhanced recognises an enhanced status code (RFC 3463, 2).
func isEnhanced(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || strings.Trim(parts[0], "245") != "" {
		return false
	}
	for _, p := range parts[1:] {
		if len(p) < 1 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

func joinReply(code int, enhanced, reply string) string {
	words := []string{}
	if code != 0 {
		words = append(words, fmt.Sprint(code))
	}
	for _, w := range []string{enhanced, reply} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// OutcomeOf is what became of a mail, by what [Gate.Send] returned.
func OutcomeOf(err error) outcome.Outcome {
	if err == nil {
		return outcome.Delivered
	}
	if _, rejected := errors.AsType[*RejectedError](err); rejected {
		return outcome.Rejected
	}
	if _, held := errors.AsType[*HeldError](err); held {
		return outcome.Held
	}
	return outcome.Failing
}

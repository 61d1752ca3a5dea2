// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"syscall"
	"unicode"

	"github.com/roster-dev/roster/internal/config"
)

// Explain says in one sentence what failed in a delivery, and what to do. The sentence is the same for the same failure, whenever it
// happens: it can stand in a condition without changing at every try. It is empty for nil.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	if rejected, ok := errors.AsType[*RejectedError](err); ok {
		return explainRejected(rejected)
	}
	if held, ok := errors.AsType[*HeldError](err); ok && held.cause != nil && !held.Tried {
		return held.cause.Error()
	}
	if f, ok := errors.AsType[*failure](err); ok {
		what, remedy := f.explain()
		return what + "; " + remedy + "."
	}
	return err.Error()
}

const tryAgain = "Roster tries again"

func explainRejected(e *RejectedError) string {
	reply := joinReply(e.Code, e.Enhanced, steady(e.Reply))
	if e.Recipient == "" {
		return "The mail relay refused the mail for good: " + reply +
			"; ask those who run the relay, then set spec.resendRequestedAt to invite again."
	}
	return fmt.Sprintf("The mail relay refused the address %s for good: %s; if the address is wrong, delete the object and create it with "+
		"the right one, else set spec.resendRequestedAt once the mailbox takes mail.", e.Recipient, reply)
}

// explain gives what failed and what to do about it.
func (f *failure) explain() (what, remedy string) {
	switch {
	case errors.Is(f.err, errClosed), errors.Is(f.err, errNotLeading), errors.Is(f.err, context.Canceled):
		return "The delivery was interrupted", tryAgain
	case errors.Is(f.err, errTimeout), errors.Is(f.err, context.DeadlineExceeded):
		return f.explainTimeout()
	}
	if reply, ok := replyOf(f.err); ok {
		return f.explainReply(reply)
	}
	switch f.step {
	case stepCredentials:
		return f.explainCredentials()
	case stepConnect:
		return f.explainConnect()
	case stepTLS:
		if what, remedy, ok := f.explainTLS(); ok {
			return what, remedy
		}
	case stepAuth:
		if what, remedy, ok := f.explainAuth(); ok {
			return what, remedy
		}
	}
	return f.explainLost()
}

func (f *failure) explainTimeout() (what, remedy string) {
	patience := ""
	if errors.Is(f.err, errTimeout) {
		patience = " within " + f.timeout.String()
	}
	switch f.step {
	case stepQueue:
		return "No connection to the mail relay was free in time", tryAgain
	case stepConnect:
		return fmt.Sprintf("The mail relay %s does not answer%s", f.relay, patience),
			"check mail.smtp.address in the configuration, and that nothing between blocks the port"
	case stepGreeting:
		return fmt.Sprintf("The mail relay %s accepts connections but says nothing%s", f.relay, patience),
			"if it speaks TLS from the first byte, as on port 465, set mail.smtp.tls to Implicit"
	case stepAccept:
		return fmt.Sprintf("The mail relay %s did not confirm the mail%s and may have taken it", f.relay, patience),
			tryAgain + " under the same Message-ID"
	}
	return fmt.Sprintf("The mail relay %s did not answer%s (%s)", f.relay, patience, f.step), tryAgain
}

// explainReply is for what the relay said itself.
func (f *failure) explainReply(reply *textproto.Error) (what, remedy string) {
	enhanced, text := splitReply(reply.Msg)
	said := joinReply(reply.Code, enhanced, steady(text))
	forGood := reply.Code >= 500
	switch {
	case f.step == stepHello, reply.Code == 504:
		return fmt.Sprintf("The mail relay %s turns connections away (%s): %s", f.relay, f.step, said),
			"if it does not like the name that Roster gives itself, set mail.smtp.helloName to a full host name"
	case f.step <= stepHello:
		return fmt.Sprintf("The mail relay %s turns connections away (%s): %s", f.relay, f.step, said), tryAgain
	case f.step == stepTLS:
		return fmt.Sprintf("The mail relay %s refuses STARTTLS: %s", f.relay, said), tryAgain
	case f.step == stepAuth:
		return f.explainSignIn(forGood, said)
	case forGood && f.secret == "" && (reply.Code == 530 || reply.Code == 502):
		return fmt.Sprintf("The mail relay %s wants a user name and password: %s", f.relay, said),
			"name a Secret with both in mail.smtp.authSecret"
	case f.step == stepSender && forGood:
		return fmt.Sprintf("The mail relay %s refused the sender %s: %s", f.relay, f.sender, said),
			"correct mail.from in the configuration, or let the relay take mail from it"
	case forGood, f.blame() == blameSetup:
		return f.explainRefusal(said)
	case f.step == stepSender:
		return fmt.Sprintf("The mail relay %s takes no mail now: %s", f.relay, said), tryAgain
	case f.step == stepRecipient:
		return fmt.Sprintf("The mail relay %s does not take mail for %s now: %s", f.relay, f.recipient, said), tryAgain
	}
	return fmt.Sprintf("The mail relay %s does not take the mail now: %s", f.relay, said), tryAgain
}

func (f *failure) explainSignIn(forGood bool, said string) (what, remedy string) {
	if forGood {
		return fmt.Sprintf("The mail relay %s refused the user name or %s of Secret %s: %s", f.relay, f.password(), f.secret, said),
			"correct the Secret"
	}
	return fmt.Sprintf("The mail relay %s cannot check the user name and %s now: %s", f.relay, f.password(), said), tryAgain
}

// explainRefusal is for a mail that the relay refuses because of who sends, or perhaps so.
func (f *failure) explainRefusal(said string) (what, remedy string) {
	if f.blame() == blameSetup {
		return fmt.Sprintf("The mail relay %s does not take mail of %s: %s", f.relay, f.sender, said),
			"let the relay take it, raise its quota, sign in by mail.smtp.authSecret, or correct mail.from in the configuration"
	}
	return fmt.Sprintf("The mail relay %s refuses a mail of %s and does not say whether it means the recipient: %s", f.relay, f.sender, said),
		"Roster tries again, and gives up when the relay takes others"
}

// password is what the Secret holds beside the user name.
func (f *failure) password() string {
	if f.auth == config.AuthXOAUTH2 {
		return "token"
	}
	return "password"
}

func (f *failure) explainCredentials() (what, remedy string) {
	return fmt.Sprintf("The user name and password for the mail relay %s cannot be read: %v", f.relay, f.err),
		fmt.Sprintf("create Secret %s with username and %s, or correct mail.smtp.authSecret", f.secret, f.password())
}

func (f *failure) explainConnect() (what, remedy string) {
	var dns *net.DNSError
	switch {
	case errors.As(f.err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("The mail relay %s cannot be found: there is no host %q", f.relay, dns.Name),
			"correct mail.smtp.address in the configuration"
	case errors.As(f.err, &dns):
		return fmt.Sprintf("The mail relay %s cannot be found: the name server does not answer", f.relay), tryAgain
	case errors.Is(f.err, syscall.ECONNREFUSED):
		return fmt.Sprintf("The mail relay %s refuses connections", f.relay),
			"check that it runs, and mail.smtp.address in the configuration"
	}
	return fmt.Sprintf("The mail relay %s cannot be reached: %s", f.relay, innermost(f.err)),
		"check mail.smtp.address in the configuration, and that nothing between blocks the port"
}

func (f *failure) explainTLS() (what, remedy string, ok bool) {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		header   tls.RecordHeaderError
	)
	switch {
	case errors.Is(f.err, errCAFile):
		return fmt.Sprintf("The certificate of the mail relay %s cannot be checked: %v", f.relay, f.err), "correct mail.smtp.caFile", true
	case errors.Is(f.err, errNoStartTLS):
		return fmt.Sprintf("The mail relay %s does not offer STARTTLS", f.relay),
			"set mail.smtp.tls to Implicit if it speaks TLS from the first byte, or to None if the way to it is safe", true
	case errors.As(f.err, &unknown):
		return fmt.Sprintf("The certificate of the mail relay %s is signed by an authority that is not known", f.relay),
			"name a file with the authority in mail.smtp.caFile", true
	case errors.As(f.err, &hostname):
		return fmt.Sprintf("The certificate of the mail relay %s is for another name", f.relay),
			"use the name of the certificate in mail.smtp.address", true
	case errors.As(f.err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("The certificate of the mail relay %s has expired or is not valid yet", f.relay), "renew it", true
	case errors.As(f.err, &header):
		return fmt.Sprintf("The mail relay %s does not speak TLS from the first byte", f.relay), "set mail.smtp.tls to StartTLS", true
	case closedByRelay(f.err):
		return "", "", false
	}
	return fmt.Sprintf("No encrypted connection to the mail relay %s: %s", f.relay, innermost(f.err)),
		"check mail.smtp.tls and the relay's certificate", true
}

func (f *failure) explainAuth() (what, remedy string, ok bool) {
	switch {
	case errors.Is(f.err, errPasswordClear):
		return fmt.Sprintf("The password for the mail relay %s is not sent over an unencrypted connection", f.relay),
			"set mail.smtp.tls to StartTLS or Implicit", true
	case errors.Is(f.err, errNoAuth) && f.auth == config.AuthXOAUTH2:
		return fmt.Sprintf("The mail relay %s does not offer XOAUTH2", f.relay), "set mail.smtp.auth to Password", true
	case errors.Is(f.err, errNoAuth):
		return fmt.Sprintf("The mail relay %s offers no way to sign in that Roster knows", f.relay),
			"empty mail.smtp.authSecret if it wants no password, or let it offer PLAIN", true
	}
	return "", "", false
}

func (f *failure) explainLost() (what, remedy string) {
	why := innermost(f.err)
	if closedByRelay(f.err) {
		why = "it closed the connection"
	}
	if _, ok := errors.AsType[textproto.ProtocolError](f.err); ok {
		return fmt.Sprintf("What listens at %s does not speak SMTP (%s)", f.relay, f.step),
			"correct mail.smtp.address and mail.smtp.tls in the configuration"
	}
	if f.step == stepAccept {
		return fmt.Sprintf("The mail relay %s did not confirm the mail and may have taken it: %s", f.relay, why),
			tryAgain + " under the same Message-ID"
	}
	return fmt.Sprintf("The mail relay %s broke off (%s): %s", f.relay, f.step, why), tryAgain
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

// innermost is the text of the error that started it all: the ones around it name the ports of this connection.
func innermost(err error) string {
	for {
		var inner error
		switch e := err.(type) { //nolint:errorlint // this is the unwrapping
		case interface{ Unwrap() error }:
			inner = e.Unwrap()
		case interface{ Unwrap() []error }:
			inner = e.Unwrap()[0]
		}
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// steady takes out of a reply what differs from one try to the next: queue identifiers, times, seconds to wait.
func steady(reply string) string {
	words := strings.Fields(reply)
	for i, w := range words {
		if differs(strings.Trim(w, "()[]<>,;:.\"'")) {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

// longWord is the length in bytes from which on a word with digits is taken for an identifier.
const longWord = 8

func differs(word string) bool {
	if !strings.ContainsAny(word, "0123456789") || strings.Contains(word, "@") || strings.Contains(word, "://") || isEnhanced(word) {
		return false
	}
	if _, err := netip.ParseAddr(word); err == nil {
		return false
	}
	return len(word) >= longWord || !strings.ContainsFunc(word, unicode.IsLetter)
}

// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// blame is what a failure is the fault of, and so which other mails would fail in the same way.
type blame int

const (
	// blameMail: this mail, for now; greylisting, for example. It is tried again by itself.
	blameMail blame = iota
	// blameRecipient: the address, for good. No other mail is concerned, and trying again is in vain.
	blameRecipient
	// blameUnclear: the relay does not say whether it means the mail or its sender. What it does with other mails tells.
	blameUnclear
	// blameSetup: who sends, from where or how much: the relay would refuse every mail like it. Somebody has to mend that.
	blameSetup
	// blameRelay: the relay cannot be used at present, by no mail.
	blameRelay
	// blamePace: too many mails at once.
	blamePace
	// blameNobody: the delivery was interrupted from this side.
	blameNobody
)

// blame tells whose fault a failure is, by who was refused (RFC 5321, 3.3: the sender at MAIL, the recipient at RCPT, the message at DATA)
// and by the status code.
func (f *failure) blame() blame {
	if f.isInterrupted() {
		return blameNobody
	}
	reply, ok := replyOf(f.err)
	switch {
	case !ok && f.step <= stepSender:
		return f.blameBeforeReply()
	case !ok:
		return blameMail
	}
	enhanced, _ := splitReply(reply.Msg)
	code := parseStatus(enhanced)
	switch {
	case reply.Code < 500:
		return f.blameForNow(reply.Code, code)
	case f.step <= stepSender, isOfSession(reply.Code):
		return blameSetup
	case f.step == stepRecipient:
		return blameAtRecipient(reply.Code, code)
	}
	return blameAtData(reply.Code, code)
}

// isInterrupted reports whether this side broke off.
func (f *failure) isInterrupted() bool {
	for _, why := range []error{errClosed, errNotLeading, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(f.err, why) {
			return true
		}
	}
	return f.step == stepQueue
}

// blameForNow judges a reply that begins with 4.
func (f *failure) blameForNow(reply int, code status) blame {
	switch {
	case f.step == stepAuth && code.is(7, 0): // RFC 4954, 6: a temporary failure of authentication
		return blameRelay
	case f.step > stepHello && asksForPatience(reply, code):
		return blamePace
	case f.step <= stepSender:
		return blameRelay
	case meansSender(reply, code):
		return blameSetup
	}
	return blameMail
}

// blameBeforeReply is for what Roster finds out by itself before there is a mail on the way.
func (f *failure) blameBeforeReply() blame {
	switch {
	case errors.Is(f.err, errTimeout):
		return blameRelay
	case f.step == stepCredentials, errors.Is(f.err, errNoAuth), errors.Is(f.err, errPasswordClear), errors.Is(f.err, errCAFile),
		errors.Is(f.err, errNoStartTLS):
		return blameSetup
	}
	return blameRelay
}

// isOfSession recognises replies that speak of the session wherever they come: the commands came in the wrong order or are not
// known, the name in EHLO is not liked (RFC 5321, 4.2.2), or the relay wants to know first who is there (RFC 4954, 6).
func isOfSession(code int) bool {
	switch code {
	case 500, 501, 502, 503, 504, 530, 534, 535, 538, 555:
		return true
	}
	return false
}

// asksForPatience recognises temporary replies that are about how much is sent. 421 closes the connection (RFC 5321, 3.8). 454 is how
// Amazon SES says "Throttling failure" (https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html). X.3.1 and X.3.2 are a
// system that is full or takes nothing now, X.4.5 is congestion (RFC 3463, 3.4 and 3.5), X.7.28 is a flood (Google). Exchange Online
// throttles senders by X.7.500 and more.
func asksForPatience(reply int, code status) bool {
	switch {
	case reply == 421, reply == 454 && !code.known:
		return true
	case reply == 452 && !code.known: // RFC 5321, 4.2.2: insufficient system storage
		return true
	}
	return code.is(3, 1) || code.is(3, 2) || code.is(4, 5) || code.is(7, 28) || code.subject == 7 && code.detail >= 500
}

// meansSender recognises temporary refusals of a recipient that are about who sends: Postfix says 454 4.7.1 "Relay access denied" where it
// defers what it does not relay, as it does by default (https://www.postfix.org/postconf.5.html#smtpd_relay_restrictions), and X.1.7 and
// X.1.8 are the sender's address (RFC 3463, 3.2).
func meansSender(reply int, code status) bool {
	return reply == 454 && code.subject == 7 || code.is(1, 7) || code.is(1, 8)
}

// blameAtRecipient judges a refusal for good of a recipient.
func blameAtRecipient(reply int, code status) blame {
	if !code.known || code.subject == 0 {
		switch reply {
		case 552, 556: // no room in the mailbox; the domain takes no mail (RFC 7504)
			return blameRecipient
		case 550, 551, 553: // these speak of the mailbox, or of policy, says RFC 5321, 4.2.3, and servers use them for relaying, too
			return blameUnclear
		}
		return blameSetup
	}
	switch code.subject {
	case 1, 2, 7:
		return blameByDetail(code)
	case 4:
		return blameRouting(code)
	case 6:
		return blameRecipient // such as 5.6.7: the relay lacks SMTPUTF8 (RFC 6531, 3.5)
	}
	if code.is(3, 4) {
		return blameUnclear // the message is too big
	}
	return blameSetup
}

// blameByDetail judges codes of addresses, mailboxes and policies by the registry that RFC 5248 keeps
// (https://www.iana.org/assignments/smtp-enhanced-status-codes). Numbers that are not in it are of one provider: those of Exchange Online
// that mean the recipient are listed, and the rest, its quotas for example, mean the sender
// (https://learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online).
func blameByDetail(code status) blame {
	switch code.subject {
	case 1:
		switch code.detail {
		case 0, 1, 2, 3, 4, 6, 10: // 7 and 8 are the sender's address
			return blameRecipient
		}
	case 2:
		if code.detail <= 4 {
			return blameRecipient
		}
	case 7:
		switch code.detail {
		case 2, 17, 18: // a closed list (RFC 3463, 3.8); the mailbox or the domain has another owner (RFC 7293)
			return blameRecipient
		case 124, 129, 133, 134, 135, 136: // Exchange Online: the recipient takes mail of some senders only
			return blameRecipient
		}
	}
	return blameSetup
}

// blameRouting judges codes of the network (RFC 3463, 3.5). Exchange Online says 5.4.1 "Access denied" of a recipient that does not
// exist, and of relaying.
func blameRouting(code status) blame {
	switch code.detail {
	case 0, 1, 2, 4:
		return blameUnclear
	}
	return blameSetup // 5 is Google's daily limit
}

// blameAtData judges a refusal for good of a message. All messages of Roster are alike, so what is wrong with the one is mostly wrong with
// all; where it is not, others pass.
func blameAtData(reply int, code status) blame {
	switch {
	case code.subject == 1 && code.detail > 0, code.subject == 2 && code.detail > 0, code.subject == 7 && code.known:
		return blameByDetail(code)
	case code.is(3, 4), code.subject == 6, reply == 552:
		return blameUnclear // too big, or something in it, which may be what the inviter wrote
	}
	return blameSetup
}

// status is the subject and the detail of an enhanced status code (RFC 3463, 2).
type status struct {
	known           bool
	subject, detail int
}

func (s status) is(subject, detail int) bool {
	return s.known && s.subject == subject && s.detail == detail
}

func parseStatus(enhanced string) status {
	parts := strings.Split(enhanced, ".")
	if len(parts) != 3 {
		return status{}
	}
	subject, _ := strconv.Atoi(parts[1])
	detail, _ := strconv.Atoi(parts[2])
	return status{known: true, subject: subject, detail: detail}
}

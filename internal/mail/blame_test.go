// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"net/textproto"
	"testing"
)

// What relays really say. The sources:
//
//	Postfix    https://www.postfix.org/postconf.5.html, and its smtpd
//	Exim       https://www.exim.org/exim-html-current/doc/html/spec_html/ch-the_default_configuration_file.html
//	Exchange   https://learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online
//	Google     https://support.google.com/a/answer/3726730
//	SES        https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html and manage-sending-quotas-errors.html
//	SendGrid   https://www.twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubleshooting
//	Mailgun    https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp
func TestWhoseFaultAReplyIs(t *testing.T) {
	for _, c := range []struct {
		who   string
		step  step
		code  int
		reply string
		want  blame
	}{
		{"Postfix", stepRecipient, 554, "5.7.1 <bob@example.com>: Relay access denied", blameSetup},
		{"Postfix", stepRecipient, 454, "4.7.1 <bob@example.com>: Relay access denied", blameSetup},
		{"Postfix", stepRecipient, 504, "5.5.2 <roster>: Helo command rejected: need fully-qualified hostname", blameSetup},
		{"Postfix", stepRecipient, 553, "5.7.1 <roster@example.com>: Sender address rejected: not owned by user ros", blameSetup},
		{"Postfix", stepRecipient, 550, "5.1.8 <roster@example.com>: Sender address rejected: Domain not found", blameSetup},
		{"Postfix", stepRecipient, 550, "5.1.1 <bob@example.com>: Recipient address rejected: User unknown in local recipient table", blameRecipient},
		{"Postfix", stepRecipient, 450, "4.1.8 <roster@example.com>: Sender address rejected: Domain not found", blameSetup},
		{"Postfix", stepRecipient, 450, "4.2.0 <bob@example.com>: Recipient address rejected: Greylisted", blameMail},
		{"Postfix", stepRecipient, 556, "5.1.10 <bob@example.com>: Recipient address rejected: Domain example.com does not accept mail (nullMX)", blameRecipient},
		{"Postfix", stepRecipient, 552, "5.2.2 <bob@example.com>: user is over quota", blameRecipient},
		{"Postfix", stepRecipient, 452, "4.3.1 Insufficient system storage", blamePace},
		{"Postfix", stepRecipient, 450, "4.7.1 Error: too much mail from 192.0.2.1", blameMail},
		{"Postfix", stepAccept, 554, "5.7.1 Spam message rejected", blameSetup},
		{"Postfix", stepAccept, 552, "5.3.4 Message size exceeds fixed limit", blameUnclear},
		{"Postfix", stepData, 554, "5.5.1 Error: no valid recipients", blameSetup},

		{"Exim", stepRecipient, 550, "relay not permitted", blameUnclear},
		{"Exim", stepRecipient, 550, "Unrouteable address", blameUnclear},
		{"Exim", stepRecipient, 550, "Sender verify failed", blameUnclear},
		{"Exim", stepHello, 550, "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", blameSetup},
		{"Exim", stepRecipient, 451, "Temporary local problem - please try later", blameMail},
		{"Exim", stepAccept, 550, "This message was classified as SPAM and may not be delivered", blameSetup},

		{"Exchange", stepRecipient, 550, "5.7.64 TenantAttribution; Relay Access Denied", blameSetup},
		{"Exchange", stepRecipient, 550, "5.4.1 Recipient address rejected: Access denied", blameUnclear},
		{"Exchange", stepRecipient, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", blameRecipient},
		{"Exchange", stepRecipient, 550, "5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit", blameSetup},
		{"Exchange", stepAccept, 550, "5.7.233 Your message can't be sent because your tenant exceeded its daily limit", blameSetup},
		{"Exchange", stepAccept, 550, "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", blameSetup},
		{"Exchange", stepAccept, 554, "5.2.252 SendAsDenied; roster@example.com not allowed to send as", blameSetup},
		{"Exchange", stepAccept, 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", blameSetup},
		{"Exchange", stepAccept, 550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", blameRecipient},
		{"Exchange", stepRecipient, 550, "5.7.705 Access denied, tenant has exceeded threshold", blameSetup},
		{"Exchange", stepSender, 530, "5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", blameSetup},
		{"Exchange", stepSender, 451, "4.7.500 Server busy. Please try again later", blamePace},
		{"Exchange", stepAccept, 432, "4.3.2 Concurrent connections limit exceeded", blamePace},
		{"Exchange", stepAuth, 535, "5.7.3 Authentication unsuccessful", blameSetup},

		{"Google", stepHello, 421, "4.7.0 Try again later, closing connection. (EHLO)", blameRelay},
		{"another relay", stepHello, 421, "4.7.0 EHLO must be fully qualified", blameRelay}, // for now; what is said names the setting
		{"Google", stepRecipient, 550, "5.1.1 The email account that you tried to reach does not exist", blameRecipient},
		{"Google", stepRecipient, 550, "5.2.1 The email account that you tried to reach is disabled", blameRecipient},
		{"Google", stepRecipient, 553, "5.1.2 We weren't able to find the recipient domain", blameRecipient},
		{"Google", stepRecipient, 450, "4.2.1 The user you are trying to contact is receiving mail too quickly", blameMail},
		{"Google", stepRecipient, 452, "4.2.2 The email account that you tried to reach is over quota", blameMail},
		{"Google", stepRecipient, 550, "5.7.1 Invalid credentials for relay [192.0.2.1]", blameSetup},
		{"Google", stepAccept, 550, "5.4.5 Daily user sending limit exceeded", blameSetup},
		{"Google", stepAccept, 550, "5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy", blameSetup},
		{"Google", stepRecipient, 421, "4.7.28 Our system has detected an unusual rate of unsolicited mail", blamePace},
		{"Google", stepRecipient, 421, "4.4.5 Server busy, try again later", blamePace},
		{"Google", stepSender, 530, "5.7.0 Must issue a STARTTLS command first", blameSetup},
		{"Google", stepAuth, 454, "4.7.0 Cannot authenticate due to temporary system problem", blameRelay},

		{"SES", stepAccept, 454, "Throttling failure: Maximum sending rate exceeded", blamePace},
		{"SES", stepSender, 454, "Throttling failure: Daily message quota exceeded", blamePace},
		{"SES", stepAccept, 554, "Message rejected: Email address is not verified. The following identities failed the check", blameSetup},
		{"SES", stepRecipient, 554, "Message rejected: Email address is not verified", blameSetup},
		{"SES", stepAccept, 554, "Access denied: User is not authorized to perform ses:SendRawEmail", blameSetup},
		{"SES", stepAuth, 535, "Authentication Credentials Invalid", blameSetup},
		{"SES", stepAccept, 451, "Temporary service failure", blameMail},

		{"SendGrid", stepAccept, 550, "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved", blameSetup},
		{"SendGrid", stepSender, 550, "Unauthenticated senders not allowed", blameSetup},
		{"SendGrid", stepAuth, 451, "Authentication failed: Maximum credits exceeded", blameRelay},
		{"SendGrid", stepRecipient, 452, "Too many recipients received this hour", blamePace},

		{"Mailgun", stepRecipient, 550, "5.7.1 Relaying denied", blameSetup},
		{"Mailgun", stepAccept, 554, "Sandbox subdomains are for test purposes only. Please add your own domain", blameSetup},
		{"Mailgun", stepAuth, 535, "5.7.0 Mailgun is not loving your login or password", blameSetup},

		{"any", stepSender, 550, "5.1.1 Address unknown", blameSetup},
		{"any", stepSender, 553, "5.1.7 Sender address does not conform", blameSetup},
		{"any", stepRecipient, 551, "User not local", blameUnclear},
		{"any", stepRecipient, 552, "Mailbox full", blameRecipient},
		{"any", stepRecipient, 553, "5.6.7 SMTPUTF8 is needed", blameRecipient},
		{"any", stepRecipient, 521, "5.3.2 Host does not accept mail", blameSetup},
		{"any", stepRecipient, 550, "5.0.0 No", blameUnclear},
		{"any", stepAccept, 550, "5.6.0 Bad content", blameUnclear},
		{"any", stepGreeting, 554, "No SMTP service here", blameSetup},
		{"any", stepGreeting, 421, "Too busy", blameRelay},
	} {
		f := &failure{step: c.step, err: &textproto.Error{Code: c.code, Msg: c.reply}}
		if got := f.blame(); got != c.want {
			t.Errorf("%s, %s: %d %s: blame %d, want %d", c.who, c.step, c.code, c.reply, got, c.want)
		}
	}
}

// What stands in every organisation names nobody of one.
func TestTroubleNamesNoRecipient(t *testing.T) {
	for in, want := range map[string]string{
		"554 5.7.1 <bob@acme.example>: Relay access denied":           "554 5.7.1 <…>: Relay access denied",
		"refused the sender Roster@mail.example; also zoë@bücher.ex.": "refused the sender Roster@mail.example; also ….",
		"identities failed: bob@a.example, eve@b.example in region x": "identities failed: …, … in region x",
		`to <"bob smith"@acme.example>: "no" such user`:               `to <…>: "no" such user`,
	} {
		if got := anonymous(in, "roster@mail.example"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

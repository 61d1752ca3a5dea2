// SPDX-License-Identifier: Apache-2.0

// Package outcome is what becomes of a mail. It stands apart from the package that mails, so that rules can speak of it and stay pure.
package outcome

// Outcome is what the relay made of a mail.
type Outcome string

// The outcomes.
const (
	// Delivered: the relay took the mail.
	Delivered Outcome = "Delivered"
	// Rejected: the relay refused the recipient or the mail for good.
	Rejected Outcome = "Rejected"
	// Failing: the relay does not take this mail for now.
	Failing Outcome = "Failing"
	// Held: the relay takes no mail at present, or none from this installation.
	Held Outcome = "Held"
)

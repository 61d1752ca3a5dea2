// SPDX-License-Identifier: Apache-2.0

package account

import (
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// MailDue is a mail about an Account that was asked for and has not been sent.
type MailDue struct {
	rosterv1alpha1.AccountMail
	// Drop is why it is not sent any more: what it contains could not be used. Empty if it is sent.
	Drop string
}

// lateness is how much of its time a link must have left to be mailed.
const lateness = 5 * time.Minute

// MailsDue are the mails that the status of an Account asks for and does not show as sent.
func MailsDue(of *rosterv1alpha1.Account, now time.Time) []MailDue {
	var due []MailDue
	for _, m := range of.Status.MailRequests {
		if answered := of.Status.Answered(m.Topic); answered.Equal(&m.Time) {
			continue
		}
		due = append(due, MailDue{AccountMail: m, Drop: useless(of, m, now)})
	}
	// What an administrator asks for stands in the spec.
	told := of.Status.Answered(rosterv1alpha1.MailFactorsReset)
	if reset := of.Spec.FactorsResetRequestedAt; reset != nil && !reset.After(now) && reset.After(told.Time) {
		due = append(due, MailDue{AccountMail: rosterv1alpha1.AccountMail{
			Topic: rosterv1alpha1.MailFactorsReset, Time: metav1.MicroTime{Time: reset.Time},
		}})
	}
	return due
}

// useless is why what a mail brings could not be used any more; empty if it can.
func useless(of *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail, now time.Time) string {
	var usable bool
	switch m.Topic {
	case rosterv1alpha1.MailPasswordReset:
		usable = now.Before(m.Time.Add(ResetLifetime - lateness))
	case rosterv1alpha1.MailAddressCode:
		usable = CodeRequest(of, "").Live(now.Add(codeLeft / 2)) // It may have been asked for just in time.
	default:
		return ""
	}
	switch {
	case ptr.Deref(of.Spec.Suspended, false):
		return "the account is suspended"
	case !usable:
		return "it could not be sent in time, and what it brings would hardly work any more"
	}
	return ""
}

// MailID is the Message-ID (RFC 5322, 3.6.4) of such a mail, without angle brackets: the same for every try at it.
func MailID(of *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail, domain string) string {
	return ID(of) + "." + string(m.Topic) + "." + strconv.FormatInt(m.Time.UnixMicro(), 36) + "@" + domain
}

// SPDX-License-Identifier: Apache-2.0

// Package portal is what invited people see: the page behind the link in the mail, on which they accept or decline, and the welcome page
// after that. It needs no JavaScript, and opening a link changes nothing: mail scanners open links too.
package portal

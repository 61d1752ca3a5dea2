// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// unreachable says why there was no answer, and what helps. It does not wrap the cause: that is no error of the API server's, and must not
// be explained as one.
func (p *Provider) unreachable(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is signed by an authority that this machine does not know: name its certificate (PEM) with "+
			"--certificate-authority", p.Issuer)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate of %s does not count at %s, the time of this machine: set the clock if that is wrong, or have "+
			"the certificate renewed (%s)", p.Issuer, p.Clock.Now().UTC().Format(time.RFC3339), invalid.Error())
	case errors.As(err, &name):
		return fmt.Errorf("the certificate of %s is for another name: %s", p.Issuer, name.Error())
	}
	return fmt.Errorf("%w: %s. Try again in a moment, and check --issuer (%s) if it stays like that", ErrAway, err.Error(), p.Issuer)
}

// refused puts a refusal of the token endpoint into words. ended is what a code or refresh token that counts no longer means.
func (p *Provider) refused(err, ended error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return p.unreachable(err)
	}
	switch {
	case answer.ErrorCode == "invalid_grant":
		return fmt.Errorf("%w%s", ended, described(answer))
	case answer.ErrorCode == "access_denied":
		return fmt.Errorf("%w%s", ErrRefused, described(answer))
	case answer.ErrorCode == "expired_token":
		return fmt.Errorf("%w: nobody typed the code in, in time. Run the command again for another one", ErrRefused)
	case answer.ErrorCode == "invalid_client", answer.ErrorCode == "unauthorized_client":
		return fmt.Errorf("the provider %s knows no public client %q that may do this: check --client-id, and portal.openID.clients in the "+
			"configuration of Roster%s", p.Issuer, p.ClientID, described(answer))
	case answer.Response != nil && (answer.Response.StatusCode >= http.StatusInternalServerError ||
		answer.Response.StatusCode == http.StatusTooManyRequests):
		return fmt.Errorf("%w: it answers %s. Try again in a moment", ErrAway, answer.Response.Status)
	case answer.ErrorCode == "":
		return fmt.Errorf("%w: it answers %s", ErrUnbelievable, answer.Response.Status)
	}
	return fmt.Errorf("the provider %s answers %s%s", p.Issuer, printable(answer.ErrorCode), described(answer))
}

func described(answer *oauth2.RetrieveError) string {
	if answer.ErrorDescription == "" {
		return ""
	}
	return ": " + printable(answer.ErrorDescription)
}

// maxPrintable is how much of a provider's own words is shown.
const maxPrintable = 300

// printable leaves out what could change a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxPrintable {
		s = s[:maxPrintable] + "…"
	}
	return s
}

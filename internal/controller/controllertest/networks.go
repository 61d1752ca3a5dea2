// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// onMastodon is an account of Mastodon ("accounts API methods", verify_credentials). What stands behind an exclamation mark in its token
// has happened to it.
func (x *X) onMastodon(w http.ResponseWriter, token string) {
	x.mu.Lock()
	x.checks[token]++
	held := x.held[token]
	x.mu.Unlock()
	if held != nil {
		<-held
	}
	_, state, _ := strings.Cut(token, "!")
	switch state {
	case "disabled":
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":"Your login is currently disabled"}`)
	case "suspended":
		_, _ = fmt.Fprintf(w, `{"id":%q,"acct":%q,"suspended":true}`, token, token)
	case "moved":
		_, _ = fmt.Fprintf(w, `{"id":%q,"acct":%q,"moved":{"id":"9","acct":"acme@new.example"}}`, token, token)
	default:
		_, _ = fmt.Fprintf(w, `{"id":%q,"acct":%q}`, token, token)
	}
}

// adAccount is one on Facebook, which tokens that end with its number have a role on.
func adAccount(w http.ResponseWriter, id, token string) {
	if !strings.HasSuffix(token, id) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":{"message":"(#200) Ad account owner has NOT grant ads_management or ads_read permission","code":200}}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"account_id":%q,"name":"Acme EMEA"}`, id)
}

// onLinkedIn is the organisation 5, to a person who does not administer it and has the role that stands behind an exclamation mark in their
// token ("Organization Lookup", "Organization Access Control by Role").
func onLinkedIn(w http.ResponseWriter, path, token string) {
	_, role, _ := strings.Cut(token, "!")
	switch path {
	case "/rest/organizationAcls":
		_, _ = fmt.Fprintf(w, `{"elements":[{"role":%q,"organization":"urn:li:organization:5","state":"APPROVED"}]}`, role)
	case "/rest/organizations":
		_, _ = io.WriteString(w, `{"results":{"5":{"vanityName":"acme","localizedName":"Acme Inc.","id":5}}}`)
	default:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"serviceErrorCode":100,"message":"Not enough permissions to access: GET /organizations","status":403}`)
	}
}

// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Registered reports whether people may be sent to an address: one of those that are registered, compared character by character (RFC 9700,
// 2.1). With anyPort, for applications on people's devices, the port of an address on the device itself may be another (RFC 8252, 7.3).
func Registered(addresses []string, asked string, anyPort bool) bool {
	if slices.Contains(addresses, asked) {
		return true
	}
	bare, ok := withoutPort(asked)
	return ok && anyPort && slices.ContainsFunc(addresses, func(registered string) bool {
		known, ok := withoutPort(registered)
		return ok && known == bare
	})
}

// withoutPort takes the port from an address on a person's own device; it refuses all others.
func withoutPort(address string) (string, bool) {
	parts := regexp.MustCompile(`^(http://(?:localhost|127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?(/[!-~]*)?$`).FindStringSubmatch(address)
	if parts == nil || strings.ContainsAny(parts[2], `\#`) {
		return "", false
	}
	return parts[1] + parts[2], true
}

// Answer is a registered address with the parameters of an answer, which keep to what it has already.
func Answer(registered string, parameters url.Values) string {
	separator := "?"
	switch {
	case strings.HasSuffix(registered, "?"), strings.HasSuffix(registered, "&"):
		separator = ""
	case strings.Contains(registered, "?"):
		separator = "&"
	}
	return registered + separator + parameters.Encode()
}

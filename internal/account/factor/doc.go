// SPDX-License-Identifier: Apache-2.0

// Package factor knows the second factors of an account: codes of an authenticator app (TOTP, RFC 6238), recovery codes, and passkeys (Web
// Authentication). It decides; its caller stores what it returns, under the version that was read.
package factor

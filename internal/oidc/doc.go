// SPDX-License-Identifier: Apache-2.0

// Package oidc signs people in with the account of their company: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), state and nonce,
// endpoints by discovery. An issuer is asked for one thing only: who has which mail address, of the domains that it may speak for. Roles
// and groups that it claims are not read.
package oidc

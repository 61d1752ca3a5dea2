// SPDX-License-Identifier: Apache-2.0

// Package openid is what tokens say about a person: who they are, and how they proved it. It does no I/O.
package openid

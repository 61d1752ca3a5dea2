// SPDX-License-Identifier: Apache-2.0

// Package account keeps the people of all organisations: their Accounts, and beside each the Secret with its credentials. Passwords are
// stored as argon2id hashes (RFC 9106) and leave the process in no other form.
package account

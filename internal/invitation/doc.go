// SPDX-License-Identifier: Apache-2.0

// Package invitation holds every rule about invitations: which addresses are the same, how links are signed, and what becomes of an
// Invitation given what is known and what time it is. It does no I/O.
package invitation

// SPDX-License-Identifier: Apache-2.0

// Package grant is what a person has let the applications of their organisations have: one document in the Secret of their Account, and
// the rules about it. A grant begins when somebody signs in to an application, is handed over by a code, lasts by refresh tokens, and ends
// when one of the things that it rests on does. The package does no I/O.
package grant

// SPDX-License-Identifier: Apache-2.0

package controller

// For tests.
var (
	CreateKey = createKey
	GrantName = grantName
)

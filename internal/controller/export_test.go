// SPDX-License-Identifier: Apache-2.0

package controller

// CreateKey is for tests.
var CreateKey = createKey

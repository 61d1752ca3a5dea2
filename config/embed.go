// SPDX-License-Identifier: Apache-2.0

// Package config holds the manifests of this version, for programs that compare a cluster with them.
package config

import "embed"

// Files are the permissions of the processes and the admission policies.
//
//go:embed rbac/*.yaml policy/*.yaml policy/mutating/*.yaml
var Files embed.FS

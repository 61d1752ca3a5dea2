// SPDX-License-Identifier: Apache-2.0

// Command lint is golangci-lint with the linter for Kubernetes APIs built in.
//
// golangci-lint takes a module plugin only at build time. Its own `golangci-lint custom` clones its sources with git; this
// package reaches the same result with nothing but the modules that go.mod pins.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"

	// Registers the plugin "kubeapilinter", which .golangci.yml turns on for api/.
	_ "sigs.k8s.io/kube-api-linter"
)

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "golangci-lint: %v\n", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo names the golangci-lint that is built in, for --version and for the key of its cache.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{Version: "unknown", GoVersion: "unknown", Commit: "none", Date: "unknown"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	info.GoVersion = build.GoVersion
	for _, dep := range build.Deps {
		if dep.Path == "github.com/golangci/golangci-lint/v2" {
			info.Version, info.Commit = dep.Version, dep.Sum
		}
	}
	return info
}

// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the whole of Roster as a user meets it: the playground as make demo starts it, with its real API server, its mails
// over SMTP, and the pages of the portal.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// binDir holds the programs, built once for all tests.
var binDir string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "roster-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/manager", "./cmd/portal", "./cmd/playground",
		"./cmd/kubectl-roster")
	build.Dir = root()
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
		return 1
	}
	binDir = dir
	ctrllog.SetLogger(logr.Discard()) // Or the client complains.
	return m.Run()
}

// root is the top folder of the project; tests run in the folder of their package.
func root() string {
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		panic(err) // The working directory is gone.
	}
	return dir
}

// SPDX-License-Identifier: Apache-2.0

// Package testpeer runs real servers that tests speak to: the reference server of Bluesky, and a certified OpenID provider. Both are
// programs of Node.js that hack/peers.sh installs.
package testpeer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/roster-dev/roster/internal/testenv"
)

// peer is a server in a process of its own. It ends when its standard input does, so it does not outlive the test.
type peer struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer
}

// start runs a program of test/peers and decodes the line that it writes when it is ready.
func start(ctx context.Context, program string, ready any, args ...string) (*peer, error) {
	folder, err := Folder()
	if err != nil {
		return nil, err
	}
	node := exec.Command(filepath.Join(folder, "node"), append([]string{program}, args...)...) //nolint:gosec // from bin/peers, for tests
	p := &peer{cmd: node, stderr: &bytes.Buffer{}}
	p.cmd.Dir, p.cmd.Stderr = folder, p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		_ = p.Stop()
		return nil, fmt.Errorf("%s did not start: %w\n%s", program, err, p.stderr)
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return p, json.Unmarshal(line, ready)
}

// Stop ends the server. How it ends is of no interest any more.
func (p *peer) Stop() error {
	timer := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	var exit *exec.ExitError
	if err := errors.Join(p.stdin.Close(), p.cmd.Wait()); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// Folder is the one that hack/peers.sh prints.
func Folder() (string, error) {
	if folder := os.Getenv("ROSTER_TEST_PEERS"); folder != "" {
		return folder, nil
	}
	folders, _ := filepath.Glob(filepath.Join(testenv.Root(), "bin/peers/*/node"))
	if len(folders) == 0 {
		return "", errors.New("the servers that this test speaks to are not installed: run the tests with make test, which installs " +
			"them, or run hack/peers.sh once. It needs Node.js with npm, make, a C++ compiler and Python")
	}
	return filepath.Dir(folders[len(folders)-1]), nil
}

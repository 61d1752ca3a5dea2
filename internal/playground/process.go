// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// program is something that the playground runs beside itself.
type program struct {
	name string
	path string
	args []string
	// dir is the working directory; empty: the playground's.
	dir string
	// grace is how long the program may take to end by itself once it is asked to. Zero: it is not asked.
	grace time.Duration
}

// process is a program that runs. Its output goes to a file of its own.
type process struct {
	program
	logPath string
	cmd     *exec.Cmd
	// ended is closed when the program has ended; err then says how.
	ended chan struct{}
	err   error
}

// errEnded means that a program ended that should have kept running.
var errEnded = errors.New("ended")

// startProcess runs a program until it ends or is stopped. It ends with the playground, whatever ends that.
func startProcess(p program, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // A name of our own in the data folder.
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.path, p.args...) //nolint:gosec // The programs are the playground's own.
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	cmd.SysProcAttr = childAttributes()
	started := &process{program: p, logPath: logPath, cmd: cmd, ended: make(chan struct{})}

	result := make(chan error)
	go func() {
		// Linux ends a child when the thread that started it ends, so this goroutine keeps its thread until the child has gone.
		runtime.LockOSThread()
		defer log.Close()
		err := cmd.Start()
		result <- err
		if err == nil {
			started.err = cmd.Wait()
			close(started.ended)
		}
	}()
	if err := <-result; err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	return started, nil
}

// stop ends the program and everything that it started, and returns when the program has gone.
func (p *process) stop() {
	if p.grace > 0 {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		ctx, cancel := context.WithTimeout(context.Background(), p.grace)
		defer cancel()
		select {
		case <-p.ended:
		case <-ctx.Done():
		}
	}
	killGroup(p.cmd.Process.Pid)
	<-p.ended
}

// failure reports that the program ended, with what it said last.
func (p *process) failure() error {
	how := "without an error"
	if p.err != nil {
		how = "with " + p.err.Error()
	}
	return fmt.Errorf("%s %w %s; the last lines of %s:\n%s", p.name, errEnded, how, p.logPath, lastLines(p.logPath, 15))
}

// lastLines returns the end of a file, indented.
func lastLines(path string, n int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "    " + err.Error()
	}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		return "    (it is empty)"
	}
	lines := strings.Split(string(content), "\n")
	return "    " + strings.Join(lines[max(0, len(lines)-n):], "\n    ")
}

// programIn returns the path of a program in a folder, or says what is missing.
func programIn(folder, name string) (string, error) {
	path := filepath.Join(folder, name)
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("%s is no program", path)
	}
	return path, nil
}

// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/roster-dev/roster/internal/controlplane"
)

// ErrRunning means that another playground has the same data folder.
var ErrRunning = errors.New("a playground is already running")

// state is the data folder. What the playground keeps there is gone at the next start; other files are left alone.
type state struct {
	dir  string
	lock *os.File
}

// The names in the data folder.
const (
	lockFile        = "playground.pid"
	childrenFile    = "children.pids"
	envFile         = "env"
	configFile      = "config.yaml"
	adminKubeconfig = "kubeconfig"
	etcdDir         = "etcd"
	pkiDir          = "pki"
)

// gonePatience is how long a killed process may take to be gone.
const gonePatience = 10 * time.Second

// openState takes the data folder for this process, ends what an earlier one has left running, and clears it.
func openState(ctx context.Context, dir string) (*state, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(lock); err != nil {
		defer lock.Close()
		owner, _ := os.ReadFile(lock.Name())
		return nil, fmt.Errorf("%w in %s (process %s): end it with Ctrl-C there, or give this one another --data-dir and other ports",
			ErrRunning, dir, strings.TrimSpace(string(owner)))
	}
	s := &state{dir: dir, lock: lock}
	if err := errors.Join(s.endLeftovers(ctx), s.clear(), s.sign()); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

func (s *state) logPath(program string) string { return s.path(program + ".log") }

// sign writes who has the folder, for the message that a second playground prints.
func (s *state) sign() error {
	if err := s.lock.Truncate(0); err != nil {
		return err
	}
	_, err := s.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// clear removes what an earlier playground has left, by name, so that a mistaken --data-dir costs nothing.
func (s *state) clear() error {
	var errs []error
	for _, name := range []string{childrenFile, envFile, configFile, adminKubeconfig, etcdDir, pkiDir,
		kubeconfigOf(controlplane.ControllerManager), kubeconfigOf(managerName), kubeconfigOf(portalName)} {
		errs = append(errs, os.RemoveAll(s.path(name)))
	}
	return errors.Join(errs...)
}

// remember notes a child, so that the next playground can end it if this one is killed.
func (s *state) remember(p *process) error {
	f, err := os.OpenFile(s.path(childrenFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d %s\n", p.cmd.Process.Pid, p.name)
	return errors.Join(err, f.Close())
}

// endLeftovers ends the children of a playground that was killed. Process IDs are used again, so only a process that was started
// with this data folder is taken for one.
func (s *state) endLeftovers(ctx context.Context) error {
	content, err := os.ReadFile(s.path(childrenFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		pid, err := strconv.Atoi(id)
		if err != nil || pid <= 1 || !s.isOurs(pid) {
			continue
		}
		killGroup(pid)
		gone := func(context.Context) (bool, error) { return !s.isOurs(pid), nil }
		if err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, gonePatience, true, gone); err != nil {
			return fmt.Errorf("%s of an earlier playground (process %d) does not end: %w", name, pid, err)
		}
	}
	return nil
}

// isOurs reports whether a process is of an earlier playground and still holds on to its ports. One that is being killed has lost its
// command line already.
func (s *state) isOurs(pid int) bool {
	line, alive := commandLine(pid)
	return alive && (line == "" || strings.Contains(line, s.dir+string(filepath.Separator)))
}

// close gives the folder back, without what is of no use any more.
func (s *state) close() {
	_ = os.Remove(s.path(envFile))
	_ = os.Remove(s.path(childrenFile))
	_ = s.lock.Close()
}

// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func mustOpen(t *testing.T, dir string) *state {
	t.Helper()
	s, err := openState(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// idle starts a program that stays until it is ended, as the given arguments would have it, and notices its end.
func idle(t *testing.T, args ...string) (pid int, ended <-chan error) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", "read forever"}, args...)...)
	// Nothing is ever written to its input.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { _ = stdin.Close() })
	return cmd.Process.Pid, done
}

func TestTheDataFolderHasOnePlayground(t *testing.T) {
	dir := t.TempDir()
	first := mustOpen(t, dir)
	_, err := openState(t.Context(), dir)
	if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the second start says: %v", err)
	}
	first.close()
	mustOpen(t, dir)
}

func TestAStartClearsWhatAnotherLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	ours := []string{envFile, configFile, adminKubeconfig, "kube-controller-manager.kubeconfig", "manager.kubeconfig", "portal.kubeconfig",
		"etcd/data", "pki/ca.crt"}
	for _, name := range append(ours, "thesis.txt", "photos/cat.jpg") {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustOpen(t, dir)
	for _, name := range ours {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{"thesis.txt", "photos/cat.jpg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s is gone", name)
		}
	}
}

func TestLeftoversOfAKilledPlaygroundAreEnded(t *testing.T) {
	dir := t.TempDir()
	leftover, leftoverEnded := idle(t, "--data-dir="+dir+"/etcd")
	stranger, strangerEnded := idle(t, "--data-dir=/somewhere/else")
	// Among them a process that is long gone, and a line that was cut off.
	pids := fmt.Sprintf("%d etcd\n%d kube-apiserver\n999999999 manager\n12", leftover, stranger)
	if err := os.WriteFile(filepath.Join(dir, childrenFile), []byte(pids), 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
	if err := <-leftoverEnded; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the leftover ended with %v, want it killed", err)
	}
	select {
	case err := <-strangerEnded:
		t.Errorf("a process that only has a number in common was ended: %v", err)
	default:
	}
	if _, err := os.Stat(filepath.Join(dir, childrenFile)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the list of leftovers is still there")
	}
}

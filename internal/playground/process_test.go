// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// asPlayground, in the environment, makes this test binary start a child and wait, so that a test can kill it.
const asPlayground = "ROSTER_TEST_AS_PLAYGROUND"

func TestMain(m *testing.M) {
	if logPath := os.Getenv(asPlayground); logPath != "" {
		child, err := startProcess(shell("sleep 600"), logPath)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(child.cmd.Process.Pid)
		<-child.ended
		return
	}
	os.Exit(m.Run())
}

func shell(script string) program {
	return program{name: "shell", path: "/bin/sh", args: []string{"-c", script}}
}

func mustStart(t *testing.T, p program) *process {
	t.Helper()
	started, err := startProcess(p, filepath.Join(t.TempDir(), "shell.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.stop)
	return started
}

// eventually waits for something that the kernel or another program does.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	condition := func(context.Context) (bool, error) { return happened(), nil }
	if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 2*time.Minute, true, condition); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func logOf(p *process) string {
	content, _ := os.ReadFile(p.logPath)
	return string(content)
}

func TestAProgramThatEndsSaysWhy(t *testing.T) {
	p := mustStart(t, shell("echo one; echo the port is taken >&2; exit 3"))
	<-p.ended
	err := p.failure()
	for _, want := range []string{"shell ended with exit status 3", "shell.log", "one", "the port is taken"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if !errors.Is(err, errEnded) {
		t.Errorf("%v is not errEnded", err)
	}
}

func TestOnlyTheEndOfALongLogIsShown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(strings.Repeat("old\n", 100)+"a\nb\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := lastLines(path, 3), "    old\n    a\n    b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStopAsksFirst(t *testing.T) {
	p := shell("trap 'echo said goodbye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
	p.grace = 20 * time.Second
	started := mustStart(t, p)
	eventually(t, "the program is up", func() bool { return strings.Contains(logOf(started), "ready") })
	started.stop()
	if got := logOf(started); got != "ready\nsaid goodbye\n" {
		t.Errorf("the program wrote %q", got)
	}
}

func TestStopEndsTheStubbornAndTheirChildren(t *testing.T) {
	p := shell("trap '' TERM; sleep 600 & echo $!; wait; wait")
	p.grace = 50 * time.Millisecond
	started := mustStart(t, p)
	var grandchild int
	eventually(t, "the grandchild is up", func() bool {
		_, err := fmt.Sscan(logOf(started), &grandchild)
		return err == nil
	})
	started.stop()
	eventually(t, "the grandchild has gone", func() bool {
		_, alive := commandLine(grandchild)
		return !alive
	})
}

func TestAKilledPlaygroundTakesItsChildrenAlong(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the next start ends them")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asPlayground+"="+filepath.Join(t.TempDir(), "log"))
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Sscan(line, &child); err != nil {
		t.Fatal(err)
	}
	if _, alive := commandLine(child); !alive {
		t.Fatal("the child is not there to begin with")
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	eventually(t, "the child has gone", func() bool {
		_, alive := commandLine(child)
		return !alive
	})
}

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/roster-dev/roster/internal/controlplane"
)

// childrenOf returns the process IDs of what the playground runs, by name.
func childrenOf(t *testing.T, d *demo) map[string]int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(d.dataDir, "children.pids"))
	if err != nil {
		t.Fatal(err)
	}
	children := map[string]int{}
	for line := range strings.Lines(string(content)) {
		var pid int
		var name string
		if _, err := fmt.Sscan(line, &pid, &name); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if syscall.Kill(pid, 0) != nil {
			t.Errorf("%s, process %d, does not run", name, pid)
		}
		children[name] = pid
	}
	if len(children) != 5 {
		t.Fatalf("the playground runs %v, want etcd, kube-apiserver, kube-controller-manager, manager and portal", children)
	}
	return children
}

// checkGone waits until none of the processes is there any more.
func checkGone(t *testing.T, d *demo, children map[string]int) {
	t.Helper()
	for name, pid := range children {
		d.eventually(name+" has ended", func(context.Context) error {
			if isRunning(pid) {
				return fmt.Errorf("process %d still runs", pid)
			}
			return nil
		})
	}
}

// isRunning reports whether a process does anything. One that has ended and that nobody has asked about does not.
func isRunning(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	return !bytes.Contains(stat, []byte(") Z "))
}

// checkListeners looks at every socket that the playground and its children listen on.
func checkListeners(t *testing.T, d *demo) {
	if runtime.GOOS != "linux" {
		t.Skip("the list of sockets is read from /proc")
	}
	processes := childrenOf(t, d)
	processes["playground"] = d.cmd.Process.Pid
	for name, pid := range processes {
		listeners := listenersOf(t, pid)
		needsPort := name != "etcd" && name != controlplane.ControllerManager
		if needsPort && len(listeners) == 0 {
			t.Errorf("%s listens nowhere, which cannot be", name)
		}
		for _, l := range listeners {
			if !needsPort {
				t.Errorf("%s listens on %s, and needs no port", name, l)
			}
			if l.address != loopback4 && l.address != loopback6 {
				t.Errorf("%s listens on %s, which is not loopback", name, l)
			}
		}
	}
}

// The loopback addresses as /proc/net/tcp and tcp6 write them: words of 32 bits in the order of the machine, which is
// little-endian wherever this runs.
const (
	loopback4 = "0100007F"
	loopback6 = "00000000000000000000000001000000"
)

// listener is an address in the form of /proc/net/tcp.
type listener struct{ address, port string }

func (l listener) String() string { return l.address + ":" + l.port }

// listenersOf returns the sockets on which a process takes connections.
func listenersOf(t *testing.T, pid int) []listener {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("no open files of process %d: %v", pid, err)
	}
	own := map[string]bool{}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil {
			own[target] = true
		}
	}
	var found []listener
	for _, table := range []string{"tcp", "tcp6"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			// proc_pid_net(5): local address, remote address, state (0A is LISTEN), …, and the socket's number.
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == "0A" && own["socket:["+fields[9]+"]"] {
				address, port, _ := strings.Cut(fields[1], ":")
				found = append(found, listener{address, port})
			}
		}
	}
	return found
}

// checkIdentities asks the API server who manager and portal are.
func checkIdentities(t *testing.T, d *demo) {
	for _, name := range []string{"manager", "portal"} {
		config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(d.dataDir, name+".kubeconfig"))
		if err != nil {
			t.Fatal(err)
		}
		clientset, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		review, err := clientset.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := review.Status.UserInfo.Username, "system:serviceaccount:roster-system:roster-"+name; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
		if _, err := clientset.CoreV1().Secrets("kube-system").List(t.Context(), metav1.ListOptions{}); err == nil {
			t.Errorf("%s may list Secrets", name)
		}
	}
}

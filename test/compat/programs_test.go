// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/testenv"
	"github.com/roster-dev/roster/test/site"
)

// build compiles manager and portal of the sources in a folder, and returns where they are.
func build(t *testing.T, sources string) string {
	t.Helper()
	bin := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator), "./cmd/manager", "./cmd/portal")
	cmd.Dir = sources
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", sources, err, said)
	}
	return bin
}

// sources unpacks those of a release. Where the history of the project is missing, as in an archive of its sources, those of now stand in.
func sources(t *testing.T, release string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(release, "commit"))
	if err != nil {
		t.Fatal(err)
	}
	commit := strings.TrimSpace(string(content))
	if exec.CommandContext(t.Context(), "git", "cat-file", "-e", commit+"^{commit}").Run() != nil {
		t.Logf("there is no commit %s here: the operator of now stands in for that of %s", commit, release)
		return testenv.Root()
	}
	// The compiler knows what it has compiled in this folder before.
	folder := filepath.Join(testenv.Root(), "bin/compat", commit)
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o750); err != nil {
		t.Fatal(err)
	}
	work := fmt.Sprintf("%s.part-%d", folder, os.Getpid()) // beside it, so that it can be renamed
	if err := os.Mkdir(work, 0o750); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(work) })
	archive := exec.CommandContext(t.Context(), "git", "archive", commit)
	archive.Dir = testenv.Root()
	unpack := exec.CommandContext(t.Context(), "tar", "-x", "-C", work)
	var said bytes.Buffer
	archive.Stderr, unpack.Stderr = &said, &said
	if unpack.Stdin, err = archive.StdoutPipe(); err == nil {
		err = errors.Join(unpack.Start(), archive.Run(), unpack.Wait())
	}
	if err == nil {
		err = os.Rename(work, folder)
	}
	if err != nil {
		t.Fatalf("git archive %s: %v\n%s", commit, err, said.String())
	}
	return folder
}

// maxLog is how much of a log is told.
const maxLog = 8 << 10

// operator is manager and portal of a release, as processes.
type operator struct {
	*site.Site
	manager, portal *process
	pages           string
}

type process struct {
	cmd   *exec.Cmd
	log   bytes.Buffer
	ready string
}

// start runs manager and portal from a folder, under the rights of their ServiceAccounts, and waits until the portal is ready. The manager
// may have to wait until another one has given up its Lease.
func start(s *site.Site, bin string) *operator {
	s.Helper()
	o := &operator{Site: s, pages: freeport.For(s).Addr()}
	folder := s.TempDir()
	config := filepath.Join(folder, "config.yaml")
	s.Must(os.WriteFile(config, s.ConfigText, 0o600))
	run := func(program string, flags ...string) *process {
		kubeconfig := filepath.Join(folder, program)
		login, err := s.Cluster.LoginServiceAccount("roster-" + program)
		s.Must(err)
		s.Must(testenv.WriteKubeconfig(kubeconfig, login, ""))
		p := &process{ready: freeport.For(s).Addr()}
		p.cmd = exec.Command(filepath.Join(bin, program), append([]string{
			"--config=" + config, "--kubeconfig=" + kubeconfig, "--namespace=" + testenv.SystemNamespace, "--metrics-bind-address=0",
			"--health-probe-bind-address=" + p.ready,
		}, flags...)...)
		p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
		s.Must(p.cmd.Start())
		s.Cleanup(func() {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
			if s.Failed() {
				s.Logf("the end of the log of the %s in %s:\n%s", program, bin, p.log.Bytes()[max(0, p.log.Len()-maxLog):])
			}
		})
		return p
	}
	o.manager, o.portal = run("manager", "--leader-elect"), run("portal", "--bind-address="+o.pages)
	s.Eventually("the portal is ready", func() error { return ready(o.portal) })
	return o
}

func ready(p *process) error {
	answer, err := http.Get("http://" + p.ready + "/readyz")
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s: %s", answer.Status, said)
	}
	return nil
}

// stop asks both to end, and waits until they have.
func (o *operator) stop() {
	o.Helper()
	for _, p := range []*process{o.portal, o.manager} {
		o.Must(p.cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, p := range []*process{o.portal, o.manager} {
		o.Must(p.cmd.Wait())
	}
}

// service stands before the portals, as a Service does: requests go to the one that is ready.
type service struct{ to atomic.Pointer[url.URL] }

func serve(t *testing.T, address string) *service {
	t.Helper()
	s := &service{}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(s.to.Load())
		r.Out.Host = r.In.Host
	}}}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return s
}

func (s *service) send(o *operator) { s.to.Store(&url.URL{Scheme: "http", Host: o.pages}) }

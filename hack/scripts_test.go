// SPDX-License-Identifier: Apache-2.0

// Package hack_test runs the scripts of this folder. The compiler is a stand-in that takes no time and can be told to fail
// or to hang; everything else is real.
package hack_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeGo stands in for the go command. It appends to $LOG what each build is told to make, and behaves as $BUILD says.
const fakeGo = `#!/bin/sh
case "$1 $2" in
'env GOHOSTOS') echo testos; exit ;;
'env GOHOSTARCH') echo testarch; exit ;;
'list '*) echo a; echo b; exit ;;
esac
made=
while [ "$1" != -o ]; do
	case $1 in -modfile=*) made=" ${1#-modfile=}" ;; esac
	shift
done
out=$2
shift 2
for package; do
	name=${package##*/}
	[ "$name" != v3 ] || name=server
	made="$made $name"
	printf '#!/bin/sh\n' >"$out/$name"
	chmod +x "$out/$name"
	case $BUILD in
	fail) echo 'x.go:1:1: no such thing' >&2; exit 1 ;;
	hang) exec 3>"$STARTED"; echo started >&3; exec sleep 600 ;;
	esac
done
echo "build$made" >>"$LOG"
`

// sandbox is a checkout that holds nothing but the script and the versions.
type sandbox struct {
	root, log, started string
	env                []string
}

func newSandbox(t *testing.T) sandbox {
	t.Helper()
	root := t.TempDir()
	s := sandbox{root: root, log: filepath.Join(root, "log"), started: filepath.Join(root, "started")}
	script, err := os.ReadFile("controlplane.sh")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "hack/controlplane.sh"), string(script))
	for name, version := range map[string]string{"go.mod": "v1.98.7", "1.96.mod": "v1.96.5", "1.97.mod": "v1.97.6"} {
		write(t, filepath.Join(root, "hack/controlplane", name), "require (\n\tk8s.io/kubernetes "+version+" // indirect\n)\n")
	}
	write(t, filepath.Join(root, "path/go"), fakeGo)
	if err := syscall.Mkfifo(s.started, 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = []string{
		"PATH=" + filepath.Join(root, "path") + ":" + os.Getenv("PATH"), "HOME=" + root, "LOG=" + s.log, "STARTED=" + s.started,
	}
	return s
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// run is one run of a script.
type run struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

func script(path string, env ...string) *run { return scriptFor(path, nil, env...) }

func scriptFor(path string, args []string, env ...string) *run {
	r := &run{cmd: exec.Command("/bin/bash", append([]string{path}, args...)...)}
	r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = env, &r.stdout, &r.stderr
	// A child that outlives the script and holds its output open is a failure, not a reason to wait for it.
	r.cmd.WaitDelay = 10 * time.Second
	return r
}

func (s sandbox) controlplane(env ...string) *run {
	return script(filepath.Join(s.root, "hack/controlplane.sh"), append(env, s.env...)...)
}

// minor runs it for a minor version of Kubernetes.
func (s sandbox) minor(minor string, env ...string) *run {
	return scriptFor(filepath.Join(s.root, "hack/controlplane.sh"), []string{minor}, append(env, s.env...)...)
}

func (r *run) start(t *testing.T) *run {
	t.Helper()
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// wait returns the exit code.
func (r *run) wait(t *testing.T) int {
	t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return r.cmd.ProcessState.ExitCode()
}

// prints fails the test unless the run succeeds with exactly this line on standard output.
func (r *run) prints(t *testing.T, want string) {
	t.Helper()
	if code := r.start(t).wait(t); code != 0 || r.stdout.String() != want+"\n" {
		t.Fatalf("exit %d, printed %q, want %q; standard error:\n%s", code, r.stdout.String(), want+"\n", r.stderr.String())
	}
}

// fails wants an error, nothing on standard output, and each of these on standard error.
func (r *run) fails(t *testing.T, says ...string) {
	t.Helper()
	if code := r.start(t).wait(t); code == 0 || r.stdout.Len() != 0 {
		t.Fatalf("exit %d, printed %q; want an error and nothing printed", code, r.stdout.String())
	}
	for _, want := range says {
		if !strings.Contains(r.stderr.String(), want) {
			t.Errorf("standard error lacks %q:\n%s", want, r.stderr.String())
		}
	}
}

// builds tells of each build the file of modules and the programs.
func (s sandbox) builds(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(s.log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		all = append(all, strings.TrimSpace(strings.TrimPrefix(line, "build")))
	}
	return all
}

// expectBuilds fails the test unless there were just these builds.
func (s sandbox) expectBuilds(t *testing.T, want ...string) {
	t.Helper()
	if got := s.builds(t); !slices.Equal(got, want) {
		t.Errorf("built %q, want %q", got, want)
	}
}

// left lists what lies in bin/k8s, the lock aside.
func (s sandbox) left(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.root, "bin/k8s"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != ".lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestGivenAssetsAreUsed(t *testing.T) {
	s := newSandbox(t)
	dir := filepath.Join(s.root, "given")
	for _, program := range []string{"etcd", "kube-apiserver", "kube-controller-manager"} {
		write(t, filepath.Join(dir, program), "")
	}
	s.controlplane("KUBEBUILDER_ASSETS="+dir).prints(t, dir)
	s.expectBuilds(t)
}

func TestGivenAssetsThatLackAProgram(t *testing.T) {
	s := newSandbox(t)
	dir := filepath.Join(s.root, "given")
	write(t, filepath.Join(dir, "etcd"), "")
	s.controlplane("KUBEBUILDER_ASSETS="+dir).fails(t, dir, "lacks: kube-apiserver kube-controller-manager")
	s.controlplane("KUBEBUILDER_ASSETS="+dir+"-not").fails(t, dir+"-not", "not a folder")
}

// all is a build of every program.
const all = "server kube-apiserver kube-controller-manager kubectl"

func TestBuildIsMadeOnce(t *testing.T) {
	s := newSandbox(t)
	first := s.controlplane()
	want := filepath.Join(s.root, "bin/k8s/1.98.7-testos-testarch")
	first.prints(t, want)
	if !strings.Contains(first.stderr.String(), "fifteen minutes") {
		t.Errorf("nothing says how long it takes:\n%s", first.stderr.String())
	}
	second := s.controlplane()
	second.prints(t, want)
	if second.stderr.Len() != 0 {
		t.Errorf("a cached copy is no news, but it said:\n%s", second.stderr.String())
	}
	s.expectBuilds(t, "go.mod "+all)
	if left := s.left(t); len(left) != 1 {
		t.Errorf("left %v, want one folder", left)
	}
}

// TestACopyOfAnOlderCheckoutIsCompleted: what is there stays, and only what it lacks is built.
func TestACopyOfAnOlderCheckoutIsCompleted(t *testing.T) {
	s := newSandbox(t)
	dir := filepath.Join(s.root, "bin/k8s/1.98.7-testos-testarch")
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		write(t, filepath.Join(dir, program), "as it was")
	}
	s.controlplane().prints(t, dir)
	s.expectBuilds(t, "go.mod kube-controller-manager")
	if read(t, filepath.Join(dir, "kube-controller-manager")) == "" || read(t, filepath.Join(dir, "etcd")) != "as it was" {
		t.Error("the copy is not what it was and what it lacked")
	}
}

// TestMinors: each minor version has its own file of modules and its own folder, whatever KUBEBUILDER_ASSETS says.
func TestMinors(t *testing.T) {
	s := newSandbox(t)
	s.minor("1.96", "KUBEBUILDER_ASSETS=/elsewhere").prints(t, filepath.Join(s.root, "bin/k8s/1.96.5-testos-testarch"))
	s.minor("1.98").prints(t, filepath.Join(s.root, "bin/k8s/1.98.7-testos-testarch"))
	s.expectBuilds(t, "1.96.mod "+all, "go.mod "+all)
	s.minor("1.95").fails(t, "Kubernetes 1.95", "1.96.mod 1.97.mod", "go.mod is of 1.98")
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	s := newSandbox(t)
	s.controlplane("BUILD=fail").fails(t, "x.go:1:1: no such thing", "the build failed")
	if left := s.left(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	s := newSandbox(t)
	r := s.controlplane("BUILD=hang").start(t)
	// The compiler holds the other end of the pipe for as long as it lives; opening waits until it is there.
	compiler, err := os.Open(s.started)
	if err != nil {
		t.Fatal(err)
	}
	defer compiler.Close()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := r.wait(t); code != 143 {
		t.Errorf("exit %d, want 143", code)
	}
	if err := compiler.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(compiler); err != nil {
		t.Errorf("the compiler lives on: %v", err)
	}
	if left := s.left(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLeftoversOfAKilledRunAreSwept(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("without flock nobody can tell a leftover from another run's folder")
	}
	s := newSandbox(t)
	write(t, filepath.Join(s.root, "bin/k8s/.work.killed/build/server"), "")
	s.controlplane().prints(t, filepath.Join(s.root, "bin/k8s/1.98.7-testos-testarch"))
	if left := s.left(t); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTwoRunsBuildOnce(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("without flock both build")
	}
	s := newSandbox(t)
	var runs []*run
	for range 4 {
		runs = append(runs, s.controlplane().start(t))
	}
	for _, r := range runs {
		if code := r.wait(t); code != 0 || !strings.HasSuffix(r.stdout.String(), "/1.98.7-testos-testarch\n") {
			t.Errorf("exit %d, printed %q; standard error:\n%s", code, r.stdout.String(), r.stderr.String())
		}
	}
	s.expectBuilds(t, "go.mod "+all)
	if left := s.left(t); len(left) != 1 {
		t.Errorf("left %v, want one folder", left)
	}
}

func TestChromium(t *testing.T) {
	dir := t.TempDir()
	browser := filepath.Join(dir, "browser")
	write(t, browser, "#!/bin/sh\n")
	// A machine without Chromium, and a user who may not install it.
	write(t, filepath.Join(dir, "path/id"), "#!/bin/sh\necho 1000\n")
	path := "PATH=" + filepath.Join(dir, "path")

	script("chromium.sh", path, "CHROMIUM="+browser).prints(t, browser)
	script("chromium.sh", path, "CHROMIUM="+browser+"-not").fails(t, browser+"-not", "not a program")
	script("chromium.sh", path).fails(t, "Install it", "CHROMIUM")

	write(t, filepath.Join(dir, "path/google-chrome"), "#!/bin/sh\n")
	script("chromium.sh", path).prints(t, filepath.Join(dir, "path/google-chrome"))
}

// TestPeers: what is there is used, what is wrong is named, and on a machine without npm, or a compiler, somebody learns how to get them.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"hack/peers.sh": read(t, "peers.sh"), "test/peers/package-lock.json": "{}", "test/peers/bluesky.mjs": "// starts it",
		"hack/tools/oauth2-proxy/go.sum": "",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	for _, tool := range []string{"bash", "cat", "dirname", "cksum", "tr", "cp"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "path", tool), "#!/bin/sh\nexec "+path+" \"$@\"\n")
	}
	peers := func(env ...string) *run {
		return script(filepath.Join(dir, "hack/peers.sh"), append(env, "PATH="+filepath.Join(dir, "path"))...)
	}
	peers().fails(t, "npm is not on the PATH", "Install Node.js")
	write(t, filepath.Join(dir, "path/npm"), "#!/bin/sh\nexit 1\n")
	peers().fails(t, "make is needed", "build-essential")
	peers("ROSTER_TEST_PEERS="+dir).fails(t, dir, "lacks the servers")

	installed := filepath.Join(dir, "installed")
	write(t, filepath.Join(installed, "node_modules/better-sqlite3/build/Release/better_sqlite3.node"), "")
	write(t, filepath.Join(installed, "node"), "")
	peers("ROSTER_TEST_PEERS="+installed).fails(t, installed, "lacks the servers")
	write(t, filepath.Join(installed, "oauth2-proxy"), "")
	peers("ROSTER_TEST_PEERS="+installed).prints(t, installed)
	if got := read(t, filepath.Join(installed, "bluesky.mjs")); got != "// starts it" {
		t.Errorf("the programs in the folder are old: %q", got)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

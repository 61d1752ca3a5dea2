// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/cli"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/config"
)

func TestATakenPortNamesTheFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	_, err = claimPort(FlagPortalAddr, taken.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "port "+port) || !strings.Contains(err.Error(), "--portal-addr") {
		t.Errorf("got %v", err)
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "8025", "127.0.0.1"} {
		if l, err := claimPort(FlagMailboxAddr, address); err == nil {
			l.Close()
			t.Errorf("%s was opened", address)
		} else if !strings.Contains(err.Error(), "--mailbox-addr "+address) || !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: the message does not help: %v", address, err)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		free, err := (&run{}).freeAddress(FlagMailboxAddr, address)
		if err != nil || !strings.HasPrefix(free, "127.0.0.1:") && !strings.HasPrefix(free, "[::1]:") || strings.HasSuffix(free, ":0") {
			t.Errorf("%s: %s, %v", address, free, err)
		}
	}
	r := run{options: Options{APIPort: 70000}}
	if _, err := r.apiAddress(); err == nil || !strings.Contains(err.Error(), "--api-port 70000") {
		t.Errorf("port 70000: %v", err)
	}
}

// writeProgram makes an empty program.
func writeProgram(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsMissingIsNamedBeforeAnythingStarts(t *testing.T) {
	root := t.TempDir()
	o := Options{BinDir: filepath.Join(root, "bin"), ConfigDir: filepath.Join(root, "config")}
	expect := func(want string) {
		t.Helper()
		checked := o
		err := checked.complete()
		if err == nil {
			err = checked.check()
		}
		switch {
		case want == "" && err != nil:
			t.Errorf("got %v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("got %v, want it to speak of %q", err, want)
		}
	}
	expect("make demo")
	assets := filepath.Join(o.BinDir, "k8s", "1.2.3-"+runtime.GOOS+"-"+runtime.GOARCH)
	writeProgram(t, filepath.Join(assets, "etcd"))
	expect("kube-apiserver")
	writeProgram(t, filepath.Join(assets, "kube-apiserver"))
	expect("kube-controller-manager")
	writeProgram(t, filepath.Join(assets, "kube-controller-manager"))
	expect("manager")
	writeProgram(t, filepath.Join(o.BinDir, "manager"))
	writeProgram(t, filepath.Join(o.BinDir, "portal"))
	expect(filepath.Join(root, "config"))
	if err := os.MkdirAll(filepath.Join(o.ConfigDir, "samples", "acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	expect("")
	o.RelayAddr = "mail.example"
	expect("--smtp mail.example")
}

func TestManagerAndPortalUnderstandTheConfiguration(t *testing.T) {
	content, err := serverConfig(here("127.0.0.1:1025"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	if c.Portal.URL != "http://127.0.0.1:8088" || c.Mail.SMTP.Address != "127.0.0.1:1025" || c.Mail.SMTP.TLS != config.TLSNone {
		t.Errorf("got %+v", c)
	}
	if _, err := serverConfig(here("nowhere"), nil); err == nil {
		t.Error("a relay without a port was taken")
	}
}

// here is where everything is that manager and portal are told of, and a relay.
func here(relay string) places {
	return places{portalURL: "http://127.0.0.1:8088", issuerURL: "https://127.0.0.1:8443", smtpAddr: relay}
}

// overviewRun is a start that has come up, as far as its words are concerned.
func overviewRun(t *testing.T, p places) *run {
	t.Helper()
	p.kubeconfig, p.portalURL, p.apiURL = "/tmp/it's here/kubeconfig", "http://127.0.0.1:8088", "https://127.0.0.1:6553"
	p.issuerURL, p.authority = "https://127.0.0.1:8443", "/tmp/pki/ca.crt"
	return &run{options: Options{Namespace: "acme"}, state: mustOpen(t, t.TempDir()), places: p}
}

// sourced is what a shell has after reading the env file.
func sourced(t *testing.T, r *run, variable string) string {
	t.Helper()
	if err := r.writeEnv(); err != nil {
		t.Fatal(err)
	}
	script := `. "$1" && eval "printf %s \"\${` + variable + `-unset}\""`
	cmd := exec.Command("sh", "-c", script, "sh", r.state.path(envFile))
	cmd.Env = []string{"ROSTER_MAILBOX_URL=of an earlier start"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestTheEnvFileIsForAShell(t *testing.T) {
	r := overviewRun(t, places{mailboxURL: "http://127.0.0.1:8025", smtpAddr: "127.0.0.1:1025"})
	r.options.BinDir = "/tmp/it's built here"
	if got := sourced(t, r, "PATH"); !strings.HasPrefix(got, "/tmp/it's built here:") {
		t.Errorf("PATH is %q: kubectl does not find its plugin", got)
	}
	for variable, want := range map[string]string{
		"KUBECONFIG": "/tmp/it's here/kubeconfig", "ROSTER_NAMESPACE": "acme", "ROSTER_PORTAL_URL": "http://127.0.0.1:8088",
		"ROSTER_MAILBOX_URL": "http://127.0.0.1:8025", "ROSTER_SMTP_ADDR": "127.0.0.1:1025",
		"ROSTER_ISSUER": "https://127.0.0.1:8443", "ROSTER_AUTHORITY": "/tmp/pki/ca.crt",
	} {
		if got := sourced(t, r, variable); got != want {
			t.Errorf("%s is %q, want %q", variable, got, want)
		}
	}
}

func TestWithAnotherRelayThereIsNoMailbox(t *testing.T) {
	r := overviewRun(t, places{smtpAddr: "relay.example:25"})
	if got := sourced(t, r, "ROSTER_MAILBOX_URL"); got != "unset" {
		t.Errorf("ROSTER_MAILBOX_URL is %q", got)
	}
	if text := r.overview(); strings.Contains(text, "mailbox") || !strings.Contains(text, "relay.example:25") {
		t.Errorf("the overview speaks of a mailbox:\n%s", text)
	}
}

func TestTheOverviewHoldsCommandsToCopy(t *testing.T) {
	text := overviewRun(t, places{mailboxURL: "http://127.0.0.1:8025", smtpAddr: "127.0.0.1:1025"}).overview()
	if !strings.HasSuffix(text, "\n"+ReadyLine+"\n") {
		t.Errorf("the overview does not end with %q", ReadyLine)
	}
	plugin, err := kube.New(genericiooptions.NewTestIOStreamsDiscard(), clock.RealClock{}, false)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(text) {
		words, isPlugin := strings.CutPrefix(strings.TrimSpace(line), "kubectl roster ")
		if !isPlugin {
			continue
		}
		count++
		cmd, flags, err := cli.New(plugin).Find(strings.Fields(words))
		if err == nil {
			err = cmd.ParseFlags(flags)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if count < 3 {
		t.Errorf("%d commands of the plugin to copy", count)
	}
	for _, placeholder := range []string{"{mailbox}", "{portal}", "{api}", "{ns}", "{env}", "{logs}", "{metrics}", "{kubectl}", "{ready}", "{look}",
		"{issuer}", "{authority}"} {
		if strings.Contains(text, placeholder) {
			t.Errorf("%s was not filled in", placeholder)
		}
	}
}

func TestManifests(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readManifests(folder); err == nil {
		t.Error("an empty folder was taken")
	}
	object := func(name string) string { return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n" }
	write("b.yaml", "# a comment\n---\n"+object("three")+"---\n\n")
	write("a.yaml", object("one")+"---\n"+object("two"))
	write("kustomization.yaml", "resources: [a.yaml]\n")
	write("notes.txt", "nothing")
	objects, err := readManifests(folder)
	var names []string
	for _, o := range objects {
		names = append(names, o.GetName())
	}
	if err != nil || !slices.Equal(names, []string{"one", "two", "three"}) {
		t.Errorf("read %v, %v", names, err)
	}
	write("c.yaml", "kind: ConfigMap\n")
	if _, err := readManifests(folder); err == nil || !strings.Contains(err.Error(), "c.yaml") {
		t.Errorf("an object without a name: %v", err)
	}
}

func TestTheSamplesAreAllInTheKustomization(t *testing.T) {
	samples := filepath.Join("..", "..", "config", "samples")
	content, err := os.ReadFile(filepath.Join(samples, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(content, &kustomization); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(samples, "acme", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = "acme/" + filepath.Base(files[i])
	}
	if !slices.Equal(files, kustomization.Resources) {
		t.Errorf("the folder holds %v, the kustomization %v", files, kustomization.Resources)
	}
	if _, err := readManifests(filepath.Join(samples, "acme")); err != nil {
		t.Error(err)
	}
}

func TestNetworksComeFromAFile(t *testing.T) {
	write := func(content string) string {
		file := filepath.Join(t.TempDir(), "networks.yaml")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	networks, err := readNetworks(write("networks:\n  - name: Bluesky\n    url: https://pds.acme.example\n"))
	if err != nil || len(networks) != 1 || networks[0].URL != "https://pds.acme.example" {
		t.Errorf("read %v, %v", networks, err)
	}
	content, err := serverConfig(here("127.0.0.1:1025"), networks)
	if err != nil || !strings.Contains(string(content), "pds.acme.example") {
		t.Errorf("the configuration is %s, %v", content, err)
	}
	for _, file := range []string{write("network:\n  - name: Bluesky\n"), filepath.Join(t.TempDir(), "none.yaml")} {
		if _, err := readNetworks(file); err == nil || !strings.Contains(err.Error(), "--networks") {
			t.Errorf("%s: the message is %v", file, err)
		}
	}
}

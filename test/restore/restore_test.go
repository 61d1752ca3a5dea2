// SPDX-License-Identifier: Apache-2.0

// Package restore brings back what kubectl roster backup, or a snapshot of etcd, has saved of a cluster that has everything in it.
package restore

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/cli/archive"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/test/site"
)

func TestMain(m *testing.M) { site.Main(m) }

// TestRestore: X-14. Everybody signs in as before.
func TestRestore(t *testing.T) {
	outside := site.NewOutside(t)
	before := site.New(t, outside, nil)
	before.Start()
	before.Fill()
	before.Age("ben", "carl")
	signIn := before.SignInto("olivia")
	was := before.Facts()
	all, acme := filepath.Join(t.TempDir(), "all.yaml"), filepath.Join(t.TempDir(), "acme.yaml")
	for _, args := range [][]string{{"backup", all, "--all"}, {"backup", acme, "-n", "acme"}} {
		said, err := before.Plugin(args...)
		t.Log(said)
		before.Must(err)
	}
	before.Stop()
	for _, file := range []string{all, acme} {
		saved, err := os.ReadFile(file)
		before.Must(err)
		for _, not := range []string{"roster-openid-keys", grant.Label, base64.StdEncoding.EncodeToString([]byte(signIn))} {
			if bytes.Contains(saved, []byte(not)) {
				t.Errorf("%s has %s: what was withdrawn or has ended would come back", file, not)
			}
		}
	}
	if info, err := os.Stat(all); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with secrets is %v, %v", info.Mode(), err)
	}
	if said, err := before.Plugin("backup", all, "--all"); err == nil {
		t.Errorf("a backup was overwritten: %s", said)
	}
	checkEveryKind(t, all)
	t.Run("installation", func(t *testing.T) { restoreInstallation(site.New(t, outside, nil), all, was) })
	t.Run("organization", func(t *testing.T) { restoreOrganization(site.New(t, outside, nil), acme) })
}

// checkEveryKind: an object of each kind is in the file, with its status.
func checkEveryKind(t *testing.T, file string) {
	t.Helper()
	crds, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil || len(crds) == 0 {
		t.Fatalf("no kinds: %v", err)
	}
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	saved, err := archive.Read(opened)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, o := range saved.Objects {
		if status, _ := o.Object["status"].(map[string]any); len(status) > 0 {
			have[o.GetKind()] = true
		}
	}
	for _, path := range crds {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(content, &crd); err != nil {
			t.Fatal(err)
		}
		if !have[crd.Spec.Names.Kind] {
			t.Errorf("the backup has no %s: add it to archive.Steps and to what site.Fill makes", crd.Spec.Names.Kind)
		}
	}
}

// restoreInstallation brings everything back into a fresh installation, in several attempts.
func restoreInstallation(after *site.Site, file, was string) {
	after.Deployments()
	for _, cut := range []struct {
		method string
		nth    int32
	}{{http.MethodPost, 1}, {http.MethodPost, 5}, {http.MethodPost, 12}, {http.MethodPut, 4}, {http.MethodPatch, 3}} {
		said, err := after.CutShort(cut.method, cut.nth, "restore", file)
		after.Log(said)
		if err == nil || !strings.Contains(said, "run it again with the same file") {
			after.Errorf("a restore that was cut short at %v: %v\n%s", cut, err, said)
		}
	}
	said, err := after.Plugin("restore", file)
	after.Log(said)
	after.Must(err)
	after.CheckDeployments()
	after.Start()
	after.CheckFacts(was)
	after.CheckRights()
	after.CheckNothingElse()
	after.CheckGone()
	after.CheckLeftBehind()
	after.CheckSignIn()
	after.CheckLinks()
	after.CheckDeletion()
	after.CheckRecoveryCode()
	if said, err := after.Plugin("restore", file); err == nil || !strings.Contains(said, "these exist and differ from what was saved") {
		after.Errorf("a restore over what has happened since: %v\n%s", err, said)
	}
}

// restoreOrganization brings an organisation back in another installation, changes it there, and brings it back once more.
func restoreOrganization(after *site.Site, file string) {
	after.Create(site.Plan())
	if said, err := after.Plugin("restore", file); err == nil || !strings.Contains(said, "there is no Deployment roster-manager in roster-system to stop") {
		after.Fatalf("a restore while manager and portal may run: %v\n%s", err, said)
	}
	said, err := after.Plugin("restore", file, "--stopped")
	after.Log(said)
	after.Must(err)
	after.Start()
	after.Eventually("Ben holds what his Team gives", func() error { return after.May("ben@acme.example", "publish", true) })
	after.Browser().SignIn("ben")
	after.CheckNoMail()
	after.Settle()
	after.Stop()
	was := after.Facts()
	after.Patch(after.Organization(), `{"spec":{"displayName":"Other"}}`)
	after.Patch(after.Account("ben"), `{"spec":{"displayName":"Benjamin"}}`)
	said, err = after.Plugin("restore", file)
	if err == nil || !strings.Contains(said, "Organization acme/acme") || strings.Contains(said, "Account") {
		after.Fatalf("a restore over another name: %v\n%s", err, said)
	}
	said, err = after.Plugin("restore", file, "--overwrite", "--stopped")
	after.Log(said)
	after.Must(err)
	if name := after.Organization().Spec.DisplayName; name != "Acme Social" {
		after.Errorf("the organisation is called %s after the restore", name)
	}
	if name := after.Account("ben").Spec.DisplayName; name != "Benjamin" {
		after.Errorf("the Account of a person was overwritten: %s", name)
	}
	was = strings.ReplaceAll(was, "displayName: ben\n", "displayName: Benjamin\n") // of the Account, and of his Member
	after.Start()
	after.CheckFacts(was)
	after.CheckNoMail()
}

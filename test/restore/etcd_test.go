// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/testenv"
	"github.com/roster-dev/roster/test/site"
)

// TestSnapshot takes a snapshot of etcd while Roster works, and has another API server work on it.
func TestSnapshot(t *testing.T) {
	outside := site.NewOutside(t)
	before := site.New(t, outside, nil)
	before.Start()
	before.Fill()
	was, uid := before.Facts(), before.Account("ben").UID
	snapshot, data := filepath.Join(t.TempDir(), "roster.db"), filepath.Join(t.TempDir(), "data")
	etcd(t, "etcdctl", "--endpoints", before.Cluster.Etcd(), "snapshot", "save", snapshot)
	// What happens from here on is lost.
	before.Patch(before.Organization(), `{"spec":{"displayName":"Later"}}`)
	before.Must(before.Client.Delete(t.Context(), before.Member("sam")))
	before.Stop()

	etcd(t, "etcdutl", "snapshot", "restore", snapshot, "--data-dir", data, "--bump-revision", "1000000000", "--mark-compacted")
	after := site.New(t, outside, nil)
	after.Must(after.Cluster.ReplaceEtcd(data))
	after.Eventually("the API server is ready", func() error {
		return after.Client.Get(t.Context(), client.ObjectKey{Name: "acme"}, &corev1.Namespace{})
	})
	after.Start()
	after.CheckFacts(was)
	if is := after.Account("ben").UID; is != uid {
		t.Errorf("the UID of Ben's account is %s, and was %s", is, uid)
	}
	after.CheckRights()
	after.CheckGone()
	after.CheckSignIn()
	after.CheckLinks()
	after.CheckDeletion()
	after.CheckRecoveryCode()
}

// etcd runs a program of etcd.
func etcd(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"tool", "-modfile=hack/tools/etcd/go.mod", program}, args...)...)
	cmd.Dir = testenv.Root()
	said, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", strings.Join(args, " "), said)
	if err != nil {
		t.Fatal(err)
	}
}

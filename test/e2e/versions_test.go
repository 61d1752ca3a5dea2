// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/apiserver"
	"github.com/roster-dev/roster/internal/testenv"
)

// TestTheClusterIsUpgraded from the oldest version of Kubernetes that Roster supports to that of the programs, and goes back by one that it
// supports, under a manager and a portal that run. API servers emulate older versions, as they do in clusters while these are upgraded.
func TestTheClusterIsUpgraded(t *testing.T) {
	t.Parallel()
	cluster, err := testenv.Start(t.Context(), emulated(apiserver.Oldest))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	b := newBureau(t, cluster).organize()
	b.direct()
	b.must(cluster.Client.Create(t.Context(), &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.space, Name: "olivia"},
		Spec:       rosterv1alpha1.MemberSpec{Email: "olivia@" + b.space + ".example", Role: rosterv1alpha1.RoleCoOwner},
	}))
	organization := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Namespace: b.space, Name: "acme"}}
	b.must(cluster.Client.Patch(t.Context(), organization, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"ownerRef":{"name":"olivia"}}}`))))
	offices := []*office{b.start(), b.startPortal().office}
	b.invite(1, "first")
	b.works(2, offices)

	newest, err := cluster.Minor()
	b.must(err)
	for i, minor := range slices.Compact([]int{newest, max(newest-1, b.oldest())}) {
		b.must(cluster.RestartAPIServer(emulated("1." + strconv.Itoa(minor))))
		b.eventually("the API server takes invitations again", func() error {
			inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: b.space, Name: "dry"}}
			inv.Spec.Email = "dry@" + b.space + ".example"
			return b.cluster.Client.Create(t.Context(), inv, client.DryRunAll)
		})
		b.invite(1, fmt.Sprintf("at-1-%d", minor))
		b.works(3+i, offices)
	}
}

func emulated(minor string) testenv.Flag { return testenv.Flag{Name: "emulated-version", Value: minor} }

// works waits until so many mails have gone out, and looks whether the policies hold and the processes run.
func (b *bureau) works(mails int, offices []*office) {
	b.t.Helper()
	b.eventually("everybody is mailed", func() error {
		if n := len(b.post.Messages()); n < mails {
			return fmt.Errorf("%d mails, want %d", n, mails)
		}
		return nil
	})
	b.awaitSent()
	b.noMailTwice(mails)
	b.eventually("the owner is protected", func() error {
		olivia := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: b.space, Name: "olivia"}}
		err := b.cluster.Client.Delete(b.t.Context(), olivia, client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), "cannot be deleted") {
			return fmt.Errorf("deleting the owner: %w", err)
		}
		return nil
	})
	for _, o := range offices {
		o.awaitReady()
	}
}

// oldest is the minor version of apiserver.Oldest.
func (b *bureau) oldest() int {
	b.t.Helper()
	minor, err := strconv.Atoi(strings.TrimPrefix(apiserver.Oldest, "1."))
	b.must(err)
	return minor
}

// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// BenchmarkWrites is what the policies add to a write, by comparing the same writes with and without them. Where there is a /proc, the
// time that the API server computed is counted besides, which other programs on the machine do not disturb.
//
//	go test ./test/policy -run '^$' -bench Writes
func BenchmarkWrites(b *testing.B) {
	w := newWorld(b)
	writes := map[string]attempt{
		"GitOps creates a Member":                  {who: flux, do: createMember("zed", on("acme-fb", editor))},
		"operator creates an Invitation":           {who: manager, do: invite("cora", forMember("cora"))},
		"operator binds a Member":                  {who: manager, do: updateMember("cora", joined)},
		"Manager invites":                          {who: ben, do: invite("zed", offersOn("acme-fb", editor))},
		"Manager creates a Member of 500 profiles": {who: ben, do: createMember("zed", onMany(500))},
		"Manager renames a Member":                 {who: ben, do: updateMember("ana", called("Ana Lima"))},
	}
	for _, active := range []string{"with", "without"} {
		for name, a := range writes {
			b.Run(name+"/"+active, func(b *testing.B) {
				w := &world{b, NewWithT(b), w.ns}
				c := dry(w.as(a.who))
				before := apiServerTime()
				for b.Loop() {
					if err := a.do(w, c); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((apiServerTime()-before).Microseconds())/float64(b.N), "api-µs/op")
			})
		}
		if active == "with" {
			w.removePolicies()
		}
	}
}

// apiServerTime is how long the API server has been computing; 0 where that cannot be told.
func apiServerTime() time.Duration {
	const ticks = 100 // a second: USER_HZ
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(line, []byte("(kube-apiserver)")) {
			continue
		}
		fields := strings.Fields(string(line)) // proc(5): the parent is the 4th, user and system time are the 14th and 15th
		if fields[3] != strconv.Itoa(os.Getpid()) {
			continue
		}
		user, _ := strconv.Atoi(fields[13])
		system, _ := strconv.Atoi(fields[14])
		return time.Duration(user+system) * time.Second / ticks
	}
	return 0
}

func onMany(n int) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) {
		for i := range n {
			m.Spec.Profiles = append(m.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: fmt.Sprintf("profile-%d", i), Role: editor})
		}
		slices.Reverse(m.Spec.Profiles)
	}
}

func (w *world) removePolicies() {
	w.Helper()
	for _, o := range []client.Object{&admissionv1.ValidatingAdmissionPolicyBinding{}, &admissionv1.MutatingAdmissionPolicyBinding{}} {
		w.Expect(cluster.Client.DeleteAllOf(w.Context(), o)).To(Succeed())
	}
	w.Eventually(func() error { return deleteMember("olivia")(w, dry(w.as(ben))) }).Should(Succeed())
	w.Eventually(func() string {
		inv := w.invitation("zed")
		w.Expect(dry(w.as(ben)).Create(w.Context(), inv)).To(Succeed())
		return inv.Spec.InvitedBy
	}).Should(BeEmpty())
}

// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// documentedAuditPolicy is the example in docs/operations.md.
func documentedAuditPolicy(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(testenv.Root(), "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(apiVersion: audit\\.k8s\\.io/v1\n.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/operations.md has no example of an audit policy")
	}
	return string(found[1])
}

// TestTheAuditPolicyKnowsAllKinds: what is done to an object of any kind of Roster is in the audit log.
func TestTheAuditPolicyKnowsAllKinds(t *testing.T) {
	policy := documentedAuditPolicy(t)
	kinds, err := filepath.Glob(filepath.Join(testenv.Root(), "config/crd/bases/roster.dev_*.yaml"))
	if err != nil || len(kinds) < 10 {
		t.Fatal(kinds, err)
	}
	for _, file := range kinds {
		resource := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "roster.dev_"), ".yaml")
		if !regexp.MustCompile(`resources: \[.*\b` + resource + `\b`).MatchString(policy) {
			t.Errorf("nobody learns from the audit log who changes %s", resource)
		}
	}
}

// audited is a line of the audit log.
type audited struct {
	Verb string `json:"verb"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	ImpersonatedUser struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
	ObjectRef struct {
		Resource string `json:"resource"`
		Name     string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Annotations map[string]string `json:"annotations"`
	// What the example must not write: it may hold messages, and never a Secret.
	RequestObject json.RawMessage `json:"requestObject"`
}

func readAudit(t *testing.T, file string) []audited {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []audited
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var a audited
		if json.Unmarshal(lines.Bytes(), &a) == nil { // The last line may be half written.
			all = append(all, a)
		}
	}
	return all
}

// TestTheAuditLogTellsWhoGaveWhat: with the documented audit policy, one line for each gift has who gave what to whom, and a removal is there,
// too. Nothing but changes of Roster's kinds is.
func TestTheAuditLogTellsWhoGaveWhat(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	policy, log := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(policy, []byte(documentedAuditPolicy(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := testenv.Start(ctx, testenv.Flag{Name: "audit-policy-file", Value: policy}, testenv.Flag{Name: "audit-log-path", Value: log},
		testenv.Flag{Name: "audit-log-mode", Value: "blocking-strict"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	admin, err := client.New(c.Config, client.Options{Scheme: c.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Namespace(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	ana := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana"},
		Spec: rosterv1alpha1.MemberSpec{
			Email: "ana@acme.example", Role: rosterv1alpha1.RoleManager,
			Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Editor"}, {Name: "acme-tv", Role: "night-shift"}},
		},
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(admin.Create(ctx, ana))
	ana.Spec.DisplayName = "Ana" // gives nothing
	must(admin.Update(ctx, ana))
	// At the console, the portal asks in the name of the person.
	must(admin.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "acts"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"users"}, Verbs: []string{"impersonate:user-info"}},
		{APIGroups: []string{"roster.dev"}, Resources: []string{"members"}, Verbs: []string{"impersonate-on:user-info:update"}},
	}}))
	for user, role := range map[string]string{portal: "acts", ben: "cluster-admin"} {
		must(admin.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "audit-"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}))
	}
	want := []string{
		"create ana the role Manager, Editor on acme-fb, night-shift on acme-tv to ana@acme.example", "update ana",
		"update ana " + ben + " Administrator on acme-fb to ana@acme.example", "delete ana",
	}
	console, err := testenv.ServesConsole(c.Config)
	must(err)
	if console {
		acting, err := c.Login(portal)
		must(err)
		acting.Impersonate = rest.ImpersonationConfig{UserName: ben}
		asBen, err := client.New(acting, client.Options{Scheme: c.Scheme, Mapper: admin.RESTMapper()})
		must(err)
		ana.Spec.Profiles[0].Role = "Administrator"
		NewWithT(t).Eventually(func() error { return asBen.Update(ctx, ana) }, testenv.Patience).Should(Succeed(), "RBAC takes effect a moment later")
	} else {
		want = slices.Delete(want, 2, 3)
	}
	must(admin.Delete(ctx, ana))

	var told []string
	deadline, cancel := context.WithTimeout(ctx, testenv.Patience)
	defer cancel()
	for len(told) < len(want) && deadline.Err() == nil {
		told = nil
		for _, a := range readAudit(t, log) {
			if a.RequestObject != nil || a.ObjectRef.Resource == "clusterroles" || strings.HasPrefix(a.Verb, "get") {
				t.Errorf("the log has more than it should: %+v", a)
			}
			if a.ObjectRef.Name != "ana" || a.ResponseStatus.Code >= http.StatusBadRequest {
				continue // The installation asked whether the policies are in force, or RBAC did not know yet.
			}
			words := []string{a.Verb, a.ObjectRef.Name, a.ImpersonatedUser.Username, a.Annotations["roster-grants/gives"]}
			told = append(told, strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " "))
		}
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

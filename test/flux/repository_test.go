//go:build flux

// SPDX-License-Identifier: Apache-2.0

package flux

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// repository is a Git repository that is served over HTTP, with a work tree.
type repository struct {
	// URL to clone it from.
	URL  string
	tree string
}

// serve makes a repository of a folder.
func serve(folder string) *repository {
	GinkgoHelper()
	root := GinkgoT().TempDir()
	r := &repository{tree: filepath.Join(root, "tree")}
	Expect(os.CopyFS(r.tree, os.DirFS(folder))).To(Succeed())
	git(root, "init", "--quiet", "--bare", "--initial-branch=main", "organisations.git")
	git(r.tree, "init", "--quiet", "--initial-branch=main")
	git(r.tree, "remote", "add", "origin", filepath.Join(root, "organisations.git"))
	out, err := exec.Command("git", "--exec-path").Output()
	Expect(err).NotTo(HaveOccurred(), "git is needed")
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	})
	DeferCleanup(server.Close)
	r.URL = server.URL + "/organisations.git"
	r.commit("The organisation")
	return r
}

func git(folder string, args ...string) {
	GinkgoHelper()
	cmd := exec.Command("git", args...)
	cmd.Dir = folder
	who := "Platform"
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME="+who, "GIT_COMMITTER_NAME="+who,
		"GIT_AUTHOR_EMAIL=platform@acme.example", "GIT_COMMITTER_EMAIL=platform@acme.example")
	out, err := cmd.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "git %v: %s", args, out)
}

// commit commits what the tree says now, and pushes it. It returns the revision as Flux names it.
func (r *repository) commit(subject string) string {
	GinkgoHelper()
	git(r.tree, "add", "--all")
	git(r.tree, "commit", "--quiet", "--message", subject)
	git(r.tree, "push", "--quiet", "origin", "main")
	cmd := exec.Command("git", "rev-parse", "HEAD")
	cmd.Dir = r.tree
	out, err := cmd.Output()
	Expect(err).NotTo(HaveOccurred())
	return "main@sha1:" + strings.TrimSpace(string(out))
}

// edit changes the objects in a file of the organisation.
func (r *repository) edit(file string, change func(objects []*kyaml.RNode) []*kyaml.RNode) {
	GinkgoHelper()
	path := filepath.Join(r.tree, "acme", file)
	text, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	objects, err := kio.FromBytes(text)
	Expect(err).NotTo(HaveOccurred())
	out, err := kio.StringAll(change(objects))
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(path, []byte(out), 0o600)).To(Succeed())
}

// set writes a value into the object of a name.
func (r *repository) set(file, name, value string, path ...string) {
	GinkgoHelper()
	found := 0
	r.edit(file, func(objects []*kyaml.RNode) []*kyaml.RNode {
		for _, o := range objects {
			if o.GetName() == name {
				found++
				parent, field := path[:len(path)-1], path[len(path)-1]
				Expect(o.PipeE(kyaml.LookupCreate(kyaml.MappingNode, parent...), kyaml.SetField(field, kyaml.MustParse(value)))).To(Succeed())
			}
		}
		return objects
	})
	Expect(found).To(Equal(1), "%s in %s", name, file)
}

// add puts one object more into a file.
func (r *repository) add(file, object string) {
	GinkgoHelper()
	r.edit(file, func(objects []*kyaml.RNode) []*kyaml.RNode { return append(objects, kyaml.MustParse(object)) })
}

// remove takes the object of a name out of a file.
func (r *repository) remove(file, name string) {
	GinkgoHelper()
	r.edit(file, func(objects []*kyaml.RNode) []*kyaml.RNode {
		var left []*kyaml.RNode
		for _, o := range objects {
			if o.GetName() != name {
				left = append(left, o)
			}
		}
		Expect(left).To(HaveLen(len(objects) - 1))
		return left
	})
}

var (
	kustomizations = schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"}
	repositories   = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "GitRepository"}
)

// sync is the Kustomization of the organisation.
type sync struct {
	Generation, ObservedGeneration int64
	Applied, Attempted             string
	Conditions                     []metav1.Condition
}

// condition by its type.
func (s sync) condition(kind string) metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// state reads where the sync stands.
func state(ctx context.Context) sync {
	GinkgoHelper()
	u := get(ctx, kustomizations)
	var k struct {
		Metadata struct {
			Generation int64 `json:"generation"`
		} `json:"metadata"`
		Status struct {
			ObservedGeneration    int64              `json:"observedGeneration"`
			LastAppliedRevision   string             `json:"lastAppliedRevision"`
			LastAttemptedRevision string             `json:"lastAttemptedRevision"`
			Conditions            []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	text, err := u.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	Expect(json.Unmarshal(text, &k)).To(Succeed())
	return sync{k.Metadata.Generation, k.Status.ObservedGeneration, k.Status.LastAppliedRevision, k.Status.LastAttemptedRevision, k.Status.Conditions}
}

func get(ctx context.Context, kind schema.GroupVersionKind) *unstructured.Unstructured {
	GinkgoHelper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	Expect(API.Get(ctx, acme.Key("acme"), u)).To(Succeed())
	return u
}

// reconcile asks for a sync now, as `flux reconcile` does.
func reconcile(ctx context.Context, kinds ...schema.GroupVersionKind) {
	GinkgoHelper()
	for _, kind := range kinds {
		u := get(ctx, kind)
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":%q}}}`, time.Now().Format(time.RFC3339Nano))
		Expect(API.Patch(ctx, u, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
	}
}

// push commits, and has Flux fetch it.
func (r *repository) push(ctx context.Context, subject string) string {
	GinkgoHelper()
	revision := r.commit(subject)
	reconcile(ctx, repositories)
	return revision
}

// succeeds waits until a revision is applied and everything in it is ready.
func succeeds(ctx context.Context, revision string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		s := state(ctx)
		ready := s.condition("Ready")
		g.Expect(s.Applied).To(Equal(revision), "%s: %s", ready.Reason, ready.Message)
		g.Expect(ready.Status).To(Equal(metav1.ConditionTrue), "%s: %s", ready.Reason, ready.Message)
	}).Should(Succeed(), "the sync is ready")
}

// fails waits until the sync of a revision has failed, and returns why.
func fails(ctx context.Context, revision, reason string) string {
	GinkgoHelper()
	var ready metav1.Condition
	Eventually(func(g Gomega) {
		s := state(ctx)
		ready = s.condition("Ready")
		g.Expect(s.Attempted).To(Equal(revision))
		g.Expect(ready.Status).To(Equal(metav1.ConditionFalse), "%s: %s", ready.Reason, ready.Message)
		g.Expect(ready.Reason).To(Equal(reason), ready.Message)
	}).Should(Succeed(), "the sync fails")
	return ready.Message
}

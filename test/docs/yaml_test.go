// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/testenv"
)

// document is one YAML document of a page or a file.
type document struct {
	where string
	text  string
	// object is what the text says; a key that stands twice is an error.
	object *unstructured.Unstructured
}

// helmValues begins a block with values of the Helm chart, which are no objects: test/chart renders the chart with them.
const helmValues = "# values.yaml\n"

// documents are all YAML in the documentation and in the samples.
func documents(t *testing.T) []document {
	t.Helper()
	var all []document
	for _, b := range blocksIn(t, "yaml") {
		if !strings.HasPrefix(b.text, helmValues) {
			all = append(all, split(t, b.String(), b.text)...)
		}
	}
	for _, folder := range []string{"config/samples", "docs/examples"} {
		for _, path := range filesUnder(t, folder, ".yaml") {
			if filepath.Dir(path) != "docs/examples/helm" {
				all = append(all, split(t, path, read(t, path))...)
			}
		}
	}
	return all
}

func split(t *testing.T, where, text string) []document {
	t.Helper()
	var found []document
	for i, part := range strings.Split("\n"+text, "\n---\n") {
		d := document{where: fmt.Sprintf("%s (%d)", where, i+1), text: part, object: &unstructured.Unstructured{}}
		if err := yaml.UnmarshalStrict([]byte(part), &d.object.Object); err != nil {
			t.Errorf("%s: %v", d.where, err)
			continue
		}
		if d.object.GetAPIVersion() == "" || d.object.GetKind() == "" {
			t.Errorf("%s: not a whole object: mark fragments as text", d.where)
			continue
		}
		found = append(found, d)
	}
	return found
}

// group of the document's kind.
func (d document) group() string { return d.object.GroupVersionKind().Group }

const (
	groupRoster    = "roster.dev"
	groupConfig    = "config.roster.dev"
	groupAPIServer = "apiserver.config.k8s.io"
	groupKustomize = "kustomize.config.k8s.io"
	groupAudit     = "audit.k8s.io"
)

// gitOps are the groups of Flux and Argo CD. test/flux applies what is of their kinds, which it has.
var gitOps = []string{"source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "argoproj.io"}

// TestYAML applies everything that readers may copy.
func TestYAML(t *testing.T) {
	all := documents(t)
	c := start(t, all)
	kinds := map[string]int{}
	for _, d := range all {
		kinds[d.object.GetKind()]++
		t.Run(d.where, func(t *testing.T) {
			switch d.group() {
			case gitOps[0], gitOps[1], gitOps[2]:
			case groupConfig:
				if _, err := config.Parse([]byte(d.text)); err != nil {
					t.Error(err)
				}
			case groupAPIServer: // The API server was started with it.
			case groupKustomize: // See below.
			case groupAudit: // A test of the policies starts an API server with it.
			case groupRoster:
				c.create(t, d)
			default:
				c.dryRun(t, d.object)
			}
		})
	}
	for _, kind := range []string{"Organization", "Member", "Invitation", "SocialProfile", "Account", config.Kind, "Ingress", "Secret"} {
		if kinds[kind] == 0 {
			t.Errorf("no example of a %s", kind)
		}
	}
	t.Run("docs/examples/install", func(t *testing.T) {
		buildExample(t, c, "docs/examples/install", "image: registry.acme.example/roster-manager:",
			"image: registry.acme.example/roster-portal:", "address: smtp.acme.example:587", "kind: Ingress")
	})
	t.Run("docs/examples/tracing", func(t *testing.T) {
		buildExample(t, c, "docs/examples/tracing", "OTEL_EXPORTER_OTLP_ENDPOINT: http://otel-collector.roster-system:4318")
	})
	t.Run("docs/examples/canpublish", func(t *testing.T) { askExample(t, c) })
	t.Run("docs/versions.md", func(t *testing.T) { upgradesAsDocumented(t, c) })
	t.Run("commands that look", func(t *testing.T) { looksAsDocumented(t, c) })
}

// TestQuickStart: the page shows the files that it has the reader apply.
func TestQuickStart(t *testing.T) {
	page := read(t, "docs/quick-start.md")
	for _, file := range filesUnder(t, "docs/examples/quick-start", ".yaml") {
		_, content, _ := strings.Cut(read(t, file), "\n") // without the licence
		if !strings.Contains(page, file) {
			t.Errorf("docs/quick-start.md does not apply %s", file)
		}
		if filepath.Base(file) != "mailbox.yaml" && !strings.Contains(page, content) {
			t.Errorf("docs/quick-start.md shows something else than %s", file)
		}
	}
}

// TestGitOps: the page shows the files of its example, or leads to them.
func TestGitOps(t *testing.T) {
	page := read(t, "docs/gitops.md")
	for _, file := range filesUnder(t, "docs/examples/gitops", ".yaml") {
		_, content, _ := strings.Cut(read(t, file), "\n") // without the licence
		name := strings.TrimPrefix(file, "docs/")
		switch {
		case strings.HasPrefix(name, "examples/gitops/acme/"):
			name = "examples/gitops/acme"
		case filepath.Base(name) != "argocd-cm.yaml" && !strings.Contains(page, content):
			t.Errorf("docs/gitops.md shows something else than %s", file)
		}
		if !strings.Contains(page, "("+name+")") {
			t.Errorf("docs/gitops.md does not lead to %s", file)
		}
	}
}

// cluster is an API server with the kinds of Roster.
type cluster struct {
	client.Client
	kubeconfig string
}

// start also proves the configuration of the API server that the documentation shows: it does not start with a wrong one.
func start(t *testing.T, all []document) *cluster {
	t.Helper()
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root, "config/crd/bases")}, ErrorIfCRDPathMissing: true}
	env.ControlPlane.GetAPIServer().Configure().Set("authentication-config", authentication(t, all))
	restConfig := testenv.Environment(t, env) // If it does not start: is the AuthenticationConfiguration right?
	plain, err := client.New(restConfig, client.Options{Scheme: testenv.NewScheme()})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Client: client.WithFieldValidation(plain, metav1.FieldValidationStrict), kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := os.WriteFile(c.kubeconfig, env.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// authentication puts every AuthenticationConfiguration into one file, since an API server takes one. An issuer of which there are several
// examples counts once.
func authentication(t *testing.T, all []document) string {
	t.Helper()
	var one *unstructured.Unstructured
	issuers := map[string]bool{}
	var jwt []any
	for _, d := range all {
		if d.group() != groupAPIServer {
			continue
		}
		one = d.object.DeepCopy()
		entries, _, err := unstructured.NestedSlice(one.Object, "jwt")
		if err != nil || len(entries) == 0 {
			t.Fatalf("%s: no jwt: %v", d.where, err)
		}
		for _, entry := range entries {
			url, _, _ := unstructured.NestedString(entry.(map[string]any), "issuer", "url")
			if !issuers[url] {
				jwt = append(jwt, entry)
			}
			issuers[url] = true
		}
	}
	if len(jwt) < 2 {
		t.Fatalf("%d issuers in the documentation, want that of a company and the portal", len(jwt))
	}
	one.Object["jwt"] = jwt
	content, err := yaml.Marshal(one.Object)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "authentication.yaml")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// create makes an object of Roster for real, in a namespace of its own; Accounts have theirs.
func (c *cluster) create(t *testing.T, d document) {
	t.Helper()
	o := d.object.DeepCopy()
	if o.GetKind() == "Account" {
		c.namespace(t, o.GetNamespace())
		if o.GetNamespace() != rosterv1alpha1.AccountNamespace {
			t.Errorf("Accounts live in %s", rosterv1alpha1.AccountNamespace)
		}
	} else {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "docs-"}}
		if err := c.Create(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
		o.SetNamespace(namespace.Name)
	}
	if err := c.Create(t.Context(), o); err != nil {
		t.Error(err)
	}
}

func (c *cluster) namespace(t *testing.T, name string) {
	t.Helper()
	err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// dryRun has the API server check an object of Kubernetes' own.
func (c *cluster) dryRun(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	if namespace := o.GetNamespace(); namespace != "" {
		c.namespace(t, namespace)
	}
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Patch(t.Context(), o.DeepCopy(), client.RawPatch("application/apply-patch+yaml", data), client.DryRunAll,
		client.FieldOwner("docs"), client.ForceOwnership)
	if err != nil {
		t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
}

// buildExample builds the example of an installation in Git and has the API server check what comes out.
func buildExample(t *testing.T, c *cluster, folder string, contains ...string) {
	cmd := exec.Command("go", "tool", "-modfile=hack/tools/go.mod", "kustomize", "build", folder)
	cmd.Dir = root
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%v\n%s", err, failed.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	for _, want := range contains {
		if !strings.Contains(text, want) {
			t.Errorf("the installation lacks %q", want)
		}
	}
	for _, d := range split(t, folder, text) {
		c.dryRun(t, d.object)
	}
}

// askExample runs the example that asks the API server, for somebody who may publish on one profile and not on another.
func askExample(t *testing.T, c *cluster) {
	const user, namespace = "zoe@acme.example", "ask"
	c.namespace(t, namespace)
	grant(t.Context(), t, c, namespace, user)

	program := filepath.Join(t.TempDir(), "canpublish")
	build := exec.Command("go", "build", "-o", program, "./docs/examples/canpublish")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, q := range []struct{ verb, profile, want string }{
		{"publish", "acme-fb", "yes"}, {"configure", "acme-fb", "no"}, {"publish", "acme-x", "no"}, {"get", "acme-x", "yes"},
	} {
		ask := exec.Command(program, "--namespace", namespace, "--verb", q.verb, user, q.profile)
		ask.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig)
		out, err := ask.CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != q.want || (err == nil) != (q.want == "yes") {
			t.Errorf("may %s on %s: %s, %v; want %s", q.verb, q.profile, got, err, q.want)
		}
	}
}

// grant makes the Role and RoleBinding that the operator makes.
func grant(ctx context.Context, t *testing.T, c *cluster, namespace, user string) {
	t.Helper()
	holds := access.Sources{
		Spec: rosterv1alpha1.MemberSpec{Profiles: []rosterv1alpha1.ProfileGrant{
			{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}, {Name: "acme-x", Role: rosterv1alpha1.ProfileGuest},
		}},
		Profiles: map[string]access.Standing{"acme-fb": access.Present, "acme-x": access.Present},
	}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "zoe"}
	for _, o := range []client.Object{
		&rbacv1.Role{ObjectMeta: meta, Rules: access.Compile(holds, "acme")},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		},
	} {
		if err := c.Create(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package testenv starts a real control plane with the kinds of Roster, its RBAC and its admission policies, for tests: etcd,
// kube-apiserver and the controllers of kube-controller-manager whose work Roster relies on.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/admission"
	"github.com/roster-dev/roster/internal/apiserver"
)

// SystemNamespace is where manager and portal run.
const SystemNamespace = "roster-system"

// consoleFolder holds the component that is not part of every installation.
const consoleFolder = "config/components/console"

// startPatience is how long a program of the control plane may take to start, on a machine that does much else.
const startPatience = 5 * time.Minute

// Patience is how long tests wait for anything before they take it not to happen, on a machine that does much else. Nothing waits that long
// where all is well.
const Patience = 2 * time.Minute

// Cluster is a running API server.
type Cluster struct {
	env *envtest.Environment
	// programs is the folder of the programs of the control plane.
	programs string
	// folder holds what outlives their processes, such as the certificates of the API server.
	folder string
	// release gives back the ports of the API server and etcd.
	release func()
	// controllers are there once Start has started them.
	controllers *controllers
	// Config of a cluster administrator.
	Config *rest.Config
	// Client of a cluster administrator, without a cache.
	Client client.WithWatch
	Scheme *apiruntime.Scheme
}

// Flag is an argument of the API server, such as {"feature-gates", "ConstrainedImpersonation=false"}.
type Flag struct{ Name, Value string }

// Start brings up a control plane with the CRDs, the namespaces, the RBAC and the admission policies of config/. When it returns, the
// policies are active, and kube-controller-manager is starting.
func Start(ctx context.Context, flags ...Flag) (*Cluster, error) {
	c, err := StartEmpty(ctx, flags...)
	if err != nil {
		return nil, err
	}
	if err := c.Install(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	if err := c.startControllers(); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// StartEmpty brings up an API server with the namespaces and the RBAC of config/, and without the kinds of Roster. No
// kube-controller-manager runs beside it.
func StartEmpty(ctx context.Context, flags ...Flag) (*Cluster, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	env := &envtest.Environment{BinaryAssetsDirectory: programs}
	// Without kube-controller-manager, envtest has to do without the ServiceAccounts that Pods need.
	env.ControlPlane.GetAPIServer().Configure().Disable("disable-admission-plugins")
	for _, f := range flags {
		env.ControlPlane.GetAPIServer().Configure().Append(f.Name, f.Value)
	}
	folder, err := os.MkdirTemp("", "roster-testenv-")
	if err != nil {
		return nil, err
	}
	env.ControlPlane.GetAPIServer().CertDir = folder
	c := &Cluster{env: env, programs: programs, folder: folder, Scheme: NewScheme()}
	if c.Config, c.release, err = StartEnvironment(env); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	c.Config.QPS = -1
	if err := c.prepare(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// findPrograms is the folder of the programs of the control plane.
func findPrograms() (string, error) {
	if given := os.Getenv("KUBEBUILDER_ASSETS"); given != "" {
		return given, nil
	}
	built, _ := filepath.Glob(filepath.Join(Root(), "bin/k8s/*/kube-apiserver"))
	if len(built) == 0 {
		return "", errors.New("no control plane: run the tests with make test, which builds it, or set KUBEBUILDER_ASSETS")
	}
	return filepath.Dir(built[len(built)-1]), nil
}

// Install adds the kinds of Roster and the admission policies. When it returns, they are active.
func (c *Cluster) Install(ctx context.Context) error {
	crds := envtest.CRDInstallOptions{Paths: []string{filepath.Join(Root(), "config/crd/bases")}, ErrorIfPathMissing: true}
	if _, err := envtest.InstallCRDs(c.Config, crds); err != nil {
		return err
	}
	return c.applyPolicies(ctx, Root())
}

// InstallConsole adds config/components/console. When it returns, its policy is active, and the manager has its rights.
func (c *Cluster) InstallConsole(ctx context.Context) error {
	if err := c.applyFolder(ctx, filepath.Join(Root(), consoleFolder)); err != nil {
		return err
	}
	mutating, err := admission.ServesMutating(c.Client)
	if err != nil {
		return err
	}
	if err := admission.Await(ctx, c.Client, mutating); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + SystemNamespace + ":roster-manager",
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: "bind", Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "roster-console",
			},
		}}
		err := c.Client.Create(ctx, review)
		return review.Status.Allowed, err
	})
}

// RemoveConsole takes it away again.
func (c *Cluster) RemoveConsole(ctx context.Context) error {
	return eachObject(filepath.Join(Root(), consoleFolder), func(o *unstructured.Unstructured) error {
		return client.IgnoreNotFound(c.Client.Delete(ctx, o))
	})
}

// Apply creates what a YAML file of the project holds.
func (c *Cluster) Apply(ctx context.Context, file string) error {
	return eachObjectIn(filepath.Join(Root(), file), func(o *unstructured.Unstructured) error {
		return client.IgnoreAlreadyExists(c.Client.Create(ctx, o))
	})
}

// Stop ends the control plane.
func (c *Cluster) Stop() error {
	var err error
	if c.controllers != nil {
		err = c.controllers.end()
	}
	defer c.release()
	return errors.Join(err, c.env.Stop(), os.RemoveAll(c.folder))
}

// StopAPIServer ends the process of the API server. What it has stored stays, and so do the certificates of everybody. It takes no
// connections from the beginning, and is killed after 20 seconds if others still watch.
func (c *Cluster) StopAPIServer() {
	_ = c.env.ControlPlane.GetAPIServer().Stop() // The error is that it had to be killed.
}

// RestartAPIServer ends its process and starts it with more arguments, which count in place of those of the same name. When it returns, the
// API server is ready.
func (c *Cluster) RestartAPIServer(flags ...Flag) error {
	c.StopAPIServer()
	for _, f := range flags {
		c.env.ControlPlane.GetAPIServer().Configure().Set(f.Name, f.Value)
	}
	return c.StartAPIServer()
}

// StartAPIServer brings it back, at the same address, and does not wait until it is ready.
func (c *Cluster) StartAPIServer() error { return c.env.ControlPlane.GetAPIServer().Start() }

// Minor is the minor version of Kubernetes that the API server is built from, such as 37, whatever version it emulates.
func (c *Cluster) Minor() (int, error) {
	v, err := version(c.Config)
	if err != nil {
		return 0, err
	}
	v.EmulationMinor = ""
	minor, ok := apiserver.Minor(v)
	if !ok {
		return 0, fmt.Errorf("the API server says that it is of Kubernetes %s, which is no minor version of 1", v.GitVersion)
	}
	return minor, nil
}

// ServesConsole reports whether an API server can do what the console needs: constrained impersonation, from Kubernetes 1.36 on.
func ServesConsole(config *rest.Config) (bool, error) {
	v, err := version(config)
	if err != nil {
		return false, err
	}
	minor, _ := apiserver.Minor(v)
	return minor >= 36, nil
}

func version(config *rest.Config) (*apiversion.Info, error) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	return client.ServerVersion()
}

// NewScheme knows the kinds of Kubernetes and of Roster.
func NewScheme() *apiruntime.Scheme {
	scheme := apiruntime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme)); err != nil {
		panic(err) // never: both only register types
	}
	return scheme
}

// Root is the top folder of the project.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../..")
}

func (c *Cluster) prepare(ctx context.Context) (err error) {
	if c.Client, err = client.NewWithWatch(c.Config, client.Options{Scheme: c.Scheme}); err != nil {
		return err
	}
	for _, name := range []string{SystemNamespace, rosterv1alpha1.AccountNamespace, rosterv1alpha1.ConnectionNamespace} {
		if err := c.Namespace(ctx, name); err != nil {
			return err
		}
	}
	return c.applyFolder(ctx, filepath.Join(Root(), "config/rbac"))
}

// applyPolicies applies config/policy, and config/policy/mutating where the API server serves it, and returns when they are active.
func (c *Cluster) applyPolicies(ctx context.Context, root string) error {
	mutating, err := admission.ServesMutating(c.Client)
	if err != nil {
		return err
	}
	if err := c.applyFolder(ctx, filepath.Join(root, "config/policy")); err != nil {
		return err
	}
	if mutating {
		if err := c.applyFolder(ctx, filepath.Join(root, "config/policy/mutating")); err != nil {
			return err
		}
	}
	return admission.Await(ctx, c.Client, mutating)
}

// applyFolder creates what the YAML files of a folder hold, but not of the folders in it.
func (c *Cluster) applyFolder(ctx context.Context, folder string) error {
	return eachObject(folder, func(o *unstructured.Unstructured) error {
		return client.IgnoreAlreadyExists(c.Client.Create(ctx, o))
	})
}

// eachObject does something with each object in the YAML files of a folder.
func eachObject(folder string, do func(o *unstructured.Unstructured) error) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no YAML files in %s: %w", folder, err)
	}
	for _, file := range files {
		if err := eachObjectIn(file, do); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// Namespace creates a namespace unless it is there.
func (c *Cluster) Namespace(ctx context.Context, name string) error {
	err := c.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func eachObjectIn(file string, do func(o *unstructured.Unstructured) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	decoder := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if kind := o.GetKind(); kind == "" || kind == "Kustomization" || kind == "Component" {
			continue
		}
		if err := do(o); err != nil {
			return err
		}
	}
}

// As is the configuration of a ServiceAccount of the operator: "roster-manager" or "roster-portal". Its rights are those that
// config/rbac gives, no more.
func (c *Cluster) As(serviceAccount string) *rest.Config {
	config := rest.CopyConfig(c.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + SystemNamespace + ":" + serviceAccount,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + SystemNamespace, "system:authenticated"},
	}
	return config
}

// SignedIn is the configuration of a ServiceAccount of the operator with a token of its own, as its Pod has it. Unlike that of As, it can
// speak for somebody else as far as the ServiceAccount may.
func (c *Cluster) SignedIn(ctx context.Context, serviceAccount string) (*rest.Config, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: serviceAccount}}
	request := &authenticationv1.TokenRequest{}
	if err := c.Client.SubResource("token").Create(ctx, account, request); err != nil {
		return nil, err
	}
	config := rest.AnonymousClientConfig(c.Config)
	config.QPS, config.BearerToken = -1, request.Status.Token
	return config, nil
}

// AsUser is the configuration of a person.
func (c *Cluster) AsUser(name string) *rest.Config {
	config := rest.CopyConfig(c.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated"}}
	return config
}

// Login is the configuration of a person or program who has signed in with a certificate, and so can do no more than their own rights
// let them: not even pretend to be somebody else.
func (c *Cluster) Login(name string, groups ...string) (*rest.Config, error) {
	user, err := c.env.AddUser(envtest.User{Name: name, Groups: groups}, rest.CopyConfig(c.Config))
	if err != nil {
		return nil, err
	}
	return user.Config(), nil
}

// Kubectl runs kubectl as a cluster administrator. The error tells what it printed.
func (c *Cluster) Kubectl(args ...string) error {
	user, err := c.env.AddUser(envtest.User{Name: "administrator", Groups: []string{"system:masters"}}, rest.CopyConfig(c.Config))
	if err != nil {
		return err
	}
	kubectl, err := user.Kubectl()
	if err != nil {
		return err
	}
	_, printed, err := kubectl.Run(args...)
	if err != nil {
		text, _ := io.ReadAll(printed)
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return nil
}

// Writes counts the requests that change something.
type Writes struct {
	mu    sync.Mutex
	count map[string]int
}

// CountWrites wraps the transport of a configuration so that its writes are counted.
func CountWrites(config *rest.Config) *Writes {
	w := &Writes{count: map[string]int{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			w.observe(r)
			return next.RoundTrip(r)
		})
	})
	return w
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (w *Writes) observe(r *http.Request) {
	if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/leases") {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count[r.Method+" "+r.URL.Path]++
}

// Of counts the writes to paths that contain the text; all of them for an empty one.
func (w *Writes) Of(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for path, count := range w.count {
		if strings.Contains(path, text) {
			n += count
		}
	}
	return n
}

// Reset starts to count again.
func (w *Writes) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.count)
}

// String lists the writes.
func (w *Writes) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.count)
}

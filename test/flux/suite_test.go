//go:build flux

// SPDX-License-Identifier: Apache-2.0

// Package flux has the real controllers of Flux sync the example of docs/gitops.md from a Git repository, with the rights that the example
// gives them, while the operator runs. `make test-flux` builds the controllers and runs it.
package flux

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/testenv"
)

// patience is how long a sync may take, with both cores busy. No timeout of a sync is as short, so that one that fails failed by itself.
const patience = 4 * time.Minute

// examples are what the page has readers copy.
var examples = filepath.Join(testenv.Root(), "docs/examples/gitops")

func TestFlux(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Flux")
}

func TestMain(m *testing.M) { Run(m) }

var _ = BeforeSuite(func(ctx SpecContext) {
	Start()
	SetDefaultEventuallyTimeout(patience)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	flux := os.Getenv("ROSTER_TEST_FLUX")
	Expect(flux).NotTo(BeEmpty(), "run it with make test-flux, which builds the controllers of Flux")
	crds := envtest.CRDInstallOptions{Paths: []string{filepath.Join(flux, "crds")}, ErrorIfPathMissing: true}
	_, err := envtest.InstallCRDs(Cluster.Config, crds)
	Expect(err).NotTo(HaveOccurred())
	Expect(Cluster.Namespace(ctx, "flux-system")).To(Succeed())
	kubeconfig := writeKubeconfig()
	artifacts := freeport.For(GinkgoT()).Addr()
	run(kubeconfig, filepath.Join(flux, "source-controller"), "--storage-path="+GinkgoT().TempDir(), "--storage-addr="+artifacts,
		"--storage-adv-addr="+artifacts)
	run(kubeconfig, filepath.Join(flux, "kustomize-controller"), "--no-remote-bases", "--no-cross-namespace-refs")
})

// writeKubeconfig writes that of Flux, which administers the cluster; what it applies, it applies as the ServiceAccount of the organisation.
func writeKubeconfig() string {
	GinkgoHelper()
	login, err := Cluster.Login("flux", "system:masters")
	Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(testenv.WriteKubeconfig(path, login, "")).To(Succeed())
	return path
}

// run starts a controller, which ends with the suite.
func run(kubeconfig, program string, args ...string) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	args = append(args, "--metrics-addr=0", "--health-addr=0", "--watch-all-namespaces", "--interval-jitter-percentage=0",
		"--min-retry-delay=500ms", "--max-retry-delay=5s")
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "RUNTIME_NAMESPACE=flux-system", "TMPDIR="+GinkgoT().TempDir())
	cmd.Stdout, cmd.Stderr = GinkgoWriter, GinkgoWriter
	Expect(cmd.Start()).To(Succeed())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	DeferCleanup(func() {
		select {
		case err := <-done:
			Fail(fmt.Sprintf("%s ended by itself: %v", filepath.Base(program), err))
		default:
		}
		cancel()
		if err := <-done; err != nil { // It was told to end.
			GinkgoWriter.Println(filepath.Base(program), "ended with", err)
		}
	})
}

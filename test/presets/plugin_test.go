// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"bytes"
	"io"
	"path/filepath"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/roster-dev/roster/internal/cli"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/testenv"
)

// plugin runs kubectl roster as a person does, and returns what it prints.
func (p *preset) plugin(name string, args ...string) string {
	p.Helper()
	file := filepath.Join(p.TempDir(), "kubeconfig")
	way, err := roster.cluster.Login(p.user(name))
	p.Expect(err).NotTo(HaveOccurred())
	p.Expect(testenv.WriteKubeconfig(file, way, p.ns)).To(Succeed())
	var printed bytes.Buffer
	streams := genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &printed, ErrOut: io.Discard}
	factory, err := kube.New(streams, roster.clock, false)
	p.Expect(err).NotTo(HaveOccurred())
	command := cli.New(factory)
	command.SetArgs(append([]string{"--kubeconfig", file}, args...))
	p.Expect(command.ExecuteContext(p.Context())).To(Succeed(), "%s", &printed)
	return printed.String()
}

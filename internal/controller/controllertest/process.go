// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller"
)

// asOperator is the environment variable that makes this program an operator instead of a test.
const asOperator = "ROSTER_TEST_OPERATOR"

// Run is the main function of a suite that starts operators in processes of their own.
func Run(m *testing.M) {
	if order := os.Getenv(asOperator); order != "" {
		if err := runOperator(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// operatorOrder is what an operator in a process of its own has to know.
type operatorOrder struct {
	Host     string           `json:"host"`
	CA       []byte           `json:"ca"`
	Cert     []byte           `json:"cert"`
	Key      []byte           `json:"key"`
	UserName string           `json:"userName"`
	Groups   []string         `json:"groups"`
	SMTP     string           `json:"smtp"`
	Networks []config.Network `json:"networks"`
	Now      time.Time        `json:"now"`
}

func runOperator(text string) error {
	var order operatorOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return err
	}
	as := controller.Unthrottled(&rest.Config{
		Host: order.Host, Impersonate: rest.ImpersonationConfig{UserName: order.UserName, Groups: order.Groups},
		TLSClientConfig: rest.TLSClientConfig{CAData: order.CA, CertData: order.Cert, KeyData: order.Key},
	})
	ctx := context.Background()
	mgr, _, err := newOperator(ctx, as, order.SMTP, order.Networks, clocktesting.NewFakePassiveClock(order.Now))
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// Process is an operator that can be killed.
type Process struct {
	cmd  *exec.Cmd
	Gone chan struct{}
	// mu is held until the process has begun.
	mu sync.Mutex
}

// NewProcess prepares an operator in a process of its own.
func NewProcess() *Process {
	GinkgoHelper()
	as := Cluster.As("roster-manager")
	order, err := json.Marshal(operatorOrder{
		Host: as.Host, CA: as.CAData, Cert: as.CertData, Key: as.KeyData, UserName: as.Impersonate.UserName, Groups: as.Impersonate.Groups,
		SMTP: Post.Addr(), Networks: socialNetworks(Social), Now: Now.Now(),
	})
	Expect(err).NotTo(HaveOccurred())
	p := &Process{cmd: exec.Command(os.Args[0]), Gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asOperator+"="+string(order))
	p.cmd.Stdout, p.cmd.Stderr = GinkgoWriter, GinkgoWriter
	return p
}

// Start starts it.
func (p *Process) Start() {
	GinkgoHelper()
	p.mu.Lock()
	defer p.mu.Unlock()
	Expect(p.cmd.Start()).To(Succeed())
	go func() {
		_ = p.cmd.Wait()
		close(p.Gone)
	}()
	DeferCleanup(p.Kill)
}

// Kill ends the process as a node that fails does: it gets to do nothing more.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.Gone
}

// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/roster-dev/roster/internal/controlplane"
)

// startAgainAfter is the pause before kube-controller-manager is started again.
const startAgainAfter = time.Second

// controllers is a kube-controller-manager. It listens on no port, and finds its API server in a folder of its own, so that any number of
// them run side by side. One that ends is started again, as a kubelet does: while it starts, it waits for an API server that is away for
// ten seconds only.
type controllers struct {
	path, kubeconfig, log string
	stop                  context.CancelFunc
	// ended is closed when it has been stopped; err is then why it was not running, if it has ended by itself again and again.
	ended chan struct{}
	err   error
}

// startControllers does not wait until they are at work: what they do happens some time after its cause, as in any cluster.
func (c *Cluster) startControllers() error {
	user, err := c.env.AddUser(envtest.User{Name: controlplane.ControllerManagerUser}, rest.CopyConfig(c.Config))
	if err != nil {
		return err
	}
	content, err := user.KubeConfig()
	if err != nil {
		return err
	}
	place := filepath.Join(c.folder, controlplane.ControllerManager)
	r := &controllers{
		path:       filepath.Join(c.programs, controlplane.ControllerManager),
		kubeconfig: place + ".kubeconfig", log: place + ".log", ended: make(chan struct{}),
	}
	if _, err := os.Stat(r.path); err != nil {
		return fmt.Errorf("%w: run the tests with make test, which builds it", err)
	}
	if err := os.WriteFile(r.kubeconfig, content, 0o600); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop, c.controllers = stop, r
	go r.keepRunning(ctx)
	return nil
}

func (r *controllers) keepRunning(ctx context.Context) {
	defer close(r.ended)
	for lives := 1; ; lives++ {
		err := r.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if lives >= 5 {
			r.err = err
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(startAgainAfter):
			r.err = nil
		}
	}
}

// run is one life of the process.
func (r *controllers) run(ctx context.Context) error {
	log, err := os.Create(r.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, r.path, controlplane.ControllerManagerArgs(r.kubeconfig)...) //nolint:gosec // It was built for this.
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(r.log)
		return fmt.Errorf("%s does not run: %w\n%s", controlplane.ControllerManager, err, said[max(0, len(said)-4096):])
	}
	return nil
}

// end ends the process. It is an error if it never stays alive: tests have waited in vain for what it does.
func (r *controllers) end() error {
	r.stop()
	<-r.ended
	return r.err
}

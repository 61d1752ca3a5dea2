// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/roster-dev/roster/internal/controlplane"
)

// controllers is a kube-controller-manager that runs. It listens on no port, and finds its API server in a folder of its own, so that any
// number of them run side by side.
type controllers struct {
	cmd *exec.Cmd
	log string
	// ended is closed when the process has; err then says how.
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
	kubeconfig := filepath.Join(c.folder, controlplane.ControllerManager+".kubeconfig")
	if err := os.WriteFile(kubeconfig, content, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.folder, controlplane.ControllerManager+".log")) //nolint:gosec // In a folder of our own.
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(filepath.Join(c.programs, controlplane.ControllerManager), controlplane.ControllerManagerArgs(kubeconfig)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no %s in %s: run the tests with make test, which builds it", controlplane.ControllerManager, c.programs)
	} else if err != nil {
		return err
	}
	c.controllers = &controllers{cmd: cmd, log: log.Name(), ended: make(chan struct{})}
	go func() {
		c.controllers.err = cmd.Wait()
		close(c.controllers.ended)
	}()
	return nil
}

// stop ends the process. It is an error if the process has ended by itself: tests have waited in vain for what it does.
func (r *controllers) stop() error {
	select {
	case <-r.ended:
		said, _ := os.ReadFile(r.log)
		return fmt.Errorf("%s ended during the tests: %w\n%s", controlplane.ControllerManager, r.err, said[max(0, len(said)-4096):])
	default:
	}
	err := r.cmd.Process.Kill()
	<-r.ended
	return err
}

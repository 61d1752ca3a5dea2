// SPDX-License-Identifier: Apache-2.0

// Package playground brings up the whole of Roster on one machine, to look at and to try things on: a Kubernetes API server with
// its etcd, manager and portal under the permissions that they have in a cluster, a mailbox, and a sample organisation. Everything
// listens on loopback, and every start begins afresh.
package playground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/playground/mailbox"
)

// Run brings everything up, prints what there is to see, and stays until the context ends or a part fails. When it returns, every
// program that it started has ended.
func Run(ctx context.Context, o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	st, err := openState(ctx, o.DataDir)
	if err != nil {
		return err
	}
	defer st.close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{options: o, state: st, cancel: cancel, begin: o.Clock.Now()}
	defer r.stop()
	err = r.bringUp(ctx)
	if err == nil {
		<-ctx.Done()
	}
	// What made the rest fail is the cause. An end that was asked for is none.
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if ctx.Err() != nil {
		r.say("\nEnding.")
		return nil
	}
	return err
}

// run is one start of the playground.
type run struct {
	options   Options
	state     *state
	cancel    context.CancelCauseFunc
	begin     time.Time
	processes []*process
	// background is the mailbox and the issuer.
	background sync.WaitGroup
	issuer     *issuer
	places     places
	// ports are those that were found for programs.
	ports []*freeport.Port
}

// places is where everything is once it runs.
type places struct {
	portalURL      string
	issuerURL      string
	authority      string
	mailboxURL     string
	smtpAddr       string
	apiURL         string
	kubeconfig     string
	managerMetrics string
}

func (r *run) bringUp(ctx context.Context) error {
	if err := r.openMailbox(ctx); err != nil {
		return err
	}
	portalAddr, err := r.freeAddress(FlagPortalAddr, r.options.PortalAddr)
	if err != nil {
		return err
	}
	apiAddr, err := r.apiAddress()
	if err != nil {
		return err
	}
	r.places.portalURL, r.places.apiURL = "http://"+portalAddr, "https://"+apiAddr
	ca, err := newAuthority(r.options.Clock.Now())
	if err != nil {
		return err
	}
	if err := r.startIssuer(ctx, ca); err != nil {
		return err
	}
	cp, err := newControlPlane(r.state, r.options.AssetsDir, apiAddr, ca, r.places.issuerURL)
	if err != nil {
		return err
	}
	if err := r.startControlPlane(ctx, cp); err != nil {
		return err
	}
	c, err := r.fill(ctx, cp)
	if err != nil {
		return err
	}
	if err := r.startControllers(cp); err != nil {
		return err
	}
	if err := r.startServers(ctx, cp, c, portalAddr); err != nil {
		return err
	}
	if err := r.applySamples(ctx, c); err != nil {
		return err
	}
	if err := r.writeEnv(); err != nil {
		return err
	}
	fmt.Fprint(r.options.Out, r.overview())
	return nil
}

// openMailbox starts the mailbox, unless mail goes elsewhere.
func (r *run) openMailbox(ctx context.Context) error {
	if r.options.RelayAddr != "" {
		r.places.smtpAddr = r.options.RelayAddr
		return nil
	}
	smtpListener, err := claimPort(FlagSMTPAddr, r.options.SMTPAddr)
	if err != nil {
		return err
	}
	webListener, err := claimPort(FlagMailboxAddr, r.options.MailboxAddr)
	if err != nil {
		return errors.Join(err, smtpListener.Close())
	}
	r.places.smtpAddr, r.places.mailboxURL = smtpListener.Addr().String(), "http://"+webListener.Addr().String()
	box := mailbox.New(mailbox.Options{Clock: r.options.Clock, Log: logr.Discard()})
	r.background.Go(func() {
		if err := box.Serve(ctx, smtpListener, webListener); err != nil {
			r.cancel(fmt.Errorf("mailbox: %w", err))
		}
	})
	return nil
}

// start runs a program, and ends the playground when the program ends.
func (r *run) start(p program) error {
	started, err := startProcess(p, r.state.logPath(p.name))
	if err != nil {
		return err
	}
	r.processes = append(r.processes, started)
	go func() {
		<-started.ended
		r.cancel(started.failure())
	}()
	return r.state.remember(started)
}

func (r *run) startControlPlane(ctx context.Context, cp *controlPlane) error {
	r.step("Starting etcd and kube-apiserver")
	programs, err := cp.programs()
	if err != nil {
		return err
	}
	for _, p := range programs {
		if err := r.start(p); err != nil {
			return err
		}
	}
	return cp.waitReady(ctx)
}

// fill gives the API server what a cluster gets at an installation, but for the Deployments.
func (r *run) fill(ctx context.Context, cp *controlPlane) (*cluster, error) {
	r.step("Installing the kinds, the permissions and the policies")
	c, err := newCluster(cp.config())
	if err != nil {
		return nil, err
	}
	for _, namespace := range []string{systemNamespace, v1alpha1.AccountNamespace, v1alpha1.ConnectionNamespace, r.options.Namespace} {
		if err := c.ensureNamespace(ctx, namespace); err != nil {
			return nil, err
		}
	}
	parts, err := readInstallation(r.options.ConfigDir)
	if err != nil {
		return nil, err
	}
	if err := c.install(ctx, parts); err != nil {
		return nil, err
	}
	r.places.kubeconfig = r.state.path(adminKubeconfig)
	admin := clientcmdapi.AuthInfo{ClientCertificateData: cp.admin.cert, ClientKeyData: cp.admin.key}
	return c, cp.writeKubeconfig(r.places.kubeconfig, "playground-admin", r.options.Namespace, admin)
}

// startControllers runs what removes the objects of somebody who is deleted, empties namespaces, and more. Nothing here waits for it.
func (r *run) startControllers(cp *controlPlane) error {
	p, err := cp.controllerManager()
	if err != nil {
		return err
	}
	return r.start(p)
}

// startServers runs manager and portal, each as the ServiceAccount that it has in a cluster.
func (r *run) startServers(ctx context.Context, cp *controlPlane, c *cluster, portalAddr string) error {
	r.step("Starting manager and portal")
	networks, err := readNetworks(r.options.NetworksFile)
	if err != nil {
		return err
	}
	content, err := serverConfig(r.places, networks)
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.state.path(configFile), content, 0o600); err != nil {
		return err
	}
	servers := []server{{name: managerName}, {name: portalName, listen: portalAddr}}
	for i := range servers {
		s := &servers[i]
		if s.probes, err = r.anyAddress(); err != nil {
			return err
		}
		if s.metrics, err = r.anyAddress(); err != nil {
			return err
		}
		token, err := c.token(ctx, s.serviceAccount())
		if err != nil {
			return err
		}
		path := r.state.path(kubeconfigOf(s.name))
		if err := cp.writeKubeconfig(path, s.serviceAccount(), systemNamespace, clientcmdapi.AuthInfo{Token: token}); err != nil {
			return err
		}
		if err := r.start(s.program(&r.options, r.state)); err != nil {
			return err
		}
	}
	r.places.managerMetrics = servers[0].metrics
	for _, s := range servers {
		if err := s.waitReady(ctx); err != nil {
			return err
		}
	}
	close(r.issuer.open)
	return nil
}

func (r *run) applySamples(ctx context.Context, c *cluster) error {
	r.step("Applying the sample organisation in " + r.options.SamplesDir)
	objects, err := readManifests(r.options.SamplesDir)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if namespaced, err := c.client.IsObjectNamespaced(object); err == nil && namespaced {
			object.SetNamespace(r.options.Namespace)
		}
	}
	return c.apply(ctx, objects)
}

// stop ends the programs, the last one first, and waits for the mailbox and the issuer.
func (r *run) stop() {
	r.cancel(context.Canceled)
	for _, p := range slices.Backward(r.processes) {
		p.stop()
	}
	r.background.Wait()
	for _, p := range r.ports {
		p.Release()
	}
}

// step prints what is being done, with the seconds since the start.
func (r *run) step(what string) {
	r.say(fmt.Sprintf("%5.1fs  %s …", r.options.Clock.Since(r.begin).Seconds(), what))
}

func (r *run) say(line string) { fmt.Fprintln(r.options.Out, line) }

// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/roster-dev/roster/internal/controlplane"
)

// startPatience is how long one of the programs may take to be ready.
const startPatience = 5 * time.Minute

// pollEvery is the pause between two looks at a program that starts.
const pollEvery = 50 * time.Millisecond

// etcd listens on sockets in its own folder, which nobody else may enter, and on no port at all. In etcd's way of writing,
// unix://localhost:1 is the socket "localhost:1" in the working directory.
const (
	etcdClients = "unix://localhost:1"
	etcdPeers   = "unix://localhost:2"
)

// controlPlane is what is needed to run and to reach the API server.
type controlPlane struct {
	state  *state
	assets string
	addr   string
	ca     *authority
	admin  credential
	// issuer is the OpenID provider that the API server trusts.
	issuer string
}

func newControlPlane(s *state, assets, addr string, ca *authority, issuer string) (*controlPlane, error) {
	// The group that a fresh API server lets do everything.
	admin, err := ca.client("playground-admin", "system:masters")
	if err != nil {
		return nil, err
	}
	return &controlPlane{state: s, assets: assets, addr: addr, ca: ca, admin: admin, issuer: issuer}, nil
}

// programs returns etcd and kube-apiserver, ready to start. Everything is gone at the next start, so nothing needs to end in order
// or to reach the disk.
func (c *controlPlane) programs() ([]program, error) {
	etcdPath, err := programIn(c.assets, "etcd")
	if err != nil {
		return nil, err
	}
	apiserverPath, err := programIn(c.assets, "kube-apiserver")
	if err != nil {
		return nil, err
	}
	if err := c.writePKI(); err != nil {
		return nil, err
	}
	dir := c.state.path(etcdDir)
	if err := writeFiles(dir, nil); err != nil {
		return nil, err
	}
	return []program{
		{name: "etcd", path: etcdPath, args: c.etcdArgs(), dir: dir},
		{name: "kube-apiserver", path: apiserverPath, args: c.apiserverArgs(), dir: dir},
	}, nil
}

// controllerManager returns kube-controller-manager, ready to start.
func (c *controlPlane) controllerManager() (program, error) {
	const name = controlplane.ControllerManager
	path, err := programIn(c.assets, name)
	if err != nil {
		return program{}, err
	}
	user, err := c.ca.client(controlplane.ControllerManagerUser)
	if err != nil {
		return program{}, err
	}
	kubeconfig := c.state.path(kubeconfigOf(name))
	auth := clientcmdapi.AuthInfo{ClientCertificateData: user.cert, ClientKeyData: user.key}
	if err := c.writeKubeconfig(kubeconfig, controlplane.ControllerManagerUser, metav1.NamespaceSystem, auth); err != nil {
		return program{}, err
	}
	return program{name: name, path: path, args: controlplane.ControllerManagerArgs(kubeconfig)}, nil
}

func (c *controlPlane) writePKI() error {
	serving, err := c.ca.server("kube-apiserver")
	if err != nil {
		return err
	}
	private, public, err := newSigningKey()
	if err != nil {
		return err
	}
	authentication, err := authentication(c.issuer, c.ca.pem())
	if err != nil {
		return err
	}
	return writeFiles(c.state.path(pkiDir), map[string][]byte{
		authorityFile: c.ca.pem(), authenticationFile: authentication, "apiserver.crt": serving.cert, "apiserver.key": serving.key,
		"service-accounts.key": private, "service-accounts.pub": public,
	})
}

func (c *controlPlane) etcdArgs() []string {
	return []string{
		"--name=playground",
		"--data-dir=" + filepath.Join(c.state.path(etcdDir), "data"),
		"--listen-client-urls=" + etcdClients,
		"--advertise-client-urls=" + etcdClients,
		"--listen-peer-urls=" + etcdPeers,
		"--initial-advertise-peer-urls=" + etcdPeers,
		"--initial-cluster=playground=" + etcdPeers,
		"--unsafe-no-fsync",
	}
}

func (c *controlPlane) apiserverArgs() []string {
	host, port, _ := net.SplitHostPort(c.addr)
	pki := func(name string) string { return filepath.Join(c.state.path(pkiDir), name) }
	return []string{
		"--etcd-servers=" + etcdClients,
		"--bind-address=" + host,
		"--advertise-address=" + host,
		"--secure-port=" + port,
		// Nothing runs in this cluster that could use the Service "kubernetes", and its address may not be a loopback one.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--cert-dir=" + c.state.path(pkiDir),
		"--tls-cert-file=" + pki("apiserver.crt"),
		"--tls-private-key-file=" + pki("apiserver.key"),
		"--client-ca-file=" + pki(authorityFile),
		"--authentication-config=" + pki(authenticationFile),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + pki("service-accounts.pub"),
		"--service-account-signing-key-file=" + pki("service-accounts.key"),
		"--authorization-mode=RBAC",
		"--anonymous-auth=false",
		"--profiling=false",
	}
}

// config reaches the API server as somebody who may do everything.
func (c *controlPlane) config() *rest.Config {
	config := c.anonymous()
	config.CertData, config.KeyData = c.admin.cert, c.admin.key
	return config
}

// anonymous reaches the API server as nobody.
func (c *controlPlane) anonymous() *rest.Config {
	return &rest.Config{
		Host:            "https://" + c.addr,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.ca.pem()},
		// The playground is alone with its API server: no need to hold back.
		QPS: -1,
	}
}

// waitReady returns when the API server serves, or with an error when it will not.
func (c *controlPlane) waitReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.config())
	if err != nil {
		return err
	}
	var last error
	ready := func(ctx context.Context) (bool, error) {
		last = client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		return last == nil, nil
	}
	if err := wait.PollUntilContextTimeout(ctx, pollEvery, startPatience, true, ready); err != nil {
		return fmt.Errorf("the API server at %s is not ready: %w", c.addr, cmp.Or(last, err))
	}
	return nil
}

// writeKubeconfig writes how to reach the API server as the given user.
func (c *controlPlane) writeKubeconfig(path, userName, namespace string, user clientcmdapi.AuthInfo) error {
	const name = "roster-playground"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: "https://" + c.addr, CertificateAuthorityData: c.ca.pem()}
	config.AuthInfos[userName] = &user
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: userName, Namespace: namespace}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path)
}

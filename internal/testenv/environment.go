// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"net"
	"net/url"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/roster-dev/roster/internal/freeport"
)

// TB is what Environment needs of a test.
type TB interface {
	freeport.TB
	Error(args ...any)
}

// Environment starts the bare API server of envtest, as a test has set it up, and stops it when the test ends.
func Environment(t TB, env *envtest.Environment) *rest.Config {
	t.Helper()
	config, release, err := StartEnvironment(env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer release()
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	config.QPS = -1
	return config
}

// StartEnvironment starts the API server of envtest and its etcd, at ports that stay theirs until they are released, also while the
// processes are stopped.
func StartEnvironment(env *envtest.Environment) (config *rest.Config, release func(), err error) {
	if env.BinaryAssetsDirectory == "" {
		if env.BinaryAssetsDirectory, err = findPrograms(); err != nil {
			return nil, nil, err
		}
	}
	env.ControlPlaneStartTimeout = startPatience
	etcd, err := freeport.Claim()
	if err != nil {
		return nil, nil, err
	}
	server, err := freeport.Claim()
	if err != nil {
		etcd.Release()
		return nil, nil, err
	}
	release = func() {
		etcd.Release()
		server.Release()
	}
	env.ControlPlane.Etcd = &envtest.Etcd{URL: &url.URL{Scheme: "http", Host: etcd.Addr()}}
	serving := &env.ControlPlane.GetAPIServer().SecureServing
	serving.Address, serving.Port, _ = net.SplitHostPort(server.Addr())
	if config, err = env.Start(); err != nil {
		release()
		return nil, nil, errors.Join(err, env.Stop())
	}
	return config, release, nil
}

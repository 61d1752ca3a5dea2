// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Etcd is where etcd takes connections from programs on this machine.
func (c *Cluster) Etcd() string { return c.env.ControlPlane.Etcd.URL.String() }

// ReplaceEtcd has the API server work on what is in a data folder of etcd, and forgets what it worked on before. Both processes start
// again, at the same addresses. Does not wait until the API server is ready.
func (c *Cluster) ReplaceEtcd(dataDir string) error {
	plane := &c.env.ControlPlane
	c.StopAPIServer()
	if err := plane.Etcd.Stop(); err != nil {
		return err
	}
	plane.Etcd = &envtest.Etcd{URL: plane.Etcd.URL, Path: plane.Etcd.Path, DataDir: dataDir, StartTimeout: startPatience}
	return errors.Join(plane.Etcd.Start(), c.StartAPIServer())
}

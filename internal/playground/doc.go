// SPDX-License-Identifier: Apache-2.0

// Package playground brings up the whole of Roster on one machine, to look at and to try things on: a Kubernetes API server with
// its etcd, manager and portal under the permissions that they have in a cluster, a mailbox, and a sample organisation. Everything
// listens on loopback, and every start begins afresh.
package playground

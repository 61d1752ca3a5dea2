// SPDX-License-Identifier: Apache-2.0

// Package controlplane tells how kube-controller-manager runs beside the API servers of the playground and of the tests.
package controlplane

import "strings"

const (
	// ControllerManager is the name of the program.
	ControllerManager = "kube-controller-manager"
	// ControllerManagerUser is the user whom every API server lets start the controllers. Each controller then acts as a ServiceAccount
	// of its own, with the rights of that one, as admission policies see it in a cluster.
	ControllerManagerUser = "system:kube-controller-manager"
)

// controllers are those whose work somebody notices where nothing runs Pods. All the others would only cost memory.
func controllers() []string {
	return []string{
		"clusterrole-aggregation-controller", // fills the ClusterRoles admin, edit and view, Roster's share included
		"garbage-collector-controller",
		"namespace-controller", // empties namespaces that are deleted
		"resourcequota-controller",
		"serviceaccount-controller",                   // makes the ServiceAccount default of a namespace
		"validatingadmissionpolicy-status-controller", // checks the types in policies
	}
}

// ControllerManagerArgs are the arguments of kube-controller-manager. It finds the API server, and who it is, in the kubeconfig.
// Start it when the kinds of Roster are served: the garbage collector looks for new ones only twice a minute.
func ControllerManagerArgs(kubeconfig string) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--controllers=" + strings.Join(controllers(), ","),
		"--use-service-account-credentials",
		"--leader-elect=false", // it is alone
		"--secure-port=0",      // nobody asks it anything
	}
}

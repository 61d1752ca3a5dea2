// SPDX-License-Identifier: Apache-2.0

// Command typecheck checks the expressions of the admission policies of Roster against the kinds that an API server serves, as
// kube-controller-manager does for status.typeChecking, and prints what it would warn of.
//
// kube-controller-manager is no part of the local control plane, and gives up on a rule that matches every version, so this says each
// version. It is a module of its own so that nothing of Kubernetes' servers gets into the dependencies of Roster.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "How to reach the API server.")
	version := flag.String("version", "v1alpha1", "The version that stands for every version.")
	flag.Parse()
	if err := check(context.Background(), *kubeconfig, *version); err != nil {
		fmt.Fprintln(os.Stderr, "typecheck:", err)
		os.Exit(1)
	}
}

func check(ctx context.Context, kubeconfig, version string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(cluster.Discovery())
	if err != nil {
		return err
	}
	checker := validating.TypeChecker{
		SchemaResolver: &resolver.ClientDiscoveryResolver{Discovery: cluster.Discovery()},
		RestMapper:     restmapper.NewDiscoveryRESTMapper(groups),
	}
	policies, err := cluster.AdmissionregistrationV1().ValidatingAdmissionPolicies().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	checked := 0
	for _, policy := range policies.Items {
		if !strings.HasPrefix(policy.Name, "roster-") {
			continue
		}
		for i := range policy.Spec.MatchConstraints.ResourceRules {
			policy.Spec.MatchConstraints.ResourceRules[i].APIVersions = []string{version}
		}
		for _, w := range checker.Check(&policy) {
			fmt.Printf("%s: %s: %s\n", policy.Name, w.FieldRef, strings.TrimSpace(w.Warning))
		}
		checked++
	}
	fmt.Printf("%d policies checked\n", checked)
	return nil
}

// SPDX-License-Identifier: Apache-2.0

// Command canpublish asks the API server what a person may do on a social profile, as any program can:
//
//	go run ./docs/examples/canpublish --namespace acme --verb publish ana@acme.example acme-fb
//
// It needs no code of Roster, only the right to create SubjectAccessReviews (the ClusterRole system:auth-delegator).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	namespace := flag.String("namespace", "acme", "The namespace of the organisation.")
	verb := flag.String("verb", "publish", "get, schedule, publish, moderate, report, configure or connect.")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: canpublish [--namespace NAMESPACE] [--verb VERB] USER PROFILE")
		os.Exit(2)
	}
	allowed, err := ask(context.Background(), *namespace, *verb, flag.Arg(0), flag.Arg(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, "canpublish:", err)
		os.Exit(2)
	}
	if !allowed {
		fmt.Println("no")
		os.Exit(1)
	}
	fmt.Println("yes")
}

// ask finds the API server as kubectl does, or in a Pod by its ServiceAccount.
func ask(ctx context.Context, namespace, verb, user, profile string) (bool, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return false, err
	}
	cluster, err := kubernetes.NewForConfig(config)
	if err != nil {
		return false, err
	}
	return mayUse(ctx, cluster, namespace, verb, user, profile)
}

// mayUse reports whether a person may do something on a social profile. The user is named as the cluster names people: usually by the mail
// address in lower case.
func mayUse(ctx context.Context, cluster kubernetes.Interface, namespace, verb, user, profile string) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: "roster.dev", Resource: "socialprofiles", Namespace: namespace, Name: profile, Verb: verb,
			},
		},
	}
	review, err := cluster.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return review.Status.Allowed, nil
}

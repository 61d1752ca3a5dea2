// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// kindsEvery is how often the API server is asked for kinds that it does not serve yet.
const kindsEvery = time.Second

// AwaitKinds returns when the API server serves all kinds of a group version that the scheme knows, or ctx ends. It calls waiting with what
// it waits for, whenever that changes.
func AwaitKinds(
	ctx context.Context, config *rest.Config, scheme *runtime.Scheme, gv schema.GroupVersion, log logr.Logger, waiting func(string),
) error {
	discovery, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	return awaitKinds(ctx, kindsEvery, log, waiting, func(ctx context.Context) string {
		return missing(ctx, discovery.RESTClient(), scheme, gv)
	})
}

func awaitKinds(
	ctx context.Context, every time.Duration, log logr.Logger, waiting func(string), missing func(context.Context) string,
) error {
	last := ""
	return wait.PollUntilContextCancel(ctx, every, true, func(ctx context.Context) (bool, error) {
		what := missing(ctx)
		if what != "" && what != last {
			log.Info("Waiting for what the API server does not serve yet", "what", what)
			waiting(what)
		}
		last = what
		return what == "", nil
	})
}

// missing lists what the API server does not serve; nothing if it serves all.
func missing(ctx context.Context, client rest.Interface, scheme *runtime.Scheme, gv schema.GroupVersion) string {
	served := map[string]bool{}
	var list metav1.APIResourceList
	err := client.Get().AbsPath("/apis", gv.Group, gv.Version).Do(ctx).Into(&list)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Sprintf("the list of kinds of %s: %v", gv, err)
	}
	for _, r := range list.APIResources {
		served[r.Kind] = true
	}
	var lacks []string
	known := scheme.KnownTypes(gv)
	for kind := range known {
		if _, listed := known[kind+"List"]; listed && !served[kind] {
			lacks = append(lacks, kind)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	slices.Sort(lacks)
	return fmt.Sprintf("the kinds %s of %s; apply the CustomResourceDefinitions of the installation", strings.Join(lacks, ", "), gv)
}

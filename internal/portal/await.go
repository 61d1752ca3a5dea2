// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

const (
	// awaitEvery is how often the API server is asked whether it is there.
	awaitEvery = time.Second
	// awaitTimeout is for one such question.
	awaitTimeout = 5 * time.Second
)

// AwaitAPI returns when the API server answers and serves the kinds that the portal reads: a portal that starts earlier waits instead of
// failing. Meanwhile the address for probes reports that the process lives, is not ready, and what it waits for.
func AwaitAPI(ctx context.Context, c *rest.Config, probes string, log logr.Logger) error {
	c = rest.CopyConfig(c)
	c.Timeout = awaitTimeout
	there, err := discovery.NewDiscoveryClientForConfig(c)
	if err != nil {
		return err
	}
	var missing atomic.Value
	missing.Store("the API server")
	stop, err := serveWaiting(ctx, probes, &missing)
	if err != nil {
		return err
	}
	defer stop()
	return wait.PollUntilContextCancel(ctx, awaitEvery, true, func(context.Context) (bool, error) {
		list, err := there.ServerResourcesForGroupVersion(rosterv1alpha1.GroupVersion.String())
		if err == nil {
			err = served(list)
		}
		if err != nil && missing.Swap(err.Error()) != err.Error() {
			log.Error(err, "Waiting for the API server")
		}
		return err == nil, nil
	})
}

// served tells which of the kinds that the portal reads is missing.
func served(list *metav1.APIResourceList) error {
	for _, kind := range kinds() {
		if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind }) {
			return fmt.Errorf("the API server does not know the kind %s: apply Roster's CustomResourceDefinitions", kind)
		}
	}
	return nil
}

// kinds are the names of those that the portal reads.
func kinds() []string {
	return []string{"Account", "Invitation", "Member", "Organization", "SocialProfile", "CustomRole", "Workspace"}
}

// serveWaiting answers probes until it is stopped.
func serveWaiting(ctx context.Context, address string, missing *atomic.Value) (stop func(), _ error) {
	if address == "" || address == "0" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, fmt.Sprint("waiting: ", missing.Load()), http.StatusServiceUnavailable)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			missing.Store(err.Error())
		}
	}()
	return func() {
		_ = server.Close() // Probes ask again.
		<-done
	}, nil
}

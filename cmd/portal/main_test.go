// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/apiserver"
)

// TestTheCacheGoesOnAtOnce: a watch that the API server breaks off is begun again when it is back, without the pauses of client-go.
func TestTheCacheGoesOnAtOnce(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" && asked.Add(1) == 1 {
			panic(http.ErrAbortHandler) // cuts the connection
		}
	}))
	defer server.Close()
	options, err := patientCache(apiserver.NewLink(logr.Discard(), clock.RealClock{}), &rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	response, err := options.HTTPClient.Get(server.URL + "/apis")
	if err != nil {
		t.Fatalf("the cache would pause: %v", err)
	}
	_ = response.Body.Close()
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

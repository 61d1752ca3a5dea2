// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

type pear struct {
	runtime.Unknown
	metav1.ListMeta
}

// TestWhatIsWaitedFor: nothing starts before all kinds are served, and what is missing is named, each time that it changes.
func TestWhatIsWaitedFor(t *testing.T) {
	gv := schema.GroupVersion{Group: "fruit.example", Version: "v1"}
	scheme := runtime.NewScheme()
	for _, kind := range []string{"Apple", "AppleList", "Pear", "PearList", "PeelOptions"} {
		scheme.AddKnownTypeWithName(gv.WithKind(kind), &pear{})
	}
	answers := []string{
		`404 {}`,
		`404 {}`,
		`200 {"kind":"APIResourceList","resources":[{"name":"apples","kind":"Apple"}]}`,
		`403 {"kind":"Status","status":"Failure","reason":"Forbidden","message":"nobody knows you yet"}`,
		`200 {"kind":"APIResourceList","resources":[{"name":"apples","kind":"Apple"},{"name":"pears","kind":"Pear"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		status, body, _ := strings.Cut(answers[0], " ")
		answers = answers[1:]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(map[string]int{"200": 200, "403": 403, "404": 404}[status])
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	client, err := discovery.NewDiscoveryClientForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	tell := func(what string) { told = append(told, what) }
	err = awaitKinds(t.Context(), time.Nanosecond, logr.Discard(), tell, func(ctx context.Context) string {
		return missing(ctx, client.RESTClient(), scheme, gv)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the kinds Apple, Pear of fruit.example/v1; apply the CustomResourceDefinitions of the installation",
		"the kinds Pear of fruit.example/v1; apply the CustomResourceDefinitions of the installation",
		"the list of kinds of fruit.example/v1: nobody knows you yet",
	}
	if !slices.Equal(told, want) || len(answers) != 0 {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

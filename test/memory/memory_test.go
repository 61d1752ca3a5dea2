// SPDX-License-Identifier: Apache-2.0

// Package memory holds down what a person takes of the memory of manager and portal: what is in use, not how fast anything is. The caches are
// those of the processes, with their transforms and indexes, filled by a server as an API server fills them.
package memory

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/watching"
	who "github.com/roster-dev/roster/internal/people"
	"github.com/roster-dev/roster/internal/portal"
	"github.com/roster-dev/roster/internal/testenv"
)

// people is enough for what the caches take by themselves not to matter.
const people = 5000

// What a Member with an Account may take of the heap, in bytes. It is 4 percent more than they take; see docs/sizing.md for what that comes
// to in all. A test that fails here says that 100,000 Members need more memory than before: find out why with HEAP_PROFILE.
const (
	mostInManager = 3640
	mostInPortal  = 2560
)

// handlers is how many handlers of the manager are told of changes of Members.
const handlers = 11

func TestManager(t *testing.T) {
	var changes []ctrlsource.Source
	setup := func(ctx context.Context, c cache.Cache) error {
		for range handlers {
			changes = append(changes, watching.Changes(c, &rosterv1alpha1.Member{}, handler.Funcs{}))
		}
		return reading.AddIndexes(ctx, c, "")
	}
	check(t, mostInManager, controller.ManagerOptions(1).Cache, setup, func(ctx context.Context, c cache.Cache) error {
		for _, of := range changes {
			if err := of.Start(ctx, nil); err != nil {
				return err
			}
		}
		return read(ctx, t, c)
	})
}

func TestPortal(t *testing.T) {
	check(t, mostInPortal, portal.CacheOptions(), portal.SetupCache, func(context.Context, cache.Cache) error { return nil })
}

// check fills a cache, starts what it feeds, and holds what both take for each of the people against the most that they may.
func check(t *testing.T, most int, options cache.Options, setup, start func(ctx context.Context, c cache.Cache) error) {
	t.Helper()
	options.Scheme = testenv.NewScheme()
	options.Mapper = mapperOf(options.Scheme)
	server := httptest.NewServer(source{options.Scheme, options.Mapper})
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := inUse()
	c, err := cache.New(&rest.Config{Host: server.URL}, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := setup(ctx, c); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	if !c.WaitForCacheSync(ctx) {
		t.Fatal("the cache has not been filled")
	}
	if err := start(ctx, c); err != nil {
		t.Fatal(err)
	}
	each := (inUse() - before) / people
	t.Logf("%d bytes for each of %d people", each, people)
	if each > most {
		t.Errorf("a Member with an Account takes %d bytes of the heap, and may take %d", each, most)
	}
	profile(t)
	found(t, c)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(c)
}

// found looks for somebody by the indexes that are there to save memory.
func found(t *testing.T, c cache.Cache) {
	t.Helper()
	want := member(people / 2)
	for _, namespace := range []string{want.Namespace, ""} {
		byAddress, err := who.WithAddress(t.Context(), c, namespace, addressOf(people/2))
		if err != nil || len(byAddress) != 1 || byAddress[0].Name != want.Name {
			t.Errorf("in namespace %q the address of %s is that of %d Members, %v", namespace, want.Name, len(byAddress), err)
		}
		bound, err := who.BoundTo(t.Context(), c, namespace, want.Spec.AccountRef.Name)
		if err != nil || len(bound) != 1 || bound[0].Name != want.Name {
			t.Errorf("in namespace %q %d Members are bound to the Account of %s, %v", namespace, len(bound), want.Name, err)
		}
	}
	if others, err := who.WithAddress(t.Context(), c, "elsewhere", addressOf(people/2)); err != nil || len(others) > 0 {
		t.Errorf("in another namespace %d Members have the address, %v", len(others), err)
	}
}

// mostRead is how many values a read of an Account may allocate: its copy, and what finds it.
const mostRead = 12

// read reads an Account, as the manager does for each Member.
func read(ctx context.Context, t *testing.T, c cache.Cache) error {
	t.Helper()
	key := client.ObjectKeyFromObject(account(people / 2))
	var failed error
	values := testing.AllocsPerRun(100, func() { failed = errors.Join(failed, c.Get(ctx, key, &rosterv1alpha1.Account{})) })
	if values > mostRead {
		t.Errorf("a read of an Account allocates %.0f values, and may allocate %d", values, mostRead)
	}
	return failed
}

// inUse are the bytes of the heap that something refers to.
func inUse() int {
	runtime.GC()
	runtime.GC() // What the first has found to be garbage is swept.
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// profile writes what is in use where HEAP_PROFILE says; best with -memprofilerate 256.
func profile(t *testing.T) {
	t.Helper()
	prefix := os.Getenv("HEAP_PROFILE")
	if prefix == "" {
		return
	}
	f, err := os.Create(prefix + t.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
		t.Fatal(err)
	}
}

func mapperOf(scheme *apiruntime.Scheme) meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for kind := range scheme.AllKnownTypes() {
		m.Add(kind, meta.RESTScopeNamespace)
	}
	return m
}

// source answers the watches of caches as an API server does: first with what there is, then with the mark that this was all.
type source struct {
	scheme *apiruntime.Scheme
	mapper meta.RESTMapper
}

func (s source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, err := s.kindAt(r.URL.Path)
	if err != nil || r.URL.Query().Get("sendInitialEvents") != "true" {
		http.Error(w, "this is none of the watches that are served here", http.StatusBadRequest)
		return
	}
	metadata := strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")
	w.Header().Set("Content-Type", "application/json")
	send := func(event string, o any) { _ = json.NewEncoder(w).Encode(map[string]any{"type": event, "object": o}) }
	if one := made()[kind.Kind]; one != nil {
		for i := range people {
			send("ADDED", s.written(one(i), metadata))
		}
	}
	if metadata {
		kind = metav1.SchemeGroupVersion.WithKind("PartialObjectMetadata")
	}
	send("BOOKMARK", map[string]any{"apiVersion": kind.GroupVersion().String(), "kind": kind.Kind, "metadata": map[string]any{
		"resourceVersion": "2000000", "annotations": map[string]string{metav1.InitialEventsAnnotationKey: "true"},
	}})
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// kindAt is the kind that a path is about, such as /apis/roster.dev/v1alpha1/namespaces/acme/members.
func (s source) kindAt(path string) (schema.GroupVersionKind, error) {
	parts := strings.Split(path, "/")
	version := schema.GroupVersion{Version: parts[2]}
	if parts[1] == "apis" {
		version = schema.GroupVersion{Group: parts[2], Version: parts[3]}
	}
	return s.mapper.KindFor(version.WithResource(parts[len(parts)-1]))
}

// written is an object as an API server writes it.
func (s source) written(o client.Object, metadata bool) client.Object {
	kind, _ := apiutil.GVKForObject(o, s.scheme)
	if metadata {
		kind = metav1.SchemeGroupVersion.WithKind("PartialObjectMetadata")
		o = meta.AsPartialObjectMetadata(o)
	}
	o.GetObjectKind().SetGroupVersionKind(kind)
	return o
}

// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
)

var (
	logged   []string
	looks    = map[look]int{}
	loggedMu sync.Mutex
)

// look is at what a controller looks.
type look struct{ controller, namespace, name string }

// Looks are how often operators have looked at each object of a namespace since the suite began, by the controller and the name.
func Looks(namespace string) map[string]int {
	loggedMu.Lock()
	defer loggedMu.Unlock()
	found := map[string]int{}
	for at, times := range looks {
		if at.namespace == namespace {
			found[at.controller+" "+at.name] = times
		}
	}
	return found
}

// Logged are the lines that operators have logged about a namespace since the suite began, each after its level: error or info.
func Logged(in Space) []string {
	loggedMu.Lock()
	defer loggedMu.Unlock()
	return slices.DeleteFunc(slices.Clone(logged), func(line string) bool { return !strings.Contains(line, "namespace "+in.Name+" ") })
}

// recorder keeps what passes through it.
type recorder struct {
	logr.LogSink
	values []any
}

func (r recorder) keep(level, msg string, values ...any) {
	loggedMu.Lock()
	defer loggedMu.Unlock()
	logged = append(logged, fmt.Sprintln(level, msg, slices.Concat(r.values, values)))
}

// count counts what controller-runtime says before each look.
func (r recorder) count(msg string, values ...any) {
	if msg != "Reconciling" {
		return
	}
	said := map[any]any{}
	for pair := range slices.Chunk(append(slices.Clone(r.values), values...), 2) {
		said[pair[0]] = pair[len(pair)-1]
	}
	loggedMu.Lock()
	defer loggedMu.Unlock()
	looks[look{fmt.Sprint(said["controller"]), fmt.Sprint(said["namespace"]), fmt.Sprint(said["name"])}]++
}

// Enabled is part of [logr.LogSink]. What is only said in detail is counted, and not logged.
func (r recorder) Enabled(int) bool { return true }

// Info is part of [logr.LogSink].
func (r recorder) Info(level int, msg string, values ...any) {
	if r.count(msg, values...); !r.LogSink.Enabled(level) {
		return
	}
	r.keep("info", msg, values...)
	r.LogSink.Info(level, msg, values...)
}

// Error is part of [logr.LogSink].
func (r recorder) Error(err error, msg string, values ...any) {
	r.keep("error", msg, append(values, err)...)
	r.LogSink.Error(err, msg, values...)
}

// WithValues is part of [logr.LogSink].
func (r recorder) WithValues(values ...any) logr.LogSink {
	return recorder{r.LogSink.WithValues(values...), slices.Concat(r.values, values)}
}

// WithName is part of [logr.LogSink].
func (r recorder) WithName(name string) logr.LogSink {
	return recorder{r.LogSink.WithName(name), r.values}
}

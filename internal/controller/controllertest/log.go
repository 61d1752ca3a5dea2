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
	loggedMu sync.Mutex
)

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

// Info is part of [logr.LogSink].
func (r recorder) Info(level int, msg string, values ...any) {
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

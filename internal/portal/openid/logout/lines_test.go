// SPDX-License-Identifier: Apache-2.0

package logout_test

import (
	"fmt"
	"strings"
	"sync"

	"github.com/go-logr/logr"
)

// lines are a log that is kept.
type lines struct {
	mu  sync.Mutex
	all []string
}

// Init implements logr.LogSink.
func (*lines) Init(logr.RuntimeInfo) {}

// Enabled implements logr.LogSink.
func (*lines) Enabled(int) bool { return true }

// Info implements logr.LogSink.
func (l *lines) Info(_ int, text string, values ...any) {
	l.add(fmt.Sprint(append([]any{text}, values...)...))
}

// Error implements logr.LogSink.
func (l *lines) Error(err error, text string, values ...any) {
	l.add(fmt.Sprint(append([]any{text, err}, values...)...))
}

// WithValues implements logr.LogSink.
func (l *lines) WithValues(...any) logr.LogSink { return l }

// WithName implements logr.LogSink.
func (l *lines) WithName(string) logr.LogSink { return l }

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// Calm returns a log that has errors which pass by themselves as information, in the same words: a search for errors finds those that
// somebody has to do something about.
func Calm(log logr.Logger) logr.Logger { return log.WithSink(calm{LogSink: log.GetSink()}) }

// calm hands its values on with a line: controller-runtime gives some for each look at an object, nearly all of which have nothing to say,
// and a log of zap writes values out when it gets them.
type calm struct {
	logr.LogSink
	values []any
}

// Info is part of [logr.LogSink].
func (c calm) Info(level int, msg string, keysAndValues ...any) {
	c.LogSink.Info(level, msg, slices.Concat(c.values, keysAndValues)...)
}

// Error is part of [logr.LogSink].
func (c calm) Error(err error, msg string, keysAndValues ...any) {
	if !passes(err) {
		c.LogSink.Error(err, msg, slices.Concat(c.values, keysAndValues)...)
	} else if c.Enabled(0) {
		c.Info(0, msg, slices.Concat(keysAndValues, []any{"error", err.Error()})...)
	}
}

// WithValues is part of [logr.LogSink].
func (c calm) WithValues(keysAndValues ...any) logr.LogSink {
	return calm{c.LogSink, slices.Concat(c.values, keysAndValues)}
}

// WithName is part of [logr.LogSink].
func (c calm) WithName(name string) logr.LogSink { return calm{c.LogSink.WithName(name), c.values} }

// passes reports whether an error is no fault and needs nobody: it is tried again, or what it is about is going away.
func passes(err error) bool {
	return err != nil && (apierrors.IsConflict(err) || namespaceGoes(err) || serverAway(err) || errors.Is(err, context.Canceled))
}

// namespaceGoes: what is written there would be deleted in a moment.
func namespaceGoes(err error) bool {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	status, ok := errors.AsType[*apierrors.StatusError](err)
	return ok && apierrors.IsNotFound(err) && status.ErrStatus.Details != nil && status.ErrStatus.Details.Kind == "namespaces"
}

// serverAway: the API server cannot be reached, or is not able to answer now.
func serverAway(err error) bool {
	if apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) {
		return true
	}
	request, ok := errors.AsType[*url.Error](err)
	return ok && (request.Timeout() || utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) ||
		utilnet.IsHTTP2ConnectionLost(err))
}

// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/tools/clientcmd"
)

// Explain puts an error of the API server, or of the way there, into words with what to do about it.
func Explain(err error) string {
	var status apierrors.APIStatus
	var told *clearError
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &told):
		return err.Error()
	case meta.IsNoMatchError(err):
		return "the API server does not know the kinds of Roster: install Roster, or choose another cluster with --context"
	case clientcmd.IsEmptyConfig(err), errors.Is(err, clientcmd.ErrEmptyCluster):
		return "there is no cluster in the kubeconfig: set KUBECONFIG, or choose a file with --kubeconfig"
	case apierrors.IsUnauthorized(err):
		return "the API server does not know you: sign in again, or choose another user with --context"
	case errors.As(err, &status):
		return explainStatus(err)
	case utilnet.IsConnectionRefused(err), utilnet.IsConnectionReset(err), utilnet.IsProbableEOF(err), utilnet.IsTimeout(err),
		strings.Contains(err.Error(), "no such host"):
		return fmt.Sprintf("the API server cannot be reached: %v. Choose another cluster with --context, or start it", err)
	}
	return err.Error()
}

// Clear marks an error that says itself what to do, because it is not about the API server.
func Clear(err error) error {
	if err == nil {
		return nil
	}
	return &clearError{err}
}

type clearError struct{ error }

// Unwrap returns the error.
func (e *clearError) Unwrap() error { return e.error }

// invalidFields names the fields that the API server does not accept; empty for other errors.
func invalidFields(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return ""
	}
	var all []string
	for _, cause := range status.Status().Details.Causes {
		if !strings.Contains(cause.Message, "some validation rules were not checked") {
			all = append(all, cause.Field+": "+cause.Message)
		}
	}
	return strings.Join(all, "; ")
}

// explainStatus leaves out what Kubernetes puts before and behind the message of a policy.
func explainStatus(err error) string {
	text := err.Error()
	_, denied, ok := strings.Cut(text, "' denied request: ")
	if ok {
		return strings.TrimSpace(denied)
	}
	if causes := invalidFields(err); causes != "" {
		return causes
	}
	if apierrors.IsForbidden(err) && strings.Contains(text, "cannot ") {
		return text + `. Ask an administrator of the namespace for the ClusterRole roster-admin (to write) or roster-viewer (to read)`
	}
	return text
}

// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestCalm: what passes by itself is no error to the log, and what somebody has to change is.
func TestCalm(t *testing.T) {
	members := schema.GroupResource{Group: "roster.dev", Resource: "members"}
	terminating := apierrors.NewForbidden(members, "ana", errors.New("because it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	get := func(err error) error { return &url.Error{Op: "Get", URL: "https://10.96.0.1/apis", Err: err} }
	for name, c := range map[string]struct {
		err    error
		passes bool
	}{
		"a conflict":                     {apierrors.NewConflict(members, "ana", errors.New("modified")), true},
		"a conflict among others":        {fmt.Errorf("saving: %w", apierrors.NewConflict(members, "ana", errors.New("modified"))), true},
		"a namespace that is going away": {terminating, true},
		"a namespace that is gone":       {apierrors.NewNotFound(corev1.Resource("namespaces"), "acme"), true},
		"no connection":                  {get(syscall.ECONNREFUSED), true},
		"a server that starts":           {apierrors.NewServiceUnavailable("starting"), true},
		"the process stops":              {fmt.Errorf("listing: %w", context.Canceled), true},
		"missing rights":                 {apierrors.NewForbidden(members, "ana", errors.New("RBAC")), false},
		"an object that is missing":      {apierrors.NewNotFound(members, "ana"), false},
		"a certificate that is wrong":    {get(errors.New("x509: certificate signed by unknown authority")), false},
		"a relay that is away":           {fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED), false},
		"no error":                       {nil, false},
	} {
		var line string
		log := Calm(funcr.New(func(_, args string) { line = args }, funcr.Options{})).WithName("controller").WithValues("object", "ana")
		log.Error(c.err, "Reconciler error", "attempt", 1)
		if got := !strings.Contains(line, `"logger"`) && strings.Contains(line, `"level"=0`); got != c.passes {
			t.Errorf("%s: the line is %s", name, line)
		}
		if c.err != nil && !strings.Contains(line, strings.ReplaceAll(c.err.Error(), `"`, `\"`)) || !strings.Contains(line, `"object"="ana"`) {
			t.Errorf("%s: the line lacks the error or the values: %s", name, line)
		}
	}
}

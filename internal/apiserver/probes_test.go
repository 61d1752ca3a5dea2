// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// TestReadinessSaysWhatIsMissing: the answer names each thing that is missing, with the reason, and the log says so when it changes.
func TestReadinessSaysWhatIsMissing(t *testing.T) {
	var log bytes.Buffer
	p, err := ServeProbes("0", zap.New(zap.WriteTo(&log)))
	if err != nil {
		t.Fatal(err)
	}
	var keys error
	p.Check("keys", func(context.Context) error { return keys })
	for _, step := range []struct {
		waiting string
		keys    error
		query   string
		code    int
		says    string
	}{
		{"the API server", errors.New("no Secret"), "", 503, "[-]started: waiting for the API server\n[-]keys: no Secret\n"},
		{"the API server", errors.New("no Secret"), "", 503, "[-]started: waiting for the API server\n[-]keys: no Secret\n"},
		{"", errors.New("no Secret"), "?verbose", 503, "[+]started ok\n[-]keys: no Secret\n"},
		{"", nil, "", 200, "ok\n"},
		{"", nil, "?verbose", 200, "[+]started ok\n[+]keys ok\nready\n"},
		{"", errors.New("no Secret"), "", 503, "[+]started ok\n[-]keys: no Secret\n"},
	} {
		p.Waiting(step.waiting)
		keys = step.keys
		answer := httptest.NewRecorder()
		p.server.Handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz"+step.query, nil))
		if answer.Code != step.code || answer.Body.String() != step.says {
			t.Errorf("%+v: %d %q", step, answer.Code, answer.Body)
		}
	}
	var told []string
	for line := range strings.Lines(log.String()) {
		_, message, _ := strings.Cut(line, `"msg":`)
		told = append(told, strings.TrimSpace(message))
	}
	if want := []string{
		`"Not ready","why":"waiting for the API server; no Secret"}`, `"Not ready","why":"no Secret"}`, `"Ready"}`, `"Not ready","why":"no Secret"}`,
	}; strings.Join(told, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log says %q", told)
	}
	answer := httptest.NewRecorder()
	p.server.Handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
	if answer.Code != http.StatusOK {
		t.Errorf("a process that waits is not alive: %d", answer.Code)
	}
}

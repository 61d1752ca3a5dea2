// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// facebookPage is the account that every token opens.
const facebookPage = "4711"

// facebook is what a preset needs of Facebook: the Page that a token opens, and how many items nobody has looked at there ("Page" of the
// Graph API reference: id, unread_message_count, unread_notif_count).
type facebook struct{ unread atomic.Int64 }

// listen serves it until the context ends, and returns its address.
func (f *facebook) listen(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v25.0/me", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": facebookPage, "unread_message_count": f.unread.Load(), "unread_notif_count": 0})
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}

// SPDX-License-Identifier: Apache-2.0

// Package mailbox is the mail server of the playground: it takes every mail by SMTP, delivers none, keeps them in memory and shows
// them on a web page as a mail program would. Programs read them by a part of the
// API of Mailpit (https://mailpit.axllent.org/docs/api-v1/), so that Mailpit can take its place.
package mailbox

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// Options are the limits and surroundings of a Mailbox. The zero value is usable.
type Options struct {
	// MaxMessages is how many mails are kept; the oldest go first. Default 2000.
	MaxMessages int
	// MaxBytes is how much mail is kept, in bytes of source; the oldest go first. Default 64 MiB.
	MaxBytes int64
	// MaxMessageBytes is the longest mail that is taken, in bytes of source. Default 10 MiB.
	MaxMessageBytes int64
	// Clock tells when a mail arrived. Default: the system's.
	Clock clock.PassiveClock
	// Log receives what goes wrong in a connection.
	Log logr.Logger
}

func (o *Options) complete() {
	if o.MaxMessages == 0 {
		o.MaxMessages = 2000
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = 10 << 20
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
}

// Mailbox keeps mails in memory.
type Mailbox struct {
	options Options
	store   *store
}

// New returns an empty Mailbox.
func New(o Options) *Mailbox {
	o.complete()
	return &Mailbox{options: o, store: newStore(o.MaxMessages, o.MaxBytes)}
}

// Serve takes mail on one listener and shows it on the other, until the context ends or one of the two fails. It closes both.
func (m *Mailbox) Serve(ctx context.Context, smtpListener, webListener net.Listener) error {
	mailServer := m.smtpServer()
	webServer := &http.Server{
		Handler:           m.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 2)
	var servers sync.WaitGroup
	servers.Go(func() { failed <- mailServer.Serve(smtpListener) })
	servers.Go(func() { failed <- webServer.Serve(webListener) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	_ = mailServer.Close()
	_ = webServer.Close()
	// A server that was closed before it began to serve has left its listener open.
	_ = smtpListener.Close()
	_ = webListener.Close()
	servers.Wait()
	return err
}

// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/tracing"
)

// Credentials reads the user name and password, or token, for the relay. It is called for each new connection, so that a changed Secret
// counts from then on.
type Credentials func(ctx context.Context) (username, password string, err error)

// Fence returns an error when this process may not send any more: another may do so already. It must not wait.
type Fence func() error

const (
	// idleTimeout is how long a connection is kept open without a mail: less than the five minutes that a relay is to wait
	// (RFC 5321, 4.5.3.2.7), since many wait less.
	idleTimeout = 30 * time.Second
	// quitTimeout is how long a relay may take to answer QUIT.
	quitTimeout = 2 * time.Second

	defaultConnections = 4
	defaultTimeout     = 30 * time.Second
)

// Relay hands mails to an SMTP relay over connections that it keeps open. It is safe for concurrent use.
type Relay struct {
	dialer  dialer
	clock   clock.Clock
	timeout time.Duration
	// slots holds an entry for each mail on its way; its capacity is the number of connections.
	slots chan struct{}
	done  chan struct{}
	wg    sync.WaitGroup
	fence Fence

	mu sync.Mutex
	// idle connections, the one that has idled longest first.
	idle     []*conn
	sweeping bool
	closed   bool
}

// NewRelay checks the configuration. Nothing is sent before the first mail. Where cfg says nothing the documented defaults count.
func NewRelay(cfg config.SMTP, credentials Credentials, clk clock.Clock) (*Relay, error) {
	host, _, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("mail.smtp.address: %w", err)
	}
	if cfg.TLS == "" {
		cfg.TLS = config.TLSStartTLS
	}
	if cfg.Connections < 1 {
		cfg.Connections = defaultConnections
	}
	if cfg.Timeout.Duration <= 0 {
		cfg.Timeout.Duration = defaultTimeout
	}
	d := dialer{host: host, cfg: cfg, credentials: credentials}
	if _, err := d.tlsConfig(); err != nil {
		return nil, fmt.Errorf("mail.smtp.caFile: %w", err)
	}
	return &Relay{
		dialer: d, clock: clk, timeout: cfg.Timeout.Duration,
		slots: make(chan struct{}, cfg.Connections), done: make(chan struct{}), fence: func() error { return nil },
	}, nil
}

// Behind has a fence asked before each mail, and once more before the last byte that makes the relay take it. It must be called before
// the first mail.
func (r *Relay) Behind(fence Fence) *Relay {
	r.fence = func() error {
		if err := fence(); err != nil {
			return fmt.Errorf("%w: %w", errNotLeading, err)
		}
		return nil
	}
	return r
}

// Send hands one mail to the relay and returns when the relay has taken it. It waits for a free connection as long as ctx allows. From then
// on the mail is under way, and takes the configured time at most: it goes on when ctx ends, since a relay that has heard of a mail may
// have taken it. A [RejectedError] is for good; after every other error the mail may be sent again, and should be under the same
// Message-ID, since a relay that breaks off at the very end may have taken it.
//
// A connection that the relay dropped while it idled is replaced without notice, but only as long as no content has been sent on it.
func (r *Relay) Send(ctx context.Context, m *Message) error {
	if f := r.enter(ctx); f != nil {
		return r.complete(f, m)
	}
	defer func() { <-r.slots }()

	ctx, stop := withTimeout(context.WithoutCancel(ctx), r.clock, r.timeout)
	defer stop()
	f := r.send(ctx, m)
	if f == nil {
		return nil
	}
	return r.complete(f, m)
}

// enter waits until a connection may be used.
func (r *Relay) enter(ctx context.Context) *failure {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return &failure{step: stepQueue, err: cause(ctx, ctx.Err())}
	case <-r.done:
		return &failure{step: stepQueue, err: errClosed}
	}
	select {
	case <-r.done:
		<-r.slots
		return &failure{step: stepQueue, err: errClosed}
	default:
	}
	if err := r.fence(); err != nil {
		<-r.slots
		return &failure{step: stepQueue, err: err}
	}
	return nil
}

func (r *Relay) send(ctx context.Context, m *Message) *failure {
	if c := r.takeIdle(); c != nil {
		f := r.deliver(ctx, c, m)
		if f == nil || !f.beforeContent() || !f.lost() {
			return f
		}
	}
	dialing, end := tracing.Relay(ctx, "connect")
	c, f := r.dialer.dial(dialing)
	end(f.stage())
	if f != nil {
		return f
	}
	return r.deliver(ctx, c, m)
}

func (r *Relay) deliver(ctx context.Context, c *conn, m *Message) *failure {
	ctx, end := tracing.Relay(ctx, "deliver")
	f := c.deliver(ctx, m, r.fence)
	end(f.stage())
	r.put(c)
	return f
}

// complete adds to a failure what Explain says about it.
func (r *Relay) complete(f *failure, m *Message) error {
	f.relay = r.dialer.cfg.Address
	f.secret, f.auth = r.dialer.cfg.AuthSecret, r.dialer.cfg.Auth
	f.sender, f.recipient = m.From, m.To
	f.timeout = r.timeout
	return f.verdict()
}

// Close refuses further mails, waits for those on their way and says goodbye on every connection.
func (r *Relay) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	idle := r.idle
	r.idle = nil
	close(r.done)
	r.mu.Unlock()
	r.quit(idle)
	r.wg.Wait()
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	for range cap(r.slots) {
		<-r.slots
	}
	return nil
}

// takeIdle gives the connection that was used last, so that those that are too many idle out.
func (r *Relay) takeIdle() *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.idle) == 0 {
		return nil
	}
	last := len(r.idle) - 1
	c := r.idle[last]
	r.idle = r.idle[:last]
	return c
}

// put keeps a connection for the next mail, if it is still good.
func (r *Relay) put(c *conn) {
	if c.broken {
		c.close()
		return
	}
	if !r.keep(c) {
		c.quit(r.clock)
	}
}

func (r *Relay) keep(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	c.idleSince = r.clock.Now()
	r.idle = append(r.idle, c)
	if !r.sweeping {
		r.sweeping = true
		timer := r.clock.NewTimer(idleTimeout)
		r.wg.Go(func() { r.sweep(timer) })
	}
	return true
}

// sweep closes connections that have idled long enough. It runs while there are any.
func (r *Relay) sweep(timer clock.Timer) {
	defer timer.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-timer.C():
		}
		expired, next := r.expire()
		r.quit(expired)
		if next <= 0 {
			return
		}
		timer.Reset(next)
	}
}

// expire takes out the connections whose time is over, and says when to look again: never when it is 0.
func (r *Relay) expire() (expired []*conn, next time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.idle) && r.clock.Since(r.idle[n].idleSince) >= idleTimeout {
		n++
	}
	expired, r.idle = r.idle[:n:n], r.idle[n:]
	if len(r.idle) == 0 {
		r.sweeping = false
		return expired, 0
	}
	return expired, idleTimeout - r.clock.Since(r.idle[0].idleSince)
}

func (r *Relay) quit(connections []*conn) {
	var wg sync.WaitGroup
	for _, c := range connections {
		wg.Go(func() { c.quit(r.clock) })
	}
	wg.Wait()
}

// withTimeout is context.WithTimeout by a clock that a test can turn.
func withTimeout(ctx context.Context, clk clock.Clock, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := clk.NewTimer(d)
	go func() {
		defer timer.Stop()
		select {
		case <-timer.C():
			cancel(errTimeout)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// cause is why ctx ended if it has, else err.
func cause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	switch c := context.Cause(ctx); {
	case errors.Is(c, errTimeout), errors.Is(c, context.Canceled), errors.Is(c, context.DeadlineExceeded):
		return c
	default:
		return fmt.Errorf("%w: %w", ctx.Err(), c)
	}
}

// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
)

// server is an API server as the network shows it: errors at first, then answers.
type server struct {
	mu       sync.Mutex
	failures int
	err      error
	bodies   []string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures > 0 {
		s.failures--
		return nil, s.err
	}
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}
	s.bodies = append(s.bodies, r.Method+" "+r.URL.Path+" "+body)
	w := httptest.NewRecorder()
	return w.Result(), nil
}

// instant is a clock on which nobody waits.
type instant struct{ clock.RealClock }

func (instant) Sleep(time.Duration) {}

var (
	refused   = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	errBroken = errors.New("unexpected EOF")
)

func TestWhatCanBeRepeatedWaits(t *testing.T) {
	for name, c := range map[string]struct {
		method, body string
		err          error
		fails        bool
	}{
		"a read":                           {http.MethodGet, "", refused, false},
		"a read that broke off":            {http.MethodGet, "", errBroken, false},
		"a write that never got there":     {http.MethodPut, "status", refused, false},
		"a write that may have got there":  {http.MethodPut, "status", errBroken, true},
		"a create that may have got there": {http.MethodPost, "lease", errBroken, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{failures: 7, err: c.err}
			link := NewLink(logr.Discard(), instant{})
			request, err := http.NewRequestWithContext(t.Context(), c.method, "https://api.example/apis", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			response, err := patient{link, s}.RoundTrip(request)
			if c.fails {
				if !errors.Is(err, errBroken) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || response.StatusCode != http.StatusOK || link.Away() != nil {
				t.Fatalf("%v, away: %v", err, link.Away())
			}
			if last := s.bodies[len(s.bodies)-1]; last != strings.TrimRight(c.method+" /apis "+c.body, "") {
				t.Errorf("arrived: %q", last)
			}
		})
	}
}

func TestGivingUpAndSayingWhy(t *testing.T) {
	s := &server{failures: 1 << 30, err: refused}
	link := NewLink(logr.Discard(), clock.RealClock{})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example/apis", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := patient{link, s}.RoundTrip(request)
		done <- err
	}()
	for link.Away() == nil {
		select {
		case err := <-done:
			t.Fatalf("it does not wait: %v", err)
		default:
		}
	}
	if want := "the API server at api.example cannot be reached: dial: connection refused"; link.Away().Error() != want {
		t.Errorf("%v", link.Away())
	}
	probes := &Probes{link: link}
	if err := probes.ready(); err == nil {
		t.Error("ready without the API server")
	}
	cancel()
	if err := <-done; !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	s.mu.Lock()
	s.failures = 0
	s.mu.Unlock()
}

// lock is a Lease that always takes what is written.
type lock struct {
	resourcelock.Interface
	holder string
	err    error
}

func (l *lock) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	return &resourcelock.LeaderElectionRecord{HolderIdentity: l.holder}, nil, nil
}

func (l *lock) Identity() string                                                { return "me" }
func (l *lock) Update(context.Context, resourcelock.LeaderElectionRecord) error { return l.err }

func TestAProcessMayActAsLongAsItHasRenewedTheLease(t *testing.T) {
	inner := &lock{}
	l := &Lease{Interface: inner, stop: t.Context(), validity: 10 * time.Second}
	mine := resourcelock.LeaderElectionRecord{HolderIdentity: "me", RenewTime: metav1.Now()}
	renew := func(record resourcelock.LeaderElectionRecord, err error) {
		inner.err = err
		_ = l.Update(t.Context(), record)
	}
	if l.Held() == nil {
		t.Error("held before it was taken")
	}
	renew(mine, nil)
	if err := l.Held(); err != nil {
		t.Error(err)
	}
	l.renewed = time.Now().Add(-9 * time.Second)
	renew(mine, errBroken)
	if err := l.Held(); err != nil {
		t.Errorf("not held after a try that failed: %v", err)
	}
	l.renewed = time.Now().Add(-10 * time.Second) // frozen: both clocks have gone on
	if l.Held() == nil {
		t.Error("held after its time")
	}
	l.renewed = time.Now().Round(0).Add(-10 * time.Second) // asleep: only the wall clock has
	if l.Held() == nil {
		t.Error("held after the machine has slept")
	}
	renew(mine, nil)
	renew(resourcelock.LeaderElectionRecord{}, nil)
	if l.Held() == nil {
		t.Error("held after it was given up")
	}
}

func TestALeaseThatAnotherHasTakenIsLostAtOnce(t *testing.T) {
	inner := &lock{holder: "another"}
	ctx, lost := context.WithCancelCause(t.Context())
	l := &Lease{Interface: inner, stop: ctx, lost: lost, validity: 10 * time.Second}
	look := func() error {
		if _, _, err := l.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		return context.Cause(ctx)
	}
	if err := look(); err != nil {
		t.Errorf("lost before it was held: %v", err)
	}
	if err := l.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"}); err != nil {
		t.Fatal(err)
	}
	inner.holder = "me"
	if err := look(); err != nil {
		t.Error(err)
	}
	inner.holder = "another"
	if err := look(); !errors.Is(err, ErrLost) {
		t.Errorf("not lost: %v", err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// server is an API server as the network shows it: errors at first, or answers that say that something is wrong, then others.
type server struct {
	mu       sync.Mutex
	failures int
	err      error
	status   int
	// readiness are the answers to whether it is ready, once it answers at all; then it is.
	readiness []int
	asked     []*http.Request
	bodies    []string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := httptest.NewRecorder()
	switch {
	case s.failures > 0 && s.err != nil:
		s.failures--
		return nil, s.err
	case r.URL.Path == "/readyz":
		s.asked = append(s.asked, r)
		if len(s.readiness) > 0 {
			w.WriteHeader(s.readiness[0])
			s.readiness = s.readiness[1:]
		}
		return w.Result(), nil
	case s.failures > 0:
		s.failures--
		w.WriteHeader(s.status)
		return w.Result(), nil
	}
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}
	s.bodies = append(s.bodies, r.Method+" "+r.URL.Path+" "+body)
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

// TestAnAPIServerThatIsNotReadyIsAway: one that starts answers, but refuses everybody; one without its storage answers with errors.
func TestAnAPIServerThatIsNotReadyIsAway(t *testing.T) {
	const internal, forbidden = http.StatusInternalServerError, http.StatusForbidden
	manyTimes := func(status, n int) []int { return slices.Repeat([]int{status}, n) }
	for name, c := range map[string]struct {
		method    string
		server    *server
		status    int
		asked     int
		stillAway bool
	}{
		"it starts, and knows nobody yet":         {http.MethodGet, &server{failures: 1, err: refused, readiness: manyTimes(forbidden, 5)}, 200, 6, false},
		"it keeps to itself whether it is ready":  {http.MethodGet, &server{failures: 1, err: refused, readiness: manyTimes(forbidden, 99)}, 200, maxDenials, false},
		"it has lost its storage":                 {http.MethodGet, &server{failures: 1, status: internal, readiness: manyTimes(internal, 7)}, 200, 8, false},
		"it has an error of its own about a read": {http.MethodGet, &server{failures: 1, status: internal}, internal, 1, false},
		"nobody knows what became of a write":     {http.MethodPut, &server{failures: 1, status: internal, readiness: manyTimes(internal, 1<<20)}, internal, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, link := c.server, NewLink(logr.Discard(), instant{})
			s.readiness = append(s.readiness, http.StatusOK)
			request, err := http.NewRequestWithContext(t.Context(), c.method, "https://api.example/apis", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer me")
			response, err := patient{link, s}.RoundTrip(request)
			if err != nil || response.StatusCode != c.status {
				t.Fatalf("%v, %v", response, err)
			}
			if c.stillAway {
				if away := link.Away(); away == nil || away.Error() != "the API server at api.example answers 500 Internal Server Error" {
					t.Errorf("away: %v", away)
				}
				return
			}
			if len(s.asked) != c.asked || link.Away() != nil {
				t.Errorf("asked %d times, want %d; away: %v", len(s.asked), c.asked, link.Away())
			}
			for _, q := range s.asked {
				if q.Header.Get("Authorization") != "Bearer me" {
					t.Error("a stranger asks")
				}
			}
		})
	}
}

// passing is a clock that goes on while somebody sleeps.
type passing struct{ *clocktesting.FakeClock }

func (p passing) Sleep(d time.Duration) { p.Step(d) }

// TestNobodyLosesAMinuteToAnOutage: however long the API server is away, and however many wait, they go on within five seconds, and ask it
// nothing before.
func TestNobodyLosesAMinuteToAnOutage(t *testing.T) {
	const requests, lasts = 200, 3 * time.Minute
	clk := passing{clocktesting.NewFakeClock(time.Unix(0, 0))}
	var mu sync.Mutex
	questions, late := 0, time.Duration(0)
	next := roundTripper(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		questions++
		if since := clk.Since(time.Unix(0, 0)); since < lasts {
			return nil, refused
		} else if r.URL.Path != "/readyz" {
			late = max(late, since-lasts)
		}
		return httptest.NewRecorder().Result(), nil
	})
	link := NewLink(logr.Discard(), clk)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			method := []string{http.MethodGet, http.MethodPut}[i%2]
			request, err := http.NewRequestWithContext(t.Context(), method, "https://api.example/apis", strings.NewReader("x"))
			if err == nil {
				_, err = patient{link, next}.RoundTrip(request)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if late > 5*time.Second {
		t.Errorf("somebody goes on %s after the return", late)
	}
	if most := int(lasts/askEvery) + 1 + 2*requests; questions > most {
		t.Errorf("%d questions, want %d at most", questions, most)
	}
	if answerWithin > 5*time.Second {
		t.Error("a question that is lost costs more than five seconds")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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
	if err := link.Ready(t.Context()); err == nil {
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

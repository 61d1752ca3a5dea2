// SPDX-License-Identifier: Apache-2.0

package reporting

import (
	"context"
	"errors"
	goruntime "runtime"
	"slices"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/conditions"
)

// desk is an API server with Teams, a clock, and the Warnings about them.
type desk struct {
	t      *testing.T
	clock  *clocktesting.FakeClock
	told   *events.FakeRecorder
	scheme *runtime.Scheme

	mu    sync.Mutex
	teams map[string]*rosterv1alpha1.Team
	away  bool
}

func newDesk(t *testing.T) *desk {
	d := &desk{
		t: t, clock: clocktesting.NewFakeClock(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)), told: events.NewFakeRecorder(100),
		scheme: runtime.NewScheme(), teams: map[string]*rosterv1alpha1.Team{},
	}
	if err := rosterv1alpha1.AddToScheme(d.scheme); err != nil {
		t.Fatal(err)
	}
	return d
}

// Get reads a Team as the API server has it.
func (d *desk) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	team := d.teams[key.Name]
	if d.away {
		return errors.New("connection refused")
	}
	if team == nil {
		return apierrors.NewNotFound(rosterv1alpha1.GroupVersion.WithResource("teams").GroupResource(), key.Name)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(team)
	into.(*unstructured.Unstructured).Object = content
	return err
}

func (d *desk) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("not asked for")
}

// manager starts one that warns after the grace.
func (d *desk) manager() (r Recorder, stop func()) {
	r = NewRecorder(d.told, NewLasting(d, d.scheme, grace, d.clock, d.clock))
	ctx, cancel := context.WithCancel(d.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Start(ctx) })
	return r, func() { cancel(); running.Wait() }
}

// decide writes the status of a Team, as a controller does, and tells of it. No reason: all is well.
func (d *desk) decide(r Recorder, name, uid, reason string) {
	d.mu.Lock()
	team := d.teams[name]
	if team == nil || string(team.UID) != uid {
		team = &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(uid)}}
	}
	after := team.DeepCopy()
	set := conditions.In(&after.Status.Conditions, 1, d.clock.Now())
	if reason == "" {
		set.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, "Ready.")
	} else {
		set.Stall(reason, "Something is wrong.")
	}
	d.teams[name] = after
	d.mu.Unlock()
	r.Stalled(after, team.Status.Conditions, after.Status.Conditions)
}

// looksAgain is a controller that looks at a Team and finds that nothing has changed.
func (d *desk) looksAgain(r Recorder, name string) {
	team := d.teams[name]
	r.Stalled(team, team.Status.Conditions, team.Status.Conditions)
}

func (d *desk) remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.teams, name)
}

func (d *desk) isAway(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

// warnings are those that are due. A Team whose Warning falls due a moment later tells that they have all been looked at.
func (d *desk) warnings(r Recorder) []string {
	d.t.Helper()
	name := d.clock.Now().String()
	team := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name)}}
	since := d.clock.Now().Add(time.Millisecond - grace)
	conditions.In(&team.Status.Conditions, 1, since).Stall(rosterv1alpha1.ReasonWriteRefused, "Something is wrong.")
	d.mu.Lock()
	d.teams[name] = team
	d.mu.Unlock()
	d.looksAgain(r, name)
	var got []string
	for {
		e := d.await(time.Microsecond)
		if e == "Warning WriteRefused Something is wrong." {
			return got
		}
		got = append(got, e)
	}
}

// await moves the clock, step by step, until something is told: the queue may just be about to set its timer.
func (d *desk) await(step time.Duration) string {
	for {
		select {
		case e := <-d.told.Events:
			return e
		default:
			d.clock.Step(step)
			goruntime.Gosched()
		}
	}
}

const grace = 30 * time.Second

const (
	noMember  = "Warning MemberNotFound Something is wrong."
	noProfile = "Warning ProfileNotFound Something is wrong."
)

func TestAWarningIsForWhatLasts(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(d *desk, r Recorder)
		want    []string
	}{
		"mended in time": {func(d *desk, r Recorder) {
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.clock.Step(29 * time.Second)
			d.decide(r, "press", "1", "")
			d.clock.Step(time.Minute)
		}, nil},
		"not yet": {func(d *desk, r Recorder) {
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.clock.Step(29 * time.Second)
		}, nil},
		"stays, and is looked at often": {func(d *desk, r Recorder) {
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.looksAgain(r, "press")
			d.clock.Step(31 * time.Second)
			d.looksAgain(r, "press")
			d.clock.Step(time.Minute)
			d.looksAgain(r, "press")
		}, []string{noMember}},
		"one thing after another": {func(d *desk, r Recorder) {
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.clock.Step(20 * time.Second)
			d.decide(r, "press", "1", rosterv1alpha1.ReasonProfileNotFound)
			d.clock.Step(20 * time.Second)
		}, []string{noProfile}},
		"mended, and wrong again": {func(d *desk, r Recorder) {
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.clock.Step(20 * time.Second)
			d.decide(r, "press", "1", "")
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.clock.Step(20 * time.Second)
		}, nil},
		"gone": {func(d *desk, r Recorder) {
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.remove("press")
			d.clock.Step(time.Minute)
		}, nil},
		"another of the name": {func(d *desk, r Recorder) {
			d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			d.remove("press")
			d.clock.Step(20 * time.Second)
			d.decide(r, "press", "2", rosterv1alpha1.ReasonProfileNotFound)
			d.clock.Step(20 * time.Second)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			r, stop := d.manager()
			defer stop()
			c.happens(d, r)
			if got := d.warnings(r); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestAWarningOutlivesTheManager: one that was due, or fell due while none ran, comes from the next one, and one of long ago is not repeated.
func TestAWarningOutlivesTheManager(t *testing.T) {
	for name, c := range map[string]struct {
		away time.Duration
		want []string
	}{
		"back before it is due": {10 * time.Second, []string{noMember}},
		"back after that":       {5 * time.Minute, []string{noMember}},
		"back the next day":     {24 * time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			first, stop := d.manager()
			d.decide(first, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
			stop()
			d.clock.Step(c.away)
			r, stop := d.manager()
			defer stop()
			d.looksAgain(r, "press")
			d.clock.Step(30 * time.Second)
			d.looksAgain(r, "press")
			if got := d.warnings(r); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestAWarningWaitsForTheAPIServer: what cannot be read is read again.
func TestAWarningWaitsForTheAPIServer(t *testing.T) {
	d := newDesk(t)
	r, stop := d.manager()
	defer stop()
	d.isAway(true)
	d.decide(r, "press", "1", rosterv1alpha1.ReasonMemberNotFound)
	for range 10 {
		d.clock.Step(10 * time.Second)
	}
	d.isAway(false)
	if got := d.await(time.Second); got != noMember {
		t.Errorf("got %q", got)
	}
}

// SPDX-License-Identifier: Apache-2.0

package backoff

import (
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: time.Second, 1: 2 * time.Second, 5: 32 * time.Second, 6: time.Minute, 7: time.Minute, 1 << 40: time.Minute,
	} {
		if got := Pause(failures, time.Second, time.Minute); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
	if got := Pause(3, time.Hour, time.Minute); got != time.Minute {
		t.Errorf("a pause is never longer than the last: %s", got)
	}
}

func TestSpread(t *testing.T) {
	different := map[time.Duration]bool{}
	for range 100 {
		got := Spread(8 * time.Second)
		if got < 8*time.Second || got > 9*time.Second {
			t.Errorf("8s become %s", got)
		}
		different[got] = true
	}
	if len(different) < 50 {
		t.Errorf("only %d different pauses", len(different))
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package backoff says how long to wait before something that failed is tried again.
package backoff

import (
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Pause is the pause after so many failures before this one: the first, then twice as long each time, up to the last.
func Pause(failures int, first, last time.Duration) time.Duration {
	pause := first
	for range failures {
		if pause >= last {
			break
		}
		pause *= 2
	}
	return min(pause, last)
}

// Spread makes a pause up to an eighth longer, so that not all come at the same moment.
func Spread(pause time.Duration) time.Duration { return wait.Jitter(pause, 0.125) }

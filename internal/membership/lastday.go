// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// throughTheDay is from when a day begins to when a membership ends that lasts through it.
const throughTheDay = 24*time.Hour - time.Second

// ParseEnd reads when a membership ends: a day, which it lasts through in UTC, or a time. It is nil for nothing.
func ParseEnd(text string) (*metav1.Time, error) {
	if text == "" {
		return nil, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return &metav1.Time{Time: day.Add(throughTheDay)}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%q is no end of a membership: write its last day, such as 2027-01-31, or a time, such as "+
			"2027-01-31T18:00:00Z", text)
	}
	return &metav1.Time{Time: t}, nil
}

// FormatEnd writes what ParseEnd reads; nothing for nil.
func FormatEnd(end *metav1.Time) string {
	if end == nil {
		return ""
	}
	t := end.UTC()
	if t.Truncate(24 * time.Hour).Add(throughTheDay).Equal(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

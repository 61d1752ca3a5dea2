// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestFirstSignIn: what an Account says of it from the start counts until the status knows more, and for that very Account alone.
func TestFirstSignIn(t *testing.T) {
	made := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	first, later := metav1.NewTime(made.Add(-time.Second)), metav1.NewTime(made.Add(time.Hour))
	const said = "2026-11-23T09:29:59Z"
	for name, c := range map[string]struct {
		annotation string
		made       time.Duration
		status     rosterv1alpha1.AccountStatus
		last       *metav1.Time
		enrolled   string
	}{
		"made otherwise":                      {"", 0, rosterv1alpha1.AccountStatus{}, nil, "unknown"},
		"made at the sign-in":                 {said, 0, rosterv1alpha1.AccountStatus{}, &first, "no"},
		"the portal's clock is ahead":         {said, -4 * time.Minute, rosterv1alpha1.AccountStatus{}, &first, "no"},
		"the portal's clock is far ahead":     {said, -6 * time.Minute, rosterv1alpha1.AccountStatus{}, nil, "unknown"},
		"restored without its status":         {said, time.Hour, rosterv1alpha1.AccountStatus{}, nil, "unknown"},
		"written by hand":                     {"yesterday", 0, rosterv1alpha1.AccountStatus{}, nil, "unknown"},
		"signed in since":                     {said, 0, rosterv1alpha1.AccountStatus{LastSignInTime: &later}, &later, "no"},
		"has set up a second factor since":    {said, 0, withFactor(true), &first, "yes"},
		"has set one up and removed it again": {said, 0, withFactor(false), &first, "no"},
	} {
		a := &rosterv1alpha1.Account{Status: c.status}
		a.CreationTimestamp = metav1.NewTime(made.Add(c.made))
		if c.annotation != "" {
			a.Annotations = map[string]string{rosterv1alpha1.FirstSignInAnnotation: c.annotation}
		}
		if got := a.LastSignIn(); !got.Equal(c.last) {
			t.Errorf("%s: last signed in at %v, want %v", name, got, c.last)
		}
		has := map[bool]string{true: "yes", false: "no"}
		got := "unknown"
		if known := a.HasSecondFactor(made); known != nil {
			got = has[*known]
		}
		if got != c.enrolled {
			t.Errorf("%s: has a second factor: %s, want %s", name, got, c.enrolled)
		}
	}
}

func withFactor(enrolled bool) rosterv1alpha1.AccountStatus {
	return rosterv1alpha1.AccountStatus{SecondFactor: rosterv1alpha1.SecondFactor{Enrolled: &enrolled, Time: metav1.NowMicro()}}
}

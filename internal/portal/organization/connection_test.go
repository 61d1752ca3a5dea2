// SPDX-License-Identifier: Apache-2.0

package organization

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

func TestHowAConnectionStands(t *testing.T) {
	d, err := web.NewDictionary()
	if err != nil {
		t.Fatal(err)
	}
	w := d.Words[rosterv1alpha1.LocaleEnglish]
	condition := func(kind string, status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status}
	}
	until := metav1.NewTime(time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC))
	for name, c := range map[string]struct {
		conditions []metav1.Condition
		credential *rosterv1alpha1.CredentialStatus
		text       string
		bad        bool
	}{
		"nobody has looked": {text: "has not answered yet"},
		"unknown":           {conditions: []metav1.Condition{condition("Connected", "Unknown")}, text: "has not answered yet"},
		"good":              {conditions: []metav1.Condition{condition("Connected", "True")}, text: "Connected"},
		"lost":              {conditions: []metav1.Condition{condition("Connected", "False")}, text: "Access lost", bad: true},
		"expiring":          {conditions: []metav1.Condition{condition("Connected", "True"), condition("TokenExpiring", "True")}, text: "ends soon", bad: true},
		"with a date": {
			conditions: []metav1.Condition{condition("Connected", "True"), condition("TokenExpiring", "True")},
			credential: &rosterv1alpha1.CredentialStatus{ReconnectByTime: &until}, text: "before Monday, 23 November 2026", bad: true,
		},
	} {
		sp := &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{CredentialsSecretRef: ptr.To(rosterv1alpha1.LocalReference{Name: "s"})}}
		sp.Status.Conditions, sp.Status.Credential = c.conditions, c.credential
		if text, bad := ConnectionState(w, sp); !strings.Contains(text, c.text) || bad != c.bad {
			t.Errorf("%s: %q, %v", name, text, bad)
		}
	}
}

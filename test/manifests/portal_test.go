// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/portal"
	"github.com/roster-dev/roster/internal/portal/web"
)

// TestPortalGoesAndComesInPeace: a node can be drained however many portals there are, a portal has as long to stop as it may take, and the
// probe waits longer than its answer takes.
func TestPortalGoesAndComesInPeace(t *testing.T) {
	budgets, others := of(installation(t), "PodDisruptionBudget")
	for _, o := range budgets {
		var b policyv1.PodDisruptionBudget
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &b); err != nil {
			t.Fatal(err)
		}
		if b.Spec.MinAvailable != nil || b.Spec.MaxUnavailable.IntValue() < 1 {
			t.Errorf("%s: %+v lets no single replica go", b.Name, b.Spec)
		}
	}
	deployments, _ := of(others, "Deployment")
	for _, o := range deployments {
		if o.GetName() != "roster-portal" {
			continue
		}
		var d appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &d); err != nil {
			t.Fatal(err)
		}
		pod := d.Spec.Template.Spec
		longest := portal.StopTimeout(config.Portal{DrainPeriod: &metav1.Duration{Duration: time.Minute}})
		if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace < longest {
			t.Errorf("the portal is killed after %s, and may take %s to stop", grace, longest)
		}
		const checks = 5 // not-stopping, filled-cache, and three Secrets
		if probe := pod.Containers[0].ReadinessProbe; time.Duration(probe.TimeoutSeconds)*time.Second <= checks*web.CheckTimeout {
			t.Errorf("the readiness probe waits %d s", probe.TimeoutSeconds)
		}
		return
	}
	t.Error("there is no portal")
}

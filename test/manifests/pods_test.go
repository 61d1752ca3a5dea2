// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/roster-dev/roster/internal/config"
)

// typed is an object of a manifest as its type has it.
func typed[T any](t *testing.T, o *unstructured.Unstructured) T {
	t.Helper()
	var into T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &into); err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return into
}

// pods are the templates of the Pods of manager and portal.
func pods(t *testing.T) map[string]corev1.PodTemplateSpec {
	t.Helper()
	found := map[string]corev1.PodTemplateSpec{}
	deployments, _ := of(installation(t), "Deployment")
	for _, o := range deployments {
		found[o.GetName()] = typed[appsv1.Deployment](t, o).Spec.Template
	}
	if len(found) != 2 {
		t.Fatalf("the installation has the Deployments %v", found)
	}
	return found
}

// TestManagerHasTimeToFinish: a manager that is stopped is not killed before its mails are finished and noted.
func TestManagerHasTimeToFinish(t *testing.T) {
	const writing, toSpare = 10 * time.Second, 5 * time.Second // see writeAfterMail in cmd/manager
	c, err := config.Load(filepath.Join(root, "docs/examples/install/roster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	grace := time.Duration(*pods(t)["roster-manager"].Spec.TerminationGracePeriodSeconds) * time.Second
	if needs := c.Mail.SMTP.Timeout.Duration + writing + toSpare; grace < needs {
		t.Errorf("the manager is killed after %s, and may need %s", grace, needs)
	}
}

// TestPodsWaitForTheirConfiguration: without the ConfigMap a Pod does not start, and Kubernetes reports what is missing.
func TestPodsWaitForTheirConfiguration(t *testing.T) {
	for name, pod := range pods(t) {
		if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.ConfigMap != nil && v.ConfigMap.Name == "roster-config" && (v.ConfigMap.Optional == nil || !*v.ConfigMap.Optional)
		}) {
			t.Errorf("%s starts without the ConfigMap roster-config", name)
		}
		for _, c := range pod.Spec.Containers {
			if c.TerminationMessagePolicy != corev1.TerminationMessageFallbackToLogsOnError {
				t.Errorf("kubectl describe does not show why %s ended", name)
			}
		}
	}
}

// TestOnlyMonitoringReachesMetrics: metrics are open to namespaces that are labelled, and nothing but the pages to everybody.
func TestOnlyMonitoringReachesMetrics(t *testing.T) {
	policies, _ := of(installation(t), "NetworkPolicy")
	for name, pod := range pods(t) {
		var rules []networkingv1.NetworkPolicyIngressRule
		for _, o := range policies {
			policy := typed[networkingv1.NetworkPolicy](t, o)
			selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
			if err != nil {
				t.Fatal(err)
			}
			if o.GetNamespace() == "roster-system" && selector.Matches(labels.Set(pod.Labels)) &&
				slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
				rules = append(rules, policy.Spec.Ingress...)
			}
		}
		if len(rules) == 0 {
			t.Errorf("no NetworkPolicy guards %s", name)
		}
		for _, rule := range rules {
			checkRule(t, name, rule)
		}
	}
}

func checkRule(t *testing.T, name string, rule networkingv1.NetworkPolicyIngressRule) {
	t.Helper()
	if len(rule.Ports) != 1 {
		t.Errorf("%s: a rule opens the ports %v", name, rule.Ports)
		return
	}
	port, monitoring := rule.Ports[0].Port.StrVal, false
	if len(rule.From) == 1 && rule.From[0].NamespaceSelector != nil {
		monitoring = rule.From[0].NamespaceSelector.MatchLabels["metrics"] == "enabled"
	}
	if public := name == "roster-portal" && port == "http" && len(rule.From) == 0; !public && (port != "metrics" || !monitoring) {
		t.Errorf("%s: port %s is open to %v", name, port, rule.From)
	}
}

// TestOnlyManagerAndPortalWriteStatuses: no role that people get lets them claim that somebody accepted.
func TestOnlyManagerAndPortalWriteStatuses(t *testing.T) {
	roles, _ := of(installation(t), "Role", "ClusterRole")
	writers := map[string]bool{}
	for _, o := range roles {
		for _, rule := range typed[rbacv1.ClusterRole](t, o).Rules {
			if slices.Contains(rule.Resources, "invitations/status") && !slices.Equal(rule.Verbs, []string{"get"}) {
				writers[o.GetName()] = true
			}
		}
	}
	if len(writers) != 2 || !writers["roster-manager"] || !writers["roster-portal"] {
		t.Errorf("statuses of Invitations are written by %v", writers)
	}
}

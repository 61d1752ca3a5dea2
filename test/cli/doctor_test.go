// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/doctor"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/testenv"
)

// ward is an API server that nothing of Roster runs on, and a doctor who looks at it.
type ward struct {
	*testing.T
	cluster    *testenv.Cluster
	kubeconfig string
}

type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Message string `json:"message"`
	Try     string `json:"try"`
}

// examine runs the doctor, of the version v1.0.0, and returns the findings by check.
func (w *ward) examine(clock clock.PassiveClock, args ...string) map[string][]finding {
	w.Helper()
	var out bytes.Buffer
	f, err := kube.New(genericiooptions.IOStreams{In: &out, Out: &out, ErrOut: &bytes.Buffer{}}, clock, false)
	w.must(err)
	cmd := doctor.New(f, "v1.0.0")
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	f.AddFlags(cmd.PersistentFlags())
	cmd.SetArgs(append(args, "--kubeconfig", w.kubeconfig, "-o", "json"))
	err = cmd.ExecuteContext(w.Context())
	var diagnosis struct {
		Findings []finding `json:"findings"`
	}
	if parsed := json.Unmarshal(out.Bytes(), &diagnosis); parsed != nil {
		w.Fatalf("%v, %v:\n%s", parsed, err, out.String())
	}
	found, failed := map[string][]finding{}, false
	for _, f := range diagnosis.Findings {
		found[f.Check] = append(found[f.Check], f)
		failed = failed || f.Verdict == "failed"
		if (f.Verdict == "failed" || f.Verdict == "warning" && !strings.Contains(f.Message, "may run elsewhere")) && f.Try == "" {
			w.Errorf("%s: %s: there is no remedy", f.Check, f.Message)
		}
	}
	if failed != (exit.Code(err) == 1) {
		w.Errorf("it ends with %v, and failed is %v", err, failed)
	}
	return found
}

// finds wants one verdict of a check with a text in its message.
func (w *ward) finds(check, verdict, message string, args ...string) {
	w.Helper()
	w.within(w.examine(clock.RealClock{}, args...), check, verdict, message)
}

func (w *ward) within(found map[string][]finding, check, verdict, message string) {
	w.Helper()
	for _, f := range found[check] {
		if f.Verdict == verdict && strings.Contains(f.Message, message) {
			return
		}
	}
	w.Errorf("%s: %+v; want %s: %s", check, found[check], verdict, message)
}

// comesToFind waits until the API server has taken a change of policies up.
func (w *ward) comesToFind(check, verdict, message string) {
	w.Helper()
	var found []finding
	for deadline := time.Now().Add(testenv.Patience); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		found = w.examine(clock.RealClock{})[check]
		if len(found) == 1 && found[0].Verdict == verdict && strings.Contains(found[0].Message, message) {
			return
		}
	}
	w.Errorf("%s: %+v; want %s: %s", check, found, verdict, message)
}

func (w *ward) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *ward) create(objects ...client.Object) {
	w.Helper()
	for _, o := range objects {
		status, _ := o.DeepCopyObject().(client.Object)
		w.must(w.cluster.Client.Create(w.Context(), o))
		status.SetResourceVersion(o.GetResourceVersion())
		if _, ok := o.(*coordinationv1.Lease); !ok {
			w.must(w.cluster.Client.Status().Update(w.Context(), status))
			o.SetResourceVersion(status.GetResourceVersion())
		}
	}
}

// without removes an object, examines, and puts it back.
func (w *ward) without(o client.Object, look func()) {
	w.Helper()
	w.must(w.cluster.Client.Get(w.Context(), client.ObjectKeyFromObject(o), o))
	back, _ := o.DeepCopyObject().(client.Object)
	w.must(w.cluster.Client.Delete(w.Context(), o))
	look()
	back.SetResourceVersion("")
	back.SetUID("")
	w.must(w.cluster.Client.Create(w.Context(), back))
}

// changed changes an object, examines, and changes it back.
func (w *ward) changed(o client.Object, change, look func()) {
	w.Helper()
	w.must(w.cluster.Client.Get(w.Context(), client.ObjectKeyFromObject(o), o))
	before, _ := o.DeepCopyObject().(client.Object)
	change()
	w.must(w.cluster.Client.Update(w.Context(), o))
	look()
	before.SetResourceVersion("")
	w.must(w.cluster.Client.Patch(w.Context(), before, client.Merge))
}

func TestDoctor(t *testing.T) {
	trusted := httptest.NewTLSServer(discovery())
	t.Cleanup(trusted.Close)
	cluster, err := testenv.StartEmpty(context.Background(), testenv.Flag{Name: "authentication-config", Value: trust(t, trusted)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := &ward{T: t, cluster: cluster, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	w.must((&site{cluster: cluster}).kubeconfig(w.kubeconfig, "acme"))
	w.must(cluster.Namespace(t.Context(), "acme"))

	found := w.examine(clock.RealClock{})
	w.within(found, "kinds", "failed", "does not serve roster.dev/v1alpha1")
	if len(found["policies"]) > 0 {
		t.Error("without the kinds, the policies are looked at")
	}
	w.must(cluster.Install(t.Context()))
	w.versions()
	w.processes()
	w.manifests()
	w.organizations()
	w.openID(trusted.URL)
	w.stranger()
	w.kinds()
}

func (w *ward) versions() {
	w.finds("plugin", "ok", "v1.0.0")
	w.finds("API server", "ok", "v1.")
	w.finds("kinds", "ok", "all of them")
	w.finds("clocks", "ok", "agree")
	w.within(w.examine(testingclock.NewFakePassiveClock(time.Now().Add(-time.Hour))), "clocks", "warning", "ahead of this machine's")
	w.within(w.examine(testingclock.NewFakePassiveClock(time.Now().Add(time.Hour))), "clocks", "warning", "behind this machine's")
}

func (w *ward) processes() {
	w.finds("operator", "warning", "no manager has taken the Lease")
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-manager"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To("manager-1"), RenewTime: ptr.To(metav1.NewMicroTime(time.Now().Add(-time.Hour)))},
	}
	w.create(lease)
	w.finds("operator", "failed", "no manager is at work")
	lease.Spec.RenewTime = ptr.To(metav1.NewMicroTime(time.Now()))
	w.must(w.cluster.Client.Update(w.Context(), lease))
	w.finds("operator", "ok", "manager-1 is at work")
	lease.Spec.HolderIdentity = ptr.To("") // as a manager that is stopped leaves it
	w.must(w.cluster.Client.Update(w.Context(), lease))
	w.finds("operator", "warning", "no manager is at work: the last one has been stopped")
	w.finds("operator", "warning", "no manager has taken the Lease roster-manager in elsewhere", "--system-namespace", "elsewhere")

	for _, name := range []string{"roster-manager", "roster-portal"} {
		w.finds(name, "warning", "there is no Deployment of that name")
		labels := map[string]string{"app": name}
		d := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: name},
			Spec: appsv1.DeploymentSpec{
				Replicas: ptr.To[int32](2), Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "roster", Image: "roster.example/" + name + ":v0.9.0"}}},
				},
			},
			Status: appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: 1},
		}
		w.create(d)
		w.finds(name, "failed", "1 of 2 Pods are ready")
		d.Status = appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: 2}
		w.must(w.cluster.Client.Status().Update(w.Context(), d))
		w.finds(name, "warning", "runs v0.9.0, and the plugin is v1.0.0")
		d.Spec.Template.Spec.Containers[0].Image = "roster.example/" + name + ":v1.0.0"
		w.must(w.cluster.Client.Update(w.Context(), d))
		w.finds(name, "ok", "2 Pods are ready")
	}
}

func (w *ward) manifests() {
	w.finds("permissions", "ok", "all that this version needs")
	in := metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-portal"}
	credentials := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "roster-credentials"}}
	w.without(credentials, func() { w.finds("permissions", "ok", "") }) // The chart can leave it out.
	w.without(&rbacv1.Role{ObjectMeta: in}, func() { w.finds("permissions", "failed", "Role roster-system/roster-portal is missing") })
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "roster-manager"}}
	w.changed(role, func() { role.Rules = role.Rules[1:] }, func() { w.finds("permissions", "failed", "ClusterRole roster-manager lacks") })
	w.finds("permissions", "ok", "")

	w.finds("policies", "ok", "are installed, bound and of this version")
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "roster-owner"}}
	w.without(policy, func() { w.finds("policies", "failed", "ValidatingAdmissionPolicy roster-owner is missing") })
	w.changed(policy, func() { policy.Spec.Validations = policy.Spec.Validations[1:] }, func() {
		w.finds("policies", "failed", "ValidatingAdmissionPolicy roster-owner is of another version, or was changed")
	})
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "roster-owner"}}
	w.without(binding, func() { w.finds("policies", "failed", "ValidatingAdmissionPolicyBinding roster-owner is missing") })
	w.changed(binding, func() { binding.Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Audit} }, func() {
		w.finds("policies", "failed", "ValidatingAdmissionPolicyBinding roster-owner is of another version")
	})
	w.finds("policies", "ok", "")
}

func (w *ward) organizations() {
	w.finds("policies at work", "unknown", "no organisation that you may see")
	w.finds("mail relay", "unknown", "there is no Organization that would tell")
	in := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "acme", Name: name} }
	w.create(&rosterv1alpha1.Member{ObjectMeta: in("olivia"), Spec: rosterv1alpha1.MemberSpec{
		Email: "olivia@acme.example", AccountRef: &rosterv1alpha1.LocalReference{Name: "olivia"},
	}})
	o := &rosterv1alpha1.Organization{
		ObjectMeta: in("acme"), Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme", OwnerRef: &rosterv1alpha1.LocalReference{Name: "olivia"}},
	}
	w.must(w.cluster.Client.Create(w.Context(), o))
	w.finds("operator", "warning", "has not looked at the Organization acme in acme yet")
	reports := func(condition string, status metav1.ConditionStatus) {
		o.Status.ObservedGeneration, o.Status.OwnerRef = o.Generation, o.Spec.OwnerRef
		o.Status.Conditions = []metav1.Condition{{
			Type: condition, Status: status, Reason: "Because", Message: "It is so.", LastTransitionTime: metav1.Now(),
		}}
		w.must(w.cluster.Client.Status().Update(w.Context(), o))
	}
	reports(rosterv1alpha1.ConditionMailDelivered, metav1.ConditionFalse)
	w.finds("mail relay", "failed", "acme: It is so.")
	reports(rosterv1alpha1.ConditionIssuerResolved, metav1.ConditionFalse)
	w.finds("issuers", "failed", "acme: It is so.")
	reports(rosterv1alpha1.ConditionIssuerResolved, metav1.ConditionTrue)
	w.finds("issuers", "ok", "no organisation names one")
	w.finds("mail relay", "ok", "no mail waits for it")

	w.comesToFind("policies at work", "ok", "refuses to suspend the owner of acme")
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "roster-owner"}}
	w.without(binding, func() { w.comesToFind("policies at work", "failed", "would let the owner of acme be suspended") })
	w.comesToFind("policies at work", "ok", "")
}

// discovery is a provider as far as it says where things are.
func discovery() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		self := "http://" + r.Host
		if r.TLS != nil {
			self = "https://" + r.Host
		}
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(map[string]any{
			"issuer": self, "authorization_endpoint": self + "/a", "token_endpoint": self + "/t", "jwks_uri": self + "/k", "keys": []any{},
		})
	})
}

// trust has the API server trust the provider, as the documentation shows it.
func trust(t *testing.T, issuer *httptest.Server) string {
	t.Helper()
	example, err := os.ReadFile(filepath.Join(testenv.Root(), "docs/examples/kubectl-login/authentication.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw})
	quoted, err := json.Marshal(string(authority))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "url: https://roster.acme.example", "url: "+issuer.URL+"\n      certificateAuthority: "+string(quoted), 1)
	path := filepath.Join(t.TempDir(), "authentication.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (w *ward) openID(trusted string) {
	const provider, cluster = "OpenID provider", "sign-in to the cluster"
	w.finds(provider, "unknown", "there is no ConfigMap roster-config in roster-system")
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-config"}}
	w.must(w.cluster.Client.Create(w.Context(), m))
	configured := func(openID string) {
		m.Data = map[string]string{"config.yaml": "portal:\n  url: https://roster.acme.example\n" + openID}
		w.must(w.cluster.Client.Update(w.Context(), m))
	}
	configured("")
	w.finds(provider, "ok", "off")

	answers := httptest.NewServer(discovery())
	w.Cleanup(answers.Close)
	configured("  openID: {issuer: \"" + answers.URL + "\"}")
	found := w.examine(clock.RealClock{})
	w.within(found, provider, "ok", answers.URL+" answers")
	if len(found[cluster]) > 0 {
		w.Errorf("without a client for it, the cluster is no matter: %+v", found[cluster])
	}
	configured("  openID: {issuer: \"" + answers.URL + "\", clients: [{id: kubectl}]}")
	w.finds(cluster, "warning", "does not trust "+answers.URL)
	configured("  openID: {issuer: \"" + trusted + "\", clients: [{id: kubectl}]}")
	w.finds(provider, "failed", "signed by an authority that this machine does not know")
	w.comesToFind(cluster, "ok", "the API server trusts "+trusted)
}

// stranger looks as somebody who may see nothing.
func (w *ward) stranger() {
	found := w.examine(clock.RealClock{}, "--as", "stranger@acme.example")
	for _, check := range []string{"operator", "roster-manager", "roster-portal", "permissions", "policies", "policies at work", "OpenID provider"} {
		w.within(found, check, "unknown", "you may not look at it")
	}
	w.within(found, "mail relay", "unknown", "")
}

// kinds removes one, which a real API server may take its time for.
func (w *ward) kinds() {
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	crd.SetName("teams.roster.dev")
	w.must(w.cluster.Client.Delete(w.Context(), crd))
	w.comesToFind("kinds", "failed", "missing: teams")
}

// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/config"
)

const (
	keep       = "helm.sh/resource-policy"
	chartLabel = "helm.sh/chart"
)

// TestSameAsKustomize: apart from the differences named here, the chart installs what config/ does, object by object.
func TestSameAsKustomize(t *testing.T) {
	want := build(t, "config/default")
	maps.Copy(want, build(t, "config/policy/mutating"))
	// Helm keeps its record of the release in this namespace, so it has to be there before.
	delete(want, "Namespace roster-system")
	got := newHelm(t).render(t, "")
	for name, o := range got {
		labels, annotations := o.GetLabels(), o.GetAnnotations()
		for _, label := range []string{"app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "app.kubernetes.io/version", chartLabel} {
			if labels[label] == "" {
				t.Errorf("%s has no label %s", name, label)
			}
			delete(labels, label)
		}
		delete(annotations, keep)
		o.SetLabels(labels)
		o.SetAnnotations(annotations)
		if len(annotations) == 0 {
			unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
		}
	}
	// A value, which says what is the default of Kubernetes as well.
	unstructured.RemoveNestedField(got["Service roster-system/roster-portal"].Object, "spec", "type")

	if len(want) < 50 {
		t.Errorf("config/ has only %d objects", len(want))
	}
	if diff := gocmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatalf("objects of config/ (-) and of the chart (+):\n%s", diff)
	}
	for name := range want {
		if diff := gocmp.Diff(want[name].Object, got[name].Object); diff != "" {
			t.Errorf("%s in config/ (-) and in the chart (+):\n%s", name, diff)
		}
	}
}

func build(t *testing.T, folder string) objects {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

// TestParts: what has to be turned on is what config/ holds, too, and nothing else comes with it.
func TestParts(t *testing.T) {
	h := newHelm(t)
	base := h.render(t, "")
	for values, folder := range map[string]string{
		"podMonitor: {enabled: true}": "config/prometheus",
		"console: {enabled: true}":    "config/components/console",
	} {
		want, got := build(t, folder), h.render(t, values)
		if len(got) != len(base)+len(want) || len(want) == 0 {
			t.Errorf("%s: %d objects more, want %d", values, len(got)-len(base), len(want))
		}
		for name, o := range want {
			is := got[name]
			if is == nil {
				t.Errorf("%s: there is no %s", values, name)
				continue
			}
			if is.GetLabels()[chartLabel] == "" {
				t.Errorf("%s: %s has the labels %v", values, name, is.GetLabels())
			}
			unstructured.RemoveNestedField(is.Object, "metadata", "labels")
			unstructured.RemoveNestedField(o.Object, "metadata", "labels")
			if diff := gocmp.Diff(o.Object, is.Object); diff != "" {
				t.Errorf("%s in %s (-) and in the chart (+):\n%s", name, folder, diff)
			}
		}
	}
}

// TestKeep: Helm spares what holds people's data, and what guards it.
func TestKeep(t *testing.T) {
	h := newHelm(t)
	kept := func(values string) (names []string) {
		for name, o := range h.render(t, values) {
			if o.GetAnnotations()[keep] == "keep" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	var marked []string
	for name, o := range h.render(t, "") {
		if o.GetLabels()["roster.dev/keep"] == "true" {
			marked = append(marked, name)
		}
	}
	slices.Sort(marked)
	if diff := gocmp.Diff(marked, kept("")); diff != "" || len(marked) < 20 {
		t.Errorf("labelled roster.dev/keep (-) and kept (+):\n%s", diff)
	}
	namespaces := []string{"Namespace roster-accounts", "Namespace roster-connections"}
	if diff := gocmp.Diff(namespaces, kept("crds: {keep: false}")); diff != "" {
		t.Errorf("kept without crds.keep:\n%s", diff)
	}
}

// TestSwitches: what is off is not there, and what comes with a value is.
func TestSwitches(t *testing.T) {
	h := newHelm(t)
	for _, tt := range []struct {
		values, version string
		there, gone     []string
	}{
		{values: "crds: {enabled: false}", there: []string{"ValidatingAdmissionPolicy"}, gone: []string{"CustomResourceDefinition"}},
		{values: "", version: "1.35.2", gone: []string{"MutatingAdmissionPolicy"}},
		{values: "", version: "1.36.0", there: []string{"MutatingAdmissionPolicy"}},
		{values: "policies: {mutating: Always}", version: "1.35.2", there: []string{"MutatingAdmissionPolicy"}},
		{values: "networkPolicy: {enabled: false}", gone: []string{"NetworkPolicy"}},
		{values: "credentialsRole: {enabled: false}", there: []string{"ClusterRole roster-manager"}, gone: []string{"ClusterRole roster-credentials"}},
		{values: "policies: {mutating: Never}", gone: []string{"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}},
		{
			values: "portal: {podDisruptionBudget: {enabled: false}}",
			gone:   []string{"PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress", "HTTPRoute", "PodMonitor", "ConfigMap", "Secret"},
		},
		{values: "portal: {autoscaling: {enabled: true}}", there: []string{"HorizontalPodAutoscaler"}},
		{values: "portal: {ingress: {enabled: true, host: a.example}}", there: []string{"Ingress"}},
		{values: "portal: {httpRoute: {enabled: true, host: a.example, parentRefs: [{name: public}]}}", there: []string{"HTTPRoute"}},
	} {
		all := h.render(t, tt.values, "--kube-version", cmp.Or(tt.version, "1.37.0"))
		has := func(name string) bool { return len(all.of(name)) > 0 || all[name] != nil }
		for _, name := range tt.there {
			if !has(name) {
				t.Errorf("%s: there is no %s", tt.values, name)
			}
		}
		for _, name := range tt.gone {
			if has(name) {
				t.Errorf("%s: there is a %s", tt.values, name)
			}
		}
	}
}

// TestConfiguration: what the chart makes of config is what manager and portal read, and a change of it replaces their Pods.
func TestConfiguration(t *testing.T) {
	h := newHelm(t)
	checksums := func(values string) (sums []string) {
		all := h.render(t, values)
		text, _, _ := unstructured.NestedString(all["ConfigMap roster-system/roster-config"].Object, "data", "config.yaml")
		if _, err := config.Parse([]byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		for _, name := range []string{"manager", "portal"} {
			sum, _, _ := unstructured.NestedString(all["Deployment roster-system/roster-"+name].Object,
				"spec", "template", "metadata", "annotations", "checksum/config")
			sums = append(sums, sum)
		}
		return sums
	}
	text := read(t, every)
	before, after := checksums(text), checksums(strings.Replace(text, "timeout: 60s", "timeout: 59s", 1))
	for i := range before {
		if before[i] == "" || before[i] == after[i] {
			t.Errorf("checksums %v, then %v", before, after)
		}
	}
}

// TestNamedSecrets: manager and portal may read the Secrets that the configuration names, each its own.
func TestNamedSecrets(t *testing.T) {
	const values = `config:
  mail: {from: a@a.example, smtp: {address: "a:25", authSecret: relay}}
  links: {keySecret: links}
  portal: {url: "https://a.example", keySecret: sessions, factorKeySecret: factors, companySecret: companies,
    openID: {issuer: "https://a.example", keySecret: signing}}
  networks: [{name: Facebook, secret: app}, {name: Mastodon, url: "https://m.example", secret: app}, {name: X}]`
	all := newHelm(t).render(t, values)
	for name, want := range map[string][]string{
		"manager": {"app", "links", "relay"},
		"portal":  {"app", "links", "sessions", "factors", "companies", "signing"},
	} {
		role, binding := all["Role roster-system/roster-"+name+"-secrets"], all["RoleBinding roster-system/roster-"+name+"-secrets"]
		if role == nil || binding == nil {
			t.Errorf("there is no Role for the Secrets of the %s, or no RoleBinding", name)
			continue
		}
		rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
		got, _, _ := unstructured.NestedStringSlice(rules[0].(map[string]any), "resourceNames")
		subjects, _, _ := unstructured.NestedSlice(binding.Object, "subjects")
		if len(rules) != 1 || !slices.Equal(got, want) || subjects[0].(map[string]any)["name"] != "roster-"+name {
			t.Errorf("the %s may read %v, want %v; bound to %v", name, got, want, subjects)
		}
	}
	keys := all["Role roster-system/roster-manager-signing-keys"]
	if keys == nil || all["RoleBinding roster-system/roster-manager-signing-keys"] == nil {
		t.Fatal("the manager may not rotate the keys that sign tokens")
	}
	rules, _, _ := unstructured.NestedSlice(keys.Object, "rules")
	verbs, _, _ := unstructured.NestedStringSlice(rules[0].(map[string]any), "verbs")
	if !slices.Equal(verbs, []string{"get", "update"}) {
		t.Errorf("the manager may %v the keys that sign tokens", verbs)
	}
}

// TestReplicas: the chart says how many there are only where nobody else does.
func TestReplicas(t *testing.T) {
	h := newHelm(t)
	for values, want := range map[string][2]any{
		"": {nil, nil},
		"{manager: {replicas: 2}, portal: {replicas: 0}}":                  {2.0, 0.0},
		"portal: {replicas: 2, autoscaling: {enabled: true}}":              {nil, nil},
		"{manager: {replicas: 1}, portal: {autoscaling: {enabled: true}}}": {1.0, nil},
	} {
		all := h.render(t, values)
		for i, name := range []string{"manager", "portal"} {
			got, _, _ := unstructured.NestedFieldNoCopy(all["Deployment roster-system/roster-"+name].Object, "spec", "replicas")
			if got != want[i] {
				t.Errorf("%s: replicas of %s: %v, want %v", values, name, got, want[i])
			}
		}
	}
}

// TestImages: a digest takes precedence over a tag, and a tag over the version of the chart.
func TestImages(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	h := newHelm(t)
	for values, want := range map[string]string{
		"": "roster-manager:v0.1.0",
		"manager: {image: {repository: r.example/m}}":                                    "r.example/m:v0.1.0",
		"manager: {image: {repository: r.example/m, tag: v2}}":                           "r.example/m:v2",
		"manager: {image: {repository: r.example/m, tag: v2, digest: '" + digest + "'}}": "r.example/m@" + digest,
	} {
		deployment := h.render(t, values)["Deployment roster-system/roster-manager"]
		containers, _, _ := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
		if got := containers[0].(map[string]any)["image"]; got != want {
			t.Errorf("%s: image %v, want %s", values, got, want)
		}
	}
}

// TestHost: Ingress and HTTPRoute lead from the host of the portal's address.
func TestHost(t *testing.T) {
	const values = `{config: {mail: {from: a@a.example, smtp: {address: "a:25"}}, portal: {url: "https://roster.acme.example:8443/"}},
		portal: {ingress: {enabled: true}, httpRoute: {enabled: true, parentRefs: [{name: public}]}}}`
	all := newHelm(t).render(t, values)
	rules, _, _ := unstructured.NestedSlice(all["Ingress roster-system/roster-portal"].Object, "spec", "rules")
	hosts, _, _ := unstructured.NestedStringSlice(all["HTTPRoute roster-system/roster-portal"].Object, "spec", "hostnames")
	if got := rules[0].(map[string]any)["host"]; got != "roster.acme.example" || !slices.Equal(hosts, []string{"roster.acme.example"}) {
		t.Errorf("host of the Ingress %v, of the HTTPRoute %v", got, hosts)
	}
}

// overruled are values that have no effect beside another one.
var overruled = map[string]string{
	"manager.image.tag":                         "manager.image.digest",
	"portal.image.tag":                          "portal.image.digest",
	"portal.replicas":                           "portal.autoscaling.enabled",
	"portal.podDisruptionBudget.maxUnavailable": "portal.podDisruptionBudget.enabled",
}

// TestEveryValue: each value changes what is rendered, and is in it if it is text.
func TestEveryValue(t *testing.T) {
	h := newHelm(t)
	defaults, all := values(t, folder+"/values.yaml"), values(t, every)
	complete, err := h.template(t, marshal(t, all))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range leaves("", defaults, all) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			given, before := values(t, every), complete
			if other := overruled[path]; other != "" {
				reset(given, defaults, other)
				before = h.run(t, marshal(t, given), "template", "roster", folder, "--namespace", "roster-system", "--values", "-")
			}
			with := marshal(t, given)
			reset(given, defaults, path)
			without := marshal(t, given)
			// Some are required by others: an error is an effect, too.
			after, err := h.template(t, without)
			if text, ok := lookUp(values(t, every), path).(string); ok && path != "policies.mutating" && !strings.Contains(before, text) {
				t.Errorf("%s: %s is not rendered", path, text)
			}
			if with == without {
				t.Errorf("%s has %s at its default", every, path)
			} else if err == nil && before == after {
				t.Errorf("%s has no effect", path)
			}
		})
	}
}

func values(t *testing.T, path string) map[string]any {
	t.Helper()
	var all map[string]any
	if err := yaml.Unmarshal([]byte(read(t, path)), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// leaves are the paths of the values: maps that are empty in one of the two are values themselves.
func leaves(prefix string, defaults, all map[string]any) (paths []string) {
	for _, key := range slices.Sorted(maps.Keys(defaults)) {
		below, isMap := defaults[key].(map[string]any)
		others, _ := all[key].(map[string]any)
		if _, kubernetes := below["requests"]; isMap && len(below) > 0 && !kubernetes {
			paths = append(paths, leaves(prefix+key+".", below, others)...)
			continue
		}
		paths = append(paths, prefix+key)
	}
	return paths
}

func lookUp(values map[string]any, path string) any {
	found, _, _ := unstructured.NestedFieldNoCopy(values, strings.Split(path, ".")...)
	return found
}

// reset puts the default of a value in its place.
func reset(values, defaults map[string]any, path string) {
	head, rest, deeper := strings.Cut(path, ".")
	if deeper {
		reset(values[head].(map[string]any), defaults[head].(map[string]any), rest)
		return
	}
	values[head] = defaults[head]
}

func marshal(t *testing.T, values any) string {
	t.Helper()
	data, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

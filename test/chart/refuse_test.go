// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"strings"
	"testing"
)

// TestWrongValues: a wrong value is refused, and the message names the field.
func TestWrongValues(t *testing.T) {
	h := newHelm(t)
	for values, want := range map[string]string{
		"foo: 1":                              "additional properties 'foo' not allowed",
		"manager: {replica: 2}":               "at '/manager': additional properties 'replica' not allowed",
		"manager: {replicas: two}":            "at '/manager/replicas': got string",
		"manager: {replicas: -1}":             "at '/manager/replicas': minimum",
		"crds: {keep: 'yes'}":                 "at '/crds/keep': got string, want boolean",
		"policies: {mutating: Sometimes}":     "at '/policies/mutating': value must be one of 'Auto', 'Always', 'Never'",
		"manager: {image: {digest: abc}}":     "at '/manager/image/digest': 'abc' does not match pattern",
		"portal: {image: {tag: 1.2}}":         "at '/portal/image/tag': got number, want string",
		"portal: {nodeSelector: {ssd: true}}": "at '/portal/nodeSelector/ssd': got boolean, want string",
		"manager: {tolerations: {a: b}}":      "at '/manager/tolerations': got object, want array",
		"imagePullSecrets: [registry]":        "at '/imagePullSecrets/0': got string, want object",
		// It would select other Pods than the Service does.
		"portal: {podLabels: {app.kubernetes.io/name: web}}":           "at '/portal/podLabels/app.kubernetes.io~1name': false schema",
		"config: {mail: {from: a@a.example, smtp: {address: 'a:25'}}}": "at '/config': missing property 'portal'",
		"config: {mail: {smtp: {}}, portal: {url: https://a.example}}": "at '/config/mail/smtp': missing property 'address'",
		"config: {portal: {uri: https://a.example}}":                   "at '/config/portal': additional properties 'uri' not allowed",
		"config: {mail: {smtp: {timeout: 30}}}":                        "at '/config/mail/smtp/timeout': got number, want string",
		"config: {mail: {smtp: {tls: SSL}}}":                           "at '/config/mail/smtp/tls': value must be one of 'StartTLS', 'Implicit', 'None'",
		"config: {networks: [{url: https://a.example}]}":               "at '/config/networks/0': missing property 'name'",
		"portal: {ingress: {enabled: true}}":                           "portal.ingress.host: name the host, or set config.portal.url",
		"portal: {httpRoute: {enabled: true, host: a.example}}":        "portal.httpRoute.parentRefs: name the Gateway",
	} {
		t.Run(values, func(t *testing.T) {
			t.Parallel()
			if _, err := h.template(t, values); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// TestWrongPlace: a chart that is installed where it could not work is not rendered at all.
func TestWrongPlace(t *testing.T) {
	h := newHelm(t)
	_, err := h.try(t, "", "template", "roster", folder, "--namespace", "roster")
	if err == nil || !strings.Contains(err.Error(), "Roster runs in the namespace roster-system, not in roster") {
		t.Errorf("another namespace: %v", err)
	}
	_, err = h.template(t, "", "--kube-version", "1.33.9")
	if err == nil || !strings.Contains(err.Error(), "requires kubeVersion: >=1.34.0-0") {
		t.Errorf("an old Kubernetes: %v", err)
	}
	_, err = h.template(t, "console: {enabled: true}", "--kube-version", "1.35.2")
	if err == nil || !strings.Contains(err.Error(), "console.enabled: the console needs Kubernetes 1.36 or newer, and this is v1.35.2") {
		t.Errorf("the console on an old Kubernetes: %v", err)
	}
}

// TestLint: Helm finds nothing to say, with and without values.
func TestLint(t *testing.T) {
	h := newHelm(t)
	for _, values := range []string{"", read(t, every), read(t, example)} {
		h.run(t, values, "lint", folder, "--strict", "--namespace", "roster-system", "--values", "-")
	}
}

// TestNotes: what is printed after an installation tells what is left to be done, and no more.
func TestNotes(t *testing.T) {
	h := newHelm(t)
	notes := func(values string) string {
		out := h.run(t, values, "install", "roster", folder, "--namespace", "roster-system", "--dry-run=client", "--values", "-")
		_, notes, _ := strings.Cut(out, "\nNOTES:\n")
		return notes
	}
	const route, secret, own = "once you route that host", "create secret generic roster-smtp", "create configmap roster-config"
	values := read(t, example)
	for given, want := range map[string]map[string]bool{
		"":     {own: true, secret: false, route: false},
		values: {own: false, secret: true, route: false, "https://roster.acme.example.": true},
		strings.Replace(values, "enabled: true", "enabled: false", 1): {own: false, secret: true, route: true},
	} {
		got := notes(given)
		for text, there := range want {
			if strings.Contains(got, text) != there {
				t.Errorf("%q: %v, want %v, in:\n%s", text, !there, there, got)
			}
		}
		if lines := strings.Count(got, "\n"); lines == 0 || lines > 14 {
			t.Errorf("%d lines:\n%s", lines, got)
		}
	}
}

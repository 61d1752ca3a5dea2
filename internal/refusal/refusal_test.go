// SPDX-License-Identifier: Apache-2.0

package refusal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// policies are those that are installed, but for those that speak to the manager of Roster alone.
func policies(t *testing.T) []admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	files, err := filepath.Glob("../../config/policy/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []admissionv1.ValidatingAdmissionPolicy
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(data), "\n---\n") {
			var p admissionv1.ValidatingAdmissionPolicy
			if err := yaml.Unmarshal([]byte(doc), &p); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			if p.Kind == "ValidatingAdmissionPolicy" && !strings.HasPrefix(p.Name, "roster-manager-") {
				all = append(all, p)
			}
		}
	}
	return all
}

// literals are the texts in an expression, one after the other.
func literals(expression string) string {
	expression = regexp.MustCompile(`'\s*\+\s*'`).ReplaceAllString(expression, "")
	var b strings.Builder
	for _, l := range regexp.MustCompile(`'([^']*)'|"([^"]*)"`).FindAllStringSubmatch(expression, -1) {
		b.WriteString(l[1] + l[2] + "\n")
	}
	return b.String()
}

// mark is the longest piece of a rule's sentence without a name in it.
func (r rule) mark() string {
	pieces := regexp.MustCompile(`\{[a-z]+\}`).Split(r.says, -1)
	return slices.MaxFunc(pieces, func(a, b string) int { return len(a) - len(b) })
}

// TestEveryPolicyIsKnown: what a policy says to people has a text in their language, so that a new validation cannot be forgotten.
func TestEveryPolicyIsKnown(t *testing.T) {
	used := map[rule]bool{}
	for _, p := range policies(t) {
		for i, v := range p.Spec.Validations {
			expression := v.Message + "\n" + v.MessageExpression
			for _, variable := range p.Spec.Variables {
				expression = strings.ReplaceAll(expression, "variables."+variable.Name, "("+variable.Expression+")")
			}
			said, known := literals(expression)+v.Message, false
			for _, r := range policyRules() {
				if r.by == p.Name && strings.Contains(said, strings.TrimSpace(r.mark())) {
					known, used[r] = true, true
				}
			}
			if !known {
				t.Errorf("%s: what validation %d says is not in policyRules:\n%s", p.Name, i, said)
			}
		}
	}
	for _, r := range policyRules() {
		if !used[r] {
			t.Errorf("%s does not say any more: %s", r.by, r.says)
		}
	}
}

// TestEveryDocumentedMessageIsRecognised: docs/policies.md has an example of each message.
func TestEveryDocumentedMessageIsRecognised(t *testing.T) {
	page, err := os.ReadFile("../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## What the messages mean")
	table, _, _ = strings.Cut(table, "\n## ")
	examples := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(examples) < 30 {
		t.Fatalf("only %d messages are documented: the test does not see them", len(examples))
	}
	for _, e := range examples {
		says := strings.TrimPrefix(e[1], "Warning: … ")
		toPrograms := strings.HasPrefix(says, "system:serviceaccount:") || strings.HasPrefix(says, "the manager of Roster") ||
			strings.HasPrefix(says, "failed to configure policy")
		known := slices.ContainsFunc(policyRules(), func(r rule) bool { return r.names(says) != nil })
		if !known && !toPrograms {
			t.Errorf("not recognised: %s", says)
		}
	}
}

// TestEveryRuleOfTheSchemaIsKnown: what the kinds say about fields that people write has a text in their language.
func TestEveryRuleOfTheSchemaIsKnown(t *testing.T) {
	for _, kind := range []string{"members", "invitations", "teams", "workspaces", "customroles", "organizations", "socialprofiles", "applications"} {
		data, err := os.ReadFile("../../config/crd/bases/roster.dev_" + kind + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(data, &crd); err != nil {
			t.Fatal(err)
		}
		root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		delete(root.Properties, "status") // nobody but the operator writes it
		eachRule(root, kind, func(path, message string) {
			if !slices.ContainsFunc(schemaRules(), func(r rule) bool { return r.names(message) != nil }) {
				t.Errorf("%s is not in schemaRules: %s", path, message)
			}
		})
	}
}

func eachRule(s *apiextensionsv1.JSONSchemaProps, path string, visit func(path, message string)) {
	for _, v := range s.XValidations {
		visit(path, v.Message)
	}
	for name, p := range s.Properties {
		eachRule(&p, path+"."+name, visit)
	}
	if s.Items != nil && s.Items.Schema != nil {
		eachRule(s.Items.Schema, path+"[]", visit)
	}
}

func denied(policy, says string) error {
	return apierrors.NewForbidden(schema.GroupResource{Group: "roster.dev", Resource: "members"}, "ana",
		fmt.Errorf("ValidatingAdmissionPolicy '%s' with binding '%s' denied request: %s", policy, policy, says))
}

func invalid(causes ...*field.Error) error {
	return apierrors.NewInvalid(schema.GroupKind{Group: "roster.dev", Kind: "Member"}, "ana", causes)
}

// terminating is the answer of the plugin NamespaceLifecycle.
func terminating() error {
	err := apierrors.NewForbidden(schema.GroupResource{Group: "roster.dev", Resource: "members"}, "ana",
		errors.New("unable to create new content in namespace acme because it is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace"}}
	return err
}

func TestRead(t *testing.T) {
	members := schema.GroupResource{Group: "roster.dev", Resource: "members"}
	email := field.NewPath("spec", "email")
	for name, c := range map[string]struct {
		err               error
		kind              Kind
		rule, field, name string // name is one of the names, after a colon
	}{
		"a policy": {denied("roster-grants", "oidc:ben@acme.example may not give the role CoOwner: it is above their own. Ask the owner or a CoOwner."),
			Policy, "role", "spec.role", "role:CoOwner"},
		"a custom role": {denied("roster-grants", "ben@acme.example may not give the role billing: it allows more than their own, or is no CustomRole that can be used. Ask."),
			Policy, "customRole", "spec.role", "role:billing"},
		"roles on profiles": {denied("roster-grants", "dora@acme.example may not give Administrator on acme-fb, Editor on acme-tv: they do not hold all of that themselves. Ask a Manager."),
			Policy, "profiles", "spec.profiles", "grants:Administrator on acme-fb, Editor on acme-tv"},
		"a policy of others": {denied("their-own", "no"), Policy, "", "", ""},
		"a webhook": {apierrors.NewForbidden(members, "ana", errors.New(`admission webhook "check.acme.example" denied the request: not on Fridays`)),
			Webhook, "", "", "webhook:check.acme.example"},
		"a webhook that is away": {apierrors.NewInternalError(errors.New(`failed calling webhook "check.acme.example": Post "https://x": timeout`)),
			WebhookAway, "", "", "webhook:check.acme.example"},
		"RBAC": {apierrors.NewForbidden(members, "ana", errors.New(`User "ben@acme.example" cannot update resource "members" in API group "roster.dev" in the namespace "acme"`)),
			Role, "", "", "resource:members"},
		"nobody may be acted for": {apierrors.NewForbidden(members, "", errors.New(`User "system:serviceaccount:roster-system:roster-portal" `+
			`cannot impersonate-on:user-info:list resource "members" in API group "roster.dev" in the namespace "acme"`)),
			Acting, NotBound, "", ""},
		"not this person": {apierrors.NewForbidden(schema.GroupResource{Group: "authentication.k8s.io", Resource: "users"}, "eve@acme.example",
			errors.New(`User "system:serviceaccount:roster-system:roster-portal" `+
				`cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope`)),
			Acting, NotListed, "", ""},
		"an old API server": {apierrors.NewForbidden(schema.GroupResource{Resource: "users"}, "ben@acme.example",
			errors.New(`User "system:serviceaccount:roster-system:roster-portal" cannot impersonate resource "users" in API group "" at the cluster scope`)),
			Acting, NoConstrained, "", ""},
		"a quota": {apierrors.NewForbidden(members, "ana", errors.New("exceeded quota: people, requested: count/members.roster.dev=1")),
			Quota, "", "", "quota:people"},
		"a namespace that goes": {terminating(), Ending, "", "", ""},
		"a rule of the schema": {invalid(field.Invalid(email, "Ana", "must be a plain mail address such as ana@example.com: before the @ letters")),
			Schema, "address", "spec.email", ""},
		"a missing field":    {invalid(field.Required(email, "")), Schema, "required", "spec.email", ""},
		"a long value":       {invalid(field.TooLong(email, "x", 254)), Schema, "tooLong", "spec.email", "most:254"},
		"a value unknown":    {invalid(field.NotSupported(email, "x", []string{"a"})), Schema, "notSupported", "spec.email", ""},
		"a value twice":      {invalid(field.Duplicate(email, "x")), Schema, "twice", "spec.email", ""},
		"a name":             {invalid(field.Invalid(field.NewPath("metadata", "name"), "A B", "a lowercase RFC 1123 subdomain must …")), Schema, "objectName", "metadata.name", ""},
		"a conflict":         {apierrors.NewConflict(members, "ana", errors.New("changed")), Conflict, "", "", ""},
		"an object gone":     {apierrors.NewNotFound(members, "ana"), Gone, "", "", ""},
		"a name taken":       {apierrors.NewAlreadyExists(members, "ana"), Exists, "", "", ""},
		"too many requests":  {apierrors.NewTooManyRequests("slow down", 1), Later, "", "", ""},
		"no answer in time":  {fmt.Errorf("update: %w", context.DeadlineExceeded), Unsure, "", "", ""},
		"nobody there":       {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, Later, "", "", ""},
		"a connection cut":   {&net.OpError{Op: "read", Err: errors.New("connection reset")}, Unsure, "", "", ""},
		"a timeout of etcd":  {apierrors.NewServerTimeout(members, "update", 1), Unsure, "", "", ""},
		"something unspoken": {apierrors.NewBadRequest("no"), Other, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := Read(c.err)
			if len(all) != 1 || all[0].Kind != c.kind || all[0].Rule != c.rule || all[0].Field != c.field || all[0].Says == "" {
				t.Fatalf("%+v", all)
			}
			if key, value, _ := strings.Cut(c.name, ":"); all[0].Names[key] != value {
				t.Errorf("%s is %q", key, all[0].Names[key])
			}
		})
	}
}

func TestWhatIsNoRefusal(t *testing.T) {
	for _, err := range []error{nil, context.Canceled, errors.New("a mistake of the portal"), apierrors.NewUnauthorized("who?")} {
		if all := Read(err); all != nil {
			t.Errorf("%v: %+v", err, all)
		}
	}
}

// TestSeveralFields: each is told once, and what Kubernetes says about its own work is not.
func TestSeveralFields(t *testing.T) {
	spec := field.NewPath("spec")
	err := invalid(field.Required(spec.Child("email"), ""), field.Required(spec.Child("email"), ""), field.Required(spec.Child("role"), ""))
	status := err.(apierrors.APIStatus)
	details := status.Status().Details
	details.Causes = append(details.Causes, metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: "<nil>",
		Message: "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors"})
	var fields []string
	for _, r := range Read(err) {
		fields = append(fields, r.Field)
	}
	if !slices.Equal(fields, []string{"spec.email", "spec.role"}) {
		t.Errorf("fields %v", fields)
	}
}

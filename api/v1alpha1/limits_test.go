// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestLimitsAreThoseOfTheSchema: what code checks before it sends is what the API server checks.
func TestLimitsAreThoseOfTheSchema(t *testing.T) {
	invitation, organization, member := schema(t, "invitations"), schema(t, "organizations"), schema(t, "members")
	policy := organization["invitations"].Properties
	for name, p := range map[string]apiextensionsv1.JSONSchemaProps{"Invitation": invitation["validity"], "Organization": policy["validity"]} {
		between(t, name+" validity", p, rosterv1alpha1.MinValidity, rosterv1alpha1.MaxValidity)
	}
	between(t, "remindBefore", *policy["remindBefore"].Items.Schema, rosterv1alpha1.MinReminder, rosterv1alpha1.MaxReminder)
	if got, want := string(policy["validity"].Default.Raw), fmt.Sprintf("%q", short(rosterv1alpha1.DefaultValidity)); got != want {
		t.Errorf("the default of validity is %s, want %s", got, want)
	}
	onboarding := organization["onboarding"].Properties
	for name, c := range map[string]struct {
		got  *int64
		want int64
	}{
		"remindBefore":       {policy["remindBefore"].MaxItems, rosterv1alpha1.MaxReminders},
		"allowedDomains":     {policy["allowedDomains"].MaxItems, rosterv1alpha1.MaxAllowedDomains},
		"steps[].url":        {onboarding["steps"].Items.Schema.Properties["url"].MaxLength, rosterv1alpha1.MaxURL},
		"environments[].url": {organization["environments"].Items.Schema.Properties["url"].MaxLength, rosterv1alpha1.MaxURL},
		"Member profiles":    {member["profiles"].MaxItems, rosterv1alpha1.MaxProfileGrants},
		"Member workspaces":  {member["workspaces"].MaxItems, rosterv1alpha1.MaxWorkspaceGrants},
		"Team members":       {schema(t, "teams")["members"].MaxItems, rosterv1alpha1.MaxTeamMembers},
		"Team profiles":      {schema(t, "teams")["profiles"].MaxItems, rosterv1alpha1.MaxGroupProfiles},
		"Workspace profiles": {schema(t, "workspaces")["profiles"].MaxItems, rosterv1alpha1.MaxGroupProfiles},
	} {
		if c.got == nil || *c.got != c.want {
			t.Errorf("%s: the schema allows %v, want %d", name, c.got, c.want)
		}
	}
}

// between checks that a time span is bounded by a rule of the schema, and that its message says so.
func between(t *testing.T, name string, p apiextensionsv1.JSONSchemaProps, least, most time.Duration) {
	t.Helper()
	if len(p.XValidations) != 1 {
		t.Fatalf("%s has %d rules", name, len(p.XValidations))
	}
	r := p.XValidations[0]
	rule := fmt.Sprintf("duration(self) >= duration('%s') && duration(self) <= duration('%s')", short(least), short(most))
	if words := fmt.Sprintf("between %s and %s", short(least), short(most)); !strings.Contains(r.Rule, rule) || !strings.Contains(r.Message, words) {
		t.Errorf("%s: the rule is %s (%s), want %s (%s)", name, r.Rule, r.Message, rule, words)
	}
}

// short is a time span as people write it: 72h, not 72h0m0s.
func short(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// schema are the fields of the spec of a kind.
func schema(t *testing.T, plural string) map[string]apiextensionsv1.JSONSchemaProps {
	t.Helper()
	content, err := os.ReadFile("../../config/crd/bases/roster.dev_" + plural + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(content, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties
}

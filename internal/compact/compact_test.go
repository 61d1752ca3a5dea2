// SPDX-License-Identifier: Apache-2.0

package compact

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/randfill"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// An object says the same as before, whatever is in it.
func TestNothingIsLost(t *testing.T) {
	for seed := range int64(200) {
		for _, o := range []client.Object{
			&rosterv1alpha1.Member{}, &rosterv1alpha1.Account{}, &rosterv1alpha1.Invitation{}, &rosterv1alpha1.SocialProfile{},
			&rosterv1alpha1.Organization{}, &rbacv1.RoleBinding{},
		} {
			randfill.NewWithSeed(seed).NilChance(0.2).NumElements(0, 4).MaxDepth(12).Fill(o)
			before := o.DeepCopyObject()
			Object(o)
			if !equality.Semantic.DeepEqual(before, o) || !reflect.DeepEqual(before, o) {
				t.Fatalf("seed %d: %T is\n%s\nand was\n%s", seed, o, written(o), written(before))
			}
		}
	}
	Object(toolscache.DeletedFinalStateUnknown{Key: "acme/ana"}) // takes what is no object, too
}

// Texts that many Members have are in memory once.
func TestTextsAreShared(t *testing.T) {
	decoded := func() *rosterv1alpha1.Member {
		m := &rosterv1alpha1.Member{}
		err := json.Unmarshal([]byte(`{"apiVersion": "roster.dev/v1alpha1", "kind": "Member",
			"metadata": {"namespace": "acme-social", "name": "ana"},
			"spec": {"email": "ana@acme.example", "role": "AdvancedMember"},
			"status": {"email": "ana@acme.example", "role": "AdvancedMember", "state": "Suspended", "conditions": [
				{"type": "Ready", "status": "True", "reason": "Suspended", "message": "The member is suspended."},
				{"type": "Joined", "status": "True", "reason": "Accepted", "message": "The person has accepted."},
				{"type": "RolesGranted", "status": "False", "reason": "Suspended", "message": "The member holds nothing."}]}}`), m)
		if err != nil {
			t.Fatal(err)
		}
		Object(m)
		return m
	}
	a, b := decoded(), decoded()
	for name, of := range map[string]func(m *rosterv1alpha1.Member) string{
		"apiVersion": func(m *rosterv1alpha1.Member) string { return m.APIVersion },
		"namespace":  func(m *rosterv1alpha1.Member) string { return m.Namespace },
		"role":       func(m *rosterv1alpha1.Member) string { return string(m.Spec.Role) },
		"state":      func(m *rosterv1alpha1.Member) string { return string(m.Status.State) },
		"reason":     func(m *rosterv1alpha1.Member) string { return m.Status.Conditions[0].Reason },
		"message":    func(m *rosterv1alpha1.Member) string { return m.Status.Conditions[2].Message },
	} {
		if unsafe.StringData(of(a)) != unsafe.StringData(of(b)) {
			t.Errorf("%s is in memory twice", name)
		}
	}
	if unsafe.StringData(a.Spec.Email) != unsafe.StringData(a.Status.Email) {
		t.Error("the address is in memory twice")
	}
	if n := cap(a.Status.Conditions); n != 3 {
		t.Errorf("there is room for %d conditions", n)
	}
}

// The subjects of a binding, of which there is one for each Member, take what they need.
func TestSubjectsAreShared(t *testing.T) {
	decoded := func() []rbacv1.Subject {
		b := &rbacv1.RoleBinding{}
		for _, name := range []string{"ana", "ben", "cem", "dora", "eli"} {
			s := rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name + "@acme.example"}
			s.Kind, s.APIGroup = strings.Clone(s.Kind), strings.Clone(s.APIGroup)
			b.Subjects = append(b.Subjects, s)
		}
		Object(b)
		return b.Subjects
	}
	a, b := decoded(), decoded()
	if unsafe.StringData(a[0].Kind) != unsafe.StringData(b[4].Kind) || unsafe.StringData(a[0].APIGroup) != unsafe.StringData(b[4].APIGroup) {
		t.Error("the kind or the group of subjects is in memory twice")
	}
	if n := cap(a); n != 5 {
		t.Errorf("there is room for %d subjects", n)
	}
}

func written(o any) string {
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

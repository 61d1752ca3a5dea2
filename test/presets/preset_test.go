// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// preset is an applied folder of samples.
type preset struct {
	*testing.T
	*WithT
	api client.WithWatch
	// ns is the namespace of the organisation.
	ns string
	// address of each person, by the name of their Member or Invitation.
	address map[string]string
}

// apply applies a folder as kubectl apply -k --server-side does.
func apply(t *testing.T, folder string) *preset {
	t.Helper()
	p := &preset{T: t, ns: folder, api: roster.cluster.Client, address: map[string]string{}}
	p.WithT = NewWithT(t)
	dir := filepath.Join(testenv.Root(), "config", "samples", folder)
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	p.Expect(err).NotTo(HaveOccurred())
	p.Expect(yaml.Unmarshal(data, &kustomization)).To(Succeed())
	for _, name := range kustomization.Resources {
		data, err := os.ReadFile(filepath.Join(dir, name))
		p.Expect(err).NotTo(HaveOccurred())
		for part := range strings.SplitSeq("\n"+string(data), "\n---\n") {
			o := &unstructured.Unstructured{}
			p.Expect(yaml.Unmarshal([]byte(part), &o.Object)).To(Succeed(), name)
			p.Expect(p.api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("kubectl"))).To(Succeed(), name)
			if email, found, _ := unstructured.NestedString(o.Object, "spec", "email"); found {
				p.address[o.GetName()] = email
			}
		}
	}
	return p
}

// row tests a rule of the product; the words are what the rule says.
func (p *preset) row(id, rule string, test func(p *preset)) {
	p.Helper()
	p.Run(id, func(t *testing.T) {
		t.Log(rule)
		sub := *p
		sub.T, sub.WithT = t, NewWithT(t)
		test(&sub)
	})
}

// user is how the API server knows a person.
func (p *preset) user(name string) string {
	p.Helper()
	p.Expect(p.address).To(HaveKey(name))
	return userPrefix + p.address[name]
}

// as works with the API server as a person does.
func (p *preset) as(name string) client.Client {
	p.Helper()
	c, err := client.New(roster.cluster.AsUser(p.user(name)), client.Options{Scheme: roster.cluster.Scheme, Mapper: p.api.RESTMapper()})
	p.Expect(err).NotTo(HaveOccurred())
	return c
}

// can waits until a person may do all of this; each is a verb and a resource, perhaps with a name: "publish socialprofiles/acme-fb".
func (p *preset) can(name string, actions ...string) {
	p.Helper()
	p.answers(name, true, actions)
}

// cannot waits until a person may do none of this.
func (p *preset) cannot(name string, actions ...string) {
	p.Helper()
	p.answers(name, false, actions)
}

func (p *preset) answers(name string, want bool, actions []string) {
	p.Helper()
	user := p.user(name)
	for _, action := range actions {
		p.eventually(fmt.Sprintf("%s may %s: %v", user, action, want), func(g Gomega) {
			verb, what, _ := strings.Cut(action, " ")
			resource, object, _ := strings.Cut(what, "/")
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: user, Groups: []string{"system:authenticated"}, ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: p.ns, Group: rosterv1alpha1.GroupVersion.Group, Resource: resource, Name: object, Verb: verb,
				},
			}}
			g.Expect(p.api.Create(p.Context(), review)).To(Succeed())
			g.Expect(review.Status.Allowed).To(Equal(want))
		})
	}
}

// nextSecond waits until what is created next is younger than all that is there, and so behind it in the order in which places are
// given: times in the API have seconds.
func (p *preset) nextSecond() {
	p.Helper()
	begin := time.Now().Truncate(time.Second)
	p.eventually("the next second begins", func(g Gomega) { g.Expect(time.Now().Truncate(time.Second)).To(BeTemporally(">", begin)) })
}

func (p *preset) eventually(why string, f func(g Gomega)) {
	p.Helper()
	p.Eventually(f).WithContext(p.Context()).WithTimeout(testenv.Patience).WithPolling(20*time.Millisecond).Should(Succeed(), why)
}

// get reads an object of the organisation.
func get[T any, P interface {
	*T
	client.Object
}](p *preset, name string) P {
	p.Helper()
	o := P(new(T))
	p.Expect(p.api.Get(p.Context(), client.ObjectKey{Namespace: p.ns, Name: name}, o)).To(Succeed())
	return o
}

// patch changes an object as somebody does with kubectl patch.
func patch[T client.Object](ctx context.Context, as client.Client, o T, change func(T)) error {
	before := o.DeepCopyObject().(T)
	change(o)
	return as.Patch(ctx, o, client.MergeFrom(before))
}

// named is the metadata of an object of the organisation.
func (p *preset) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: p.ns, Name: name}
}

// refused expects that the API server refuses, with a message that says all of this.
func (p *preset) refused(err error, texts ...string) {
	p.Helper()
	p.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "not refused: %v", err)
	for _, text := range texts {
		p.Expect(err.Error()).To(ContainSubstring(text))
	}
}

// says waits until a condition of an object has a status and a reason, and returns its message.
func says[T any, P interface {
	*T
	client.Object
}](p *preset, name, kind, reason string, conditions func(P) []metav1.Condition) string {
	p.Helper()
	var found *metav1.Condition
	p.eventually(fmt.Sprintf("%s says %s because of %s", name, kind, reason), func(g Gomega) {
		o := P(new(T))
		g.Expect(p.api.Get(p.Context(), client.ObjectKey{Namespace: p.ns, Name: name}, o)).To(Succeed())
		found = meta.FindStatusCondition(conditions(o), kind)
		g.Expect(found).NotTo(BeNil())
		g.Expect(found.Reason).To(Equal(reason), found.Message)
	})
	return found.Message
}

func ofMember(m *rosterv1alpha1.Member) []metav1.Condition             { return m.Status.Conditions }
func ofInvitation(i *rosterv1alpha1.Invitation) []metav1.Condition     { return i.Status.Conditions }
func ofOrganization(o *rosterv1alpha1.Organization) []metav1.Condition { return o.Status.Conditions }
func ofProfile(s *rosterv1alpha1.SocialProfile) []metav1.Condition     { return s.Status.Conditions }
func ofRole(r *rosterv1alpha1.CustomRole) []metav1.Condition           { return r.Status.Conditions }
func ofWorkspace(w *rosterv1alpha1.Workspace) []metav1.Condition       { return w.Status.Conditions }

// memberIs waits until a Member is in a state.
func (p *preset) memberIs(name string, state rosterv1alpha1.MemberState) *rosterv1alpha1.Member {
	p.Helper()
	m := &rosterv1alpha1.Member{}
	p.eventually(name+" is "+string(state), func(g Gomega) {
		g.Expect(p.api.Get(p.Context(), client.ObjectKey{Namespace: p.ns, Name: name}, m)).To(Succeed())
		g.Expect(m.Status.State).To(Equal(state))
		g.Expect(m.Status.ObservedGeneration).To(Equal(m.Generation))
	})
	return m
}

// invitationIs waits until an Invitation is in a state.
func (p *preset) invitationIs(name string, state rosterv1alpha1.InvitationState) *rosterv1alpha1.Invitation {
	p.Helper()
	inv := &rosterv1alpha1.Invitation{}
	p.eventually(name+" is "+string(state), func(g Gomega) {
		g.Expect(p.api.Get(p.Context(), client.ObjectKey{Namespace: p.ns, Name: name}, inv)).To(Succeed())
		g.Expect(inv.Status.State).To(Equal(state), "%+v", inv.Status)
	})
	return inv
}

// table is what kubectl get shows: each row by the name of its object, each cell by its column.
func (p *preset) table(resource string) map[string]map[string]any {
	p.Helper()
	set, err := kubernetes.NewForConfig(roster.cluster.Config)
	p.Expect(err).NotTo(HaveOccurred())
	raw, err := set.RESTClient().Get().AbsPath("/apis", rosterv1alpha1.GroupVersion.String(), "namespaces", p.ns, resource).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(p.Context())
	p.Expect(err).NotTo(HaveOccurred())
	var table metav1.Table
	p.Expect(json.Unmarshal(raw, &table)).To(Succeed())
	rows := map[string]map[string]any{}
	for _, r := range table.Rows {
		row := map[string]any{}
		for i, column := range table.ColumnDefinitions {
			row[column.Name] = r.Cells[i]
		}
		var object metav1.PartialObjectMetadata
		p.Expect(json.Unmarshal(r.Object.Raw, &object)).To(Succeed())
		rows[object.Name] = row
	}
	return rows
}

// keyOf finds an object of the organisation.
func keyOf(p *preset, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: p.ns, Name: name}
}

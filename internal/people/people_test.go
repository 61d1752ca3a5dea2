// SPDX-License-Identifier: Apache-2.0

package people

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

func TestFind(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := rosterv1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	ana, ben := address.Address("ana@acme.example"), address.Address("ben@acme.example")
	// Releases before this one took an accent as it was composed, and named Accounts by that.
	former := address.Former("jo\u0308rg@acme.example")
	member := func(namespace, name, email, account string) *rosterv1alpha1.Member {
		m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: rosterv1alpha1.MemberSpec{Email: email}}
		if account != "" {
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: account}
		}
		return m
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		member("acme", "ana", "Ana@ACME.example", ana.AccountName()),
		member("acme", "ana-invited", string(ana), ""),
		member("acme", "claims", string(ben), ana.AccountName()),
		member("acme", "former", string(former), former.AccountName()),
		member("acme", "nobody", "nobody", ""),
		member("other", "ana", string(ana), ana.AccountName()),
	)
	c := builder.WithIndex(&rosterv1alpha1.Member{}, Index, accounts).Build()
	by := func(of address.Address) func(namespace string) ([]*rosterv1alpha1.Member, error) {
		return func(namespace string) ([]*rosterv1alpha1.Member, error) {
			return WithAddress(t.Context(), c, namespace, of)
		}
	}
	bound := func(account string) func(namespace string) ([]*rosterv1alpha1.Member, error) {
		return func(namespace string) ([]*rosterv1alpha1.Member, error) {
			return BoundTo(t.Context(), c, namespace, account)
		}
	}
	for _, test := range []struct {
		what      string
		find      func(namespace string) ([]*rosterv1alpha1.Member, error)
		namespace string
		want      []string
	}{
		{"those of an address, bound to anybody", by(ana), "acme", []string{"acme/ana", "acme/ana-invited"}},
		{"everywhere", by(ana), "", []string{"acme/ana", "acme/ana-invited", "other/ana"}},
		{"one that is bound to somebody else's Account", by(ben), "acme", []string{"acme/claims"}},
		{"an address in a form of older releases", by(former), "acme", []string{"acme/former"}},
		{"nobody", by("zoe@acme.example"), "", nil},
		{"those that are bound to an Account, whatever their address", bound(ana.AccountName()), "acme", []string{"acme/ana", "acme/claims"}},
		{"bound everywhere", bound(ana.AccountName()), "", []string{"acme/ana", "acme/claims", "other/ana"}},
		{"bound to an Account of a former form", bound(former.AccountName()), "", []string{"acme/former"}},
		{"to whose Account nobody is bound", bound(ben.AccountName()), "", nil},
	} {
		found, err := test.find(test.namespace)
		if err != nil {
			t.Fatalf("%s: %v", test.what, err)
		}
		var got []string
		for _, m := range found {
			got = append(got, m.Namespace+"/"+m.Name)
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.what, got, test.want)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Account makes the Account of a person.
func (s Space) Account(ctx context.Context, name string) *rosterv1alpha1.Account {
	GinkgoHelper()
	a := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: AccountOf(s.Address(name)).Name},
		Spec:       rosterv1alpha1.AccountSpec{Email: s.Address(name), DisplayName: "Ana Silva"},
	}
	Expect(API.Create(ctx, a)).To(Succeed())
	return a
}

// AccountIs waits until an Account is as it should be, and returns it.
func AccountIs(ctx context.Context, a *rosterv1alpha1.Account, why string, check func(g Gomega, a *rosterv1alpha1.Account)) *rosterv1alpha1.Account {
	GinkgoHelper()
	var got rosterv1alpha1.Account
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, client.ObjectKeyFromObject(a), &got)).To(Succeed())
		check(g, &got)
	}).Should(Succeed(), why)
	return &got
}

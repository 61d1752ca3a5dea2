// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/controller"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/testenv"
)

var _ = Describe("The portal's keys", func() {
	It("are created once, and not replaced", func(ctx SpecContext) {
		key := client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-portal-keys"}
		var before, after corev1.Secret
		Eventually(func() error { return API.Get(ctx, key, &before) }).Should(Succeed(), "the keys come into being with the first start")
		Expect(before.Data[keyring.Current]).To(HaveLen(keyring.MinLen))
		Expect(controller.CreateKey(ctx, API, key)).To(Succeed())
		Expect(API.Get(ctx, key, &after)).To(Succeed())
		Expect(after.ResourceVersion).To(Equal(before.ResourceVersion))
	})
})

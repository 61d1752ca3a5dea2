// SPDX-License-Identifier: Apache-2.0

package mailing_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

func TestMailing(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Mailing")
}

func TestMain(m *testing.M) { Run(m) }

var _ = BeforeSuite(Start)

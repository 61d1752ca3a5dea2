// SPDX-License-Identifier: Apache-2.0

package applications_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

func TestApplications(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Applications")
}

func TestMain(m *testing.M) { Run(m) }

var _ = BeforeSuite(Start)

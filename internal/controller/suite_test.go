// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

func TestControllers(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Controllers")
}

func TestMain(m *testing.M) { Run(m) }

var _ = BeforeSuite(Start)

// space is a namespace with an organization, and what these tests do there.
type space struct{ Space }

func newSpace(ctx context.Context, change ...func(o *rosterv1alpha1.Organization)) space {
	return space{NewSpace(ctx, change...)}
}

func emptySpace(ctx context.Context) space { return space{EmptySpace(ctx)} }

// SPDX-License-Identifier: Apache-2.0

package console

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/portal/web"
)

const pageSure web.PageName = "console-sure"

// Sure is a page that tells what something means before it is done, and asks for it once.
type Sure struct {
	web.Fields
	Frame Frame
	Kept  *KeptView
	// Heading asks, Lead says what is done, and Points are what it means, one by one.
	Heading, Lead string
	Points        []string
	// Submit does it; empty where it cannot be done. Go is where to go instead.
	Submit string
	Go     web.Action
	// Hidden are fields that the form carries.
	Hidden       []Hidden
	Action, Back string
}

// Ask shows the page.
func (v *Visit) Ask(page Sure, problems []web.Problem) error {
	page.Fields, page.Frame = web.Fields{Problems: problems}, v.Frame()
	return v.Form(pageSure, page.Heading, problems, page)
}

// AskAbout is Ask for what is done to an object as it is now.
func (v *Visit) AskAbout(o client.Object, page Sure, problems []web.Problem) error {
	page.Kept, page.Hidden = v.KeptView(o), append(page.Hidden, Hidden{Name: FieldGeneration, Value: Generation(o)})
	return v.Ask(page, problems)
}

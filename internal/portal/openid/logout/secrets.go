// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"context"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/openid/grant"
)

// Watched are credentials that ask for a look whenever a write has ended sessions or grants: so nothing in the portal that signs somebody
// out, for whatever reason, has to think of applications.
type Watched struct {
	account.Secrets
	// Ask has an Account looked at.
	Ask func(name string)
}

// Update implements account.Secrets.
func (w Watched) Update(
	ctx context.Context, of *rosterv1alpha1.Account, change func(*account.Credentials) error,
) (account.Credentials, error) {
	return w.UpdateFrom(ctx, of, account.Credentials{}, change)
}

// UpdateFrom implements account.Secrets.
func (w Watched) UpdateFrom(
	ctx context.Context, of *rosterv1alpha1.Account, known account.Credentials, change func(*account.Credentials) error,
) (account.Credentials, error) {
	ends := false
	c, err := w.Secrets.UpdateFrom(ctx, of, known, func(c *account.Credentials) error {
		epoch, devices := c.Sessions.Epoch, map[string]bool{}
		endedBefore, _, err := ended(*c)
		if err != nil {
			return err
		}
		for _, d := range c.Sessions.Devices {
			devices[d.ID] = true
		}
		ends = false
		if err := change(c); err != nil {
			return err
		}
		for _, d := range c.Sessions.Devices {
			delete(devices, d.ID)
		}
		endedNow, some, err := ended(*c)
		ends = some && (c.Sessions.Epoch != epoch || len(devices) > 0) || endedNow > endedBefore
		return err
	})
	if err == nil && ends {
		w.Ask(of.Name)
	}
	return c, err
}

// ended counts the grants that are at their end, and reports whether there are any at all.
func ended(c account.Credentials) (n int, some bool, _ error) {
	d, err := grant.Of(c)
	for _, g := range d.Grants {
		if g.Ending != nil {
			n++
		}
	}
	return n, len(d.Grants) > 0, err
}

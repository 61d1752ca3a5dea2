// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/compare"
)

// condition is one of --fail-on.
type condition struct {
	text string
	// what it is about, and the permission or role behind the colon.
	what, of string
	// more than that many, or that part of the people in percent.
	limit   int
	percent bool
}

func kinds() []string {
	return []string{
		string(compare.Invited), string(compare.Removed), string(compare.Suspended), string(compare.Ended),
		string(compare.Resumed), string(compare.Changed),
	}
}

func parseConditions(texts []string) ([]condition, error) {
	var all []condition
	for _, text := range texts {
		c := condition{text: text}
		var number string
		var counted bool
		c.what, number, counted = strings.Cut(strings.TrimSpace(text), ">")
		c.what, c.of, _ = strings.Cut(c.what, ":")
		c.what = strings.TrimSpace(c.what)
		if counted {
			number, c.percent = strings.CutSuffix(strings.TrimSpace(number), "%")
			var err error
			if c.limit, err = strconv.Atoi(number); err != nil || c.limit < 0 || !slices.Contains(kinds(), c.what) {
				return nil, fmt.Errorf("--fail-on %s: write a kind of change and a number, such as removed>3 or removed>25%%", text)
			}
		}
		if err := c.check(); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (c condition) check() error {
	switch c.what {
	case "owner", "findings", "role":
		if (c.what == "role") == (c.of == "") {
			return fmt.Errorf("--fail-on %s: write owner, findings, or role:ROLE such as role:Manager", c.text)
		}
		return nil
	case "gain", "lose":
		if c.of != "" && !slices.Contains(permissions(), c.of) {
			return fmt.Errorf("--fail-on %s: there is no permission %s: choose one of %s", c.text, c.of, strings.Join(permissions(), ", "))
		}
		return nil
	}
	if !slices.Contains(kinds(), c.what) || c.of != "" {
		return fmt.Errorf("--fail-on %s: must be owner, gain, lose, role, findings, %s", c.text, strings.Join(kinds(), ", "))
	}
	return nil
}

func permissions() []string {
	var all []string
	for _, p := range access.Permissions() {
		all = append(all, string(p))
	}
	for _, p := range access.AllOrganizationPermissions() {
		all = append(all, string(p))
	}
	return all
}

// holds says why a condition holds; nothing where it does not.
func (c condition) holds(d compare.Difference) string {
	if c.what == "findings" && len(d.Findings) > 0 {
		return fmt.Sprintf("%d findings", len(d.Findings))
	}
	for _, o := range d.Organizations {
		if why := c.inOrganization(o); why != "" {
			return why
		}
	}
	return ""
}

func (c condition) inOrganization(o compare.Organization) string {
	if c.what == "owner" && o.Owner != nil {
		return fmt.Sprintf("the owner of %s changes", o.Namespace)
	}
	if n := o.Count(compare.Kind(c.what)); slices.Contains(kinds(), c.what) {
		if c.percent && n*100 > c.limit*o.Before || !c.percent && n > c.limit {
			return fmt.Sprintf("%d of %d people in %s", n, o.Before, o.Namespace)
		}
	}
	for _, p := range o.People {
		switch {
		case c.what == "gain" && c.in(p.Gains), c.what == "lose" && c.in(p.Losses):
			return p.Address
		case c.what == "role" && p.RoleAfter == c.of && p.RoleBefore != c.of:
			return p.Address
		}
	}
	return ""
}

func (c condition) in(rights []compare.Right) bool {
	return slices.ContainsFunc(rights, func(r compare.Right) bool { return c.of == "" || slices.Contains(r.Permissions, c.of) })
}

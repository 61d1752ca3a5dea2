// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
)

// Difference is what somebody holds before a change, and after it.
type Difference struct{ Before, After access.Effective }

// Between compares two persons, as they are to be told of; either may be nil, for somebody who is not there.
func Between(before, after *Person) Difference { return Difference{before.held(), after.held()} }

// held is what somebody holds, or will once they accept: nothing for somebody who is suspended, has ended, or is not there.
func (p *Person) held() access.Effective {
	if p == nil || p.HoldsNothing() {
		return access.Effective{}
	}
	return p.Holds
}

// Reversed is the difference that it makes to take the change back: what it loses is what the change gains.
func (d Difference) Reversed() Difference { return Difference{d.After, d.Before} }

// On is what is lost on a profile; for AllProfiles, on those that no source names.
func (d Difference) On(profile string) access.Set { return d.Before.On(profile) &^ d.After.On(profile) }

// Lost is what is lost of each source: on AllProfiles what the role in the organisation gave, and on a profile what was held there by name.
func (d Difference) Lost() iter.Seq2[string, access.Set] {
	return func(yield func(string, access.Set) bool) {
		for _, g := range d.Before.Grants {
			if gone := d.Before.Named(g.Profile) &^ d.After.On(g.Profile); gone != 0 && !yield(g.Profile, gone) {
				return
			}
		}
	}
}

// Here are the permissions in the organisation that are lost.
func (d Difference) Here() []rosterv1alpha1.RolePermission {
	var lost []rosterv1alpha1.RolePermission
	for _, p := range d.Before.Permissions {
		if !d.After.May(p) {
			lost = append(lost, p)
		}
	}
	return lost
}

// Change is what an organisation is before something is changed, and after it.
type Change struct {
	Before, After *membership.Snapshot
	// Members that are changed themselves, as they will be, by name; nil for those who are removed.
	Members map[string]*rosterv1alpha1.Member
	// Now is when it is changed.
	Now time.Time
}

// Comparison answers what a Change means to people, of which there may be many.
type Comparison struct {
	change        Change
	before, after memo
}

// Compare goes through what rights come from, once.
func (c Change) Compare() *Comparison {
	return &Comparison{c, newMemo(c.Before), newMemo(c.After)}
}

// Of is what a Member holds before and after.
func (c *Comparison) Of(m *rosterv1alpha1.Member) Difference {
	return Difference{c.before.holds(m, c.change.Now), c.after.holds(c.change.later(m), c.change.Now)}
}

// later is a Member as it will be; nil for one who is removed.
func (c Change) later(m *rosterv1alpha1.Member) *rosterv1alpha1.Member {
	if later, changed := c.Members[m.Name]; changed {
		return later
	}
	return m
}

// Loss is what some people can no longer do on a profile, or on all.
type Loss struct {
	Profile string
	Set     access.Set
}

// Losses are what some people lose, each with how many do, and who loses anything.
func (c *Comparison) Losses(people []*rosterv1alpha1.Member) (lost map[Loss]int, losers []*rosterv1alpha1.Member) {
	lost = map[Loss]int{}
	for _, m := range people {
		loses := false
		for profile, gone := range c.Of(m).Lost() {
			lost[Loss{profile, gone}]++
			loses = true
		}
		if loses {
			losers = append(losers, m)
		}
	}
	return lost, losers
}

// Closed are the profiles on which somebody loses a permission, and on which nobody has it after that but people who have it on every one.
// Everybody is everybody in the organisation, and gone through only where somebody loses it.
func (c *Comparison) Closed(lost map[Loss]int, permission access.Permission, everybody []*rosterv1alpha1.Member) []string {
	may, closed := access.NewSet(permission), map[string]bool{}
	for l := range lost {
		if l.Set.Contains(may) && l.Profile != access.AllProfiles {
			closed[l.Profile] = true
		}
	}
	for _, m := range everybody {
		if len(closed) == 0 {
			return nil
		}
		held := c.after.holds(c.change.later(m), c.change.Now)
		for _, g := range held.Grants {
			if !held.Everywhere().Contains(may) && held.Named(g.Profile).Contains(may) {
				delete(closed, g.Profile)
			}
		}
	}
	return slices.Sorted(maps.Keys(closed))
}

// Teamless are the profiles that no Team works on any more.
func (c *Comparison) Teamless() []string {
	worked := c.change.Before.WorkedOn()
	for name := range c.change.After.WorkedOn() {
		delete(worked, name)
	}
	return slices.Sorted(maps.Keys(worked))
}

// Unattended are the profiles whose responsible person, one of some people, no longer works there.
func (c *Comparison) Unattended(people []*rosterv1alpha1.Member) []*rosterv1alpha1.SocialProfile {
	left := map[string]bool{}
	for _, m := range people {
		left[m.Name] = c.before.works(m, c.change.Now) && !c.after.works(c.change.later(m), c.change.Now)
	}
	return attendedBy(c.change.Before.Profiles, left)
}

// attendedBy are the profiles that some Members are responsible for.
func attendedBy(profiles []*rosterv1alpha1.SocialProfile, members map[string]bool) []*rosterv1alpha1.SocialProfile {
	var all []*rosterv1alpha1.SocialProfile
	for _, p := range profiles {
		if ref := p.Spec.ResponsibleRef; ref != nil && members[ref.Name] {
			all = append(all, p)
		}
	}
	return all
}

// memo sums up once what people hold who have it from the same sources: in a team of thousands, most of them.
type memo struct {
	organization *rosterv1alpha1.Organization
	sums         *membership.Sums
	known        map[string]access.Effective
}

func newMemo(s *membership.Snapshot) memo {
	return memo{s.Organization, s.Sums(), map[string]access.Effective{}}
}

// works reports whether a Member holds what they are given; nil is nobody.
func (x memo) works(m *rosterv1alpha1.Member, now time.Time) bool {
	return m != nil && x.organization != nil && membership.IsActive(m) && !membership.HasEnded(x.organization, m, now)
}

func (x memo) holds(m *rosterv1alpha1.Member, now time.Time) access.Effective {
	if !x.works(m, now) {
		return access.Effective{}
	}
	s := x.sums.Sources(m)
	key := keyOf(s)
	e, ok := x.known[key]
	if !ok {
		e = access.Resolve(s)
		x.known[key] = e
	}
	return e
}

// keyOf is the same for people who have the same sources in an organisation. It is asked for everybody, and has to be quick.
func keyOf(s access.Sources) string {
	adds, owns := strconv.FormatBool(ptr.Deref(s.Spec.CanManageProfiles, false)), strconv.FormatBool(s.Owner)
	const next = "|" // no name has it, nor a space
	parts := append(make([]string, 0, 32), string(s.Spec.Role), adds, owns, strconv.FormatBool(s.OwnerElsewhere))
	for _, g := range s.Spec.Profiles {
		parts = append(parts, g.Name, string(g.Role))
	}
	parts = append(parts, next)
	for _, g := range s.Spec.Workspaces {
		parts = append(parts, g.Name, string(g.Role))
	}
	parts = append(append(parts, next), s.Connected...)
	for _, t := range s.Teams {
		parts = append(parts, next, t.Team)
	}
	return strings.Join(parts, " ")
}

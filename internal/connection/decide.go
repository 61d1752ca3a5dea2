// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"cmp"
	"math"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/network"
)

// Person is who gave an Order.
type Person struct {
	// Member that they are, and their address in the form in which addresses are compared.
	Member, Address string
	// Holds is what they hold; nil for somebody who holds nothing.
	Holds *access.Effective
}

// Input is everything that decides what becomes of an Order.
type Input struct {
	Order *Order
	// UID of the Secret with the Order. What comes of the Order bears it.
	UID    types.UID
	Person Person
	// Profiles of the organisation.
	Profiles []*rosterv1alpha1.SocialProfile
	// Plan that is in effect.
	Plan rosterv1alpha1.PlanInEffect
}

// Step is what becomes of one account of an Order.
type Step struct {
	Outcome Outcome
	// Profile that is to have the tokens; nil where there is nothing to do. One without a UID has to be created.
	Profile *rosterv1alpha1.SocialProfile
}

// Refuse ends a step without anything done.
func (s *Step) Refuse(why Result) { *s = Step{Outcome: Outcome{Handle: s.Outcome.Handle, Result: why}} }

// IsNew reports whether the profile has to be created.
func (s *Step) IsNew() bool { return s.Profile != nil && s.Profile.UID == "" }

// Decide decides what becomes of each account of an Order. Asked again after part of that was done, it decides the same: what came of the
// Order already is known by its annotation.
func Decide(in Input) []*Step {
	d := decision{Input: in, free: in.free(), taken: map[string]bool{}}
	var steps []*Step
	for i := range in.Order.Accounts {
		steps = append(steps, d.step(&in.Order.Accounts[i]))
	}
	return steps
}

// Removal is the profile to delete; nil where there is nothing to do. One that has gone is removed: that is what was wished for.
func Removal(in Input) (*rosterv1alpha1.SocialProfile, Outcome) {
	name := in.Order.Remove.Name
	if in.Person.Holds == nil {
		return nil, Outcome{Handle: name, Result: NotAllowed}
	}
	p := in.find(*in.Order.Remove)
	switch {
	case p == nil:
		return nil, Outcome{Profile: name, Handle: name, Result: Removed}
	case !in.mayConnect(p):
		return nil, Outcome{Handle: name, Result: NotAllowed}
	}
	return p, Outcome{Profile: name, Handle: p.Spec.Handle, Result: Removed}
}

type decision struct {
	Input
	// free is how many more profiles the plan has a place for.
	free int
	// taken are the names of the profiles of the steps before: an Order that names one twice contradicts itself.
	taken map[string]bool
}

func (d *decision) step(a *Account) *Step {
	s := &Step{Outcome: Outcome{Handle: a.Handle}}
	switch p, refusal := d.profile(a); {
	case refusal != nil:
		s.Outcome = *refusal
		s.Outcome.Handle = a.Handle
	case d.taken[p.Name]:
		s.Refuse(Invalid)
	default:
		d.taken[p.Name] = true
		s.Profile = p
		s.Outcome.Profile, s.Outcome.Result = p.Name, Repaired
		if p.UID == "" || Came(p, d.UID, d.Person) {
			s.Outcome.Result = Added
		}
	}
	return s
}

// profile is the one that an account is to be, or why there is none.
func (d *decision) profile(a *Account) (*rosterv1alpha1.SocialProfile, *Outcome) {
	if d.Person.Holds == nil {
		return nil, &Outcome{Result: NotAllowed}
	}
	if _, err := network.ParseTokens(a.Entries); err != nil || a.ID == "" {
		return nil, &Outcome{Result: Invalid}
	}
	if a.Repair != nil {
		return d.repaired(a)
	}
	if p := d.existing(a); p != nil {
		if !Came(p, d.UID, d.Person) && !d.mayConnect(p) {
			return nil, &Outcome{Result: NotAllowed}
		}
		return p, nil
	}
	return d.added(a)
}

// repaired is the profile that the person set out to connect again.
func (d *decision) repaired(a *Account) (*rosterv1alpha1.SocialProfile, *Outcome) {
	p := d.find(*a.Repair)
	switch {
	case p == nil:
		return nil, &Outcome{Profile: a.Repair.Name, Result: ProfileGone}
	case !d.mayConnect(p):
		return nil, &Outcome{Result: NotAllowed}
	case !d.Fits(p, a):
		return nil, &Outcome{Profile: p.Name, Result: OtherAccount}
	}
	return p, nil
}

// existing is the profile that has the account; the oldest of several.
func (d *decision) existing(a *Account) *rosterv1alpha1.SocialProfile {
	var found *rosterv1alpha1.SocialProfile
	for _, p := range d.Profiles {
		if p.DeletionTimestamp == nil && d.Has(p, a) && (found == nil || membership.Older(p, found)) {
			found = p
		}
	}
	return found
}

// added is a profile that is not there yet.
func (d *decision) added(a *Account) (*rosterv1alpha1.SocialProfile, *Outcome) {
	switch {
	case !d.Person.Holds.MayAddProfiles():
		return nil, &Outcome{Result: NotAllowed}
	case d.free <= 0:
		return nil, &Outcome{Result: ProfileLimit, Contact: d.Plan.Contact}
	}
	p := d.newProfile(a)
	if !d.taken[p.Name] {
		d.free--
	}
	return p, nil
}

func (d *decision) newProfile(a *Account) *rosterv1alpha1.SocialProfile {
	p := &rosterv1alpha1.SocialProfile{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Order.Namespace, Name: ProfileName(d.Order.Network, a),
			Annotations: map[string]string{rosterv1alpha1.ConnectionAnnotation: string(d.UID)},
		},
		Spec: rosterv1alpha1.SocialProfileSpec{
			Network: d.Order.Network, Handle: a.Handle, Type: a.Type, AccountID: a.ID, ConnectedBy: d.Person.Address,
			Refresh: rosterv1alpha1.RefreshNever,
		},
	}
	if a.Renewable {
		p.Spec.Refresh = rosterv1alpha1.RefreshBeforeExpiry
	}
	// A ProfileConnector is no member of the team: they connect, and others look after it.
	if d.Person.Holds.Role != rosterv1alpha1.RoleProfileConnector {
		p.Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: d.Person.Member}
	}
	return p
}

// find is a profile by name and UID; nil where it has gone.
func (in Input) find(ref Profile) *rosterv1alpha1.SocialProfile {
	for _, p := range in.Profiles {
		if p.Name == ref.Name && string(p.UID) == ref.UID && p.DeletionTimestamp == nil {
			return p
		}
	}
	return nil
}

// free is how many more profiles the plan has a place for.
func (in Input) free() int {
	limit := in.Plan.SocialProfiles.Limit
	if limit == nil {
		return math.MaxInt
	}
	there := 0
	for _, p := range in.Profiles {
		if p.DeletionTimestamp == nil {
			there++
		}
	}
	return int(*limit) - there
}

func (in Input) mayConnect(p *rosterv1alpha1.SocialProfile) bool {
	return in.Person.Holds.On(p.Name).Contains(access.NewSet(access.Connect))
}

// Has reports whether a profile is that of an account of the Order.
func (in Input) Has(p *rosterv1alpha1.SocialProfile, a *Account) bool {
	return in.sameKind(p, a) && network.SameAccount(credential.Expected(p), a.ID)
}

// Fits reports whether an account can give a profile new tokens: it is the profile's, or nobody knows yet which that is.
func (in Input) Fits(p *rosterv1alpha1.SocialProfile, a *Account) bool {
	return in.sameKind(p, a) && (credential.Expected(p) == "" || network.SameAccount(credential.Expected(p), a.ID))
}

// sameKind reports whether a profile can be that of an account: of the same network, the same server of it, and the same type.
func (in Input) sameKind(p *rosterv1alpha1.SocialProfile, a *Account) bool {
	on := p.Spec.Network
	return on == in.Order.Network && cmp.Or(p.Spec.Type, rosterv1alpha1.TypeProfile) == cmp.Or(a.Type, rosterv1alpha1.TypeProfile) &&
		sameServer(network.ServerIn(on, p.Spec.Handle), network.ServerIn(on, a.Handle))
}

// sameServer compares servers of Mastodon, on two of which accounts may have the same ID. A handle need not say which where the operator
// knows one.
func sameServer(a, b string) bool { return a == b || a == "" || b == "" }

// Came reports whether a profile came of an Order of that UID by that person. An annotation alone says little: others may write it.
func Came(p *rosterv1alpha1.SocialProfile, order types.UID, by Person) bool {
	return order != "" && p.Annotations[rosterv1alpha1.ConnectionAnnotation] == string(order) && p.Spec.ConnectedBy == by.Address
}

// AnswerTo is the Answer to an Order whose steps are done.
func AnswerTo(steps []*Step) Answer {
	var a Answer
	for _, s := range steps {
		a.Outcomes = append(a.Outcomes, s.Outcome)
	}
	return a
}

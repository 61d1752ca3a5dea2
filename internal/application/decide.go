// SPDX-License-Identifier: Apache-2.0

package application

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/conditions"
)

// DefaultOverlap is for how long a former client secret counts where spec.secretOverlap says nothing else.
const DefaultOverlap = 24 * time.Hour

// Input is everything that decides what the status of an Application says.
type Input struct {
	// Organization that counts in the namespace; nil where there is none.
	Organization *rosterv1alpha1.Organization
	// Issuer of tokens; empty where the portal is no OpenID provider.
	Issuer string
	// Roles are the CustomRoles of the organisation.
	Roles access.Roles
	// MissingTeams are named in spec.members and do not exist.
	MissingTeams []string
	// SecretHash is that of the client secret in the Secret; empty where there is none, or it is not the operator's.
	SecretHash string
	// Obstacle is why the Secret cannot be read, made or used; nil where it can.
	Obstacle *access.Problem
}

// WantsSecret reports whether the operator keeps a client secret for the Application.
func WantsSecret(a *rosterv1alpha1.Application, in Input) bool {
	return a.Spec.Type == rosterv1alpha1.ApplicationWeb && a.Spec.SecretHash == "" && in.Organization != nil && in.Issuer != ""
}

// Decide decides what the status of an Application should be, and when to decide again although nothing else happens; zero for never.
func Decide(a *rosterv1alpha1.Application, in Input, now time.Time) (rosterv1alpha1.ApplicationStatus, time.Time) {
	s := *a.Status.DeepCopy()
	s.ObservedGeneration = a.Generation
	s.ClientID = a.ClientID()
	overlap := DefaultOverlap
	if a.Spec.SecretOverlap != nil {
		overlap = a.Spec.SecretOverlap.Duration
	}
	if a.Spec.Type == rosterv1alpha1.ApplicationNative {
		s.SecretHashes = nil
	} else {
		s.SecretHashes = Hashes(s.SecretHashes, cmp.Or(a.Spec.SecretHash, in.SecretHash), overlap, now)
	}
	switch {
	case a.Spec.Type == rosterv1alpha1.ApplicationNative, a.Spec.SecretHash != "", in.Obstacle != nil:
		s.SecretRef = nil
	case in.SecretHash != "":
		s.SecretRef = &rosterv1alpha1.LocalReference{Name: a.SecretName()}
	}
	in.report(a, conditions.In(&s.Conditions, a.Generation, now))
	var wake time.Time
	for _, h := range s.SecretHashes {
		if h.ExpiryTime != nil {
			wake = h.ExpiryTime.Time
		}
	}
	return s, wake
}

// report says how far the Application is: what stands in the way of everybody comes before what concerns some.
func (in Input) report(a *rosterv1alpha1.Application, conds conditions.Setter) {
	switch {
	case in.Issuer == "":
		conds.Stall(rosterv1alpha1.ReasonOpenIDOff, "Nobody can sign in: the portal is no OpenID provider. "+
			"The people who run Roster have to set portal.openID.issuer in its configuration; otherwise delete the Application.")
	case in.Organization == nil:
		conds.Ready(metav1.ConditionFalse, rosterv1alpha1.ReasonOrganizationMissing, "There is no Organization in this namespace.")
	case in.Obstacle != nil:
		conds.Stall(in.Obstacle.Reason, in.Obstacle.Message)
	default:
		if p := in.members(a); p != nil {
			conds.Stall(p.Reason, p.Message)
			return
		}
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, fmt.Sprintf("%s can sign in, by the client %s.", who(a), a.ClientID()))
	}
}

// members says what spec.members names that is not there; nil where all is.
func (in Input) members(a *rosterv1alpha1.Application) *access.Problem {
	if a.Spec.Members == nil {
		return nil
	}
	var unknown []string
	for _, role := range a.Spec.Members.Roles {
		if _, known := in.Roles.InOrganization(rosterv1alpha1.OrganizationRole(role)); !known {
			unknown = append(unknown, role)
		}
	}
	var teams string
	if len(in.MissingTeams) > 0 {
		teams = fmt.Sprintf("There is no Team %s in this namespace. Create it or remove it from spec.members.teams; the others can sign in.",
			access.Listed(in.MissingTeams))
	}
	switch {
	case len(unknown) > 0:
		return &access.Problem{Reason: rosterv1alpha1.ReasonRoleNotFound,
			Message: strings.TrimSpace(access.NoSuchHolders("spec.members.roles", unknown...) + " " + teams)}
	case teams != "":
		return &access.Problem{Reason: rosterv1alpha1.ReasonTeamNotFound, Message: teams}
	}
	return nil
}

// who are the people who may sign in, in words.
func who(a *rosterv1alpha1.Application) string {
	m := a.Spec.Members
	if m == nil {
		return "Every active Member"
	}
	var parts []string
	if len(m.Roles) > 0 {
		parts = append(parts, "with the role "+access.Listed(m.Roles))
	}
	if len(m.Teams) > 0 {
		parts = append(parts, "in the Team "+access.Listed(m.Teams))
	}
	return "Every active Member " + strings.Join(parts, " or ")
}

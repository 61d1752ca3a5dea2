// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

// Group are the steps of an Order whose accounts have the same tokens. They share one Secret: a network may take a refresh token once, so
// that two Secrets with the same one would take it from each other.
type Group struct {
	// Tokens with what they are for.
	Tokens network.Tokens
	Steps  []*Step

	entries map[string][]byte
	base    string
	order   types.UID
}

// Groups puts the steps together that have tokens to store.
func Groups(in Input, steps []*Step) []*Group {
	var all []*Group
	for i, s := range steps {
		a := &in.Order.Accounts[i]
		g := withEntries(all, a.Entries)
		if g == nil {
			g = &Group{base: ProfileName(in.Order.Network, a), order: in.UID, entries: a.Entries}
			g.Tokens, _ = network.ParseTokens(a.Entries) // Decide has refused what cannot be read.
			g.Tokens.For = network.Identity{
				Network: in.Order.Network, Server: in.Order.Server,
				Accounts: accountsOf(in.Order.Accounts, func(other Account) bool { return maps.EqualFunc(other.Entries, a.Entries, bytes.Equal) }),
			}
			all = append(all, g)
		}
		if s.Profile != nil {
			g.Steps = append(g.Steps, s)
		}
	}
	return all
}

func withEntries(groups []*Group, entries map[string][]byte) *Group {
	for _, g := range groups {
		if maps.EqualFunc(g.entries, entries, bytes.Equal) {
			return g
		}
	}
	return nil
}

// NewNames are names for a Secret of the group's own, the first that is free to be taken.
func (g *Group) NewNames(m Maker) []string {
	var names []string
	for attempt := range 5 {
		names = append(names, m.name(g.base, g.order, attempt))
	}
	return names
}

// Home is the name of the Secret that all profiles of the group name already and no other profile does; empty where there is none. Tokens
// for one profile may not open another, and somebody who may connect the one may not be allowed to touch the other.
func (g *Group) Home(all []*rosterv1alpha1.SocialProfile) string {
	home, within := "", map[types.UID]bool{}
	for _, s := range g.Steps {
		if s.IsNew() {
			continue
		}
		within[s.Profile.UID] = true
		named := SecretOf(s.Profile)
		if named == "" || home != "" && named != home {
			return ""
		}
		home = named
	}
	shared := slices.ContainsFunc(all, func(p *rosterv1alpha1.SocialProfile) bool {
		return p.DeletionTimestamp == nil && SecretOf(p) == home && !within[p.UID]
	})
	if shared {
		return ""
	}
	return home
}

// MadeFor reports whether the operator made a Secret for every profile of the group that is there.
func (g *Group) MadeFor(s *corev1.Secret, m Maker) bool {
	there := false
	for _, step := range g.Steps {
		if step.Profile == nil || step.IsNew() {
			continue
		}
		if there = m.Made(s, step.Profile.UID); !there {
			return false
		}
	}
	return there
}

// Over is what a Secret holds once the tokens of the group are in it. Entries that are not Roster's stay, and nothing is replaced by
// nothing.
func (g *Group) Over(data map[string][]byte) map[string][]byte {
	there, _ := network.ParseTokens(data) // What cannot be read is written over.
	tokens := there.With(g.Tokens)
	tokens.For = g.Tokens.For
	if g.Tokens.AppPassword != "" {
		tokens.AppPassword = g.Tokens.AppPassword
	}
	return tokens.Store(data)
}

// SecretOf is the name of the Secret that a profile names; empty for none.
func SecretOf(p *rosterv1alpha1.SocialProfile) string {
	if p.Spec.CredentialsSecretRef == nil {
		return ""
	}
	return p.Spec.CredentialsSecretRef.Name
}

// Short tells Orders of the same account apart in a name.
func Short(order types.UID) string {
	sum := sha256.Sum256([]byte(order))
	return hex.EncodeToString(sum[:4])
}

// maxName leaves room for Short in a DNS label.
const maxName = 63 - 9

// ProfileName is the name of the profile of an account. It follows from the account, so that connecting it again finds what is there.
func ProfileName(on rosterv1alpha1.Network, a *Account) string {
	identity := []string{string(on), string(cmp.Or(a.Type, rosterv1alpha1.TypeProfile)), network.ServerIn(on, a.Handle), a.ID}
	sum := sha256.Sum256([]byte(strings.Join(identity, "\x00")))
	hash := hex.EncodeToString(sum[:4])
	name := strings.ToLower(string(on)) + "-" + label(a.Handle)
	if most := maxName - len(hash) - 1; len(name) > most {
		name = name[:most]
	}
	return strings.Trim(name, "-") + "-" + hash
}

// label is what of a handle can stand in the name of an object.
func label(handle string) string {
	fields := strings.FieldsFunc(strings.ToLower(handle), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(fields, "-")
}

// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mark"
)

// Maker tells Secrets that the operator made for a profile from all others: also from those for a profile of the same name that is gone.
type Maker struct {
	marks mark.Maker
	keys  keyring.Keys
}

// NewMaker makes marks with the first key, of which there has to be one, and knows those of all.
func NewMaker(keys keyring.Keys) Maker {
	const use = "roster.dev Secret of a profile v1"
	return Maker{mark.New(keys, use), keys.Derive(use)}
}

// Mark has a Secret bear the mark for a profile, beside those for others. It reports whether anything changed.
func (m Maker) Mark(s *corev1.Secret, profile types.UID) bool { return m.marks.Add(s, string(profile)) }

// Made reports whether the operator made the Secret for that profile.
func (m Maker) Made(s *corev1.Secret, profile types.UID) bool {
	return m.marks.Made(s, string(profile))
}

// name of a new Secret. It follows from the Order, so that a second try finds what the first one made, and nobody can know it before and
// have a Secret of theirs wait there.
func (m Maker) name(base string, order types.UID, attempt int) string {
	return base + "-" + hex.EncodeToString(m.keys.Sign([]byte(strings.Join([]string{string(order), base, strconv.Itoa(attempt)}, "\x00")))[:4])
}

// accountsOf are the IDs of the accounts of a group, each once.
func accountsOf(accounts []Account, entries func(Account) bool) []string {
	var ids []string
	for _, a := range accounts {
		if entries(a) {
			ids = append(ids, a.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

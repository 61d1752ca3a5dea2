// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
)

// Maker tells Secrets that the operator made for a profile from all others. Labels and owner references do not: everybody who may create
// Secrets in a namespace can write them. A mark needs a key of the operator, and holds for one name and one profile by its UID: it is worth
// nothing on another Secret, nor for a profile that has the name of one that is gone.
type Maker struct{ keys keyring.Keys }

// NewMaker makes marks with the first key, of which there has to be one, and knows those of all.
func NewMaker(keys keyring.Keys) Maker {
	return Maker{keys.Derive("roster.dev Secret of a profile v1")}
}

// Mark has a Secret bear the mark for a profile, beside those for others. It reports whether anything changed.
func (m Maker) Mark(s *corev1.Secret, profile types.UID) bool {
	if m.Made(s, profile) {
		return false
	}
	mark := base64.RawURLEncoding.EncodeToString(m.keys.Sign(marked(s, profile)))
	marks := append(strings.Fields(s.Annotations[rosterv1alpha1.MadeForAnnotation]), mark)
	metav1.SetMetaDataAnnotation(&s.ObjectMeta, rosterv1alpha1.MadeForAnnotation, strings.Join(marks, " "))
	return true
}

// Made reports whether the operator made the Secret for that profile.
func (m Maker) Made(s *corev1.Secret, profile types.UID) bool {
	marks := strings.Fields(s.Annotations[rosterv1alpha1.MadeForAnnotation])
	return slices.ContainsFunc(marks, func(mark string) bool {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(mark)
		return err == nil && m.keys.Verify(marked(s, profile), raw)
	})
}

func marked(s *corev1.Secret, profile types.UID) []byte {
	return parts(s.Namespace, s.Name, string(profile))
}

// name of a new Secret. It follows from the Order, so that a second try finds what the first one made, and nobody can know it before and
// have a Secret of theirs wait there.
func (m Maker) name(base string, order types.UID, attempt int) string {
	return base + "-" + hex.EncodeToString(m.keys.Sign(parts(string(order), base, strconv.Itoa(attempt)))[:4])
}

// parts puts texts together that have no zero byte in them.
func parts(texts ...string) []byte { return []byte(strings.Join(texts, "\x00")) }

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

// SPDX-License-Identifier: Apache-2.0

// Package mark tells Secrets that the operator made from all others. Labels and owner references do not: everybody who may create Secrets
// in a namespace can write them. A mark needs a key of the operator, and holds for one name and for what it is about.
package mark

import (
	"encoding/base64"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
)

// Maker makes marks.
type Maker struct{ keys keyring.Keys }

// New makes marks of one use with the first key, of which there has to be one, and knows those of all.
func New(keys keyring.Keys, use string) Maker { return Maker{keys.Derive(use)} }

// Made reports whether the operator made the Secret for what the mark is about, such as a profile by its UID.
func (m Maker) Made(s *corev1.Secret, about ...string) bool {
	return slices.ContainsFunc(marks(s), func(mark string) bool {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(mark)
		return err == nil && m.keys.Verify(marked(s, about), raw)
	})
}

// Add has a Secret bear a mark, beside those for others. It reports whether anything changed.
func (m Maker) Add(s *corev1.Secret, about ...string) bool {
	if m.Made(s, about...) {
		return false
	}
	write(s, append(marks(s), m.sign(s, about)))
	return true
}

// Set has a Secret bear one mark and no other.
func (m Maker) Set(s *corev1.Secret, about ...string) { write(s, []string{m.sign(s, about)}) }

func (m Maker) sign(s *corev1.Secret, about []string) string {
	return base64.RawURLEncoding.EncodeToString(m.keys.Sign(marked(s, about)))
}

func marks(s *corev1.Secret) []string {
	return strings.Fields(s.Annotations[rosterv1alpha1.MadeForAnnotation])
}

func write(s *corev1.Secret, marks []string) {
	metav1.SetMetaDataAnnotation(&s.ObjectMeta, rosterv1alpha1.MadeForAnnotation, strings.Join(marks, " "))
}

// marked is what is signed: none of it has a zero byte.
func marked(s *corev1.Secret, about []string) []byte {
	return []byte(strings.Join(append([]string{s.Namespace, s.Name}, about...), "\x00"))
}

// SPDX-License-Identifier: Apache-2.0

package application

import (
	"encoding/base64"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
)

// Maker tells Secrets that the operator made for an Application from all others, as connection.Maker does for profiles. The mark is about
// the client secret, too: the client secret is the operator's only as long as nobody has put another in.
type Maker struct{ keys keyring.Keys }

// NewMaker makes marks with the first key, of which there has to be one, and knows those of all.
func NewMaker(keys keyring.Keys) Maker {
	return Maker{keys.Derive("roster.dev Secret of an Application v1")}
}

// Made reports whether the operator put the client secret into the Secret for the Application of that UID.
func (m Maker) Made(s *corev1.Secret, application types.UID) bool {
	mark, err := base64.RawURLEncoding.Strict().DecodeString(s.Annotations[rosterv1alpha1.MadeForAnnotation])
	return err == nil && m.keys.Verify(marked(s, application), mark)
}

func (m Maker) mark(s *corev1.Secret, application types.UID) string {
	return base64.RawURLEncoding.EncodeToString(m.keys.Sign(marked(s, application)))
}

// marked is what a mark is about. None of it has a zero byte.
func marked(s *corev1.Secret, application types.UID) []byte {
	return []byte(strings.Join([]string{s.Namespace, s.Name, string(application), hashIn(s)}, "\x00"))
}

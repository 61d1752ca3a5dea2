// SPDX-License-Identifier: Apache-2.0

package application

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mark"
)

// The entries of the Secret of an Application.
const (
	KeyClientID     = "clientID"
	KeyClientSecret = "clientSecret"
	KeyIssuer       = "issuer"
)

// NewClientSecret is a random client secret of 256 bits. It is text that needs no escaping in a header, a form or a shell.
func NewClientSecret() string {
	random := make([]byte, 32)
	rand.Read(random) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(random)
}

// HashOf is how a client secret stands in spec.secretHash and in the status.
func HashOf(clientSecret string) string {
	sum := sha256.Sum256([]byte(clientSecret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Hashes are the client secrets that count, the newest first, if current is the newest. Of the former ones the last counts for a while
// longer: what is in two places cannot be replaced in both at once.
func Hashes(
	before []rosterv1alpha1.SecretHash, current string, overlap time.Duration, now time.Time,
) []rosterv1alpha1.SecretHash {
	until := metav1.NewTime(now.Add(overlap).Truncate(time.Second))
	var kept []rosterv1alpha1.SecretHash
	if current != "" {
		kept = append(kept, rosterv1alpha1.SecretHash{SHA256: current})
	}
	for _, h := range before {
		switch {
		case h.SHA256 == current:
			continue
		case h.ExpiryTime == nil && current == "": // nothing is known about the Secret: what counted goes on
			kept = append(kept, h)
			continue
		case h.ExpiryTime == nil, until.Before(h.ExpiryTime):
			h.ExpiryTime = &until
		}
		if now.Before(h.ExpiryTime.Time) && len(kept) < 2 {
			kept = append(kept, h)
		}
	}
	return kept
}

// NewMaker makes the marks of the Secrets of Applications.
func NewMaker(keys keyring.Keys) mark.Maker {
	return mark.New(keys, "roster.dev Secret of an Application v1")
}

// about is what the mark is about: the client secret, too, which is the operator's only as long as nobody has put another in.
func about(application types.UID, s *corev1.Secret) []string {
	return []string{string(application), hashIn(s)}
}

// Content is what stands in the Secret of an Application.
func Content(a *rosterv1alpha1.Application, clientSecret, issuer string) map[string][]byte {
	return map[string][]byte{
		KeyClientID: []byte(a.ClientID()), KeyClientSecret: []byte(clientSecret), KeyIssuer: []byte(issuer),
	}
}

// Finding is what the Secret of an Application was found to be.
type Finding string

// The findings.
const (
	// Absent: there is no Secret of that name.
	Absent Finding = "Absent"
	// Current: it is the operator's, for this Application, and says what it should.
	Current Finding = "Current"
	// Outdated: it is the operator's, with a client secret that counts. What stands beside that is not up to date.
	Outdated Finding = "Outdated"
	// Former: the operator made it for an Application of this name that is gone. Its client secret went with it.
	Former Finding = "Former"
	// Foreign: nothing shows that the operator put into it what is there.
	Foreign Finding = "Foreign"
)

// Find tells what a Secret is. Nil is none.
//
// It is the operator's if it bears the mark of it, which is about the client secret, too; or if the status, which nobody else writes, has
// the hash of its client secret: so it is after a restore with other UIDs, or when the keys of the marks have been replaced for good.
func Find(a *rosterv1alpha1.Application, s *corev1.Secret, maker mark.Maker, issuer string) Finding {
	if s == nil {
		return Absent
	}
	marked := maker.Made(s, about(a.UID, s)...)
	counts := slices.ContainsFunc(a.Status.SecretHashes, func(h rosterv1alpha1.SecretHash) bool {
		return h.ExpiryTime == nil && h.SHA256 == hashIn(s)
	})
	switch {
	case marked && owned(s, a) && maps.EqualFunc(s.Data, Content(a, string(s.Data[KeyClientSecret]), issuer), slices.Equal):
		return Current
	case marked || counts:
		return Outdated
	}
	for _, owner := range s.OwnerReferences {
		if owner.Kind == "Application" && owner.Name == a.Name && owner.UID != a.UID && maker.Made(s, about(owner.UID, s)...) {
			return Former
		}
	}
	return Foreign
}

// Fill has a Secret hold a client secret for an Application, belong to it, and bear the mark.
func Fill(s *corev1.Secret, a *rosterv1alpha1.Application, clientSecret, issuer string, maker mark.Maker) {
	s.Data = Content(a, clientSecret, issuer)
	if !owned(s, a) {
		s.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: "Application", Name: a.Name, UID: a.UID,
		}}
	}
	maker.Set(s, about(a.UID, s)...)
}

func owned(s *corev1.Secret, a *rosterv1alpha1.Application) bool {
	return slices.ContainsFunc(s.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == a.UID })
}

func hashIn(s *corev1.Secret) string { return HashOf(string(s.Data[KeyClientSecret])) }

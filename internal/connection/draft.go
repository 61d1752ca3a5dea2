// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// entryDraft stands alone in a Secret, as Order and Answer do.
const entryDraft = "draft"

// DraftLifetime is how long somebody may take to choose.
const DraftLifetime = 20 * time.Minute

// Draft is what somebody brought back from a network, until they have chosen which of the accounts to connect. It is kept in the cluster
// and not in their browser: it has tokens in it. The operator deletes it when the Order is carried out, and with time in any case.
type Draft struct {
	// Account of the person, by UID: nobody else's Order comes of it.
	AccountUID string `json:"accountUID"`
	// Time when they came back.
	Time metav1.Time `json:"time"`
	// Handle that was typed where the network wants one to sign in with.
	Handle string `json:"handle,omitempty"`
	// Entries are the tokens, as network.Tokens.Store makes them.
	Entries map[string][]byte `json:"entries"`
}

// Over reports whether the time to choose has run out.
func (d Draft) Over(now time.Time) bool { return !now.Before(d.Time.Add(DraftLifetime)) }

// Secret that carries a Draft.
func (d Draft) Secret() (*corev1.Secret, error) { return carry(entryDraft, d) }

// DraftOf reads the Draft of a Secret; nil where it carries something else.
func DraftOf(s *corev1.Secret) (*Draft, error) { return carried[Draft](s, entryDraft) }

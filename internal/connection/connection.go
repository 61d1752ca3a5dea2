// SPDX-License-Identifier: Apache-2.0

// Package connection is what the portal hands to the operator when somebody connects, repairs or removes social profiles. The portal may
// write neither profiles nor Secrets of organisations, so it leaves a Secret in a namespace of its own, and the operator does what it says
// and answers in the same place. It does no I/O.
package connection

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mark"
)

// SecretType is the type of a Secret with an Order.
const SecretType corev1.SecretType = "roster.dev/connection"

// Entries of such a Secret: there is one of the two, or a Draft.
const (
	entryOrder  = "order"
	entryAnswer = "answer"
)

// Order is what a person wishes to have done.
type Order struct {
	// Namespace of the organisation.
	Namespace string `json:"namespace"`
	// Member that the person is there, by name and UID.
	Member    string `json:"member"`
	MemberUID string `json:"memberUID"`
	// Account of the person, by name and UID.
	Account    string `json:"account"`
	AccountUID string `json:"accountUID"`
	// RequestedTime is when the person confirmed it.
	RequestedTime metav1.Time `json:"requestedTime"`
	// Draft names the Secret with the Draft that it comes of; empty if there was none.
	Draft string `json:"draft,omitempty"`

	// Network of all Accounts, and the server that their tokens are for where it is not one place: see network.Server.
	Network rosterv1alpha1.Network `json:"network,omitempty"`
	Server  string                 `json:"server,omitempty"`
	// Accounts to connect.
	Accounts []Account `json:"accounts,omitempty"`
	// Remove is a profile to take away.
	Remove *Profile `json:"remove,omitempty"`
}

// Account on a network that is to become a profile, or whose profile gets new tokens.
type Account struct {
	// ID is the network's own name of the account.
	ID string `json:"id"`
	// Handle as spec.handle of a SocialProfile has it.
	Handle string `json:"handle"`
	// Type of the account.
	Type rosterv1alpha1.ProfileType `json:"type"`
	// Repair is the profile that the person set out to connect again; nil where whichever profile has the account is meant, or a new one.
	Repair *Profile `json:"repair,omitempty"`
	// Entries of the Secret with the account's tokens, as network.Tokens.Store makes them. Accounts with the same ones share a Secret.
	Entries map[string][]byte `json:"entries"`
	// Renewable reports whether the operator can renew these tokens.
	Renewable bool `json:"renewable,omitempty"`
}

// Profile is a SocialProfile.
type Profile struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Answer is what became of an Order.
type Answer struct {
	// Time when it was carried out.
	Time metav1.Time `json:"time"`
	// Outcomes are in the order of Accounts, or one for Remove. An Order that is answered as a whole has one for each all the same.
	Outcomes []Outcome `json:"outcomes"`
}

// Over reports whether an Answer is old enough to be deleted.
func (a Answer) Over(now time.Time) bool { return now.Sub(a.Time.Time) >= Lifetime }

// Outcome is what became of one account.
type Outcome struct {
	// Profile that it is about; empty where none came of it.
	Profile string `json:"profile,omitempty"`
	// Handle of the account, as the Order or the profile has it.
	Handle string `json:"handle,omitempty"`
	Result Result `json:"result"`
	// Contact is whom to ask about a full plan.
	Contact string `json:"contact,omitempty"`
}

// Result of an Order for one account.
type Result string

// The results.
const (
	// Added: there is a new profile.
	Added Result = "Added"
	// Repaired: the profile that was there has the new tokens.
	Repaired Result = "Repaired"
	// Removed: the profile has gone.
	Removed Result = "Removed"
	// ProfileLimit: the plan has no place left.
	ProfileLimit Result = "ProfileLimit"
	// NotAllowed: the person may not do it, or not any more.
	NotAllowed Result = "NotAllowed"
	// OtherAccount: the profile to repair is that of another account.
	OtherAccount Result = "OtherAccount"
	// ProfileGone: the profile to repair is not there any more.
	ProfileGone Result = "ProfileGone"
	// Invalid: the Order makes no sense for this account, or the API server refused the profile.
	Invalid Result = "Invalid"
)

// Waiting is the annotation that says why an Order is not carried out yet. The value is a Reason.
const Waiting = "roster.dev/waiting"

// WaitsForSecrets is the Reason that the operator may not write Secrets in the namespace of the organisation.
const WaitsForSecrets = "SecretForbidden"

// Lifetime of an Order that nobody could carry out, and of an Answer.
const Lifetime = time.Hour

// Expired reports whether an Order is too old to be carried out: the person who gave it has gone away. One from the future is none either.
func (o Order) Expired(now time.Time) bool {
	age := now.Sub(o.RequestedTime.Time)
	return age >= Lifetime || age < -Lifetime
}

// Secret that carries an Order.
func (o Order) Secret() (*corev1.Secret, error) { return carry(entryOrder, o) }

func carry(entry string, what any) (*corev1.Secret, error) {
	document, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "connection-", Namespace: rosterv1alpha1.ConnectionNamespace},
		Type:       SecretType,
		Data:       map[string][]byte{entry: document},
	}, nil
}

// OrderOf reads the Order of a Secret; nil where it has been answered.
func OrderOf(s *corev1.Secret) (*Order, error) { return carried[Order](s, entryOrder) }

// carried reads what stands in an entry; nil where there is none.
func carried[T any](s *corev1.Secret, entry string) (*T, error) {
	document, ok := s.Data[entry]
	if !ok {
		return nil, nil
	}
	what := new(T)
	if err := json.Unmarshal(document, what); err != nil {
		return nil, fmt.Errorf("entry %s: %w", entry, err)
	}
	return what, nil
}

// Put writes an Answer in the place of the Order and its tokens.
func (a Answer) Put(s *corev1.Secret, now time.Time) error {
	a.Time = metav1.NewTime(now)
	document, err := json.Marshal(a)
	if err == nil {
		s.Data = map[string][]byte{entryAnswer: document}
		delete(s.Annotations, Waiting)
	}
	return err
}

// AnswerOf reads the Answer of a Secret; nil where there is none yet.
func AnswerOf(s *corev1.Secret) (*Answer, error) { return carried[Answer](s, entryAnswer) }

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

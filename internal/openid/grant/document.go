// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

const (
	// Entry is the entry of the Account's Secret that holds the document.
	Entry = "openid"
	// Label stands on the Secrets that have the entry, with the value "true": only these have to be looked through.
	Label = "roster.dev/openid"

	// version of the document that is written and understood.
	version = 1
	// Max is how many grants of an Account can be in force. One more ends the one that was used the longest time ago.
	Max = 50
	// maxKept bounds the document where applications cannot be told that grants have ended.
	maxKept = 2 * Max
)

// How long what is given out lasts.
const (
	// CodeLifetime is how long a code can be exchanged.
	CodeLifetime = time.Minute
	// TokenLifetime is how long access tokens and ID tokens last.
	TokenLifetime = 10 * time.Minute
	// RefreshIdle is how long a refresh token lasts without being used.
	RefreshIdle = 14 * 24 * time.Hour
	// Lifetime is the longest that a grant lasts, however much it is used: then the person signs in again.
	Lifetime = 90 * 24 * time.Hour
	// RaceGrace is how long after a rotation the refresh token before is only refused: an application that has raced with itself is no thief.
	RaceGrace = 10 * time.Second
)

// Document is what is kept of the grants of an Account.
type Document struct {
	// Version of this document.
	Version int `json:"version"`
	// Grants, the one that began first first.
	Grants []Grant `json:"grants,omitempty"`
}

// Grant is one sign-in of a person to one application.
type Grant struct {
	// ID is random.
	ID string `json:"id"`
	// SID names the session to the application (OpenID Connect Back-Channel Logout 1.0, 2.1): the grants of one application that began in one
	// browser share it.
	SID string `json:"sid"`
	// Client is the ID of the application, ApplicationUID that of the object; empty for an application of the platform.
	Client         string    `json:"client"`
	ApplicationUID types.UID `json:"applicationUID,omitempty"`
	// Namespace of the organisation that its tokens speak of, and MemberUID the person in it; empty if they speak of the person alone.
	Namespace string    `json:"namespace,omitempty"`
	MemberUID types.UID `json:"memberUID,omitempty"`
	// Roles are those that an application of the platform was for when its tokens were last given out; all, if there are none. To is where
	// the application was told of an end then; empty if nowhere.
	Roles []rosterv1alpha1.OrganizationRole `json:"roles,omitempty"`
	To    string                            `json:"to,omitempty"`
	// Subject is what its tokens call the person.
	Subject string   `json:"subject"`
	Scopes  []string `json:"scopes,omitempty"`

	// Device is the browser that the person signed in with, Epoch that of the Sessions then, Generation that of the Account when it was last
	// looked at, and Proofs how the person had proved who they are.
	Device     string          `json:"device"`
	Epoch      int64           `json:"epoch"`
	Generation int64           `json:"generation,omitempty"`
	Proofs     []account.Proof `json:"proofs"`
	// Began is when the person signed in, Used when tokens were last given out for it.
	Began time.Time `json:"began"`
	Used  time.Time `json:"used"`

	// Code can be exchanged once; nil after that.
	Code *Code `json:"code,omitempty"`
	// Refresh is what lasts; nil for an application that has not asked for it.
	Refresh *Refresh `json:"refresh,omitempty"`
	// Ending is set once the grant is at its end, until the application has been told.
	Ending *Ending `json:"ending,omitempty"`
}

// Code is a code that has been given out and not exchanged, and what it must be exchanged with.
type Code struct {
	Hash    string    `json:"hash"`
	Expires time.Time `json:"expires"`
	// Redirect is the address that the code was sent to; empty for a device, which has it from the start.
	Redirect string `json:"redirect,omitempty"`
	// Challenge is the hash that the verifier has to have (RFC 7636, S256); empty for a device.
	Challenge string `json:"challenge,omitempty"`
	// Nonce is what the application wants to find in the ID token.
	Nonce string `json:"nonce,omitempty"`
}

// Refresh is the refresh token that counts, by its hash, and the one before.
type Refresh struct {
	Hash     string    `json:"hash"`
	Previous string    `json:"previous,omitempty"`
	Rotated  time.Time `json:"rotated"`
	Expires  time.Time `json:"expires"`
}

// Ending is a grant's end, which the application has to be told.
type Ending struct {
	Since  time.Time `json:"since"`
	Reason Reason    `json:"reason"`
	// To is where the application is told, which may be gone by then; empty until the first try.
	To string `json:"to,omitempty"`
	// Tries to tell the application, and when there will be the next.
	Tries int       `json:"tries,omitempty"`
	Next  time.Time `json:"next,omitzero"`
}

// OfPlatform reports whether the grant is for an application of the platform: only the IDs of those of organisations have a dot.
func (g *Grant) OfPlatform() bool { return IsPlatformClient(g.Client) }

// IsPlatformClient reports whether a client ID is that of an application of the platform.
func IsPlatformClient(client string) bool { return !strings.Contains(client, ".") }

// Session is the grant as a session: what organisations ask about how somebody signed in, they ask of it.
func (g *Grant) Session() account.Session {
	return account.Session{Proofs: g.Proofs, Device: g.Device, Began: g.Began}
}

// AuthTime is when the person last proved who they are before the grant began.
func (g *Grant) AuthTime() time.Time { return g.Session().Proved() }

// Until is when the grant is over by time.
func (g *Grant) Until() time.Time {
	until := g.Began.Add(Lifetime)
	switch {
	case g.Code != nil:
		return g.Code.Expires
	case g.Refresh != nil && g.Refresh.Expires.Before(until):
		return g.Refresh.Expires
	}
	return until
}

// Parse reads the document; nothing stands for an Account without grants.
func Parse(data []byte) (Document, error) {
	if len(data) == 0 {
		return Document{Version: version}, nil
	}
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("grants: %w", err)
	}
	if d.Version != version {
		return d, fmt.Errorf("grants: version %d, only %d is known: run a newer portal", d.Version, version)
	}
	return d, nil
}

// Of reads the document of an Account.
func Of(c account.Credentials) (Document, error) { return Parse(c.Entry(Entry)) }

// Marshal writes what Parse reads; nothing, where there are no grants.
func (d Document) Marshal() ([]byte, error) {
	if len(d.Grants) == 0 {
		return nil, nil
	}
	d.Version = version
	return json.Marshal(d)
}

// Change reads the document of credentials, has it changed, and puts it back. The label of the Secret follows. If the change returns an
// error, the credentials stay as they are.
func Change(c *account.Credentials, change func(*Document) error) error {
	d, err := Of(*c)
	if err != nil {
		return err
	}
	d.Grants = slices.Clone(d.Grants)
	if err := change(&d); err != nil {
		return err
	}
	data, err := d.Marshal()
	if err != nil {
		return fmt.Errorf("grants: %w", err)
	}
	c.SetEntry(Entry, data)
	value := ""
	if len(data) > 0 {
		value = "true"
	}
	c.SetLabel(Label, value)
	return nil
}

// Find returns the grant of that ID, to be changed in place; nil where there is none.
func (d *Document) Find(id string) *Grant {
	if i := slices.IndexFunc(d.Grants, func(g Grant) bool { return g.ID == id }); i >= 0 {
		return &d.Grants[i]
	}
	return nil
}

// Remove forgets a grant.
func (d *Document) Remove(id string) {
	d.Grants = slices.DeleteFunc(d.Grants, func(g Grant) bool { return g.ID == id })
}

// Add adds a grant that has just begun. It forgets those that are over by time, and those without a refresh token that the same
// application has from the same browser: it begins a new session in their place. Where there are too many, the one that was used the
// longest time ago ends.
func (d *Document) Add(g Grant, now time.Time) {
	for _, earlier := range d.Grants {
		if earlier.sameSession(g) && earlier.Ending == nil {
			g.SID = earlier.SID
		}
	}
	d.Grants = slices.DeleteFunc(d.Grants, func(earlier Grant) bool {
		replaced := earlier.sameSession(g) && earlier.Code == nil && earlier.Refresh == nil
		return earlier.Ending == nil && (replaced || !now.Before(earlier.Until()))
	})
	d.Grants = append(d.Grants, g)
	for d.inForce() > Max {
		d.oldest(func(g Grant) bool { return g.Ending == nil }).End(ReasonTooMany, now)
	}
	for len(d.Grants) > maxKept {
		d.Remove(d.oldest(func(g Grant) bool { return g.Ending != nil }).ID)
	}
}

// sameSession reports whether two grants are of the same person's browser for the same application in the same organisation.
func (g *Grant) sameSession(other Grant) bool {
	return g.Client == other.Client && g.ApplicationUID == other.ApplicationUID && g.Namespace == other.Namespace &&
		g.Device == other.Device && g.Epoch == other.Epoch
}

func (d *Document) inForce() int {
	n := 0
	for _, g := range d.Grants {
		if g.Ending == nil {
			n++
		}
	}
	return n
}

// oldest is the grant of those chosen, of which there is one, that was used the longest time ago.
func (d *Document) oldest(chosen func(Grant) bool) *Grant {
	var oldest *Grant
	for i := range d.Grants {
		if g := &d.Grants[i]; chosen(*g) && (oldest == nil || g.Used.Before(oldest.Used)) {
			oldest = g
		}
	}
	return oldest
}

// End puts a grant at its end. It returns false if it was there already.
func (g *Grant) End(why Reason, now time.Time) bool {
	if g.Ending != nil {
		return false
	}
	g.Ending = &Ending{Since: now, Reason: why}
	g.Code, g.Refresh = nil, nil
	return true
}

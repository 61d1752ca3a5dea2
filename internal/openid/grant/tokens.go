// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// What exchanging a code or a refresh token reports.
var (
	// ErrUnknown: it was never given out, belongs to a grant that has ended, or is over by time.
	ErrUnknown = errors.New("the code or token is not known, or is over")
	// ErrReused: it has been exchanged before. Who holds it may have stolen it, so the grant has been put at its end, which has to be written.
	ErrReused = errors.New("the code or token has been used before")
	// ErrRaced: it is the refresh token that has just been exchanged. The grant stays.
	ErrRaced = errors.New("the token has just been exchanged")
)

// NewToken makes a code or a refresh token: the handle by which its grant is found, and what is random. Only its hash is kept.
func NewToken(handle string) (token, hash string) {
	token = handle + "." + rand.Text()
	return token, Hash(token)
}

// Handle is the part of a code or refresh token by which its grant is found.
func Handle(token string) string {
	handle, _, _ := strings.Cut(token, ".")
	return handle
}

// Hash is what is kept of a code or token.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Exchange consumes the code. The error is ErrUnknown or ErrReused.
func (g *Grant) Exchange(code string, now time.Time) error {
	switch {
	case g.Ending != nil:
		return ErrUnknown
	case g.Code == nil:
		g.End(ReasonReused, now)
		return ErrReused
	case !g.Code.Matches(code, now):
		return ErrUnknown
	}
	g.Code, g.Used = nil, now
	return nil
}

// Matches reports whether a code is the one that can be exchanged.
func (c *Code) Matches(code string, now time.Time) bool {
	return equal(c.Hash, Hash(code)) && now.Before(c.Expires)
}

// Renewable reports whether a refresh token can be exchanged. The error is ErrUnknown, ErrReused or ErrRaced.
func (g *Grant) Renewable(token string, now time.Time) error {
	switch hash := Hash(token); {
	case g.Ending != nil || g.Refresh == nil:
		return ErrUnknown
	case equal(g.Refresh.Hash, hash):
		if !now.Before(g.Until()) {
			return ErrUnknown
		}
		return nil
	case equal(g.Refresh.Previous, hash) && now.Before(g.Refresh.Rotated.Add(RaceGrace)):
		return ErrRaced
	}
	return ErrReused
}

// Rotate exchanges a refresh token for the one whose hash is given. The error is ErrUnknown, ErrReused or ErrRaced.
func (g *Grant) Rotate(token, next string, now time.Time) error {
	if err := g.Renewable(token, now); err != nil {
		if errors.Is(err, ErrReused) {
			g.End(ReasonReused, now)
		}
		return err
	}
	g.Refresh = &Refresh{Hash: next, Previous: g.Refresh.Hash, Rotated: now, Expires: now.Add(RefreshIdle)}
	g.Used = now
	return nil
}

// Issue gives the grant its first refresh token.
func (g *Grant) Issue(hash string, now time.Time) {
	g.Refresh = &Refresh{Hash: hash, Rotated: now, Expires: now.Add(RefreshIdle)}
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

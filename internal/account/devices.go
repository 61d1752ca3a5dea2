// SPDX-License-Identifier: Apache-2.0

package account

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Sessions is what is kept of the sessions of an Account, in its Secret: enough to end them, on every replica at once.
type Sessions struct {
	// Version of this document.
	Version int `json:"version"`
	// Epoch is raised to end every session.
	Epoch int64 `json:"epoch"`
	// Rounds is the last Round that was given out. No two devices, and no device twice, get the same.
	Rounds int64 `json:"rounds"`
	// PasswordSet is when the password was last changed. Links to choose a new one that were asked for before that are void.
	PasswordSet time.Time `json:"passwordSet,omitzero"`
	// Devices that are signed in, the one that signed in first first.
	Devices []Device `json:"devices,omitempty"`
}

// Device is a browser that is signed in.
type Device struct {
	// ID is random, and the same for all Accounts that the browser signs in to.
	ID string `json:"id"`
	// Label is which browser it is, such as "Firefox, Linux".
	Label string `json:"label,omitempty"`
	// Added is when it signed in first, Seen when it was last used, give or take an hour.
	Added time.Time `json:"added"`
	Seen  time.Time `json:"seen"`
	// Round is that of the sessions that count.
	Round int64 `json:"round"`
}

const (
	// sessionsVersion is the version of the document that is written and understood.
	sessionsVersion = 1
	// maxDevices is how many devices can be signed in at once. One more signs out the one that was used the longest time ago.
	maxDevices = 20
	// seenEvery is how often it is noted that a device is in use.
	seenEvery = time.Hour
)

func parseSessions(data []byte) (Sessions, error) {
	if len(data) == 0 {
		return Sessions{Version: sessionsVersion}, nil
	}
	var s Sessions
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("sessions: %w", err)
	}
	if s.Version != sessionsVersion {
		return s, fmt.Errorf("sessions: version %d, only %d is known: run a newer portal", s.Version, sessionsVersion)
	}
	return s, nil
}

func (s Sessions) device(id string) *Device {
	if i := s.index(id); i >= 0 {
		return &s.Devices[i]
	}
	return nil
}

func (s Sessions) index(id string) int {
	return slices.IndexFunc(s.Devices, func(d Device) bool { return d.ID == id })
}

// note lists the device as in use. It returns false if there is nothing to write.
func (s *Sessions) note(id, label string, now time.Time) bool {
	if i := s.index(id); i >= 0 {
		d := &s.Devices[i]
		if now.Before(d.Seen.Add(seenEvery)) {
			return false
		}
		d.Seen, d.Label = now, label
		return true
	}
	if len(s.Devices) >= maxDevices {
		oldest := slices.MinFunc(s.Devices, func(a, b Device) int { return a.Seen.Compare(b.Seen) })
		s.remove(oldest.ID)
	}
	s.Rounds++
	s.Devices = append(s.Devices, Device{ID: id, Label: label, Added: now, Seen: now, Round: s.Rounds})
	return true
}

// renew ends the sessions of a device, which stays listed.
func (s *Sessions) renew(id string) {
	if i := s.index(id); i >= 0 {
		s.Rounds++
		s.Devices[i].Round = s.Rounds
	}
}

// remove signs a device out. It returns false if it was not signed in.
func (s *Sessions) remove(id string) bool {
	i := s.index(id)
	if i >= 0 {
		s.Devices = slices.Delete(s.Devices, i, i+1)
	}
	return i >= 0
}

// clear ends every session.
func (s *Sessions) clear() {
	s.Epoch++
	s.Devices = nil
}

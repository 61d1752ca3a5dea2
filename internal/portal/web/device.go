// SPDX-License-Identifier: Apache-2.0

package web

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Device is what a browser keeps about itself.
type Device struct {
	ID string `json:"id"`
	// Logins are those that it signed in with, hashed; the last one last.
	Logins []string `json:"logins,omitempty"`
}

// maxLogins is how many logins a device remembers.
const maxLogins = 16

func (d Device) knows(login string) bool { return slices.Contains(d.Logins, LoginHash(login)) }

// Remember notes that somebody has signed in with a login, or opened a link that was mailed to it.
func (d *Device) Remember(login string) {
	hash := LoginHash(login)
	d.Logins = append(slices.DeleteFunc(d.Logins, func(l string) bool { return l == hash }), hash)
	if n := len(d.Logins); n > maxLogins {
		d.Logins = d.Logins[n-maxLogins:]
	}
}

// LoginHash is what stands for a login where it must not be read.
func LoginHash(login string) string {
	sum := sha256.Sum256([]byte(login))
	return hex.EncodeToString(sum[:8])
}

// BrowserLabel says in a few words which browser it is, for people to know their own devices by. It takes nothing over that the client
// wrote.
func BrowserLabel(userAgent string) string {
	browser := firstIn(userAgent, [][2]string{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"FxiOS/", "Firefox"},
		{"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	})
	system := firstIn(userAgent, [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	})
	return strings.Trim(browser+", "+system, ", ")
}

// firstIn is the second of the first pair whose first is in the text. The order matters: browsers name others, to be taken for them.
func firstIn(text string, pairs [][2]string) string {
	for _, pair := range pairs {
		if strings.Contains(text, pair[0]) {
			return pair[1]
		}
	}
	return ""
}

// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"golang.org/x/text/unicode/norm"
)

// What authenticator apps understand without being told: HMAC-SHA-1, six digits, thirty seconds (RFC 6238, 4; other values of the key URI
// format are ignored by some of them).
const (
	// SeedLen is the length of a seed in bytes, that of the hash (RFC 4226, 4, R6).
	SeedLen = 20
	// CodeDigits is the length of a code.
	CodeDigits = 6
	// Period is how long a code counts.
	Period = 30 * time.Second
	// window is how many steps a clock may be ahead or behind (RFC 6238, 5.2: one).
	window = 1
)

// NewSeed returns a seed that an authenticator app and the portal share.
func NewSeed() []byte {
	seed := make([]byte, SeedLen)
	rand.Read(seed) // never fails (crypto/rand)
	return seed
}

// SeedText is a seed for typing: base32 (RFC 4648, 6) in groups of four. Apps ignore the spaces.
func SeedText(seed []byte) string {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed)
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// KeyURI is what the QR code says: otpauth://totp/Issuer:account?secret=… It is as secret as the seed.
func KeyURI(issuer, account string, seed []byte) string {
	label := strings.ReplaceAll(issuer, ":", " ") + ":" + account
	query := url.Values{
		"secret": {secretOf(seed)}, "issuer": {issuer}, "algorithm": {otp.AlgorithmSHA1.String()},
		"digits": {strconv.Itoa(CodeDigits)}, "period": {strconv.Itoa(int(Period.Seconds()))},
	}
	// Some apps show the + that stands for a space.
	return "otpauth://totp/" + strings.ReplaceAll(url.QueryEscape(label)+"?"+query.Encode(), "+", "%20")
}

func secretOf(seed []byte) string { return strings.ReplaceAll(SeedText(seed), " ", "") }

// Step is the number of a code's period since 1970.
func Step(at time.Time) int64 { return at.Unix() / int64(Period.Seconds()) }

// MatchStep finds which step a code belongs to, of those that may be used at that time and are later than the last one that was accepted: a
// code that somebody looked over a shoulder for is worth nothing after its owner used it. All candidates are compared, in constant time.
func MatchStep(seed []byte, code string, at time.Time, last int64) (step int64, ok bool) {
	typed := Typed(code)
	now := Step(at)
	for candidate := now - window; candidate <= now+window; candidate++ {
		want, err := codeAt(seed, candidate)
		equal := err == nil && subtle.ConstantTimeCompare([]byte(typed), []byte(want)) == 1
		if equal && candidate > last && !ok {
			step, ok = candidate, true
		}
	}
	return step, ok
}

// Typed is a code as it was shown, however somebody typed it: apps and people group digits by spaces and dashes, and keyboards for Chinese
// and Japanese write full-width ones.
func Typed(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == '−' || r == 'ー' {
			return -1
		}
		return r
	}, norm.NFKC.String(code))
}

// Code is what an authenticator app shows at that time.
func Code(seed []byte, at time.Time) (string, error) { return codeAt(seed, Step(at)) }

func codeAt(seed []byte, step int64) (string, error) {
	return hotp.GenerateCodeCustom(secretOf(seed), uint64(max(step, 0)), hotp.ValidateOpts{
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
}

// quietZone is how many light modules surround the code (ISO/IEC 18004, 6.3.8: four).
const quietZone = 4

// QRCode draws a text as an SVG element that stands in a page: no script, no style, no second request that would carry a secret. Dark on
// light in every colour scheme, since many cameras read nothing else. The label is what screen readers say; templates must not escape the
// element again.
func QRCode(text, label string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	side := size + 2*quietZone
	//nolint:gosec // G203: numbers, and a label that is escaped here
	return template.HTML(fmt.Sprintf(`<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" `+
		`width="%[2]d" height="%[2]d" role="img" aria-label="%[3]s" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path fill="#000" d="%[4]s"/></svg>`,
		side, side*qrScale, template.HTMLEscapeString(label), path.String())), nil
}

// qrScale is how many CSS pixels a module is wide.
const qrScale = 5

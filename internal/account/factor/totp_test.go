// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"fmt"
	"image"
	"image/color"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/pquerna/otp"
)

// The vectors of RFC 6238, appendix B, for SHA-1; of eight digits the last six.
func TestCodesAgreeWithRFC6238(t *testing.T) {
	seed := []byte("12345678901234567890")
	for unix, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		got, err := Code(seed, time.Unix(unix, 0))
		if err != nil || got != want {
			t.Errorf("Code at %d = %q, %v, want %q", unix, got, err, want)
		}
	}
}

// fullWidth is how keyboards for Chinese and Japanese write it.
func fullWidth(code string) string {
	return strings.Map(func(r rune) rune { return r - '!' + '！' }, code)
}

func TestMatchStep(t *testing.T) {
	seed, at := NewSeed(), time.Unix(1_800_000_010, 0)
	now := Step(at)
	code := func(step int64) string {
		c, err := codeAt(seed, step)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, c := range map[string]struct {
		code string
		last int64
		step int64
		ok   bool
	}{
		"of this step":              {code(now), 0, now, true},
		"of the step before":        {code(now - 1), 0, now - 1, true},
		"of the next step":          {code(now + 1), 0, now + 1, true},
		"too old":                   {code(now - 2), 0, 0, false},
		"too early":                 {code(now + 2), 0, 0, false},
		"typed in two groups":       {code(now)[:3] + " " + code(now)[3:] + "\n", 0, now, true},
		"with a hyphen":             {code(now)[:3] + "-" + code(now)[3:], 0, now, true},
		"full-width digits":         {fullWidth(code(now)), 0, now, true},
		"full-width, with a hyphen": {fullWidth(code(now)[:3]) + "－" + fullWidth(code(now)[3:]), 0, now, true},
		"with an invisible mark":    {"\u200e" + code(now) + "\u200b", 0, now, true},
		"with a minus sign inside":  {code(now)[:3] + "−" + code(now)[3:], 0, now, true},
		"used before":               {code(now), now, 0, false},
		"older than one used":       {code(now - 1), now, 0, false},
		"newer than one used":       {code(now + 1), now, now + 1, true},
		"next after the one before": {code(now), now - 1, now, true},
		"empty":                     {"", 0, 0, false},
		"cut":                       {code(now)[:5], 0, 0, false},
		"too long":                  {code(now) + "0", 0, 0, false},
	} {
		if step, ok := MatchStep(seed, c.code, at, c.last); step != c.step || ok != c.ok {
			t.Errorf("%s: MatchStep = %d, %v, want %d, %v", name, step, ok, c.step, c.ok)
		}
	}
	if _, ok := MatchStep(NewSeed(), code(now), at, 0); ok {
		t.Error("the code of another seed matches")
	}
}

func TestSeedsHave160Bits(t *testing.T) {
	a, b := NewSeed(), NewSeed()
	if len(a)*8 != 160 || string(a) == string(b) {
		t.Errorf("seeds of %d bits, equal: %v", len(a)*8, string(a) == string(b))
	}
	if text := SeedText(a); !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(text) {
		t.Errorf("SeedText = %q", text)
	}
}

// The library's own reader, the one that many apps follow, understands the URI.
func TestKeyURI(t *testing.T) {
	seed := NewSeed()
	uri := KeyURI("Roster: Acme & Co", "ana+x@acme.example", seed)
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(uri, "+") {
		t.Errorf("%s: holds a +, which some apps show", uri)
	}
	got := fmt.Sprintln(key.Type(), key.Issuer(), key.AccountName(), key.Secret(), key.Period(), key.Digits(), key.Algorithm())
	want := fmt.Sprintln("totp", "Roster: Acme & Co", "ana+x@acme.example", strings.ReplaceAll(SeedText(seed), " ", ""), 30, 6, "SHA1")
	if got != want {
		t.Errorf("key = %s, want %s", got, want)
	}
}

// What a camera reads is what was written.
func TestQRCodeCanBeRead(t *testing.T) {
	text := KeyURI("Roster", "ana@acme.example", NewSeed())
	svg, err := QRCode(text, `QR "code" <of> Ana`)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(svg); strings.Contains(s, "<of>") || strings.Contains(s, "style=") || strings.Contains(s, "script") {
		t.Errorf("the element is not what a strict policy allows: %.200s", s)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(drawn(t, string(svg)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil || got.GetText() != text {
		t.Errorf("read %v, %v, want %s", got, err, text)
	}
}

// drawn paints the dark squares of the SVG, ten pixels each.
func drawn(t *testing.T, svg string) image.Image {
	t.Helper()
	const scale = 10
	var side int
	if _, err := fmt.Sscanf(svg[strings.Index(svg, "viewBox="):], `viewBox="0 0 %d`, &side); err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, side*scale, side*scale))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h1v1`).FindAllStringSubmatch(svg, -1) {
		var x, y int
		_, _ = fmt.Sscan(m[1], &x)
		_, _ = fmt.Sscan(m[2], &y)
		for dy := range scale {
			for dx := range scale {
				img.SetGray(x*scale+dx, y*scale+dy, color.Gray{})
			}
		}
	}
	return img
}

func TestTooLongATextIsNoQRCode(t *testing.T) {
	if _, err := QRCode(strings.Repeat("x", 5000), ""); err == nil {
		t.Error("no error")
	}
}

func FuzzMatchStep(f *testing.F) {
	f.Add("123456", int64(1_800_000_000), int64(0))
	seed := []byte("12345678901234567890")
	f.Fuzz(func(t *testing.T, code string, unix, last int64) {
		at := time.Unix(unix, 0)
		step, ok := MatchStep(seed, code, at, last)
		if ok && (step <= last || step < Step(at)-1 || step > Step(at)+1) {
			t.Errorf("MatchStep(%q, %d, %d) = %d", code, unix, last, step)
		}
	})
}

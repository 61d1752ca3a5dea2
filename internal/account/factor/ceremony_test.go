// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/roster-dev/roster/internal/seal"
)

func keys(t testing.TB) seal.Keys {
	t.Helper()
	k, err := seal.NewKeys(bytes.Repeat([]byte{7}, seal.MinKeyLen))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCeremonyIsCarriedByTheBrowser(t *testing.T) {
	k := keys(t)
	c := Ceremony{Kind: CeremonyConfirm, Challenge: "challenge", Account: "a-ana", Begun: noon}
	sealed, err := c.Seal(k)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenCeremony(k, sealed, CeremonyConfirm, "a-ana", noon.Add(CeremonyFor)); err != nil || got != c {
		t.Errorf("OpenCeremony = %+v, %v, want %+v", got, err, c)
	}
	for name, open := range map[string]func() (Ceremony, error){
		"of another kind":     func() (Ceremony, error) { return OpenCeremony(k, sealed, CeremonyRegister, "a-ana", noon) },
		"for another account": func() (Ceremony, error) { return OpenCeremony(k, sealed, CeremonyConfirm, "a-eve", noon) },
		"too late": func() (Ceremony, error) {
			return OpenCeremony(k, sealed, CeremonyConfirm, "a-ana", noon.Add(CeremonyFor+time.Second))
		},
		"made up": func() (Ceremony, error) {
			return OpenCeremony(k, base64.RawURLEncoding.EncodeToString([]byte(`{"k":"confirm","a":"a-ana"}`)), CeremonyConfirm, "a-ana", noon)
		},
		"none": func() (Ceremony, error) { return OpenCeremony(k, "", CeremonyConfirm, "a-ana", noon) },
	} {
		if got, err := open(); !errors.Is(err, ErrCeremony) {
			t.Errorf("%s: %+v, %v, want ErrCeremony", name, got, err)
		}
	}
	if len(sealed) > 1000 {
		t.Errorf("a cookie of %d bytes", len(sealed))
	}
}

func FuzzOpenCeremony(f *testing.F) {
	k := keys(f)
	sealed, err := Ceremony{Kind: CeremonySignIn, Challenge: "challenge", Begun: noon}.Seal(k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := OpenCeremony(k, text, CeremonySignIn, "", noon); err == nil && c.Challenge != "challenge" {
			t.Errorf("OpenCeremony(%q) = %+v: nobody sealed that", text, c)
		}
	})
}

// Answers as a browser gave them. The challenge and the key are of a test; nothing that is made from them may be accepted.
const (
	seedAnswer = `{"authenticatorAttachment":"platform","clientExtensionResults":{},"id":"AAAA","rawId":"AAAA","type":"public-key",` +
		`"response":{"authenticatorData":"SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAg","clientDataJSON":` +
		`"eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUFBQSIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3QifQ","signature":"MEQ","userHandle":"AAAA"}}`
	seedCreation = `{"id":"AAAA","rawId":"AAAA","type":"public-key","clientExtensionResults":{},"response":{"attestationObject":` +
		`"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVik","clientDataJSON":"eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0","transports":["internal"]}}`
)

func FuzzFinish(f *testing.F) {
	f.Add([]byte(seedAnswer))
	f.Add([]byte(`{}`))
	rp, err := NewRelyingParty(&url.URL{Scheme: "https", Host: "roster.example.com"}, "Roster")
	if err != nil {
		f.Fatal(err)
	}
	p := Person{Handle: make([]byte, HandleLen), Passkeys: []Passkey{{ID: []byte{0, 0, 0}, PublicKey: []byte{1}}}}
	_, c, err := rp.BeginConfirmation(p, "a-ana", noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if use, err := rp.Finish(p, c, answer, noon); !errors.Is(err, ErrPasskey) {
			t.Errorf("Finish = %+v, %v", use, err)
		}
		if _, err := HandleOf(answer); err != nil && !errors.Is(err, ErrPasskey) {
			t.Errorf("HandleOf: %v", err)
		}
	})
}

func FuzzFinishRegistration(f *testing.F) {
	f.Add([]byte(seedCreation))
	f.Add([]byte(`{}`))
	rp, err := NewRelyingParty(&url.URL{Scheme: "https", Host: "roster.example.com"}, "Roster")
	if err != nil {
		f.Fatal(err)
	}
	p := Person{Handle: make([]byte, HandleLen), Name: "ana@acme.example"}
	_, c, err := rp.BeginRegistration(p, "a-ana", noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if k, err := rp.FinishRegistration(p, c, "x", answer, noon); !errors.Is(err, ErrPasskey) {
			t.Errorf("FinishRegistration = %+v, %v", k, err)
		}
	})
}

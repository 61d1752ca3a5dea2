// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"errors"
	"net/url"
	"testing"
	"time"
)

func TestCeremonyIsForOneThing(t *testing.T) {
	c := Ceremony{Kind: CeremonyConfirm, Challenge: "challenge", Account: "a-ana", Begun: noon}
	if err := c.Check(CeremonyConfirm, "a-ana", noon.Add(CeremonyFor)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"of another kind":     c.Check(CeremonyRegister, "a-ana", noon),
		"for another account": c.Check(CeremonyConfirm, "a-eve", noon),
		"too late":            c.Check(CeremonyConfirm, "a-ana", noon.Add(CeremonyFor+time.Second)),
		"none":                Ceremony{}.Check("", "", time.Time{}),
	} {
		if !errors.Is(err, ErrCeremony) {
			t.Errorf("%s: %v, want ErrCeremony", name, err)
		}
	}
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

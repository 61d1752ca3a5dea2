// SPDX-License-Identifier: Apache-2.0

package mailcode_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mailcode"
)

var (
	asked = time.Date(2026, time.November, 29, 9, 30, 0, 123000, time.UTC)
	keys  = ring(1)
)

func ring(names ...byte) keyring.Keys {
	var keys keyring.Keys
	for _, b := range names {
		keys = append(keys, bytes.Repeat([]byte{b}, 32))
	}
	return keys
}

func request(changes ...func(*mailcode.Request)) mailcode.Request {
	r := mailcode.Request{To: "ana@acme.example", For: "accept 1 1", Holder: "account session", Asked: asked}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func code(t *testing.T, keys keyring.Keys, r mailcode.Request) string {
	t.Helper()
	code, err := mailcode.Code(keys, r)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// What is in people's mailboxes while the programs are replaced still counts.
func TestCodesStay(t *testing.T) {
	if got, want := code(t, keys, request()), "5391 7790"; got != want {
		t.Errorf("code %q, want %q", got, want)
	}
}

func TestACodeIsBoundToItsRequest(t *testing.T) {
	own := code(t, keys, request())
	for name, change := range map[string]func(*mailcode.Request){
		"another address": func(r *mailcode.Request) { r.To = "ana@other.example" },
		"another purpose": func(r *mailcode.Request) { r.For = "accept 1 2" },
		"another holder":  func(r *mailcode.Request) { r.Holder = "account other" },
		"another time":    func(r *mailcode.Request) { r.Asked = asked.Add(time.Microsecond) },
		"shifted parts":   func(r *mailcode.Request) { r.For, r.Holder = "accept 1 1a", "ccount session" },
	} {
		if err := mailcode.Verify(keys, request(change), own, asked); !errors.Is(err, mailcode.ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tried := request(func(r *mailcode.Request) { r.Tries = mailcode.MaxTries - 1 })
	if err := mailcode.Verify(keys, tried, own, asked); err != nil {
		t.Errorf("the last try: %v", err)
	}
	if err := mailcode.Verify(ring(2), request(), own, asked); !errors.Is(err, mailcode.ErrWrong) {
		t.Errorf("another key: %v", err)
	}
	if err := mailcode.Verify(ring(2, 1), request(), own, asked); err != nil {
		t.Errorf("a key that was replaced: %v", err)
	}
}

func TestACodeAsPeopleTypeIt(t *testing.T) {
	own := code(t, keys, request())
	bare := strings.ReplaceAll(own, " ", "")
	full := strings.Map(func(r rune) rune { return r - '0' + '０' }, bare)
	for typed, want := range map[string]error{
		own: nil, bare: nil, bare[:4] + "-" + bare[4:]: nil, " " + own + "\n": nil, full: nil,
		"": mailcode.ErrWrong, bare[1:]: mailcode.ErrWrong, bare + "0": mailcode.ErrWrong, strings.Repeat("1", 1<<16): mailcode.ErrWrong,
	} {
		if err := mailcode.Verify(keys, request(), typed, asked); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", typed, err, want)
		}
	}
}

func TestACodeIsVoid(t *testing.T) {
	own := code(t, keys, request())
	for name, tc := range map[string]struct {
		request mailcode.Request
		at      time.Duration
		want    error
	}{
		"in time":        {request(), mailcode.Lifetime - time.Nanosecond, nil},
		"too late":       {request(), mailcode.Lifetime, mailcode.ErrVoid},
		"too many tries": {request(func(r *mailcode.Request) { r.Tries = mailcode.MaxTries }), 0, mailcode.ErrVoid},
		"nothing asked":  {mailcode.Request{}, 0, mailcode.ErrVoid},
	} {
		if err := mailcode.Verify(keys, tc.request, own, asked.Add(tc.at)); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestACodeNeedsEverything(t *testing.T) {
	for name, change := range map[string]func(*mailcode.Request){
		"no address": func(r *mailcode.Request) { r.To = "" },
		"no purpose": func(r *mailcode.Request) { r.For = "" },
		"no holder":  func(r *mailcode.Request) { r.Holder = "" },
		"no time":    func(r *mailcode.Request) { r.Asked = time.Time{} },
	} {
		if _, err := mailcode.Code(keys, request(change)); err == nil {
			t.Errorf("%s: a code is made", name)
		}
	}
	if _, err := mailcode.Code(nil, request()); err == nil {
		t.Error("without a key: a code is made")
	}
	if err := mailcode.Verify(nil, request(), "0000 0000", asked); !errors.Is(err, mailcode.ErrWrong) {
		t.Errorf("without a key: %v", err)
	}
}

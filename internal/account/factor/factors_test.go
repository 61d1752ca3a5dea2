// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/seal"
)

func ring(bs ...byte) keyring.Keys {
	var keys keyring.Keys
	for _, b := range bs {
		keys = append(keys, bytes.Repeat([]byte{b}, keyring.MinLen))
	}
	return keys
}

func mustCode(t *testing.T, seed []byte, at time.Time) string {
	t.Helper()
	c, err := Code(seed, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCodesCountOnce(t *testing.T) {
	keys, seed := ring(1), NewSeed()
	var f Factors
	if err := f.UseCode(keys, "uid", "123456", noon); !errors.Is(err, ErrNoApp) {
		t.Errorf("without an app: %v", err)
	}
	f.SetApp(keys, "uid", seed, Step(noon), noon)
	if err := f.UseCode(keys, "uid", mustCode(t, seed, noon), noon); !errors.Is(err, ErrCode) {
		t.Errorf("the code that the app was set up with: %v, want ErrCode", err)
	}
	later := noon.Add(Period)
	if err := f.UseCode(keys, "uid", mustCode(t, seed, later), later); err != nil {
		t.Fatal(err)
	}
	if err := f.UseCode(keys, "uid", mustCode(t, seed, later), later); !errors.Is(err, ErrCode) {
		t.Errorf("the same code again: %v, want ErrCode", err)
	}
	if err := f.UseCode(keys, "other", mustCode(t, seed, later.Add(Period)), later.Add(Period)); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("the document of another account: %v, want ErrSealed", err)
	}
}

// When the key is replaced, seeds move to the new one as they are used; then the old one can go.
func TestSeedsMoveToTheNewKey(t *testing.T) {
	before, during, after := ring(1), ring(2, 1), ring(2)
	seed := NewSeed()
	var used, unused Factors
	for _, f := range []*Factors{&used, &unused} {
		f.SetApp(before, "uid", seed, 0, noon)
	}
	if err := used.UseCode(during, "uid", mustCode(t, seed, noon), noon); err != nil {
		t.Fatal(err)
	}
	later := noon.Add(Period)
	if err := used.UseCode(after, "uid", mustCode(t, seed, later), later); err != nil {
		t.Errorf("used while both keys were there: %v", err)
	}
	if err := unused.UseCode(after, "uid", mustCode(t, seed, later), later); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("not used since: %v, want ErrUnknownKey", err)
	}
}

func TestDocument(t *testing.T) {
	empty, err := Parse(nil)
	if err != nil || empty.Enrolled() {
		t.Errorf("nothing: %+v, %v", empty, err)
	}
	if data, err := empty.Marshal(); err != nil || data != nil {
		t.Errorf("nothing is written as %q, %v", data, err)
	}
	seed := NewSeed()
	f := Factors{Recovery: &Recovery{Hashes: []string{"x"}, Made: noon}, Handle: NewHandle(), Passkeys: []Passkey{{ID: []byte{1}, Added: noon}}}
	f.SetApp(ring(1), "uid", seed, 7, noon)
	data, err := f.Marshal()
	if err != nil || bytes.Contains(data, []byte(strings.ReplaceAll(SeedText(seed), " ", ""))) {
		t.Fatalf("%s, %v", data, err)
	}
	got, err := Parse(data)
	if err != nil || got.App.LastStep != 7 || len(got.Passkeys) != 1 || !bytes.Equal(got.Handle, f.Handle) || !got.Enrolled() {
		t.Errorf("read %+v, %v", got, err)
	}
	for name, bad := range map[string]string{"not JSON": "x", "newer": `{"version":2}`} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestResetLeavesOutWhatWasThere(t *testing.T) {
	reset := noon.Add(500 * time.Millisecond)
	f := Factors{
		App: &App{Added: noon}, Recovery: &Recovery{Made: noon}, Handle: []byte("handle"),
		Passkeys: []Passkey{{Name: "old", Added: noon.Add(-time.Hour)}, {Name: "same second", Added: noon.Add(900 * time.Millisecond)}, {Name: "new", Added: noon.Add(time.Second)}},
	}
	got := f.Since(reset)
	if got.App != nil || got.Recovery != nil || len(got.Passkeys) != 1 || got.Passkeys[0].Name != "new" || string(got.Handle) != "handle" {
		t.Errorf("after the reset: %+v", got)
	}
	if f.App == nil || len(f.Passkeys) != 3 || f.Passkeys[0].Name != "old" {
		t.Errorf("the document that was read has changed: %+v", f)
	}
	if got := f.Since(noon.Add(-24 * time.Hour)); got.App == nil || len(got.Passkeys) != 3 {
		t.Errorf("a reset from before: %+v", got)
	}
}

func TestRecoveryCodesGoWithTheLastFactor(t *testing.T) {
	f := Factors{App: &App{}, Recovery: &Recovery{}, Passkeys: []Passkey{{ID: []byte{1}}}}
	if !f.RemoveApp() || f.Recovery == nil || f.RemoveApp() {
		t.Errorf("after the app: %+v", f)
	}
	if f.RemovePasskey([]byte{2}) || !f.RemovePasskey([]byte{1}) || f.Recovery != nil {
		t.Errorf("after the passkey: %+v", f)
	}
}

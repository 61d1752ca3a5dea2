// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roster-dev/roster/internal/account"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func withCode(id string) (*Grant, string) {
	code, hash := NewToken("handle-of-" + id)
	return &Grant{
		ID: id, SID: "sid-" + id, Client: "acme.wiki", ApplicationUID: "app", Namespace: "acme", MemberUID: "member", Device: "device", Epoch: 3,
		Began: start, Used: start, Code: &Code{Hash: hash, Expires: start.Add(CodeLifetime)},
	}, code
}

func TestCodesAreExchangedOnce(t *testing.T) {
	g, code := withCode("1")
	if err := g.Exchange(code+"x", start); !errors.Is(err, ErrUnknown) || g.Code == nil {
		t.Fatalf("another code: %v", err)
	}
	if err := g.Exchange(code, start.Add(CodeLifetime)); !errors.Is(err, ErrUnknown) {
		t.Errorf("at its end: %v", err)
	}
	if err := g.Exchange(code, start.Add(CodeLifetime-1)); err != nil || g.Code != nil {
		t.Fatalf("a moment before its end: %v, %+v", err, g.Code)
	}
	if err := g.Exchange(code, start.Add(time.Second)); !errors.Is(err, ErrReused) || g.Ending == nil || g.Ending.Reason != ReasonReused {
		t.Errorf("again: %v, %+v: the grant must end", err, g.Ending)
	}
	if err := g.Exchange(code, start); !errors.Is(err, ErrUnknown) {
		t.Errorf("of a grant that has ended: %v", err)
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	g, _ := withCode("1")
	g.Code = nil
	first, hash := NewToken("h")
	g.Issue(hash, start)
	second, hash := NewToken("h")
	now := start.Add(RefreshIdle - 1)
	if err := g.Rotate(first, hash, now); err != nil {
		t.Fatal(err)
	}
	_, other := NewToken("h")
	if err := g.Rotate(first, other, now.Add(RaceGrace-1)); !errors.Is(err, ErrRaced) || g.Ending != nil {
		t.Errorf("the one before, at once: %v, %+v", err, g.Ending)
	}
	if err := g.Renewable(second, now.Add(RaceGrace)); err != nil {
		t.Errorf("the current one: %v", err)
	}
	if err := g.Renewable(second, now.Add(RefreshIdle)); !errors.Is(err, ErrUnknown) {
		t.Errorf("unused for too long: %v", err)
	}
	if err := g.Rotate(first, other, now.Add(RaceGrace)); !errors.Is(err, ErrReused) || g.Ending == nil || g.Refresh != nil {
		t.Errorf("the one before, later: %v, %+v", err, g.Ending)
	}
	if err := g.Renewable(second, now.Add(RaceGrace)); !errors.Is(err, ErrUnknown) {
		t.Errorf("the current one of a grant that has ended: %v", err)
	}
}

func TestGrantsEndHoweverMuchTheyAreUsed(t *testing.T) {
	g, _ := withCode("1")
	g.Code = nil
	token, hash := NewToken("h")
	g.Issue(hash, start)
	for now := start; ; now = now.Add(RefreshIdle / 2) {
		next, hash := NewToken("h")
		err := g.Rotate(token, hash, now)
		if late := !now.Before(start.Add(Lifetime)); late != (err != nil) {
			t.Fatalf("after %v: %v", now.Sub(start), err)
		} else if late {
			return
		}
		token = next
	}
}

func TestDocumentIsBounded(t *testing.T) {
	var d Document
	for i := range maxKept + 20 {
		g, _ := withCode(fmt.Sprint(i))
		g.Device, g.Used = g.ID, start.Add(time.Duration(i)*time.Second)
		g.Code = nil
		d.Add(*g, g.Used)
	}
	if n := d.inForce(); n != Max || len(d.Grants) != maxKept {
		t.Errorf("%d in force of %d", n, len(d.Grants))
	}
	if d.Find("0") != nil || d.Find("69").Ending == nil || d.Find("70").Ending != nil || d.Find("119").Ending != nil {
		t.Error("not the ones that were used the longest time ago have ended")
	}
	data, err := d.Marshal()
	if err != nil || len(data) > 200<<10 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestSigningInAgainOnABrowser(t *testing.T) {
	var d Document
	add := func(id string, change func(*Grant)) *Grant {
		g, _ := withCode(id)
		g.Code = nil
		change(g)
		d.Add(*g, start)
		return d.Find(id)
	}
	same := func(*Grant) {}
	add("1", same)
	if g := add("2", same); d.Find("1") != nil || g.SID != "sid-1" {
		t.Errorf("the application has begun its session again: %+v", d.Grants)
	}
	d.Find("2").Issue("hash", start)
	if g := add("3", same); d.Find("2") == nil || g.SID != "sid-1" {
		t.Errorf("one with a refresh token has been forgotten: %+v", d.Grants)
	}
	add("4", func(g *Grant) { g.Device = "other" })
	add("5", func(g *Grant) { g.Client = "acme.chat" })
	add("6", func(g *Grant) { g.ApplicationUID = "made again" })
	for _, id := range []string{"3", "4", "5", "6"} {
		if g := d.Find(id); g == nil || id != "3" && g.SID != "sid-"+id {
			t.Errorf("%s: %+v", id, g)
		}
	}
	late, _ := withCode("7")
	late.Device, late.Began = "later", start.Add(Lifetime)
	d.Add(*late, late.Began)
	if len(d.Grants) != 1 {
		t.Errorf("those that are over are kept: %+v", d.Grants)
	}
}

func TestDocumentIsKeptWithTheCredentials(t *testing.T) {
	var c account.Credentials
	g, code := withCode("1")
	if err := Change(&c, func(d *Document) error { d.Add(*g, start); return nil }); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(c.Entry(Entry)), code) {
		t.Error("the code is kept in the clear")
	}
	failed := errors.New("no")
	err := Change(&c, func(d *Document) error { d.Find("1").End(ReasonRevoked, start); d.Remove("1"); return failed })
	if d, _ := Of(c); !errors.Is(err, failed) || len(d.Grants) != 1 || d.Grants[0].Ending != nil {
		t.Errorf("a change that failed has been kept: %v, %+v", err, d)
	}
	if err := Change(&c, func(d *Document) error { d.Remove("1"); return nil }); err != nil || c.Entry(Entry) != nil {
		t.Errorf("%v, %s", err, c.Entry(Entry))
	}
	if _, err := Parse([]byte(`{"version":2}`)); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a document of a newer portal: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	g, _ := withCode("1")
	data, _ := Document{Grants: []Grant{*g}}.Marshal()
	f.Add(data)
	f.Add([]byte(`{"version":1,"grants":[{}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		d, err := Parse(data)
		if err != nil {
			return
		}
		for i := range d.Grants {
			_ = d.Grants[i].Exchange("code", start)
			_ = d.Grants[i].Rotate("token", "next", start)
			_ = Counts(&d.Grants[i], Facts{}, start)
		}
		d.Add(*g, start)
	})
}

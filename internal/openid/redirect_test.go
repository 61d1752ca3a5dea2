// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/url"
	"strings"
	"testing"
)

func TestRedirectsAreComparedCharacterByCharacter(t *testing.T) {
	registered := []string{"https://wiki.acme.example/callback", "https://wiki.acme.example/cb?tenant=acme", "http://127.0.0.1/callback", "http://[::1]:8000/"}
	for asked, want := range map[string]struct{ web, native bool }{
		"https://wiki.acme.example/callback":                      {true, true},
		"https://wiki.acme.example/cb?tenant=acme":                {true, true},
		"http://127.0.0.1/callback":                               {true, true},
		"http://127.0.0.1:41234/callback":                         {false, true},
		"http://[::1]:9/":                                         {false, true},
		"http://[::1]/":                                           {false, true},
		"":                                                        {false, false},
		"https://wiki.acme.example/callback/":                     {false, false},
		"https://wiki.acme.example/callback/../evil":              {false, false},
		"https://wiki.acme.example/callbackevil":                  {false, false},
		"https://wiki.acme.example/callback?x=1":                  {false, false},
		"https://wiki.acme.example/callback#x":                    {false, false},
		"https://wiki.acme.example/CALLBACK":                      {false, false},
		"HTTPS://wiki.acme.example/callback":                      {false, false},
		"https://WIKI.acme.example/callback":                      {false, false},
		"https://wiki.acme.example:443/callback":                  {false, false},
		"https://wiki.acme.example:8443/callback":                 {false, false},
		"https://wiki.acme.example/%63allback":                    {false, false},
		"https://wiki.acme.example./callback":                     {false, false},
		"https://evil@wiki.acme.example/callback":                 {false, false},
		"https://wiki.acme.example@evil.example/callback":         {false, false},
		"https://wiki.acme.example.evil.example/callback":         {false, false},
		"https://evil.example/https://wiki.acme.example/callback": {false, false},
		"http://wiki.acme.example/callback":                       {false, false},
		"https://wiki.acme.example/cb?tenant=beta":                {false, false},
		"https://wiki.acme.example/cb?tenant=acme&x=1":            {false, false},
		" https://wiki.acme.example/callback":                     {false, false},
		"https://wiki.acme.example/callback\n":                    {false, false},
		"https://wiki.acme.example/callback\x00":                  {false, false},
		"//wiki.acme.example/callback":                            {false, false},
		"javascript:alert(1)":                                     {false, false},
		"http://localhost:41234/callback":                         {false, false},
		"http://127.0.0.1:41234/callback/x":                       {false, false},
		"http://127.0.0.1:41234/callback?x":                       {false, false},
		"http://127.0.0.1:41234/callback#x":                       {false, false},
		"http://127.0.0.1:41234@evil.example/callback":            {false, false},
		"http://127.0.0.1:80:80/callback":                         {false, false},
		"http://127.0.0.1:/callback":                              {false, false},
		"http://127.0.0.1.evil.example:80/callback":               {false, false},
		`http://127.0.0.1:80\@evil.example/callback`:              {false, false},
		"http://127.0.0.2:80/callback":                            {false, false},
		"http://0x7f.1:80/callback":                               {false, false},
		"https://127.0.0.1:41234/callback":                        {false, false},
		"HTTP://127.0.0.1:41234/callback":                         {false, false},
	} {
		if got := Registered(registered, asked, false); got != want.web {
			t.Errorf("%q, of a server: %t", asked, got)
		}
		if got := Registered(registered, asked, true); got != want.native {
			t.Errorf("%q, of a device: %t", asked, got)
		}
	}
}

func TestAnswersKeepWhatTheAddressHas(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.example/cb":     "https://a.example/cb?code=x+y",
		"https://a.example/cb?t=1": "https://a.example/cb?t=1&code=x+y",
		"https://a.example/cb?":    "https://a.example/cb?code=x+y",
		"https://a.example/%2f?q=": "https://a.example/%2f?q=&code=x+y",
	} {
		if got := Answer(address, url.Values{"code": {"x y"}}); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// FuzzRegistered: whatever is asked for, a browser goes to a host that is registered.
func FuzzRegistered(f *testing.F) {
	registered := []string{"https://wiki.acme.example/callback", "http://127.0.0.1/callback"}
	for _, seed := range []string{"http://127.0.0.1:80/callback", `http://127.0.0.1:80\@evil.example/callback`, "https://wiki.acme.example/callback"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		if !Registered(registered, asked, true) {
			return
		}
		u, err := url.Parse(asked)
		if err != nil || u.User != nil || u.Hostname() != "wiki.acme.example" && u.Hostname() != "127.0.0.1" || u.Path != "/callback" ||
			strings.ContainsAny(asked, "\\\r\n\t #") {
			t.Errorf("%q is taken for registered", asked)
		}
	})
}

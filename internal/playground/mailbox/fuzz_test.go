// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzMail checks that no mail, however broken, upsets the mailbox, and that what it shows is always valid text.
func FuzzMail(f *testing.F) {
	for _, seed := range []string{
		"",
		"no header at all\n",
		"Subject: =?utf-8?b?4pyT?=\r\n folded\r\nFrom: \"A\" <a@b.example>, broken <\r\nTo: undisclosed-recipients:;\r\n\r\ntext",
		"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n6Q==",
		"Content-Type: text/plain; charset=nonsense\nContent-Transfer-Encoding: quoted-printable\n\n=ZZ",
		"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhi",
		"Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/html\n\n<a href=x><img src=\"cid:%ff\">\n--a\nContent-ID: <l>\nContent-Type: image/png\n\nx\n--a--",
		"Content-Type: text/html\n\n" + strings.Repeat("<div>", 600),
		": no name\nA : b\n\n",
		"Content-Disposition: attachment; filename*=utf-8''%\nContent-Type: ;\n\nx",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := newMessage(raw, []string{"a@b.example"}, time.Unix(0, 0))
		e := entry{message: m}
		for _, v := range []any{e.summary(), m.full(), m.header.values()} {
			if encoded, err := json.Marshal(v); err != nil || !utf8.Valid(encoded) {
				t.Fatalf("%v in %q", err, encoded)
			}
		}
		for _, view := range []string{viewHTML, viewText, viewHeaders, viewSource} {
			if o := open(m, "", view); !utf8.ValidString(string(o.Text)) || !utf8.ValidString(o.Source) {
				t.Fatalf("view %s is no text", view)
			}
		}
		if utf8.RuneCountInString(m.snippet()) > snippetLen {
			t.Fatalf("the snippet is longer than %d characters: %q", snippetLen, m.snippet())
		}
		parseQuery(string(raw)).matches(e)
		showable(m.body.html, m.body.parts)
	})
}

// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"fmt"
	"html"
	"strings"

	"github.com/roster-dev/roster/internal/texts"
)

// tooManyCookies is the answer to a browser that sends too much, which can only be cookies: of other sites of the same domain. It is in all
// languages, since nothing of the request is known, and loads nothing, since what it would load would fail alike.
func (p *Portal) tooManyCookies() []byte {
	var page strings.Builder
	page.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Roster</title></head>\n<body>\n")
	for _, locale := range texts.Languages() {
		w := p.dictionary.Words[locale]
		fmt.Fprintf(&page, "<section lang=\"%s\">\n<h1>%s</h1>\n<p>%s</p>\n</section>\n", locale,
			html.EscapeString(w.T("problem.cookies.title")), html.EscapeString(w.T("problem.cookies.text", "Host", p.hostname)))
	}
	page.WriteString("</body>\n</html>\n")
	return fmt.Appendf(nil, "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"+
		"Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\n"+
		"Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n%s", page.Len(), page.String())
}

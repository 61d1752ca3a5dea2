// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// messagePolicy is the Content-Security-Policy of a mail's HTML: nothing runs, nothing is fetched, and links may only open pages of
// their own. The pages that they open are free of the sandbox, or the portal would not work in them.
const messagePolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; form-action 'none'; " +
	"base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

// showable prepares the HTML of a mail to be shown in a frame: links open in a tab of their own and do not tell where they were
// clicked. The policy does the rest.
func showable(source string) string {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return html.EscapeString(source)
	}
	for n := range doc.Descendants() {
		if n.DataAtom == atom.A || n.DataAtom == atom.Area {
			setAttribute(n, "target", "_blank")
			setAttribute(n, "rel", "noopener noreferrer")
		}
	}
	var out strings.Builder
	if err := html.Render(&out, doc); err != nil {
		return html.EscapeString(source)
	}
	return out.String()
}

func setAttribute(n *html.Node, key, value string) {
	for i, a := range n.Attr {
		if a.Namespace == "" && a.Key == key {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: value})
}

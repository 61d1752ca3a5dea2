// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"encoding/base64"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// messagePolicy is the Content-Security-Policy of a mail's HTML: nothing runs, nothing is fetched, and links may only open pages of
// their own. The pages that they open are free of the sandbox, or the portal would not work in them.
const messagePolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; form-action 'none'; " +
	"base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

// showable prepares the HTML of a mail to be shown in a frame: links open in a tab of their own and do not tell where they were
// clicked, and pictures that came with the mail are put in their places. The policy does the rest.
func showable(source string, parts []part) string {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return html.EscapeString(source)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.A, atom.Area:
			setAttribute(n, "target", "_blank")
			setAttribute(n, "rel", "noopener noreferrer")
		case atom.Img:
			if uri := pictureURI(attribute(n, "src"), parts); uri != "" {
				setAttribute(n, "src", uri)
			}
		}
	}
	var out strings.Builder
	if err := html.Render(&out, doc); err != nil {
		return html.EscapeString(source)
	}
	return out.String()
}

// pictureURI returns a picture that came with the mail (RFC 2392) as a data URI, or nothing.
func pictureURI(src string, parts []part) string {
	id, isCID := strings.CutPrefix(src, "cid:")
	if !isCID {
		return ""
	}
	if unescaped, err := url.PathUnescape(id); err == nil {
		id = unescaped
	}
	for _, p := range parts {
		if p.contentID == id && strings.HasPrefix(p.mediaType, "image/") {
			return "data:" + p.mediaType + ";base64," + base64.StdEncoding.EncodeToString(p.content)
		}
	}
	return ""
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == key {
			return a.Val
		}
	}
	return ""
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

// htmlText is the text of an HTML document without its markup.
func htmlText(source string) string {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return ""
	}
	var out strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && !isHidden(n.Parent) {
			out.WriteString(n.Data)
			out.WriteByte(' ')
		}
	}
	return out.String()
}

func isHidden(n *html.Node) bool {
	return n != nil && (n.DataAtom == atom.Style || n.DataAtom == atom.Script || n.DataAtom == atom.Title)
}

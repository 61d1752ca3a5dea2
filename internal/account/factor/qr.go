// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quietZone is how many light modules surround the code (ISO/IEC 18004, 6.3.8: four).
const quietZone = 4

// QRCode draws a text as an SVG element that stands in a page: no script, no style, no second request that would carry a secret. Dark on
// light in every colour scheme, since many cameras read nothing else. The label is what screen readers say; templates must not escape the
// element again.
func QRCode(text, label string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	side := size + 2*quietZone
	//nolint:gosec // G203: numbers, and a label that is escaped here
	return template.HTML(fmt.Sprintf(`<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" `+
		`width="%[2]d" height="%[2]d" role="img" aria-label="%[3]s" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path fill="#000" d="%[4]s"/></svg>`,
		side, side*qrScale, template.HTMLEscapeString(label), path.String())), nil
}

// qrScale is how many CSS pixels a module is wide.
const qrScale = 5

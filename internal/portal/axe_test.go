// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	_ "embed"
)

// axe is axe-core 4.14 (https://github.com/dequelabs/axe-core, MPL 2.0), as its npm package has it.
//
//go:embed testdata/axe/axe.min.js
var axe string

// accessible lets axe-core look for what breaks WCAG 2.2, level AA, or its own good practice.
func (b *tab) accessible(name string) {
	b.t.Helper()
	b.value(axe + `;0`)
	b.value(`axe.run(document, {preload: false}).then(r => { window.axeResult = r.violations.map(v => v.id + ': ' + v.help + ': ' +
		v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')).join('\n') || 'none' }, e => { window.axeResult = String(e) }); 0`)
	result := ""
	await(b.t, func(context.Context) bool {
		result = b.value(`window.axeResult || ''`)
		return result != ""
	})
	b.value(`delete window.axeResult; 0`)
	if result != "none" {
		b.t.Errorf("%s: axe finds: %s", name, result)
	}
}

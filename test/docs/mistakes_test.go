// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/config"
)

// TestDocumentedMistakes: what docs/operations.md shows of a wrong configuration is what its reader sees, all of it at once.
func TestDocumentedMistakes(t *testing.T) {
	_, err := config.Parse([]byte(`
apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail: {from: roster, smtp: {address: smtp.acme.example}}
portal: {url: roster.acme.example}
`))
	if err == nil {
		t.Fatal("the configuration is taken")
	}
	_, shown, _ := strings.Cut(read(t, "docs/operations.md"), "manager: configuration /etc/roster/config.yaml: ")
	shown, _, _ = strings.Cut(shown, "\n```")
	if got := err.Error(); got != shown {
		t.Errorf("the page shows\n%s\nand people see\n%s", shown, got)
	}
}

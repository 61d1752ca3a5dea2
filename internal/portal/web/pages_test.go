// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/roster-dev/roster/internal/portal/web"
)

// room has those templates.
func room(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs["templates/"+name+".html"] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

// TestPagesShareTheirTemplates: each page shows its own content, with what another file defines.
func TestPagesShareTheirTemplates(t *testing.T) {
	dictionary, err := web.NewDictionary()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := web.NewPages("",
		room(map[string]string{"one": `{{define "content"}}<p>One {{template "shared" .}}</p>{{end}}`, "layout-x": `{{define "shared"}}& both{{end}}`}),
		room(map[string]string{"two": `{{define "content"}}<p title="{{.Title}}">Two {{template "shared" .}}</p>{{end}}`}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[web.PageName]string{
		"one": "<p>One & both</p>", "two": `<p title="&lt;b&gt;">Two & both</p>`,
	} {
		w := httptest.NewRecorder()
		if err := pages.Write(w, 200, name, dictionary.Words["en"], "<b>", nil, nil); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(w.Body.String(), want) || strings.Count(w.Body.String(), "both") != 1 {
			t.Errorf("page %s is\n%s", name, w.Body)
		}
	}
}

// TestNoTwoTemplatesHaveOneName: one would be shown in place of the other.
func TestNoTwoTemplatesHaveOneName(t *testing.T) {
	for name, other := range map[string]map[string]string{
		"a page":     {"notice": `{{define "content"}}{{end}}`},
		"a template": {"other": `{{define "content"}}{{end}}{{define "passkey"}}{{end}}`},
	} {
		if _, err := web.NewPages("", room(other)); err == nil || !strings.Contains(err.Error(), "two templates are called") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

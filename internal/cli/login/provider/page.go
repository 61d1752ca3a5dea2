// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"fmt"
	"net/http"

	"golang.org/x/text/language"
)

// page is what the browser shows when it has come back.
type page int

const (
	pageDone page = iota
	pageRefused
	pageForeign
)

type words struct{ title, text string }

func (p page) in(lang string) words {
	french := lang == "fr"
	switch {
	case p == pageDone && french:
		return words{"Vous êtes connecté", "Vous pouvez fermer cette page et revenir au terminal."}
	case p == pageDone:
		return words{"You are signed in", "You can close this page and go back to the terminal."}
	case p == pageRefused && french:
		return words{"La connexion n’a pas abouti", "Le terminal en indique la raison. Vous pouvez fermer cette page."}
	case p == pageRefused:
		return words{"You are not signed in", "The terminal says why. You can close this page."}
	case french:
		return words{"Rien à faire ici", "Cette page n’appartient à aucune connexion en cours. Relancez la commande dans le terminal."}
	}
	return words{"Nothing to do here", "This page belongs to no sign-in that is under way. Run the command in the terminal again."}
}

// showPage writes a page without anything that could be loaded or told to others.
func showPage(rw http.ResponseWriter, r *http.Request, status int, p page) {
	lang := "en"
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err == nil && len(tags) > 0 {
		_, index, _ := language.NewMatcher([]language.Tag{language.English, language.French}).Match(tags...)
		lang = []string{"en", "fr"}[index]
	}
	w := p.in(lang)
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	rw.WriteHeader(status)
	fmt.Fprintf(rw, `<!doctype html><html lang="%s"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">`+
		`<meta name="viewport" content="width=device-width"><title>%s</title></head><body><main><h1>%s</h1><p>%s</p></main></body></html>`,
		lang, w.title, w.title, w.text)
}

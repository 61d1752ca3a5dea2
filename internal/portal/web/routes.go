// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
)

// Route is a page. What the mux knows of it, which methods it allows and whether people can be sent on to it follow from its entry.
type Route struct {
	// Path of the page under the path of the portal's address. Each of its parameters has an entry in parameters.
	Path string
	// Get also serves HEAD. Post has read the form. Where one of the two is nil, that method is answered with 405. A page for people who are
	// signed in is what a guard of the session makes of it. An error is that of an API server that cannot be reached or refuses.
	Get, Post func(*Visit) error
	// Returnable: people who have to sign in first, or to prove again who they are, can be sent on to it.
	Returnable bool
	// AtHost: the path starts at the host, wherever the portal is on it.
	AtHost bool
	// Tool: programs ask here, not browsers. The handler reads the form, and counts the requests by the program.
	Tool bool
	// MaxBody is the largest form in bytes where a page needs a larger one than others; 0 for that of all.
	MaxBody int64
}

// MaxRequest is the longest request that can stand in a path, in bytes: browsers keep a cookie that carries such a path, sealed.
const MaxRequest = 2400

// parameters are what may stand in the paths that people are sent on to, by the name of the parameter. None matches a path's "." or "..".
func parameters() map[string]string {
	return map[string]string{
		"token":     `[A-Za-z0-9_-]{1,100}`,
		"namespace": `[a-z0-9-]{1,63}`,
		"network":   `[a-z]{1,20}`,
		"profile":   `[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?`,
		"name":      `[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?`,
		"code":      `[A-Za-z-]{8,9}`,
		"request":   `[A-Za-z0-9_-]+`, // a sealed text, of MaxRequest bytes at most
	}
}

// AllowGet is the Allow header of a page without a form.
const AllowGet = "GET, HEAD"

// Allow is the Allow header of a page.
func (r Route) Allow() string {
	switch {
	case r.Post == nil:
		return AllowGet
	case r.Get == nil:
		return http.MethodPost
	}
	return AllowGet + ", " + http.MethodPost
}

// Serve serves the pages, answers 405 to methods that a page does not have, and 404 to all other paths. Those two are for anybody, and
// recognise finds out who is signed in.
func (s *Site) Serve(routes []Route, recognise func(page func(*Visit) error) func(*Visit) error) *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, page func(*Visit) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v := s.Visit(w, r)
			if err := page(v); err != nil && !errors.Is(err, ErrAnswered) {
				v.Fault(err)
			}
		})
	}
	for _, r := range routes {
		path := s.Root + r.Path
		if r.AtHost {
			path = r.Path
		}
		if r.Get != nil {
			handle("GET "+path, r.Get)
		}
		if r.Post != nil {
			handle("POST "+path, func(v *Visit) error {
				if !r.Tool {
					if err := v.readForm(); err != nil {
						return err
					}
				}
				return r.Post(v)
			})
		}
		notAllowed := func(v *Visit) error { return v.MethodNotAllowed(r.Allow()) }
		if !r.Tool {
			notAllowed = recognise(notAllowed)
		}
		handle(path, notAllowed)
	}
	handle("/", recognise((*Visit).NotFound))
	s.destinations = destinations(routes)
	return mux
}

// destinations matches the paths that people can be sent on to: no other address gets into a redirect.
func destinations(routes []Route) *regexp.Regexp {
	known, parameter := parameters(), regexp.MustCompile(`\\\{([a-z]+)\\\}`)
	var paths []string
	for _, r := range routes {
		if r.Returnable {
			paths = append(paths, parameter.ReplaceAllStringFunc(regexp.QuoteMeta(r.Path), func(s string) string {
				return known[strings.Trim(s, `\{}`)]
			}))
		}
	}
	return regexp.MustCompile(`^(` + strings.Join(paths, "|") + `)$`)
}

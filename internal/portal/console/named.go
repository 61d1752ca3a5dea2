// SPDX-License-Identifier: Apache-2.0

package console

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/portal/web"
)

// Object of a kind.
type Object[T any] interface {
	*T
	client.Object
}

// Named is a page about the object that the path names, as the API server has it now.
func Named[T any, O Object[T]](page func(*Visit, O) error) func(*Visit) error {
	return func(v *Visit) error {
		o := O(new(T))
		if err := v.Find(o); err != nil {
			return err
		}
		return page(v, o)
	}
}

// Deletion is the page that says what it means to delete the object that the path names, and what deletes it and goes on to done.
func Deletion[T any, O Object[T]](
	ask func(*Visit, O, []web.Problem) error, done func(*Visit, O) error, fields Fields,
) (get, post func(*Visit) error) {
	get = Named(func(v *Visit, o O) error { return ask(v, o, nil) })
	post = Named(func(v *Visit, o O) error {
		if problems := v.Unconfirmed(o); problems != nil {
			return ask(v, o, problems)
		}
		again := func(problems []web.Problem) error { return ask(v, o, problems) }
		return v.Wrote(v.Delete(o), func() error { return done(v, o) }, again, fields)
	})
	return get, post
}

// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/gitops"
	"github.com/roster-dev/roster/internal/portal/web"
)

// FieldManager is the name that a person's writes go by in managedFields: it tells who it was, as far as the name has room (128
// characters).
func FieldManager(user string) string {
	const prefix, most = "roster-console:", 128
	if len(prefix)+len(user) > most {
		return strings.TrimSuffix(prefix, ":")
	}
	return prefix + user
}

// Get reads an object of the organisation as it is now, as the person.
func (v *Visit) Get(name string, into client.Object) error {
	return v.API.Get(v.R.Context(), client.ObjectKey{Namespace: v.Namespace(), Name: name}, into)
}

// Create makes an object of the organisation, as the person.
func (v *Visit) Create(o client.Object) error {
	o.SetNamespace(v.Namespace())
	return v.noted("create", o, v.API.Create(v.R.Context(), o))
}

// Update writes an object as the person, at the version that was read: where somebody else was faster, that is a conflict. It does not
// write objects that are kept in Git, and returns a KeptError.
func (v *Visit) Update(o client.Object) error {
	if err := kept(o); err != nil {
		return err
	}
	return v.noted("update", o, v.API.Update(v.R.Context(), o))
}

// Delete deletes an object as the person, if it is still the one that was read. It does not delete objects that are kept in Git, and
// returns a KeptError.
func (v *Visit) Delete(o client.Object) error {
	if err := kept(o); err != nil {
		return err
	}
	same := client.Preconditions{UID: ptr.To(o.GetUID())}
	return v.noted("delete", o, v.API.Delete(v.R.Context(), o, same))
}

// noted writes down who has changed what.
func (v *Visit) noted(verb string, o client.Object, err error) error {
	result := web.ResultSuccess
	if err != nil {
		result = web.ResultFailure
	}
	v.Audit(web.EventConsole, result, v.Person.Account.Name,
		"verb", verb, "kind", fmt.Sprintf("%T", o), "namespace", o.GetNamespace(), "name", o.GetName())
	return err
}

// KeptError is that an object is kept in Git, where a change by hand would be put back.
type KeptError struct {
	// Keeper is who keeps it, such as Flux.
	Keeper string
	// Object as it would have been written.
	Object client.Object
}

// Error implements error.
func (e *KeptError) Error() string {
	return fmt.Sprintf("%s keeps %s in Git: change it there", e.Keeper, e.Object.GetName())
}

// Keeper is who keeps an object in Git, such as Flux; empty where nobody does. The object is one that was read with Get: the cache does not
// know.
func Keeper(o client.Object) string { return gitops.KeeperOf(o.GetManagedFields(), "").Name }

func kept(o client.Object) error {
	if keeper := Keeper(o); keeper != "" {
		return &KeptError{Keeper: keeper, Object: o}
	}
	return nil
}

// Refused puts the answer of the API server to what the person wanted into words, each with the field of the form that it is about. It
// returns the error itself where it is about none of what they wrote: the API server cannot be reached.
func (v *Visit) Refused(err error) ([]web.Problem, error) {
	w := v.Words
	switch {
	case err == nil:
		return nil, nil
	case apierrors.IsConflict(err):
		return []web.Problem{{Text: w.T("console.conflict")}}, nil
	case apierrors.IsNotFound(err):
		return []web.Problem{{Text: w.T("console.gone")}}, nil
	case apierrors.IsAlreadyExists(err):
		return []web.Problem{{Text: w.T("console.exists")}}, nil
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return []web.Problem{{Text: w.T("console.refused", "Why", reason(err))}}, nil
	}
	return nil, err
}

// reason is what a policy or the schema has to say.
func reason(err error) string {
	message := err.Error()
	if _, why, ok := strings.Cut(message, "denied request: "); ok {
		return why
	}
	return message
}

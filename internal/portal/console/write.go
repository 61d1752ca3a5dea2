// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// FieldManager is the name that a person's writes go by in managedFields: it tells who it was, as far as the name has room (128
// characters).
func FieldManager(user string) string {
	const most = 128
	if name := consoleManager + ":" + user; len(name) <= most {
		return name
	}
	return consoleManager
}

const consoleManager = "roster-console"

// Get reads an object of the organisation as it is now, as the person. What can be no name is that of nothing: it may stand in an address
// or a form, and the API server would be asked for another path.
func (v *Visit) Get(name string, into client.Object) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return apierrors.NewNotFound(schema.GroupResource{Group: rosterv1alpha1.GroupVersion.Group, Resource: v.kindOf(into)}, name)
	}
	return v.API.Get(v.R.Context(), client.ObjectKey{Namespace: v.Namespace(), Name: name}, into)
}

// Find reads the object that the path names, as the person. What is not there is answered.
func (v *Visit) Find(into client.Object) error {
	err := v.Get(v.R.PathValue("name"), into)
	if apierrors.IsNotFound(err) {
		return web.Answered(v.NotFound())
	}
	return err
}

// Create makes an object of the organisation, as the person.
func (v *Visit) Create(o client.Object) error {
	o.SetNamespace(v.Namespace())
	return v.noted("create", o, v.API.Create(v.R.Context(), o))
}

// Update writes an object as the person, at the version that was read: where somebody else was faster, that is a conflict. It does not
// write objects that are kept in Git, and returns a KeptError.
func (v *Visit) Update(o client.Object) error {
	if err := kept(o, false); err != nil {
		return err
	}
	return v.noted("update", o, v.API.Update(v.R.Context(), o))
}

// Delete deletes an object as the person, if it is still the one that was read. It does not delete objects that are kept in Git, and
// returns a KeptError.
func (v *Visit) Delete(o client.Object) error {
	if err := kept(o, true); err != nil {
		return err
	}
	same := client.Preconditions{UID: ptr.To(o.GetUID())}
	return v.noted("delete", o, v.API.Delete(v.R.Context(), o, same))
}

// kindOf is the kind of an object, of whatever type it is in Go.
func (v *Visit) kindOf(o client.Object) string {
	kind, err := apiutil.GVKForObject(o, v.API.Scheme())
	if err != nil {
		return fmt.Sprintf("%T", o)
	}
	return kind.Kind
}

// noted writes down who has changed what.
func (v *Visit) noted(verb string, o client.Object, err error) error {
	result := web.ResultSuccess
	if err != nil {
		result = web.ResultFailure
	}
	v.Audit(web.EventConsole, result, v.Person.Account.Name,
		"verb", verb, "kind", v.kindOf(o), "namespace", o.GetNamespace(), "name", o.GetName())
	return err
}

// UpdateFresh reads an object as it is now, changes it and writes it, as the person. Where somebody else writes it at the same time, that
// is done again on what they wrote: so the change has to mean the same then, as adding a name to a list does. It returns false where there
// was nothing to change.
func UpdateFresh[O client.Object](v *Visit, name string, o O, change func(O) bool) (bool, error) {
	const tries = 5
	var err error
	for range tries {
		fresh := o.DeepCopyObject().(O)
		if err = v.Get(name, fresh); err != nil {
			return false, err
		}
		if !change(fresh) {
			return false, nil
		}
		if err = v.Update(fresh); !apierrors.IsConflict(err) {
			return err == nil, err
		}
	}
	return false, err
}

// TakeOut takes what is gone out of a list of the Teams that name it, each with one write. It returns the names of the Teams that still do.
func (v *Visit) TakeOut(
	teams []*rosterv1alpha1.Team, list func(*rosterv1alpha1.TeamSpec) *[]string, gone func(name string) bool,
) []string {
	var left []string
	for _, t := range teams {
		if !slices.ContainsFunc(*list(&t.Spec), gone) {
			continue
		}
		_, err := UpdateFresh(v, t.Name, &rosterv1alpha1.Team{}, func(fresh *rosterv1alpha1.Team) bool {
			names := list(&fresh.Spec)
			before := len(*names)
			*names = slices.DeleteFunc(*names, gone)
			return len(*names) < before
		})
		if client.IgnoreNotFound(err) != nil {
			v.Log().Info("A team still names what was removed", "team", t.Name, "why", err.Error())
			left = append(left, t.Name)
		}
	}
	return left
}

// MembersOf is the list of people of a Team.
func MembersOf(spec *rosterv1alpha1.TeamSpec) *[]string { return &spec.Members }

// ProfilesOf is the list of profiles that a Team names.
func ProfilesOf(spec *rosterv1alpha1.TeamSpec) *[]string { return &spec.Profiles }

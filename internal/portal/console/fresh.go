// SPDX-License-Identifier: Apache-2.0

package console

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

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

// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/archive"
)

// listed is how many objects an error names.
const listed = 20

// look finds what there is already of the objects of the file, and refuses to lose what is in them.
func (r *run) look(ctx context.Context) error {
	if err := r.find(ctx); err != nil {
		return err
	}
	return r.refuseConflicts()
}

func (r *run) find(ctx context.Context) error {
	for _, s := range archive.Steps() {
		live, err := r.list(ctx, s)
		if err != nil {
			return err
		}
		for _, i := range r.items[s.Name] {
			if i.live = live[archive.Key(i.saved)]; i.live != nil {
				i.stays = r.staying(i)
				r.now[i.saved.GetUID()] = i.live.GetUID()
			}
		}
		takeTurns(r.items[s.Name])
	}
	r.leaveCredentials()
	r.absent = map[string]bool{}
	for _, n := range r.items["namespaces"] {
		r.absent[n.saved.GetName()] = n.live == nil
	}
	// Keys that nobody has made anything with are those of a fresh installation.
	var accounts rosterv1alpha1.AccountList
	err := r.client.List(ctx, &accounts, client.InNamespace(rosterv1alpha1.AccountNamespace), client.Limit(1))
	r.inUse = len(accounts.Items) > 0
	return err
}

// list reads the objects of a step in the namespaces that the file has.
func (r *run) list(ctx context.Context, s archive.Step) (map[string]*object, error) {
	found, done := map[string]*object{}, map[string]bool{}
	for _, i := range r.items[s.Name] {
		namespace := i.saved.GetNamespace()
		if done[namespace] {
			continue
		}
		done[namespace] = true
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(s.Kind)
		if err := r.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		for n := range list.Items {
			found[archive.Key(&list.Items[n])] = &list.Items[n]
		}
	}
	return found, nil
}

// leaveCredentials takes out the credentials of Accounts that exist and are others than the saved ones: they would open nothing.
func (r *run) leaveCredentials() {
	for _, a := range r.items["accounts"] {
		if a.stays && text(lasting(a.live), "spec", "credentialsID") != text(a.saved, "spec", "credentialsID") {
			r.items["credentials"] = slices.DeleteFunc(r.items["credentials"], func(c *item) bool { return c.saved.GetName() == a.saved.GetName() })
		}
	}
}

// staying reports whether an object that exists stays whatever the file says.
func (r *run) staying(i *item) bool {
	return i.saved.GetKind() == "Namespace" || i.step.Place == archive.Accounts && r.saved.Namespace != ""
}

// refuseConflicts names what exists and differs.
func (r *run) refuseConflicts() error {
	var conflicts []string
	for _, s := range archive.Steps() {
		for _, i := range r.items[s.Name] {
			switch {
			case i.live == nil, i.stays, r.overwrite, i.step.Place == archive.System && !r.inUse:
			case !i.same(r.now):
				conflicts = append(conflicts, i.String())
			case !i.statusWritten(r.now) && !i.untouched():
				conflicts = append(conflicts, i.String()+" (its status)")
			}
		}
	}
	if len(conflicts) == 0 {
		return nil
	}
	names := strings.Join(conflicts[:min(len(conflicts), listed)], "\n  ")
	if more := len(conflicts) - listed; more > 0 {
		names += fmt.Sprintf("\n  and %d more", more)
	}
	return fmt.Errorf("nothing was restored, since these exist and differ from what was saved:\n  %s\n"+
		"To keep them, take them out of the file. To lose what has happened to them since, add --overwrite", names)
}

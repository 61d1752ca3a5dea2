// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/roster-dev/roster/internal/access"
)

// unwritten remembers which Roles and bindings Kubernetes refuses, so that the status of what the rights come from says so. After a
// restart, the first try tells again.
type unwritten struct {
	mu       sync.Mutex
	problems map[client.ObjectKey]access.Problem // by the Role
	written  map[client.ObjectKey]bool           // since the start, or found as they should be
	changes  map[string]chan event.GenericEvent  // by the kind whose status is to be written
}

// The kinds whose status tells of Roles that cannot be written.
const (
	kindOrganization = "Organization"
	kindCustomRole   = "CustomRole"
	kindTeam         = "Team"
	kindWorkspace    = "Workspace"
	kindProfile      = "SocialProfile"
)

func newUnwritten() *unwritten {
	u := &unwritten{
		problems: map[client.ObjectKey]access.Problem{}, written: map[client.ObjectKey]bool{}, changes: map[string]chan event.GenericEvent{},
	}
	for _, kind := range []string{kindOrganization, kindCustomRole, kindTeam, kindWorkspace, kindProfile} {
		u.changes[kind] = make(chan event.GenericEvent)
	}
	return u
}

// teller is the object whose status tells of a source; an Organization has no name here, as there is one that counts.
func teller(s access.Source) (kind, name string) {
	switch s.Kind {
	case access.FromTeam:
		return kindTeam, s.Name
	case access.FromWorkspace:
		return kindWorkspace, s.Name
	case access.FromProfile, access.FromConnecting:
		return kindProfile, s.Name
	case access.FromRole, access.FromAdding:
		if s.Name != "" && s.Name == strings.ToLower(s.Name) {
			return kindCustomRole, s.Name
		}
	}
	return kindOrganization, ""
}

// note remembers what became of a Role, and has its teller looked at if that is new.
func (u *unwritten) note(ctx context.Context, role client.ObjectKey, s access.Source, p *access.Problem) {
	u.mu.Lock()
	was, before := u.problems[role]
	if p != nil {
		u.problems[role] = *p
		delete(u.written, role)
	} else {
		delete(u.problems, role)
		u.written[role] = true
	}
	u.mu.Unlock()
	if p == nil && !before || p != nil && before && *p == was {
		return
	}
	kind, name := teller(s)
	signal(ctx, u.changes[kind], client.ObjectKey{Namespace: role.Namespace, Name: name})
}

// isWritten reports whether a Role was written since the start, or found as it should be, when it was last looked at.
func (u *unwritten) isWritten(role client.ObjectKey) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.written[role]
}

// of is what the status of an object has to tell; nil where everything is written.
func (u *unwritten) of(kind string, o client.Object) *access.Problem {
	u.mu.Lock()
	defer u.mu.Unlock()
	for role, p := range u.problems {
		s, _ := access.ParseSource(role.Name)
		if k, name := teller(s); role.Namespace == o.GetNamespace() && k == kind && (name == o.GetName() || kind == kindOrganization) {
			return &p
		}
	}
	return nil
}

// watch has the objects of a kind looked at whose Roles were refused, or are not any more.
func (u *unwritten) watch(kind string, h handler.EventHandler) source.Source {
	return source.Channel(u.changes[kind], h)
}

// itself is the object of an event.
func itself(_ context.Context, o client.Object) ([]client.ObjectKey, error) {
	return []client.ObjectKey{client.ObjectKeyFromObject(o)}, nil
}

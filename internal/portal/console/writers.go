// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/roster-dev/roster/internal/gitops"
	"github.com/roster-dev/roster/internal/membership"
)

// By is by what somebody has written an object.
type By string

// What people and programs write by.
const (
	ByConsole By = "console"
	ByKubectl By = "kubectl"
	ByPlugin  By = "plugin"
	ByGit     By = "git"
	ByRoster  By = "roster"
	ByOther   By = "other"
)

// Writer is somebody who has written an object, as its managedFields tell.
type Writer struct {
	By By
	// User is the name of the person in the cluster, where they wrote in the browser and the name had room.
	User string
	// Program is what is called by a name of its own: Flux, or the field manager of a program that is not known.
	Program string
	// Time of their last write.
	Time time.Time
}

// Same reports whether two writes are one and the same.
func (w Writer) Same(o Writer) bool {
	return w.By == o.By && w.User == o.User && w.Program == o.Program && w.Time.Equal(o.Time)
}

// Writers are all who have written an object itself and not only its status, the last one first. Each is there once, and only as long as
// something of what they wrote is in force: this is no history.
func Writers(managed []metav1.ManagedFieldsEntry) []Writer {
	var all []Writer
	for _, entry := range managed {
		if entry.Subresource == "" && entry.Time != nil {
			w := writer(entry.Manager)
			w.Time = entry.Time.Time
			all = append(all, w)
		}
	}
	// The times are of whole seconds. In the same one, a person is more likely to have come last than whatever made the object.
	slices.SortStableFunc(all, func(a, b Writer) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(len(b.User), len(a.User)))
	})
	return all
}

func writer(manager string) Writer {
	if user, ok := strings.CutPrefix(manager, consoleManager+":"); ok {
		return Writer{By: ByConsole, User: user}
	}
	if program := gitops.Controller(manager); program != "" {
		return Writer{By: ByGit, Program: program}
	}
	switch {
	case manager == consoleManager:
		return Writer{By: ByConsole}
	case manager == "kubectl-roster":
		return Writer{By: ByPlugin}
	case strings.HasPrefix(manager, "kubectl"):
		return Writer{By: ByKubectl}
	case slices.Contains([]string{"roster", "roster-portal", "manager"}, manager):
		return Writer{By: ByRoster}
	}
	return Writer{By: ByOther, Program: manager}
}

// WriterName is who that was, in words that can stand in a sentence.
func (v *Visit) WriterName(w Writer) string {
	switch {
	case w.User != "" && w.User == v.User():
		return v.Words.T("console.writer.you")
	case w.User != "":
		return v.PersonName(w.User)
	case w.Program != "":
		return w.Program
	}
	switch w.By {
	case ByConsole, ByKubectl, ByPlugin, ByRoster:
		return v.Words.T("console.writer." + string(w.By))
	}
	return v.Words.T("console.writer.someone")
}

// Address is that of a user name in the cluster.
func (v *Visit) Address(user string) string { return strings.TrimPrefix(user, v.desk.UserPrefix) }

// PersonName is what the person of a user name, or of an address, is called in the organisation; else the address.
func (v *Visit) PersonName(user string) string {
	plain := v.Address(user)
	all, err := v.Members()
	if err != nil {
		return plain
	}
	for _, m := range all {
		if strings.EqualFold(cmp.Or(m.Status.Email, m.Spec.Email), plain) {
			return membership.NameOf(m)
		}
	}
	return plain
}

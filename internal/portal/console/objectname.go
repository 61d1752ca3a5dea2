// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxObjectName leaves room for a number behind the name of an object, within the 63 characters that a CustomRole may have.
const maxObjectName = 50

// ObjectName makes the name of an object from what people call it: one that no other has, that is valid for every kind, and that tells
// the object apart in Git and with kubectl. Where no letter of it can be written so, it is that of the kind.
func ObjectName(called, kind string, taken func(string) bool) string {
	name := slug(called)
	if name == "" {
		name = kind
	}
	if name[0] >= '0' && name[0] <= '9' { // Names of CustomRoles begin with a letter.
		name = kind + "-" + name
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// Taken reports which names some objects have, for ObjectName.
func Taken[O client.Object](all []O) func(name string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(all, func(o O) bool { return o.GetName() == name })
	}
}

// slug are the letters and digits of ASCII, without accents, with hyphens for what stands between them.
func slug(s string) string {
	var b strings.Builder
	for _, r := range Fold(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxObjectName {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

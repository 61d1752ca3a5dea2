// SPDX-License-Identifier: Apache-2.0

// Package people finds the Invitations and Members that a command is about, and changes them.
package people

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/cli/kube"
)

// Selection is which objects a command is about: names or addresses, or all that a selector and states find.
type Selection struct {
	Names                   []string
	Selector                string
	States                  []string
	All, AllNamespaces, Yes bool

	// confirm: many are changed only with --yes.
	confirm bool
	known   []string
}

// AddFlags adds the flags that select many. With confirm, those need --yes.
func (s *Selection) AddFlags(flags *pflag.FlagSet, plural string, states []string, confirm bool) {
	s.confirm, s.known = confirm, states
	flags.StringVarP(&s.Selector, "selector", "l", "", "Choose "+plural+" by label, such as team=press.")
	flags.StringSliceVar(&s.States, "state", nil, "Choose "+plural+" by state: "+strings.Join(states, ", ")+".")
	flags.BoolVar(&s.All, "all", false, "Choose all "+plural+" of the namespace.")
	flags.BoolVarP(&s.AllNamespaces, "all-namespaces", "A", false, "Choose in every namespace.")
	if confirm {
		flags.BoolVar(&s.Yes, "yes", false, "Do it to all that the other flags choose. To see them first, add --dry-run=server instead.")
	}
}

// Bulk reports whether objects are chosen by what they are, not by name.
func (s *Selection) Bulk() bool { return s.All || s.Selector != "" || len(s.States) > 0 }

// Validate checks the flags, and puts states into the form of the API.
func (s *Selection) Validate() error {
	switch {
	case len(s.Names) > 0 && (s.Bulk() || s.AllNamespaces):
		return errors.New("name the people, or choose them with --selector, --state, --all or --all-namespaces, not both")
	case len(s.Names) == 0 && !s.Bulk():
		return errors.New("name the people (by name or address), or choose them with --selector, --state or --all")
	}
	for i, state := range s.States {
		at := slices.IndexFunc(s.known, func(k string) bool { return strings.EqualFold(k, state) })
		if at < 0 {
			return fmt.Errorf("--state %s: must be %s", state, strings.Join(s.known, ", "))
		}
		s.States[i] = s.known[at]
	}
	if _, err := labels.Parse(s.Selector); err != nil {
		return fmt.Errorf("--selector %s: %w", s.Selector, err)
	}
	return nil
}

// InvitationStates are the states of an Invitation.
func InvitationStates() []string {
	return []string{
		string(rosterv1alpha1.InvitationPending), string(rosterv1alpha1.InvitationSent), string(rosterv1alpha1.InvitationAccepted),
		string(rosterv1alpha1.InvitationDeclined), string(rosterv1alpha1.InvitationExpired), string(rosterv1alpha1.InvitationRevoked),
		string(rosterv1alpha1.InvitationUndeliverable),
	}
}

// MemberStates are the states of a Member.
func MemberStates() []string {
	return []string{
		string(rosterv1alpha1.MemberPending), string(rosterv1alpha1.MemberActive), string(rosterv1alpha1.MemberSuspended),
		string(rosterv1alpha1.MemberEnded),
	}
}

// kind is what the selection has to know of a kind.
type kind[P client.Object] struct {
	name, resource string
	email, state   func(P) string
}

// InvitationAddress is the address that an Invitation goes to.
func InvitationAddress(inv *rosterv1alpha1.Invitation) string {
	return cmp.Or(inv.Status.Email, inv.Spec.Email)
}

// InvitationState is where an Invitation stands.
func InvitationState(inv *rosterv1alpha1.Invitation) string {
	return string(cmp.Or(inv.Status.State, rosterv1alpha1.InvitationPending))
}

// MemberAddress is the address of a Member.
func MemberAddress(m *rosterv1alpha1.Member) string { return cmp.Or(m.Status.Email, m.Spec.Email) }

// MemberState is where a Member stands.
func MemberState(m *rosterv1alpha1.Member) string {
	return string(cmp.Or(m.Status.State, rosterv1alpha1.MemberPending))
}

// Invitations finds Invitations.
func Invitations(ctx context.Context, c client.Reader, namespace string, s Selection) ([]*rosterv1alpha1.Invitation, error) {
	var list rosterv1alpha1.InvitationList
	if err := c.List(ctx, &list, s.options(namespace)...); err != nil {
		return nil, err
	}
	return pick(list.Items, namespace, s, kind[*rosterv1alpha1.Invitation]{
		"Invitation", "invitations", InvitationAddress, InvitationState,
	})
}

// Members finds Members.
func Members(ctx context.Context, c client.Reader, namespace string, s Selection) ([]*rosterv1alpha1.Member, error) {
	var list rosterv1alpha1.MemberList
	if err := c.List(ctx, &list, s.options(namespace)...); err != nil {
		return nil, err
	}
	return pick(list.Items, namespace, s, kind[*rosterv1alpha1.Member]{"Member", "members", MemberAddress, MemberState})
}

func (s Selection) options(namespace string) []client.ListOption {
	var options []client.ListOption
	if !s.AllNamespaces {
		options = append(options, client.InNamespace(namespace))
	}
	if selector, err := labels.Parse(s.Selector); err == nil && s.Selector != "" {
		options = append(options, client.MatchingLabelsSelector{Selector: selector})
	}
	return options
}

func pick[T any, P kube.Object[T]](items []T, namespace string, s Selection, k kind[P]) ([]P, error) {
	var found []P
	if s.Bulk() {
		for i := range items {
			if o := P(&items[i]); len(s.States) == 0 || slices.Contains(s.States, k.state(o)) {
				found = append(found, o)
			}
		}
		return found, nil
	}
	var missing []string
	for _, name := range s.Names {
		matches := named(items, name, k)
		switch len(matches) {
		case 0:
			missing = append(missing, name)
		case 1:
			found = append(found, matches[0])
		default:
			return nil, fmt.Errorf("there are %d %ss to %s: name the one that you mean: %s", len(matches), k.name, name, namesOf(matches))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("there is no %s %s in the namespace %s. To list them: kubectl get %s -n %s",
			k.name, strings.Join(missing, ", "), namespace, k.resource, namespace)
	}
	return found, nil
}

// named finds an object by its name, or by the address of its person.
func named[T any, P kube.Object[T]](items []T, name string, k kind[P]) []P {
	var byAddress []P
	for i := range items {
		o := P(&items[i])
		if o.GetName() == name {
			return []P{o}
		}
		if strings.Contains(name, "@") && address.Same(k.email(o), name) {
			byAddress = append(byAddress, o)
		}
	}
	return byAddress
}

func namesOf[P client.Object](objects []P) string {
	var names []string
	for _, o := range objects {
		names = append(names, o.GetName())
	}
	return strings.Join(names, ", ")
}

// CompleteInvitations completes the names of Invitations.
func CompleteInvitations(ctx context.Context, c client.Client, namespace string) []string {
	var list rosterv1alpha1.InvitationList
	_ = c.List(ctx, &list, client.InNamespace(namespace))
	return kube.Names(list.Items)
}

// CompleteMembers completes the names of Members.
func CompleteMembers(ctx context.Context, c client.Client, namespace string) []string {
	var list rosterv1alpha1.MemberList
	_ = c.List(ctx, &list, client.InNamespace(namespace))
	return kube.Names(list.Items)
}

// CompleteProfiles completes the names of profiles.
func CompleteProfiles(ctx context.Context, c client.Client, namespace string) []string {
	var list rosterv1alpha1.SocialProfileList
	_ = c.List(ctx, &list, client.InNamespace(namespace))
	return kube.Names(list.Items)
}

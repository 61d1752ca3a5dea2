// SPDX-License-Identifier: Apache-2.0

// Package wait is the command that waits until people have come as far as one asks.
package wait

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/pointers"
)

// The codes that the command ends with.
const (
	codeTimeout = 2
	codeNever   = 3
)

// joined is what a person is who has accepted: a Member that is active.
const joined = "Joined"

type options struct {
	state   string
	timeout time.Duration
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	states := append(people.InvitationStates(), string(rosterv1alpha1.MemberActive), string(rosterv1alpha1.MemberSuspended),
		string(rosterv1alpha1.MemberEnded), joined)
	cmd := &cobra.Command{
		Use:   "wait (NAME|ADDRESS)... --for STATE",
		Short: "Wait until people have been mailed, have answered or have joined",
		Long: `Wait until each person has come to a state: of their invitation (` + strings.Join(people.InvitationStates(), ", ") + `) or as a
Member (Active, Suspended, Ended). Joined is both: the invitation is accepted and the Member is active.

It ends with 0 when all have come there, with 2 when the time is over, with 3 as soon as somebody will not come there without help, because
the invitation was declined, withdrawn, not used in time or not deliverable, and with 1 on any other error.`,
		Example: `  # Until the relay has taken the mail
  kubectl roster wait zoe --for Sent --timeout 1m

  # Until Zoe has joined, for at most three days
  kubectl roster wait zoe@acme.example --for Joined --timeout 72h`,
		Args:              input.Arguments(1, math.MaxInt),
		ValidArgsFunction: f.Completion(people.CompleteInvitations),
		RunE: func(cmd *cobra.Command, args []string) error {
			at := slices.IndexFunc(states, func(s string) bool { return strings.EqualFold(s, o.state) })
			if at < 0 {
				return fmt.Errorf("--for %s: must be %s", o.state, strings.Join(states, ", "))
			}
			o.state = states[at]
			return o.run(cmd.Context(), f, args)
		},
	}
	cmd.Flags().StringVar(&o.state, "for", joined, "The state to wait for.")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "How long to wait, such as 90s or 72h.")
	return cmd
}

func (o *options) run(ctx context.Context, f *kube.Factory, names []string) error {
	c, namespace, err := f.InNamespace()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	view := &view{state: o.state, names: names}
	for {
		err := view.follow(ctx, c, namespace)
		var ended *exit.Error
		switch {
		case err == nil:
			for _, name := range names {
				fmt.Fprintf(f.Out, "%s: %s\n", name, o.state)
			}
			return nil
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return &exit.Error{Code: codeTimeout, Cause: fmt.Errorf("not %s within %s: %s", o.state, o.timeout, view.waiting())}
		case errors.Is(err, errAgain):
			continue
		case errors.As(err, &ended):
			return err
		}
		return err
	}
}

// errAgain: the API server has ended the watch, as it does after a while.
var errAgain = errors.New("the watch has ended")

// view is what is known of the people who are waited for.
type view struct {
	state       string
	names       []string
	invitations map[string]*rosterv1alpha1.Invitation
	members     map[string]*rosterv1alpha1.Member
}

// follow lists and watches until all have come to the state.
func (v *view) follow(ctx context.Context, c client.WithWatch, namespace string) error {
	var invitations rosterv1alpha1.InvitationList
	var members rosterv1alpha1.MemberList
	if err := errors.Join(c.List(ctx, &invitations, client.InNamespace(namespace)), c.List(ctx, &members,
		client.InNamespace(namespace))); err != nil {
		return err
	}
	v.invitations = map[string]*rosterv1alpha1.Invitation{}
	v.members = map[string]*rosterv1alpha1.Member{}
	for _, inv := range pointers.To(invitations.Items) {
		v.invitations[inv.Name] = inv
	}
	for _, m := range pointers.To(members.Items) {
		v.members[m.Name] = m
	}
	if err := v.known(namespace); err != nil {
		return err
	}
	ofInvitations, err := c.Watch(ctx, &invitations, client.InNamespace(namespace), from(invitations.ResourceVersion))
	if err != nil {
		return err
	}
	defer ofInvitations.Stop()
	ofMembers, err := c.Watch(ctx, &members, client.InNamespace(namespace), from(members.ResourceVersion))
	if err != nil {
		return err
	}
	defer ofMembers.Stop()
	for {
		if done, err := v.done(); done || err != nil {
			return err
		}
		var event watch.Event
		var open bool
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, open = <-ofInvitations.ResultChan():
		case event, open = <-ofMembers.ResultChan():
		}
		if !open || event.Type == watch.Error {
			return errAgain
		}
		v.take(event)
	}
}

// from watches what comes after a list.
func from(resourceVersion string) client.ListOption {
	o := &client.ListOptions{}
	o.Raw = &metav1.ListOptions{ResourceVersion: resourceVersion}
	return o
}

func (v *view) take(event watch.Event) {
	gone := event.Type == watch.Deleted
	switch o := event.Object.(type) {
	case *rosterv1alpha1.Invitation:
		if delete(v.invitations, o.Name); !gone {
			v.invitations[o.Name] = o
		}
	case *rosterv1alpha1.Member:
		if delete(v.members, o.Name); !gone {
			v.members[o.Name] = o
		}
	}
}

// known reports names that nobody has.
func (v *view) known(namespace string) error {
	for _, name := range v.names {
		if inv, m := v.find(name); inv == nil && m == nil {
			return fmt.Errorf("there is no Invitation and no Member %s in the namespace %s: kubectl roster tree shows who is there", name,
				namespace)
		}
	}
	return nil
}

func (v *view) find(name string) (*rosterv1alpha1.Invitation, *rosterv1alpha1.Member) {
	inv, m := v.invitations[name], v.members[name]
	if strings.Contains(name, "@") {
		for _, one := range v.invitations {
			if address.Same(people.InvitationAddress(one), name) && (inv == nil || inv.CreationTimestamp.Before(&one.CreationTimestamp)) {
				inv = one
			}
		}
		for _, one := range v.members {
			if address.Same(people.MemberAddress(one), name) {
				m = one
			}
		}
	}
	if m == nil && inv != nil && inv.Status.MemberRef != nil {
		m = v.members[inv.Status.MemberRef.Name]
	}
	return inv, m
}

// done reports whether all have come to the state. The error says who will not.
func (v *view) done() (bool, error) {
	all := true
	for _, name := range v.names {
		inv, m := v.find(name)
		if v.reached(inv, m) {
			continue
		}
		all = false
		// Somebody who has accepted is waited for as a Member; how an invitation ended says nothing more about them.
		if inv == nil || v.ofMembers() && m != nil && m.Spec.AccountRef != nil {
			continue
		}
		if state := people.InvitationState(inv); settled(inv) && ends(state) {
			err := fmt.Errorf("%s is %s, and so will not be %s. To invite again: kubectl roster resend %s", name, state, v.state, inv.Name)
			return false, &exit.Error{Code: codeNever, Cause: err}
		}
	}
	return all, nil
}

// ofMembers reports whether the state is one of Members, not of Invitations.
func (v *view) ofMembers() bool {
	return v.state == joined || slices.Contains(people.MemberStates(), v.state) && v.state != string(rosterv1alpha1.MemberPending)
}

func (v *view) reached(inv *rosterv1alpha1.Invitation, m *rosterv1alpha1.Member) bool {
	state := v.state
	switch state {
	case joined:
		state = string(rosterv1alpha1.MemberActive)
		fallthrough
	case string(rosterv1alpha1.MemberActive), string(rosterv1alpha1.MemberSuspended), string(rosterv1alpha1.MemberEnded):
		return m != nil && m.Status.ObservedGeneration >= m.Generation && people.MemberState(m) == state
	}
	return inv != nil && settled(inv) && people.InvitationState(inv) == state
}

// settled reports whether the status of an Invitation speaks of what its spec asks for now. Just after a resend it tells of the mail
// before.
func settled(inv *rosterv1alpha1.Invitation) bool {
	asked, handled := inv.Spec.ResendRequestedAt, inv.Status.HandledResendTime
	return inv.Status.ObservedGeneration >= inv.Generation && (asked == nil || handled != nil && !handled.Before(asked))
}

// ends reports whether nothing more becomes of an invitation by itself.
func ends(state string) bool {
	switch rosterv1alpha1.InvitationState(state) {
	case rosterv1alpha1.InvitationDeclined, rosterv1alpha1.InvitationExpired, rosterv1alpha1.InvitationRevoked,
		rosterv1alpha1.InvitationUndeliverable:
		return true
	case rosterv1alpha1.InvitationPending, rosterv1alpha1.InvitationSent, rosterv1alpha1.InvitationAccepted:
	}
	return false
}

// waiting says where those stand who have not come to the state.
func (v *view) waiting() string {
	if v.invitations == nil {
		return "the API server has not answered by then"
	}
	var all []string
	for _, name := range v.names {
		inv, m := v.find(name)
		if v.reached(inv, m) {
			continue
		}
		stands := "gone"
		if inv != nil {
			stands = people.InvitationState(inv)
		}
		if m != nil && (inv == nil || m.Status.State == rosterv1alpha1.MemberActive) {
			stands = people.MemberState(m)
		}
		all = append(all, name+" is "+stands)
	}
	return strings.Join(all, ", ")
}

// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/openid/standing"
)

// look looks at the grants of an Account, ends those that do not count any more, and sends what there is to send. It returns when to look
// again; 0 if only a change can bring something to do.
//
// The end is written before the application is told, and forgotten after it. What a crash leaves behind at any point is found by the next
// look of any replica.
func (e *Ender) look(ctx context.Context, name string) (time.Duration, error) {
	of, alive, err := e.accountOf(ctx, name)
	if err != nil || of == nil {
		return 0, err
	}
	c, err := e.Secrets.Get(ctx, of)
	if errors.Is(err, account.ErrNoCredentials) || err == nil && len(c.Entry(grant.Entry)) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	now := e.Clock.Now()
	k := &known{standing: e.Standing, gone: e.gone, now: now, read: map[string]grant.Facts{}}
	if alive {
		k.of = of
	}
	var s step
	var taken []string
	give := func() { e.slots.give(taken); taken = nil }
	_, err = e.Secrets.UpdateFrom(ctx, of, c, func(c *account.Credentials) error {
		give() // what an earlier round took, which was not written
		k.credentials = *c
		return grant.Change(c, func(d *grant.Document) error {
			s = advance(d, facts{
				of: func(g *grant.Grant) grant.Facts { return k.facts(ctx, g) }, to: func(g *grant.Grant) string { return k.to(ctx, g) },
				free: func(g *grant.Grant) bool {
					free := e.slots.take(g.Namespace)
					if free {
						taken = append(taken, g.Namespace)
					}
					return free
				},
			}, now)
			switch {
			case k.failed != nil:
				return k.failed
			case !s.changed:
				return account.ErrUnchanged
			}
			return nil
		})
	})
	if err != nil && !onlyHere(err, alive) {
		give()
		return 0, gone404(err)
	}
	e.tell(name, s)
	for _, m := range s.send {
		e.sending.Go(func() { e.deliver(context.WithoutCancel(ctx), of, m) })
	}
	if s.next.IsZero() {
		return 0, nil
	}
	return max(s.next.Sub(now), time.Millisecond), nil
}

// onlyHere reports whether nobody but this replica can tell what it has found: with the Account, garbage collection has taken the Secret
// after it was read. Then it is told once.
func onlyHere(err error, alive bool) bool { return !alive && gone404(err) == nil }

// gone404 drops the error of a Secret that has been deleted with its Account meanwhile.
func gone404(err error) error {
	if apierrors.IsNotFound(err) || errors.Is(err, account.ErrNoCredentials) {
		return nil
	}
	return err
}

// accountOf reads an Account. Of one that is gone it returns what stands in its Secret, as long as that is there, so that the applications
// can be told; nil if there is none.
func (e *Ender) accountOf(ctx context.Context, name string) (of *rosterv1alpha1.Account, alive bool, _ error) {
	of = &rosterv1alpha1.Account{}
	err := e.Client.Get(ctx, accountKey(name), of)
	if err == nil {
		return of, true, nil
	}
	if !apierrors.IsNotFound(err) {
		return nil, false, fmt.Errorf("reading the account: %w", err)
	}
	var secret corev1.Secret
	if err := e.Client.Get(ctx, accountKey(name), &secret); err != nil {
		return nil, false, client.IgnoreNotFound(err)
	}
	return account.Former(&secret), false, nil
}

// known is what is known about the grants of an Account: read once for each, and forgotten with the look.
type known struct {
	standing *standing.Reader
	gone     *gone
	now      time.Time
	// of is the Account; nil if it is gone.
	of          *rosterv1alpha1.Account
	credentials account.Credentials
	read        map[string]grant.Facts
	failed      error
}

// facts are what a grant rests on.
func (k *known) facts(ctx context.Context, g *grant.Grant) grant.Facts {
	f, ok := k.read[g.ID]
	if !ok {
		var err error
		if f, err = k.standing.Facts(ctx, k.of, k.credentials, g, k.now); err != nil {
			k.failed = err
		}
		k.read[g.ID] = f
	}
	f.Credentials = k.credentials
	return f
}

// to is where the application of a grant is told that it has ended. If there is one of that name now, it says where. Of one that was
// deleted it is remembered for a while; else it is known from when its tokens were last given out.
func (k *known) to(ctx context.Context, g *grant.Grant) string {
	switch f := k.facts(ctx, g); {
	case f.Application != nil:
		return f.Application.Spec.BackChannelLogoutURI
	case f.Platform != nil:
		return f.Platform.To
	}
	return cmp.Or(k.gone.address(g.ApplicationUID), g.To)
}

// tell tells the operator what has ended.
func (e *Ender) tell(name string, s step) {
	for _, g := range s.ended {
		e.Metrics.ended.WithLabelValues(string(g.Ending.Reason)).Inc()
		e.Log.Info("A sign-in to an application has ended", "account", name, "application", g.Client, "reason", string(g.Ending.Reason))
	}
	for _, g := range s.dropped {
		e.Metrics.messages.WithLabelValues(resultGivenUp).Inc()
		e.Log.Info("An application could not be told that somebody's sign-in has ended, and will not be told any more",
			"account", name, "application", g.Client, "tries", g.Ending.Tries)
	}
}

// deliver sends a message, and writes down what came of it.
func (e *Ender) deliver(ctx context.Context, of *rosterv1alpha1.Account, m message) {
	defer e.slots.give([]string{m.grant.Namespace})
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	err := e.send(ctx, m)
	if err == nil {
		e.Metrics.messages.WithLabelValues(resultDelivered).Inc()
	} else {
		e.Metrics.messages.WithLabelValues(resultFailed).Inc()
		if m.grant.Ending.Tries == 1 { // the last one is told of, too
			e.Log.Info("An application cannot be told that somebody's sign-in has ended; it is tried again",
				"account", of.Name, "application", m.grant.Client, "why", err.Error())
		}
	}
	var next time.Time
	_, failed := e.Secrets.Update(ctx, of, func(c *account.Credentials) error {
		return grant.Change(c, func(d *grant.Document) error {
			if !settled(d, m, err == nil, e.Clock.Now()) {
				return account.ErrUnchanged
			}
			if g := d.Find(m.grant.ID); g != nil {
				next = g.Ending.Next
			}
			return nil
		})
	})
	if gone404(failed) != nil {
		// The time that this replica gave itself runs out, and the message is sent again.
		e.Log.Error(failed, "Cannot note whether an application was told", "account", of.Name, "application", m.grant.Client)
	}
	if !next.IsZero() {
		e.queue.AddAfter(of.Name, next.Sub(e.Clock.Now()))
	}
}

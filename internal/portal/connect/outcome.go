// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The operator answers within a second, as a rule. A page waits for it a little and asks no browser to load itself again.
const (
	outcomePatience = 5 * time.Second
	outcomePause    = 100 * time.Millisecond
)

// outcomePage says what became of what somebody asked for.
type outcomePage struct {
	Heading  string
	Outcomes []outcomeView
	Profiles string
}

// outcomeView is what became of one account.
type outcomeView struct {
	Text string
	Good bool
}

func (h *Handler) getOutcome(v *session.MemberVisit) error {
	var way connecting
	ok, err := v.OpenCookie(connectCookie, connectUse, &way)
	if err != nil {
		return err
	}
	if !ok || way.Order == "" || way.AccountUID != string(v.Person.Account.UID) || way.Namespace != v.Member.Namespace {
		return v.SeeOther("/organizations/"+v.Member.Namespace+"/profiles", "")
	}
	secret, answer, err := h.awaitAnswer(v.R.Context(), way.Order)
	switch {
	case apierrors.IsNotFound(err):
		return v.SeeOther("/organizations/"+v.Member.Namespace+"/profiles", "")
	case err != nil:
		return err
	case answer == nil:
		return h.stillWaiting(v, secret)
	default:
		return h.showOutcome(v, *answer)
	}
}

// awaitAnswer waits a little for the operator; the answer is nil if there is none yet.
func (h *Handler) awaitAnswer(ctx context.Context, order string) (*corev1.Secret, *connection.Answer, error) {
	secret := &corev1.Secret{}
	var answer *connection.Answer
	err := wait.PollUntilContextTimeout(ctx, outcomePause, outcomePatience, true, func(ctx context.Context) (bool, error) {
		err := h.Client.Get(ctx, client.ObjectKey{Namespace: rosterv1alpha1.ConnectionNamespace, Name: order}, secret)
		if err == nil {
			answer, err = connection.AnswerOf(secret)
		}
		return answer != nil || secret.Annotations[connection.Waiting] != "", err
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		err = nil
	}
	return secret, answer, err
}

// stillWaiting says that nothing is lost, and what it waits for.
func (h *Handler) stillWaiting(v *session.MemberVisit, s *corev1.Secret) error {
	w := v.Words
	text := w.T("outcome.waiting.text")
	if s.Annotations[connection.Waiting] == connection.WaitsForSecrets {
		text = w.T("outcome.waiting.secrets", "Contact", h.contactName(v))
	}
	v.W.Header().Set("Retry-After", web.RetrySoon)
	return v.Notice(http.StatusAccepted, web.Notice{Symbol: web.SymbolClock, Heading: w.T("outcome.waiting.title"), Paragraphs: []string{text},
		Go: web.Action{Text: w.T("outcome.waiting.look"), Href: v.OrganizationPath(v.Member.Namespace, "/profiles/outcome")}})
}

func (h *Handler) showOutcome(v *session.MemberVisit, a connection.Answer) error {
	w := v.Words
	page := outcomePage{Heading: w.T("outcome.done"), Profiles: v.OrganizationPath(v.Member.Namespace, "/profiles")}
	for _, o := range a.Outcomes {
		view := h.became(v, o)
		if !view.Good {
			page.Heading = w.T("outcome.notAll")
		}
		page.Outcomes = append(page.Outcomes, view)
	}
	return v.Show(http.StatusOK, web.PageOutcome, page.Heading, page)
}

// became puts what became of an account into words.
func (h *Handler) became(v *session.MemberVisit, o connection.Outcome) outcomeView {
	w := v.Words
	switch o.Result {
	case connection.Added:
		return outcomeView{Text: w.T("outcome.added", "Handle", o.Handle), Good: true}
	case connection.Repaired:
		return outcomeView{Text: w.T("outcome.repaired", "Handle", o.Handle), Good: true}
	case connection.Removed:
		return outcomeView{Text: w.T("outcome.removed", "Handle", o.Handle), Good: true}
	case connection.ProfileLimit:
		return outcomeView{Text: w.T("outcome.limit", "Handle", o.Handle, "Contact", o.Contact)}
	case connection.NotAllowed:
		return outcomeView{Text: w.T("outcome.notAllowed", "Handle", o.Handle, "Contact", h.contactName(v))}
	case connection.OtherAccount:
		return outcomeView{Text: w.T("outcome.otherAccount", "Handle", o.Handle)}
	case connection.ProfileGone:
		return outcomeView{Text: w.T("outcome.gone", "Handle", o.Handle)}
	case connection.Invalid:
	}
	return outcomeView{Text: w.T("outcome.invalid", "Handle", o.Handle, "Contact", h.contactName(v))}
}

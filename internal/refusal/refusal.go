// SPDX-License-Identifier: Apache-2.0

// Package refusal reads what the API server says when it refuses a write: which rule it is that speaks, about which field, and the names in
// its sentence. What that is in words, in the language of a reader, is for others to say.
package refusal

import (
	"context"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kind is who refuses, or why nothing could be written.
type Kind string

// The kinds.
const (
	// Policy: a ValidatingAdmissionPolicy, one of Roster's where there is a Rule.
	Policy Kind = "policy"
	// Schema: the kind of the object does not allow what a field says.
	Schema Kind = "schema"
	// Role: RBAC lets the person not do this at all. Names has the resource.
	Role Kind = "role"
	// Acting: the portal may not act for the person. Rule says why.
	Acting Kind = "acting"
	// Webhook: an admission webhook. Names has which.
	Webhook Kind = "webhook"
	// WebhookAway: one that has to agree does not answer.
	WebhookAway Kind = "webhookAway"
	// Quota: a ResourceQuota of the namespace is used up.
	Quota Kind = "quota"
	// Ending: the namespace is being deleted, and nothing is created in it any more.
	Ending Kind = "ending"
	// Conflict, Gone, Exists: somebody else was faster, the object is no longer there, or there is one already.
	Conflict Kind = "conflict"
	Gone     Kind = "gone"
	Exists   Kind = "exists"
	// Later: nothing was written, and the same may work in a while.
	Later Kind = "later"
	// Unsure: there was no answer, so that it may have been written.
	Unsure Kind = "unsure"
	// Other: anything else that the API server refuses.
	Other Kind = "other"
)

// Why the portal may not act for somebody (constrained impersonation, KEP-5284): it may do nothing in anybody's name there; it may not be
// that person; or the API server is older than that, and knows only the plain verb impersonate.
const (
	NotBound      = "notBound"
	NotListed     = "notListed"
	NoConstrained = "noConstrained"
)

// Refusal is one reason why the API server has refused.
type Refusal struct {
	Kind Kind
	// Rule is the name of what is known to be said, such as "role"; empty where only Says tells.
	Rule string
	// Field is the path of the field that it is about, such as spec.profiles[2].role; empty where it is about the whole object.
	Field string
	// Names in the sentence, by what they are.
	Names map[string]string
	// Says is the sentence itself, in English.
	Says string
}

// Read returns the reasons in an error of the API server, or of the way there; nil for all other errors.
func Read(err error) []Refusal {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return unanswered(err)
	}
	if r := bySentence(err.Error()); r != nil {
		return []Refusal{*r}
	}
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return []Refusal{{Kind: Ending, Says: err.Error()}}
	}
	if k := byReason(err); k != "" {
		return []Refusal{{Kind: k, Says: err.Error()}}
	}
	details := status.Status().Details
	if apierrors.IsInvalid(err) && details != nil && len(details.Causes) > 0 {
		return causes(details.Causes)
	}
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err) {
		return []Refusal{{Kind: Other, Says: err.Error()}}
	}
	return nil
}

// ReadWarning returns what a policy warns of, in a Warning header of the API server; false for all other warnings.
func ReadWarning(text string) (Refusal, bool) {
	names := sentenceOf(`Validation failed for ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding '[^']+': (?P<says>.*)`).names(text)
	if names == nil {
		return Refusal{}, false
	}
	r := Refusal{Kind: Policy, Names: names, Says: names["says"]}
	r.recognise(policyRules(), names["policy"], r.Says)
	return r, true
}

// unanswered is for errors of the way to the API server.
func unanswered(err error) []Refusal {
	var away net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &away) && away.Timeout():
		return []Refusal{{Kind: Unsure, Says: err.Error()}}
	case isDial(err):
		return []Refusal{{Kind: Later, Says: err.Error()}}
	case away != nil:
		return []Refusal{{Kind: Unsure, Says: err.Error()}}
	}
	return nil
}

// isDial reports whether there was no connection, so that nothing can have arrived.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func byReason(err error) Kind {
	switch {
	case apierrors.IsConflict(err):
		return Conflict
	case apierrors.IsNotFound(err), apierrors.IsGone(err):
		return Gone
	case apierrors.IsAlreadyExists(err):
		return Exists
	case apierrors.IsTooManyRequests(err), apierrors.IsServiceUnavailable(err):
		return Later
	case apierrors.IsTimeout(err), apierrors.IsServerTimeout(err), apierrors.IsInternalError(err):
		return Unsure
	}
	return ""
}

// sentence is what the API server says in its own words, or in those that it hands on.
type sentence struct {
	kind    Kind
	pattern *regexp.Regexp
}

func sentences() []sentence {
	return []sentence{
		{Policy, regexp.MustCompile(`(?s)ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding '[^']+' denied request: (?P<says>.*)`)},
		{Webhook, regexp.MustCompile(`(?s)admission webhook "(?P<webhook>[^"]+)" denied the request(?: without explanation)?:? ?(?P<says>.*)`)},
		{WebhookAway, regexp.MustCompile(`(?s)failed calling webhook "(?P<webhook>[^"]+)"`)},
		{Quota, regexp.MustCompile(`exceeded quota: (?P<quota>[^,]+)`)},
		{Acting, regexp.MustCompile(`cannot impersonate-on:(?P<` + NotBound + `>\S+) resource`)},
		{Acting, regexp.MustCompile(`cannot impersonate:(?P<` + NotListed + `>\S+) resource`)},
		{Acting, regexp.MustCompile(`cannot impersonate (?P<` + NoConstrained + `>resource)`)},
		{Role, regexp.MustCompile(`User "[^"]*" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"`)},
	}
}

func bySentence(message string) *Refusal {
	for _, s := range sentences() {
		names := s.names(message)
		if names == nil {
			continue
		}
		r := &Refusal{Kind: s.kind, Names: names, Says: message}
		if says, ok := names["says"]; ok {
			r.Says = says
		}
		switch s.kind {
		case Policy:
			r.recognise(policyRules(), names["policy"], r.Says)
		case Acting:
			for why := range names {
				r.Rule = why
			}
		}
		return r
	}
	return nil
}

func (s sentence) names(message string) map[string]string {
	found := s.pattern.FindStringSubmatch(message)
	if found == nil {
		return nil
	}
	names := map[string]string{}
	for i, name := range s.pattern.SubexpNames() {
		if name != "" {
			names[name] = found[i]
		}
	}
	return names
}

// recognise finds the rule that speaks.
func (r *Refusal) recognise(rules []rule, by, says string) {
	for _, known := range rules {
		if known.by != by {
			continue
		}
		if names := known.names(says); names != nil {
			r.Rule, r.Names = known.name, names
			if r.Field == "" {
				r.Field = known.field
			}
			return
		}
	}
}

// causes are what the schema has to say, about each field once.
func causes(all []metav1.StatusCause) []Refusal {
	var refusals []Refusal
	for _, c := range all {
		field := strings.TrimPrefix(c.Field, "<nil>")
		says := detail(c.Message)
		if field == "" && strings.Contains(says, "some validation rules were not checked") && len(all) > 1 {
			continue
		}
		r := Refusal{Kind: Schema, Field: field, Says: says}
		r.recognise(schemaRules(), "", says)
		if r.Rule == "" {
			r.Rule, r.Names = byCause(c)
		}
		if !slices.ContainsFunc(refusals, func(o Refusal) bool { return o.Field == r.Field && o.Says == r.Says }) {
			refusals = append(refusals, r)
		}
	}
	return refusals
}

// detail is what stands behind the type of an error and the value: `Invalid value: "x": must be …`.
func detail(message string) string {
	what, rest, ok := strings.Cut(message, ": ")
	if !ok || !slices.Contains([]string{"Invalid value", "Forbidden", "Required value", "Too many", "Too long", "Unsupported value"}, what) {
		return message
	}
	if found := regexp.MustCompile(`(?s)^("(?:[^"\\]|\\.)*"|\S+): (.*)$`).FindStringSubmatch(rest); found != nil {
		return found[2]
	}
	return rest
}

// byCause names what Kubernetes itself finds wrong with a value.
func byCause(c metav1.StatusCause) (rule string, names map[string]string) {
	most := regexp.MustCompile(`(?:more than|at most) (\d+)`).FindStringSubmatch(c.Message)
	switch {
	case c.Type == metav1.CauseTypeFieldValueRequired, strings.Contains(c.Message, "should be at least 1 chars long"):
		return "required", nil
	case c.Type == metav1.CauseTypeTooLong && most != nil:
		return "tooLong", map[string]string{"most": most[1]}
	case c.Type == metav1.CauseTypeTooMany && most != nil:
		return "tooMany", map[string]string{"most": most[1]}
	case c.Type == metav1.CauseTypeFieldValueNotSupported:
		return "notSupported", nil
	case c.Type == metav1.CauseTypeFieldValueDuplicate:
		return "twice", nil
	case c.Field == "metadata.name":
		return "objectName", nil
	}
	return "", nil
}

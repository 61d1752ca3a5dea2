// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// apply applies files as an administrator does, or as the field manager that -as names.
func (s *site) apply(ts *testscript.TestScript, neg bool, args []string) {
	manager := "kubectl"
	if len(args) > 1 && args[0] == "-as" {
		manager, args = args[1], args[2:]
	}
	usage(ts, !neg && len(args) > 0, "apply [-as MANAGER] FILE...")
	for _, file := range args {
		ts.Check(s.applyText(s.namespace(ts), manager, ts.ReadFile(file)))
	}
}

func (s *site) applyText(namespace, manager, text string) error {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if len(o.Object) == 0 {
			continue
		}
		if namespaced, err := s.cluster.Client.IsObjectNamespaced(o); err == nil && namespaced {
			o.SetNamespace(namespace)
		}
		err := s.cluster.Client.Apply(context.Background(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner(manager),
			client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
}

// join makes Members active, as if the person had accepted: as the owner, if the Organization names them.
func (s *site) join(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "join MEMBER...")
	for _, name := range args {
		ts.Check(s.accept(s.namespace(ts), name))
	}
	for _, name := range args {
		eventually(ts, name+" becomes active", func() error {
			var m rosterv1alpha1.Member
			if err := s.get(ts, name, &m); err != nil {
				return err
			}
			if m.Status.State != rosterv1alpha1.MemberActive {
				return notYet("%+v", m.Status.Conditions)
			}
			return s.owns(ts, &m)
		})
	}
}

// owns waits until the ownership of a Member who is named as the owner is in force.
func (s *site) owns(ts *testscript.TestScript, m *rosterv1alpha1.Member) error {
	var organizations rosterv1alpha1.OrganizationList
	if err := s.cluster.Client.List(context.Background(), &organizations, client.InNamespace(s.namespace(ts))); err != nil {
		return err
	}
	for _, o := range organizations.Items {
		if ref := o.Spec.OwnerRef; ref != nil && ref.Name == m.Name && m.Status.Role != string(rosterv1alpha1.RoleOwner) {
			return notYet("it is %s", m.Status.Role)
		}
	}
	return nil
}

// accept binds a Member to its Account, as the operator does when a person accepts.
func (s *site) accept(namespace, name string) error {
	ctx := context.Background()
	var m rosterv1alpha1.Member
	if err := s.cluster.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &m); err != nil {
		return err
	}
	a, err := address.Parse(m.Spec.Email)
	if err != nil {
		return err
	}
	if err := s.account(ctx, a); err != nil {
		return err
	}
	before := m.DeepCopy()
	m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: a.AccountName()}
	var organizations rosterv1alpha1.OrganizationList
	if err := s.cluster.Client.List(ctx, &organizations, client.InNamespace(namespace)); err != nil {
		return err
	}
	for _, o := range organizations.Items {
		if ref := o.Spec.OwnerRef; ref != nil && ref.Name == name {
			m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: rosterv1alpha1.OwnershipAgreed}
		}
	}
	return s.cluster.Client.Patch(ctx, &m, client.MergeFrom(before))
}

func (s *site) account(ctx context.Context, a address.Address) error {
	account := &rosterv1alpha1.Account{Spec: rosterv1alpha1.AccountSpec{Email: string(a), DisplayName: string(a)}}
	account.Namespace, account.Name = rosterv1alpha1.AccountNamespace, a.AccountName()
	return client.IgnoreAlreadyExists(s.cluster.Client.Create(ctx, account))
}

func (s *site) get(ts *testscript.TestScript, name string, into client.Object) error {
	return s.cluster.Client.Get(context.Background(), client.ObjectKey{Namespace: s.namespace(ts), Name: name}, into)
}

// answer accepts or declines an Invitation, as the portal does.
func (s *site) answer(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2 && (args[0] == "yes" || args[0] == "no"), "answer yes|no INVITATION")
	eventually(ts, "the answer is written", func() error {
		var inv rosterv1alpha1.Invitation
		if err := s.get(ts, args[1], &inv); err != nil {
			return err
		}
		if inv.Status.State != rosterv1alpha1.InvitationSent {
			return notYet("it is %s", inv.Status.State)
		}
		if args[0] == "no" {
			invitation.Decline(&inv, time.Now())
			return s.cluster.Client.Status().Update(context.Background(), &inv)
		}
		if err := s.account(context.Background(), address.Address(inv.Status.Email)); err != nil {
			return err
		}
		invitation.Accept(&inv, address.Address(inv.Status.Email).AccountName(), rosterv1alpha1.OrganizationRole(inv.Status.Role), time.Now())
		return s.cluster.Client.Status().Update(context.Background(), &inv)
	})
}

// reject makes the relay refuse an address for good, until mend.
func (s *site) reject(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "reject ADDRESS")
	s.post.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: args[0], Code: 550, Enhanced: "5.1.1", Text: "No such user", Times: -1})
}

func (s *site) mend(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 0, "mend")
	s.post.Mend()
}

// mails waits until an address has that many mails.
func (s *site) mails(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "mails N ADDRESS")
	eventually(ts, "the mails arrive", func() error {
		count := 0
		for _, m := range s.post.Messages() {
			if len(m.To) == 1 && strings.EqualFold(m.To[0], args[1]) {
				count++
			}
		}
		if fmt.Sprint(count) != args[0] {
			return notYet("%d mails", count)
		}
		return nil
	})
}

// can asks the API server whether an address may do something: can ana@acme.example publish socialprofiles/acme-fb.
func (s *site) can(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 3, "[!] can USER VERB RESOURCE[/NAME]")
	eventually(ts, strings.Join(args, " "), func() error {
		allowed, err := s.allowed(s.namespace(ts), args[0], args[1], args[2])
		if err == nil && allowed == neg {
			return notYet("allowed is %v", allowed)
		}
		return err
	})
}

func (s *site) allowed(namespace, user, verb, object string) (bool, error) {
	resource, name, _ := strings.Cut(object, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, Groups: []string{"system:authenticated"}, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: rosterv1alpha1.GroupVersion.Group, Resource: resource, Name: name,
		},
	}}
	err := s.cluster.Client.Create(context.Background(), review)
	return review.Status.Allowed, err
}

// until runs a command again and again until it prints what a file says.
func until(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 1, "until FILE COMMAND...")
	eventually(ts, strings.Join(args[1:], " "), func() error {
		if err := ts.Exec(args[1], args[2:]...); err != nil {
			return err
		}
		if got := ts.ReadFile("stdout"); got != ts.ReadFile(args[0]) {
			return notYet("%s", got)
		}
		return nil
	})
}

// exits runs a command that has to end with a code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 1, "exits CODE COMMAND...")
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		code = ended.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("it ended with %d", code)
	}
}

var (
	days      = regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`)
	uids      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times     = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	versions  = regexp.MustCompile(`(resourceVersion"?: )"?\d+"?`)
	lines     = regexp.MustCompile(`(\bsnapshot\.yaml):\d+`)
	durations = regexp.MustCompile(`\b\d+(s|m|h)\b( ago)?`)
)

// mask writes a file with what differs between two runs replaced: UIDs, times, resource versions, lines of a snapshot.
func mask(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "mask FROM TO")
	text := []byte(ts.ReadFile(args[0]))
	text = uids.ReplaceAll(text, []byte("UID"))
	text = times.ReplaceAll(text, []byte("TIME"))
	text = days.ReplaceAll(text, []byte("DAY"))
	text = versions.ReplaceAll(text, []byte("${1}VERSION"))
	text = lines.ReplaceAll(text, []byte("${1}:LINE")) // A status has as many lines as the operator has written by then.
	text = durations.ReplaceAll(text, []byte("AGE"))
	text = regexp.MustCompile(`\b`+ts.Getenv("NS")+`\b`).ReplaceAll(text, []byte("NS"))
	ts.Check(writeFile(ts.MkAbs(args[1]), text))
}

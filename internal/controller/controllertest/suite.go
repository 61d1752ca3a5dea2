// SPDX-License-Identifier: Apache-2.0

// Package controllertest is what the suites of the controllers share: an API server with an operator, a relay and networks, and the steps
// that their tests are written in.
package controllertest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/process"
	"github.com/roster-dev/roster/internal/testenv"
)

// What the tests of a suite share.
var (
	// Cluster is the API server, and API a client of its administrator.
	Cluster *testenv.Cluster
	API     client.Client
	// Running is the operator, and Writes counts what it writes.
	Running *Operator
	Writes  *testenv.Writes
	// Now is the operator's time.
	Now *clocktesting.FakePassiveClock
	// Grace is how long something has to stay wrong until an operator that is started then warns of it.
	Grace time.Duration
	// Post is the relay.
	Post *smtptest.Server
	// Social is where profiles are.
	Social *X

	spaces atomic.Int32
	// metrics are those of the operator that was made last.
	metrics atomic.Pointer[prometheus.Registry]
)

// Issuer is that of the operator's configuration.
const Issuer = "https://portal.example"

// Start starts what the tests of a suite share: an API server, a relay, networks, and an operator.
func Start() {
	SetDefaultEventuallyTimeout(testenv.Patience)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(500 * time.Millisecond)
	ctrl.SetLogger(GinkgoLogr)
	var err error
	Cluster, err = testenv.Start(context.Background())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(Cluster.Stop()).To(Succeed()) })
	API = Cluster.Client
	expectDocumented()
	Post, err = smtptest.Start(smtptest.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(Post.Close)
	Now = clocktesting.NewFakePassiveClock(time.Now().Truncate(time.Second))
	Social = startX(context.Background())
	Expect(API.Create(context.Background(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-x"},
		StringData: map[string]string{"client_id": clientID, "client_secret": clientSecret},
	})).To(Succeed())
	Running = StartOperator(Cluster.As("roster-manager"))
	DeferCleanup(func() { Running.Stop() })
}

// Operator is a manager that runs in this process, with the rights of its ServiceAccount and against real parts.
type Operator struct {
	cancel context.CancelFunc
	done   chan error
}

// StartOperator runs the controllers as that user. It takes the networks that its configuration names; without any they are those of
// Social.
func StartOperator(as *rest.Config, networks ...config.Network) *Operator {
	GinkgoHelper()
	if len(networks) == 0 {
		networks = socialNetworks(Social)
	}
	asManager := controller.Unthrottled(as)
	Writes = testenv.CountWrites(asManager)
	ctx, cancel := context.WithCancel(context.Background())
	mgr, relay, err := newOperator(ctx, asManager, Post.Addr(), networks, Now)
	Expect(err).NotTo(HaveOccurred())
	o := &Operator{cancel: cancel, done: make(chan error, 1)}
	go func() {
		defer GinkgoRecover()
		err := mgr.Start(ctx)
		_ = relay.Close()
		o.done <- err
	}()
	Expect(mgr.GetCache().WaitForCacheSync(ctx)).To(BeTrue())
	return o
}

// newOperator puts an operator together.
func newOperator(
	ctx context.Context, as *rest.Config, smtp string, networks []config.Network, now clock.PassiveClock,
) (manager.Manager, io.Closer, error) {
	options := controller.ManagerOptions(4)
	options.Scheme = testenv.NewScheme()
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = ptr.To(true)
	options.Logger = process.Calm(logr.New(recorder{LogSink: GinkgoLogr.GetSink()}))
	mgr, err := ctrl.NewManager(as, options)
	if err != nil {
		return nil, nil, err
	}
	composer, err := mail.NewComposer("Roster <roster@mail.example>", "")
	if err != nil {
		return nil, nil, err
	}
	cfg := config.Config{
		Portal: config.Portal{
			URL: "https://portal.example", KeySecret: "roster-portal-keys", FactorKeySecret: "roster-factor-keys",
			OpenID: config.OpenID{Issuer: Issuer, KeySecret: "roster-openid-keys"},
		},
		Links:       config.Links{KeySecret: "roster-link-keys"},
		Mail:        config.Mail{SMTP: config.SMTP{Address: smtp, TLS: config.TLSNone, Connections: 4}},
		Controllers: config.Controllers{Concurrency: 4, Deliveries: 4}, Networks: networks,
	}
	relay, err := mail.NewRelay(cfg.Mail.SMTP, nil, clock.RealClock{})
	if err != nil {
		return nil, nil, err
	}
	gate := mail.NewGate(cfg.Mail.SMTP, relay, clock.RealClock{}, GinkgoLogr)
	registry := prometheus.NewRegistry()
	metrics.Store(registry)
	return mgr, relay, controller.Setup(ctx, mgr, controller.Options{
		Config: cfg, Namespace: testenv.SystemNamespace, Clock: now, Grace: Grace, Composer: composer, Mailer: gate, Registry: registry,
	})
}

// Refused is how many writes for objects of a kind the operator has counted as refused.
func Refused(kind string) float64 {
	GinkgoHelper()
	families, err := metrics.Load().Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "roster_refused_writes_total" && m.GetLabel()[0].GetValue() == kind {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// Counted is what a metric shows of an organisation, by the values of its other label.
func Counted(name string, in Space) map[string]float64 {
	GinkgoHelper()
	families, err := metrics.Load().Gather()
	Expect(err).NotTo(HaveOccurred())
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == name && labels["organization"] == in.Name {
				delete(labels, "organization")
				counted[strings.Join(slices.Collect(maps.Values(labels)), "")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return counted
}

// Stop ends the controllers, and waits until they have.
func (o *Operator) Stop() {
	GinkgoHelper()
	o.cancel()
	Eventually(o.done).Should(Receive(BeNil()), "the manager ends when it is told to")
}

// Space is a namespace of its own with an Organization in it.
type Space struct{ Name string }

// NewSpace makes a namespace with an Organization.
func NewSpace(ctx context.Context, change ...func(o *rosterv1alpha1.Organization)) Space {
	GinkgoHelper()
	s := EmptySpace(ctx)
	o := &rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "acme"},
		Spec:       rosterv1alpha1.OrganizationSpec{DisplayName: "Acme Social"},
	}
	for _, c := range change {
		c(o)
	}
	Expect(API.Create(ctx, o)).To(Succeed())
	return s
}

// EmptySpace makes a namespace without an Organization.
func EmptySpace(ctx context.Context) Space {
	GinkgoHelper()
	s := Space{fmt.Sprintf("space-%d", spaces.Add(1))}
	Expect(Cluster.Namespace(ctx, s.Name)).To(Succeed())
	return s
}

// Key of an object in the space.
func (s Space) Key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: s.Name, Name: name}
}

// place is where objects are: a Space, or what a test makes of one.
type place interface {
	Key(name string) client.ObjectKey
}

// Address makes a mail address that no other test uses.
func (s Space) Address(local string) string { return local + "@" + s.Name + ".example" }

// Invite creates an Invitation.
func (s Space) Invite(ctx context.Context, name string, change ...func(inv *rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
	GinkgoHelper()
	inv := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Spec:       rosterv1alpha1.InvitationSpec{Email: s.Address(name)},
	}
	for _, c := range change {
		c(inv)
	}
	Expect(API.Create(ctx, inv)).To(Succeed())
	return inv
}

// Declare creates a Member.
func (s Space) Declare(ctx context.Context, name string, change ...func(m *rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	GinkgoHelper()
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Spec:       rosterv1alpha1.MemberSpec{Email: s.Address(name)},
	}
	for _, c := range change {
		c(m)
	}
	if m.Spec.AccountRef != nil {
		haveAccount(ctx, m.Spec.Email)
	}
	Expect(API.Create(ctx, m)).To(Succeed())
	return m
}

// Join declares a Member who has accepted already: to own the organisation, if it names them.
func (s Space) Join(ctx context.Context, name string, change ...func(m *rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	GinkgoHelper()
	m := s.Declare(ctx, name, append(change, func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = AccountOf(m.Spec.Email)
		if o := Get[rosterv1alpha1.Organization](ctx, s, "acme"); o.Spec.OwnerRef != nil && o.Spec.OwnerRef.Name == name {
			metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, rosterv1alpha1.OwnershipAgreed)
		}
	})...)
	s.MemberIs(ctx, name, rosterv1alpha1.MemberActive)
	return m
}

// Owner names another owner, who has agreed when it says so.
func (s Space) Owner(ctx context.Context, name string) {
	GinkgoHelper()
	Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
		o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: name}
	})
	Eventually(func() string {
		return Get[rosterv1alpha1.Member](ctx, s, name).Annotations[rosterv1alpha1.OwnershipAnnotation]
	}).Should(Equal(rosterv1alpha1.OwnershipAsked), "%s is asked", name)
	Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, name), func(m *rosterv1alpha1.Member) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, rosterv1alpha1.OwnershipAgreed)
	})
}

// AccountOf refers to the Account of an address.
func AccountOf(email string) *rosterv1alpha1.LocalReference {
	GinkgoHelper()
	a, err := address.Parse(email)
	Expect(err).NotTo(HaveOccurred())
	return &rosterv1alpha1.LocalReference{Name: a.AccountName()}
}

// haveAccount makes the Account of an address, where it is not there yet, as the portal does when a person accepts.
func haveAccount(ctx context.Context, email string) {
	GinkgoHelper()
	of, err := address.Parse(email)
	if err != nil {
		return // nobody accepts under it
	}
	a := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: of.AccountName()},
		Spec:       rosterv1alpha1.AccountSpec{Email: string(of), DisplayName: email},
	}
	Expect(client.IgnoreAlreadyExists(API.Create(ctx, a))).To(Succeed())
}

// NextSecond waits until what is created next is younger than all that is there: times in the API have seconds.
func NextSecond(ctx context.Context) {
	GinkgoHelper()
	begin := time.Now().Truncate(time.Second)
	Eventually(ctx, func() time.Time { return time.Now().Truncate(time.Second) }).Should(BeTemporally(">", begin))
}

// Profile creates a SocialProfile.
func (s Space) Profile(ctx context.Context, name string, change ...func(p *rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
	GinkgoHelper()
	p := &rosterv1alpha1.SocialProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Spec:       rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@" + name},
	}
	for _, c := range change {
		c(p)
	}
	Expect(API.Create(ctx, p)).To(Succeed())
	return p
}

// Get reads an object as it is now.
func Get[T any, P interface {
	*T
	client.Object
}](ctx context.Context, s place, name string) P {
	GinkgoHelper()
	o := P(new(T))
	Expect(API.Get(ctx, s.Key(name), o)).To(Succeed())
	return o
}

// InvitationIs waits until an Invitation is in a state, and returns it.
func (s Space) InvitationIs(ctx context.Context, name string, want rosterv1alpha1.InvitationState) *rosterv1alpha1.Invitation {
	GinkgoHelper()
	var inv rosterv1alpha1.Invitation
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, &inv)).To(Succeed())
		g.Expect(inv.Status.State).To(Equal(want), "%+v", inv.Status)
	}).Should(Succeed(), "the Invitation %s comes to be %s", name, want)
	ExpectSound(inv.Status.Conditions, inv.Generation, inv.Status.ObservedGeneration)
	return &inv
}

// InvitationSays waits until the Ready condition of an Invitation has a reason, and returns the condition.
func (s Space) InvitationSays(ctx context.Context, name, reason string) *metav1.Condition {
	GinkgoHelper()
	return Says(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, &rosterv1alpha1.Invitation{}, reason,
		func(inv *rosterv1alpha1.Invitation) []metav1.Condition { return inv.Status.Conditions })
}

// MemberSays waits until Ready of a Member has the reason.
func (s Space) MemberSays(ctx context.Context, name, reason string) *metav1.Condition {
	GinkgoHelper()
	return Says(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, &rosterv1alpha1.Member{}, reason,
		func(m *rosterv1alpha1.Member) []metav1.Condition { return m.Status.Conditions })
}

// Says waits until Ready of an object has the reason.
func Says[T client.Object](ctx context.Context, key client.ObjectKey, o T, reason string, conditions func(T) []metav1.Condition) *metav1.Condition {
	GinkgoHelper()
	var ready *metav1.Condition
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, key, o)).To(Succeed())
		ready = meta.FindStatusCondition(conditions(o), rosterv1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Reason).To(Equal(reason), "%+v", ready)
	}).Should(Succeed(), "%s comes to say %s", key, reason)
	return ready
}

// MemberIs waits until a Member is in a state and the status speaks of its newest spec.
func (s Space) MemberIs(ctx context.Context, name string, want rosterv1alpha1.MemberState) *rosterv1alpha1.Member {
	GinkgoHelper()
	var m rosterv1alpha1.Member
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, &m)).To(Succeed())
		g.Expect(m.Status.State).To(Equal(want), "%+v", m.Status)
		g.Expect(m.Status.ObservedGeneration).To(Equal(m.Generation))
	}).Should(Succeed(), "the Member %s comes to be %s", name, want)
	ExpectSound(m.Status.Conditions, m.Generation, m.Status.ObservedGeneration)
	return &m
}

// ExpectSound holds for the status of every object, whatever happened.
func ExpectSound(conditions []metav1.Condition, generation, observed int64) {
	GinkgoHelper()
	Expect(observed).To(BeNumerically("<=", generation))
	Expect(meta.FindStatusCondition(conditions, rosterv1alpha1.ConditionReady)).NotTo(BeNil(), "every status says Ready")
	Expect(meta.IsStatusConditionTrue(conditions, rosterv1alpha1.ConditionReady) &&
		meta.IsStatusConditionTrue(conditions, rosterv1alpha1.ConditionStalled)).To(BeFalse(), "never Ready and Stalled")
	for _, c := range conditions {
		Expect(c.Reason).NotTo(BeEmpty())
		Expect(c.Message).NotTo(BeEmpty())
	}
}

// Patch changes an object as kubectl patch does.
func Patch[T client.Object](ctx context.Context, o T, change func(o T)) {
	GinkgoHelper()
	before := o.DeepCopyObject().(T)
	change(o)
	Expect(API.Patch(ctx, o, client.MergeFrom(before))).To(Succeed())
}

// PassTime moves the operator's clock and has it look at an Invitation again, as its timer would.
func (s Space) PassTime(ctx context.Context, name string, d time.Duration) {
	GinkgoHelper()
	Now.SetTime(Now.Now().Add(d))
	s.Nudge(ctx, name)
}

// Nudge has an Invitation reconciled.
func (s Space) Nudge(ctx context.Context, name string) {
	GinkgoHelper()
	Patch(ctx, Get[rosterv1alpha1.Invitation](ctx, s, name), func(inv *rosterv1alpha1.Invitation) {
		metav1.SetMetaDataAnnotation(&inv.ObjectMeta, "nudge", Now.Now().String())
	})
}

// Claim accepts an Invitation as the portal does.
func (s Space) Claim(ctx context.Context, name string) {
	GinkgoHelper()
	inv := Get[rosterv1alpha1.Invitation](ctx, s, name)
	haveAccount(ctx, inv.Status.Email)
	invitation.Accept(inv, address.Address(inv.Status.Email).AccountName(), rosterv1alpha1.OrganizationRole(inv.Status.Role), Now.Now())
	Expect(API.Status().Update(ctx, inv)).To(Succeed())
}

// Mails are the ones that an address got.
func Mails(to string) []string {
	var found []string
	for _, m := range Post.Messages() {
		if len(m.To) == 1 && strings.EqualFold(m.To[0], to) {
			found = append(found, string(m.Raw))
		}
	}
	return found
}

// Mails are the ones that people of this namespace got. Those of others get mails meanwhile, since tests move the one clock.
func (s Space) Mails() []string {
	var found []string
	for _, m := range Post.Messages() {
		if len(m.To) == 1 && strings.HasSuffix(m.To[0], "@"+s.Name+".example") {
			found = append(found, string(m.Raw))
		}
	}
	return found
}

var messageID = regexp.MustCompile(`(?mi)^Message-I[dD]:\s+<([^>]+)>`)

// MessageIDs are the Message-IDs of the mails that an address got.
func MessageIDs(to string) []string {
	var ids []string
	for _, raw := range Mails(to) {
		if m := messageID.FindStringSubmatch(raw); m != nil {
			ids = append(ids, m[1])
		}
	}
	return ids
}

// EventsOn are the reasons of the events about an object.
func EventsOn(ctx context.Context, s place, name string) []string {
	GinkgoHelper()
	var list corev1.EventList
	Expect(API.List(ctx, &list, client.InNamespace(s.Key(name).Namespace))).To(Succeed())
	var reasons []string
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

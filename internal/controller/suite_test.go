// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

func TestControllers(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Controllers")
}

var (
	cluster *testenv.Cluster
	post    *smtptest.Server
	now     *clocktesting.FakePassiveClock
	api     client.Client
	writes  *testenv.Writes
	running *operator
	social  *xcom
	spaces  atomic.Int32
)

var _ = BeforeSuite(func() {
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(500 * time.Millisecond)
	ctrl.SetLogger(GinkgoLogr)
	var err error
	cluster, err = testenv.Start(context.Background())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(cluster.Stop()).To(Succeed()) })
	api = cluster.Client
	post, err = smtptest.Start(smtptest.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(post.Close)
	now = clocktesting.NewFakePassiveClock(time.Now().Truncate(time.Second))
	social = startX(context.Background())
	Expect(api.Create(context.Background(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-x"},
		StringData: map[string]string{"client_id": clientID, "client_secret": clientSecret},
	})).To(Succeed())
	running = startOperator(cluster.As("roster-manager"))
	DeferCleanup(func() { running.stop() })
})

// operator is a manager that runs in this process, with the rights of its ServiceAccount and against real parts.
type operator struct {
	cancel context.CancelFunc
	done   chan error
}

// startOperator takes the networks that its configuration names; without any they are those of social.
func startOperator(as *rest.Config, networks ...config.Network) *operator {
	GinkgoHelper()
	if len(networks) == 0 {
		networks = socialNetworks(social)
	}
	asManager := Unthrottled(as)
	writes = testenv.CountWrites(asManager)
	ctx, cancel := context.WithCancel(context.Background())
	mgr, relay, err := newOperator(ctx, asManager, post.Addr(), networks, now)
	Expect(err).NotTo(HaveOccurred())
	o := &operator{cancel: cancel, done: make(chan error, 1)}
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
	options := ManagerOptions(4)
	options.Scheme = testenv.NewScheme()
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = ptr.To(true)
	options.Logger = GinkgoLogr
	mgr, err := ctrl.NewManager(as, options)
	if err != nil {
		return nil, nil, err
	}
	composer, err := mail.NewComposer("Roster <roster@mail.example>", "")
	if err != nil {
		return nil, nil, err
	}
	cfg := config.Config{
		Portal:      config.Portal{URL: "https://portal.example", KeySecret: "roster-portal-keys", FactorKeySecret: "roster-factor-keys"},
		Links:       config.Links{KeySecret: "roster-link-keys"},
		Mail:        config.Mail{SMTP: config.SMTP{Address: smtp, TLS: config.TLSNone, Connections: 4}},
		Controllers: config.Controllers{Concurrency: 4, Deliveries: 4}, Networks: networks,
	}
	relay, err := mail.NewRelay(cfg.Mail.SMTP, nil, clock.RealClock{})
	if err != nil {
		return nil, nil, err
	}
	gate := mail.NewGate(cfg.Mail.SMTP, relay, clock.RealClock{}, GinkgoLogr)
	return mgr, relay, Setup(ctx, mgr, Options{
		Config: cfg, Namespace: testenv.SystemNamespace, Clock: now, Composer: composer, Mailer: gate, Registry: prometheus.NewRegistry(),
	})
}

func (o *operator) stop() {
	GinkgoHelper()
	o.cancel()
	Eventually(o.done).Should(Receive(BeNil()), "the manager ends when it is told to")
}

// space is a namespace of its own with an Organization in it.
type space struct{ name string }

func newSpace(ctx context.Context, change ...func(o *rosterv1alpha1.Organization)) space {
	GinkgoHelper()
	s := emptySpace(ctx)
	o := &rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: "acme"},
		Spec:       rosterv1alpha1.OrganizationSpec{DisplayName: "Acme Social"},
	}
	for _, c := range change {
		c(o)
	}
	Expect(api.Create(ctx, o)).To(Succeed())
	return s
}

func emptySpace(ctx context.Context) space {
	GinkgoHelper()
	s := space{fmt.Sprintf("space-%d", spaces.Add(1))}
	Expect(cluster.Namespace(ctx, s.name)).To(Succeed())
	return s
}

// address makes a mail address that no other test uses.
func (s space) address(local string) string { return local + "@" + s.name + ".example" }

func (s space) invite(ctx context.Context, name string, change ...func(inv *rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
	GinkgoHelper()
	inv := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name},
		Spec:       rosterv1alpha1.InvitationSpec{Email: s.address(name)},
	}
	for _, c := range change {
		c(inv)
	}
	Expect(api.Create(ctx, inv)).To(Succeed())
	return inv
}

func (s space) declare(ctx context.Context, name string, change ...func(m *rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	GinkgoHelper()
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name},
		Spec:       rosterv1alpha1.MemberSpec{Email: s.address(name)},
	}
	for _, c := range change {
		c(m)
	}
	if m.Spec.AccountRef != nil {
		haveAccount(ctx, m.Spec.Email)
	}
	Expect(api.Create(ctx, m)).To(Succeed())
	return m
}

// join declares a Member who has accepted already: to own the organisation, if it names them.
func (s space) join(ctx context.Context, name string, change ...func(m *rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	GinkgoHelper()
	m := s.declare(ctx, name, append(change, func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = accountOf(m.Spec.Email)
		if o := get[rosterv1alpha1.Organization](ctx, s, "acme"); o.Spec.OwnerRef != nil && o.Spec.OwnerRef.Name == name {
			metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, rosterv1alpha1.OwnershipAgreed)
		}
	})...)
	s.memberIs(ctx, name, rosterv1alpha1.MemberActive)
	return m
}

// owner names another owner, who has agreed when it says so.
func (s space) owner(ctx context.Context, name string) {
	GinkgoHelper()
	patch(ctx, get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
		o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: name}
	})
	Eventually(func() string {
		return get[rosterv1alpha1.Member](ctx, s, name).Annotations[rosterv1alpha1.OwnershipAnnotation]
	}).Should(Equal(rosterv1alpha1.OwnershipAsked), "%s is asked", name)
	patch(ctx, get[rosterv1alpha1.Member](ctx, s, name), func(m *rosterv1alpha1.Member) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, rosterv1alpha1.OwnershipAgreed)
	})
}

func accountOf(email string) *rosterv1alpha1.LocalReference {
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
	Expect(client.IgnoreAlreadyExists(api.Create(ctx, a))).To(Succeed())
}

// nextSecond waits until what is created next is younger than all that is there: times in the API have seconds.
func nextSecond(ctx context.Context) {
	GinkgoHelper()
	begin := time.Now().Truncate(time.Second)
	Eventually(ctx, func() time.Time { return time.Now().Truncate(time.Second) }).Should(BeTemporally(">", begin))
}

func (s space) profile(ctx context.Context, name string, change ...func(p *rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
	GinkgoHelper()
	p := &rosterv1alpha1.SocialProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name},
		Spec:       rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@" + name},
	}
	for _, c := range change {
		c(p)
	}
	Expect(api.Create(ctx, p)).To(Succeed())
	return p
}

// get reads an object as it is now.
func get[T any, P interface {
	*T
	client.Object
}](ctx context.Context, s space, name string) P {
	GinkgoHelper()
	o := P(new(T))
	Expect(api.Get(ctx, client.ObjectKey{Namespace: s.name, Name: name}, o)).To(Succeed())
	return o
}

// invitationIs waits until an Invitation is in a state, and returns it.
func (s space) invitationIs(ctx context.Context, name string, want rosterv1alpha1.InvitationState) *rosterv1alpha1.Invitation {
	GinkgoHelper()
	var inv rosterv1alpha1.Invitation
	Eventually(func(g Gomega) {
		g.Expect(api.Get(ctx, client.ObjectKey{Namespace: s.name, Name: name}, &inv)).To(Succeed())
		g.Expect(inv.Status.State).To(Equal(want), "%+v", inv.Status)
	}).Should(Succeed(), "the Invitation %s comes to be %s", name, want)
	expectSound(inv.Status.Conditions, inv.Generation, inv.Status.ObservedGeneration)
	return &inv
}

// invitationSays waits until the Ready condition of an Invitation has a reason, and returns the condition.
func (s space) invitationSays(ctx context.Context, name, reason string) *metav1.Condition {
	GinkgoHelper()
	return says(ctx, client.ObjectKey{Namespace: s.name, Name: name}, &rosterv1alpha1.Invitation{}, reason,
		func(inv *rosterv1alpha1.Invitation) []metav1.Condition { return inv.Status.Conditions })
}

func (s space) memberSays(ctx context.Context, name, reason string) *metav1.Condition {
	GinkgoHelper()
	return says(ctx, client.ObjectKey{Namespace: s.name, Name: name}, &rosterv1alpha1.Member{}, reason,
		func(m *rosterv1alpha1.Member) []metav1.Condition { return m.Status.Conditions })
}

func says[T client.Object](ctx context.Context, key client.ObjectKey, o T, reason string, conditions func(T) []metav1.Condition) *metav1.Condition {
	GinkgoHelper()
	var ready *metav1.Condition
	Eventually(func(g Gomega) {
		g.Expect(api.Get(ctx, key, o)).To(Succeed())
		ready = meta.FindStatusCondition(conditions(o), rosterv1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Reason).To(Equal(reason), "%+v", ready)
	}).Should(Succeed(), "%s comes to say %s", key, reason)
	return ready
}

// memberIs waits until a Member is in a state and the status speaks of its newest spec.
func (s space) memberIs(ctx context.Context, name string, want rosterv1alpha1.MemberState) *rosterv1alpha1.Member {
	GinkgoHelper()
	var m rosterv1alpha1.Member
	Eventually(func(g Gomega) {
		g.Expect(api.Get(ctx, client.ObjectKey{Namespace: s.name, Name: name}, &m)).To(Succeed())
		g.Expect(m.Status.State).To(Equal(want), "%+v", m.Status)
		g.Expect(m.Status.ObservedGeneration).To(Equal(m.Generation))
	}).Should(Succeed(), "the Member %s comes to be %s", name, want)
	expectSound(m.Status.Conditions, m.Generation, m.Status.ObservedGeneration)
	return &m
}

// expectSound holds for the status of every object, whatever happened.
func expectSound(conditions []metav1.Condition, generation, observed int64) {
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

// patch changes an object as kubectl patch does.
func patch[T client.Object](ctx context.Context, o T, change func(o T)) {
	GinkgoHelper()
	before := o.DeepCopyObject().(T)
	change(o)
	Expect(api.Patch(ctx, o, client.MergeFrom(before))).To(Succeed())
}

// passTime moves the operator's clock and has it look at an Invitation again, as its timer would.
func (s space) passTime(ctx context.Context, name string, d time.Duration) {
	GinkgoHelper()
	now.SetTime(now.Now().Add(d))
	s.nudge(ctx, name)
}

func (s space) nudge(ctx context.Context, name string) {
	GinkgoHelper()
	patch(ctx, get[rosterv1alpha1.Invitation](ctx, s, name), func(inv *rosterv1alpha1.Invitation) {
		metav1.SetMetaDataAnnotation(&inv.ObjectMeta, "nudge", now.Now().String())
	})
}

// claim accepts an Invitation as the portal does.
func (s space) claim(ctx context.Context, name string) {
	GinkgoHelper()
	inv := get[rosterv1alpha1.Invitation](ctx, s, name)
	haveAccount(ctx, inv.Status.Email)
	invitation.Accept(inv, address.Address(inv.Status.Email).AccountName(), rosterv1alpha1.OrganizationRole(inv.Status.Role), now.Now())
	Expect(api.Status().Update(ctx, inv)).To(Succeed())
}

// mails are the ones that an address got.
func mails(to string) []string {
	var found []string
	for _, m := range post.Messages() {
		if len(m.To) == 1 && strings.EqualFold(m.To[0], to) {
			found = append(found, string(m.Raw))
		}
	}
	return found
}

// mails are the ones that people of this namespace got. Those of others get mails meanwhile, since tests move the one clock.
func (s space) mails() []string {
	var found []string
	for _, m := range post.Messages() {
		if len(m.To) == 1 && strings.HasSuffix(m.To[0], "@"+s.name+".example") {
			found = append(found, string(m.Raw))
		}
	}
	return found
}

var messageID = regexp.MustCompile(`(?mi)^Message-I[dD]:\s+<([^>]+)>`)

// messageIDs are the Message-IDs of the mails that an address got.
func messageIDs(to string) []string {
	var ids []string
	for _, raw := range mails(to) {
		if m := messageID.FindStringSubmatch(raw); m != nil {
			ids = append(ids, m[1])
		}
	}
	return ids
}

// eventsOn are the reasons of the events about an object.
func eventsOn(ctx context.Context, s space, name string) []string {
	GinkgoHelper()
	var list corev1.EventList
	Expect(api.List(ctx, &list, client.InNamespace(s.name))).To(Succeed())
	var reasons []string
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

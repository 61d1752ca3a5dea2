// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/testenv"
)

// signedIn is a Member who has an Account, as whoever is at the portal does.
func (s space) signedIn(ctx context.Context, name string, role rosterv1alpha1.OrganizationRole) *connection.Order {
	GinkgoHelper()
	a := s.account(ctx, name)
	m := s.join(ctx, name, func(m *rosterv1alpha1.Member) { m.Spec.Role = role })
	return &connection.Order{
		Namespace: s.name, Member: m.Name, MemberUID: string(m.UID), Account: a.Name, AccountUID: string(a.UID),
		RequestedTime: metav1.NewTime(now.Now()), Network: rosterv1alpha1.NetworkX,
	}
}

// accountOnX is the account that tokens open.
func accountOnX(handle string, t *oauth2.Token) connection.Account {
	return connection.Account{
		ID: "id-of-" + handle, Handle: handle, Type: rosterv1alpha1.TypeProfile, Renewable: true,
		Entries: network.Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, Scopes: []string{"openid"}, AccessExpiry: now.Now().Add(2 * time.Hour)}.Store(nil),
	}
}

func repairs(p *rosterv1alpha1.SocialProfile, a connection.Account) connection.Account {
	a.Repair = &connection.Profile{Name: p.Name, UID: string(p.UID)}
	return a
}

// opensSecretsTo lets the operator do less with the Secrets of the namespace than it would.
func (s space) opensSecretsTo(ctx context.Context, verbs ...string) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Namespace: s.name, Name: "looks-at-secrets"}
	Expect(api.Create(ctx, &rbacv1.Role{
		ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: verbs}},
	})).To(Succeed())
	Expect(api.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: testenv.SystemNamespace, Name: "roster-manager"}},
	})).To(Succeed())
}

// give leaves an Order as the portal does, under its rights.
func give(ctx context.Context, o *connection.Order, accounts ...connection.Account) *corev1.Secret {
	GinkgoHelper()
	given := *o
	given.Accounts = accounts
	secret, err := given.Secret()
	Expect(err).NotTo(HaveOccurred())
	Expect(clientAs(cluster.As("roster-portal")).Create(ctx, secret)).To(Succeed())
	return secret
}

// answerTo waits for the Answer to an Order, and looks at it as the portal does.
func answerTo(ctx context.Context, secret *corev1.Secret) []connection.Outcome {
	GinkgoHelper()
	portal := clientAs(cluster.As("roster-portal"))
	var answer *connection.Answer
	Eventually(func(g Gomega) {
		var now corev1.Secret
		g.Expect(portal.Get(ctx, client.ObjectKeyFromObject(secret), &now)).To(Succeed())
		var err error
		answer, err = connection.AnswerOf(&now)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(answer).NotTo(BeNil())
		g.Expect(now.Data).To(HaveLen(1), "the tokens have left the Secret")
	}).Should(Succeed(), "the order is answered")
	return answer.Outcomes
}

func results(outcomes []connection.Outcome) []connection.Result {
	var all []connection.Result
	for _, o := range outcomes {
		all = append(all, o.Result)
	}
	return all
}

// operatorsSecret has tokens that are dead, and is one that the operator made for a profile.
func (s space) operatorsSecret(ctx context.Context, name string, p *rosterv1alpha1.SocialProfile) *corev1.Secret {
	GinkgoHelper()
	keys, err := linkKeys().Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name, Labels: managed()},
		Data:       network.Tokens{Access: "old"}.Store(nil),
	}
	connection.NewMaker(keys).Mark(secret, p.UID)
	belongTo(secret, p)
	Expect(api.Create(ctx, secret)).To(Succeed())
	return secret
}

// linkKeys are those of the operator.
func linkKeys() *LinkKeys {
	return NewLinkKeys(api, now, client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"})
}

func owners(o client.Object) []string {
	var names []string
	for _, ref := range o.GetOwnerReferences() {
		names = append(names, ref.Kind+"/"+ref.Name+"/"+string(ref.UID))
	}
	return names
}

func asOwner(p *rosterv1alpha1.SocialProfile) string {
	return "SocialProfile/" + p.Name + "/" + string(p.UID)
}

var _ = Describe("What people ask for at the portal", func() {
	const (
		added        = connection.Added
		repaired     = connection.Repaired
		removed      = connection.Removed
		notAllowed   = connection.NotAllowed
		profileLimit = connection.ProfileLimit
	)

	It("becomes a profile that works, with its tokens in a Secret", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		o := s.signedIn(ctx, "ana", rosterv1alpha1.RoleAdvancedMember)
		token := social.connect(ctx, s.name)
		outcomes := answerTo(ctx, give(ctx, o, accountOnX(s.name, token)))
		Expect(results(outcomes)).To(Equal([]connection.Result{added}))

		p := s.profileSays(ctx, outcomes[0].Profile, rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		Expect(p.Spec.ConnectedBy).To(Equal(s.address("ana")))
		Expect(p.Spec.AccountID).To(Equal("id-of-" + s.name))
		Expect(p.Spec.ResponsibleRef.Name).To(Equal("ana"))
		Expect(p.Spec.Refresh).To(Equal(rosterv1alpha1.RefreshBeforeExpiry))
		secret := get[corev1.Secret](ctx, s, p.Spec.CredentialsSecretRef.Name)
		Expect(owners(secret)).To(Equal([]string{asOwner(p)}))
		Expect(secret.Labels).To(HaveKeyWithValue(ManagedByLabel, ManagedBy))
		Expect(secret.Data).To(HaveKeyWithValue(network.KeyAccess, []byte(token.AccessToken)))
		expectNothingSecret(p, secret)

		By("connecting it once more")
		anew := social.connect(ctx, s.name)
		outcomes = answerTo(ctx, give(ctx, o, accountOnX(s.name, anew)))
		Expect(outcomes).To(Equal([]connection.Outcome{{Profile: p.Name, Handle: s.name, Result: repaired}}))
		Expect(get[corev1.Secret](ctx, s, secret.Name).Data).To(HaveKeyWithValue(network.KeyAccess, []byte(anew.AccessToken)))

		By("somebody else connecting it")
		other := s.signedIn(ctx, "ben", rosterv1alpha1.RoleAdvancedMember)
		Expect(results(answerTo(ctx, give(ctx, other, accountOnX(s.name, token))))).To(Equal([]connection.Result{notAllowed}))
		Expect(get[corev1.Secret](ctx, s, secret.Name).Data).To(HaveKeyWithValue(network.KeyAccess, []byte(anew.AccessToken)))

		By("taking it away")
		remove := *o
		remove.Remove = &connection.Profile{Name: p.Name, UID: string(p.UID)}
		Expect(results(answerTo(ctx, give(ctx, &remove)))).To(Equal([]connection.Result{removed}))
		Expect(apierrors.IsNotFound(api.Get(ctx, client.ObjectKeyFromObject(p), p))).To(BeTrue())
	})

	It("is done for those alone who may", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olga"}
		})
		s.opensSecrets(ctx)
		s.declare(ctx, "olga")
		token := social.connect(ctx, s.name)
		refused := func(o *connection.Order) {
			GinkgoHelper()
			Expect(results(answerTo(ctx, give(ctx, o, accountOnX(s.name, token))))).To(Equal([]connection.Result{notAllowed}))
		}
		refused(s.signedIn(ctx, "ben", rosterv1alpha1.RoleMember))
		manager := s.signedIn(ctx, "mia", rosterv1alpha1.RoleManager)
		for _, change := range []func(o *connection.Order){
			func(o *connection.Order) { o.Member = "nobody" },
			func(o *connection.Order) { o.MemberUID = "of-another" },
			func(o *connection.Order) { o.AccountUID = "of-another" },
			func(o *connection.Order) { o.Account = "of-another" },
			func(o *connection.Order) {
				o.Member, o.MemberUID = "ben", string(get[rosterv1alpha1.Member](ctx, s, "ben").UID)
			},
			func(o *connection.Order) { o.Namespace = "roster-system" },
		} {
			wrong := *manager
			change(&wrong)
			refused(&wrong)
		}

		By("suspending the Account")
		account := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: manager.Account}}
		Expect(api.Get(ctx, client.ObjectKeyFromObject(account), account)).To(Succeed())
		patch(ctx, account, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		refused(manager)
		patch(ctx, account, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = nil })

		By("suspending the Member")
		patch(ctx, get[rosterv1alpha1.Member](ctx, s, "mia"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		s.memberIs(ctx, "mia", rosterv1alpha1.MemberSuspended)
		refused(manager)
		patch(ctx, get[rosterv1alpha1.Member](ctx, s, "mia"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = nil })
		s.memberIs(ctx, "mia", rosterv1alpha1.MemberActive)
		Expect(results(answerTo(ctx, give(ctx, manager, accountOnX(s.name, token))))).To(Equal([]connection.Result{added}))
	})

	It("fits the plan, and ProfileConnectors are none of the team", func(ctx SpecContext) {
		plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("connect-%d", GinkgoParallelProcess())}}
		plan.Spec.Contact, plan.Spec.SocialProfiles = "sales@roster.example", ptr.To[int32](2)
		plan.Spec.Features = []rosterv1alpha1.Feature{rosterv1alpha1.FeatureProfileConnectors}
		Expect(api.Create(ctx, plan)).To(Succeed())
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: plan.Name} })
		s.opensSecrets(ctx)
		o := s.signedIn(ctx, "cas", rosterv1alpha1.RoleProfileConnector)
		token := social.connect(ctx, s.name+"-1")
		Eventually(func() *int32 {
			return get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Plan.SocialProfiles.Limit
		}).ShouldNot(BeNil())
		outcomes := answerTo(ctx, give(ctx, o, accountOnX(s.name+"-1", token), accountOnX(s.name+"-2", token), accountOnX(s.name+"-3", token)))
		Expect(results(outcomes)).To(Equal([]connection.Result{added, added, profileLimit}))
		Expect(outcomes[2].Contact).To(Equal("sales@roster.example"))
		Expect(get[rosterv1alpha1.SocialProfile](ctx, s, outcomes[0].Profile).Spec.ResponsibleRef).To(BeNil())
		Expect(results(answerTo(ctx, give(ctx, o, accountOnX(s.name+"-3", token))))).To(Equal([]connection.Result{profileLimit}))
		var list rosterv1alpha1.SocialProfileList
		Expect(api.List(ctx, &list, client.InNamespace(s.name))).To(Succeed())
		Expect(list.Items).To(HaveLen(2))

		By("the plan having no ProfileConnectors any more")
		patch(ctx, plan, func(p *rosterv1alpha1.Plan) { p.Spec.Features = nil })
		Eventually(func() []rosterv1alpha1.Feature {
			return get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Plan.Features
		}).Should(BeEmpty())
		Expect(results(answerTo(ctx, give(ctx, o, accountOnX(s.name+"-1", token))))).To(Equal([]connection.Result{notAllowed}))
	})

	It("has accounts with the same tokens share a Secret, and leaves that of others alone", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		o := s.signedIn(ctx, "mia", rosterv1alpha1.RoleManager)
		token := social.connect(ctx, s.name)
		one, two := accountOnX(s.name, token), accountOnX(s.name+"-two", token)
		two.Entries = maps.Clone(one.Entries)
		outcomes := answerTo(ctx, give(ctx, o, one, two))
		Expect(results(outcomes)).To(Equal([]connection.Result{added, added}))
		first, second := get[rosterv1alpha1.SocialProfile](ctx, s, outcomes[0].Profile), get[rosterv1alpha1.SocialProfile](ctx, s, outcomes[1].Profile)
		Expect(first.Spec.CredentialsSecretRef).To(Equal(second.Spec.CredentialsSecretRef))
		before := get[corev1.Secret](ctx, s, first.Spec.CredentialsSecretRef.Name)
		Expect(owners(before)).To(ConsistOf(asOwner(first), asOwner(second)))

		By("connecting one of the two anew")
		anew := social.connect(ctx, s.name)
		Expect(results(answerTo(ctx, give(ctx, o, repairs(first, accountOnX(s.name, anew)))))).To(Equal([]connection.Result{repaired}))
		moved := get[rosterv1alpha1.SocialProfile](ctx, s, first.Name)
		Expect(moved.Spec.CredentialsSecretRef.Name).NotTo(Equal(before.Name))
		Expect(owners(get[corev1.Secret](ctx, s, moved.Spec.CredentialsSecretRef.Name))).To(Equal([]string{asOwner(first)}))
		Expect(get[corev1.Secret](ctx, s, before.Name).Data[network.KeyAccess]).To(Equal([]byte(token.AccessToken)), "those of the other profile stay")
	})

	It("repairs what the organisation declared, and puts no new token into a Secret that somebody else made", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		o := s.signedIn(ctx, "ben", rosterv1alpha1.RoleManager)
		token := social.connect(ctx, s.name)
		chloes := s.tokens(ctx, "chloes", &oauth2.Token{AccessToken: "dead", RefreshToken: "chloes-own"})
		p := s.onX(ctx, "acme", "chloes")
		declared := p.Spec
		By("chloe making her Secret look like one of the operator's")
		genuine := s.operatorsSecret(ctx, "genuine", p)
		patch(ctx, chloes, func(secret *corev1.Secret) {
			secret.Data["mine"] = []byte("kept")
			secret.Labels, secret.Annotations, secret.OwnerReferences = genuine.Labels, genuine.Annotations, genuine.OwnerReferences
		})
		before := get[corev1.Secret](ctx, s, "chloes")

		By("ben connecting the profile again")
		account := accountOnX(s.name, token)
		delete(account.Entries, network.KeyRefresh)
		Expect(answerTo(ctx, give(ctx, o, repairs(p, account)))).To(Equal([]connection.Outcome{{Profile: "acme", Handle: s.name, Result: repaired}}))
		Expect(get[corev1.Secret](ctx, s, "chloes").Data).To(Equal(before.Data), "chloe, who may read it, made it")
		p = s.profileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		own := get[corev1.Secret](ctx, s, p.Spec.CredentialsSecretRef.Name)
		Expect(own.Data).To(HaveKeyWithValue(network.KeyAccess, []byte(token.AccessToken)))
		Expect(own.Data).NotTo(HaveKey(network.KeyRefresh), "nothing of chloe's comes along")
		Expect(own.Data).To(HaveKeyWithValue(network.KeyForNetwork, []byte("X")))
		Expect(own.Data).To(HaveKeyWithValue(network.KeyForAccount, []byte("id-of-"+s.name)))
		Expect(owners(own)).To(Equal([]string{asOwner(p)}))
		declared.CredentialsSecretRef = p.Spec.CredentialsSecretRef
		Expect(p.Spec).To(Equal(declared), "the rest of the spec is its writer's")

		By("connecting it once more, into the operator's own Secret")
		patch(ctx, own, func(secret *corev1.Secret) {
			secret.Data["note"], secret.Data[network.KeyRefresh] = []byte("kept"), []byte("stays")
			metav1.SetMetaDataAnnotation(&secret.ObjectMeta, rosterv1alpha1.RenewingAnnotation, "0123456789abcdef")
		})
		Expect(results(answerTo(ctx, give(ctx, o, repairs(p, account))))).To(Equal([]connection.Result{repaired}))
		after := get[corev1.Secret](ctx, s, own.Name)
		Expect(after.Data).To(And(HaveKeyWithValue("note", []byte("kept")), HaveKeyWithValue(network.KeyRefresh, []byte("stays"))))
		Expect(after.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		Expect(get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Spec).To(Equal(p.Spec))

		By("coming with another account")
		Expect(answerTo(ctx, give(ctx, o, repairs(p, accountOnX(s.name+"-other", social.connect(ctx, s.name+"-other")))))).
			To(Equal([]connection.Outcome{{Profile: "acme", Handle: s.name + "-other", Result: connection.OtherAccount}}))
		Expect(get[corev1.Secret](ctx, s, own.Name).Data).To(Equal(after.Data))

		By("the Secret being immutable")
		patch(ctx, after, func(secret *corev1.Secret) { secret.Immutable = ptr.To(true) })
		Expect(results(answerTo(ctx, give(ctx, o, repairs(p, account))))).To(Equal([]connection.Result{repaired}))
		p = get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
		Expect(p.Spec.CredentialsSecretRef.Name).NotTo(Equal(own.Name))

		By("a profile of that name that is another")
		second := p.Spec.CredentialsSecretRef.Name
		Expect(api.Delete(ctx, p)).To(Succeed())
		reborn := s.onX(ctx, "acme", second)
		kept := get[corev1.Secret](ctx, s, second).Data
		Expect(results(answerTo(ctx, give(ctx, o, repairs(reborn, account))))).To(Equal([]connection.Result{repaired}))
		Expect(get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Spec.CredentialsSecretRef.Name).NotTo(Equal(second), "that was the other's")
		Expect(get[corev1.Secret](ctx, s, second).Data).To(Equal(kept))

		By("a profile that names none")
		bare := s.profile(ctx, "bare", func(p *rosterv1alpha1.SocialProfile) { p.Spec.Network = rosterv1alpha1.NetworkX })
		Expect(results(answerTo(ctx, give(ctx, o, repairs(bare, accountOnX(s.name+"-bare", token)))))).To(Equal([]connection.Result{repaired}))
		Expect(get[rosterv1alpha1.SocialProfile](ctx, s, "bare").Spec.CredentialsSecretRef).NotTo(BeNil())
	})

	It("wins over a renewal that is under way", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		o := s.signedIn(ctx, "mia", rosterv1alpha1.RoleManager)
		first := answerTo(ctx, give(ctx, o, accountOnX(s.name, social.connect(ctx, s.name))))
		p := s.profileSays(ctx, first[0].Profile, rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		anew := social.connect(ctx, s.name)
		var once sync.Once
		var outcomes []connection.Outcome
		social.afterRenewal(func() {
			once.Do(func() {
				o.RequestedTime = metav1.NewTime(now.Now())
				outcomes = answerTo(ctx, give(ctx, o, repairs(p, accountOnX(s.name, anew))))
			})
		})
		defer social.afterRenewal(nil)
		s.later(ctx, p.Name, 100*time.Minute)
		fingerprint := network.Tokens{Access: anew.AccessToken, Refresh: anew.RefreshToken}.Fingerprint(string(p.UID))
		Eventually(func() string {
			return get[rosterv1alpha1.SocialProfile](ctx, s, p.Name).Status.Credential.Fingerprint
		}).Should(Equal(fingerprint), "the tokens of whoever connected it anew count")
		Expect(results(outcomes)).To(Equal([]connection.Result{repaired}))
		secret := get[corev1.Secret](ctx, s, p.Spec.CredentialsSecretRef.Name)
		Expect(secret.Data).To(HaveKeyWithValue(network.KeyRefresh, []byte(anew.RefreshToken)))
		Expect(secret.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
	})

	DescribeTable("waits for the right to write Secrets, and creates nothing before", func(ctx SpecContext, verbs ...string) {
		s := newSpace(ctx)
		if len(verbs) > 0 {
			s.opensSecretsTo(ctx, verbs...)
		}
		o := s.signedIn(ctx, "mia", rosterv1alpha1.RoleManager)
		given := give(ctx, o, accountOnX(s.name, social.connect(ctx, s.name)))
		order := space{rosterv1alpha1.ConnectionNamespace}
		Eventually(func() map[string]string { return get[corev1.Secret](ctx, order, given.Name).Annotations }).
			Should(HaveKeyWithValue(connection.Waiting, connection.WaitsForSecrets))
		Eventually(func() []string { return eventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonSecretForbidden))
		var list rosterv1alpha1.SocialProfileList
		Expect(api.List(ctx, &list, client.InNamespace(s.name))).To(Succeed())
		Expect(list.Items).To(BeEmpty())

		s.opensSecrets(ctx)
		patch(ctx, get[corev1.Secret](ctx, order, given.Name), func(secret *corev1.Secret) {
			metav1.SetMetaDataAnnotation(&secret.ObjectMeta, "nudge", "as the timer would")
		})
		Expect(results(answerTo(ctx, given))).To(Equal([]connection.Result{added}))
		Expect(get[corev1.Secret](ctx, order, given.Name).Annotations).NotTo(HaveKey(connection.Waiting))
	},
		Entry("where it has none"),
		Entry("where it may renew, and not create", "get", "list", "watch", "update"),
	)

	It("is forgotten after an hour", func(ctx SpecContext) {
		s := newSpace(ctx)
		o := s.signedIn(ctx, "mia", rosterv1alpha1.RoleManager)
		order := space{rosterv1alpha1.ConnectionNamespace}
		gone := func(secret *corev1.Secret) {
			GinkgoHelper()
			Eventually(func() bool {
				return apierrors.IsNotFound(api.Get(ctx, client.ObjectKeyFromObject(secret), &corev1.Secret{}))
			}).Should(BeTrue(), "the Secret is deleted")
		}
		waiting := give(ctx, o, accountOnX(s.name, &oauth2.Token{AccessToken: "a"}))
		Eventually(func() map[string]string { return get[corev1.Secret](ctx, order, waiting.Name).Annotations }).Should(HaveKey(connection.Waiting))
		nobody := *o
		nobody.Member = "nobody"
		done := give(ctx, &nobody, accountOnX(s.name, &oauth2.Token{AccessToken: "a"}))
		Expect(results(answerTo(ctx, done))).To(Equal([]connection.Result{notAllowed}))

		unreadable := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: order.name, GenerateName: "bad-"}, Type: connection.SecretType}
		unreadable.Data = map[string][]byte{"order": []byte("{")}
		Expect(api.Create(ctx, unreadable)).To(Succeed())
		gone(unreadable)
		notOurs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: order.name, GenerateName: "other-"}}
		Expect(api.Create(ctx, notOurs)).To(Succeed())

		now.SetTime(now.Now().Add(connection.Lifetime))
		for _, secret := range []*corev1.Secret{waiting, done} {
			patch(ctx, get[corev1.Secret](ctx, order, secret.Name), func(secret *corev1.Secret) {
				metav1.SetMetaDataAnnotation(&secret.ObjectMeta, "nudge", "as the timer would")
			})
			gone(secret)
		}
		Eventually(func() []string { return eventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonConnectionExpired))
		Expect(api.Get(ctx, client.ObjectKeyFromObject(notOurs), notOurs)).To(Succeed())
	})

	It("takes the draft that it came of along, and no other", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		o := s.signedIn(ctx, "mia", rosterv1alpha1.RoleManager)
		draft := func(account string) *corev1.Secret {
			GinkgoHelper()
			secret, err := connection.Draft{
				AccountUID: account, Time: metav1.NewTime(now.Now()), Entries: map[string][]byte{network.KeyAccess: []byte("a")},
			}.Secret()
			Expect(err).NotTo(HaveOccurred())
			Expect(clientAs(cluster.As("roster-portal")).Create(ctx, secret)).To(Succeed())
			return secret
		}
		gone := func(secret *corev1.Secret) bool {
			return apierrors.IsNotFound(api.Get(ctx, client.ObjectKeyFromObject(secret), &corev1.Secret{}))
		}
		own, left, others := draft(o.AccountUID), draft(o.AccountUID), draft("somebody-else")
		o.Draft = others.Name
		answerTo(ctx, give(ctx, o, accountOnX(s.name, social.connect(ctx, s.name))))
		Expect(gone(others)).To(BeFalse(), "it is somebody else's")
		Expect(gone(own)).To(BeFalse(), "they may still be choosing")
		o.Draft = own.Name
		answerTo(ctx, give(ctx, o, accountOnX(s.name, social.connect(ctx, s.name))))
		Expect(gone(own)).To(BeTrue(), "its tokens are where they belong")

		By("nobody choosing")
		now.SetTime(now.Now().Add(connection.DraftLifetime))
		patch(ctx, left, func(secret *corev1.Secret) {
			metav1.SetMetaDataAnnotation(&secret.ObjectMeta, "nudge", "as the timer would")
		})
		Eventually(func() bool { return gone(left) }).Should(BeTrue(), "the time to choose is over")
	})
})

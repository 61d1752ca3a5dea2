// SPDX-License-Identifier: Apache-2.0

package connections_test

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
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/testenv"
)

// signedIn is a Member who has an Account, as everybody at the portal does.
func signedIn(ctx context.Context, s Space, name string, role rosterv1alpha1.OrganizationRole) *connection.Order {
	GinkgoHelper()
	a := s.Account(ctx, name)
	m := s.Join(ctx, name, func(m *rosterv1alpha1.Member) { m.Spec.Role = role })
	return &connection.Order{
		Namespace: s.Name, Member: m.Name, MemberUID: string(m.UID), Account: a.Name, AccountUID: string(a.UID),
		RequestedTime: metav1.NewTime(Now.Now()), Network: rosterv1alpha1.NetworkX,
	}
}

// accountOnX is the account that tokens open.
func accountOnX(handle string, t *oauth2.Token) connection.Account {
	return connection.Account{
		ID: "id-of-" + handle, Handle: handle, Type: rosterv1alpha1.TypeProfile, Renewable: true,
		Entries: network.Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, Scopes: []string{"openid"}, AccessExpiry: Now.Now().Add(2 * time.Hour)}.Store(nil),
	}
}

func repairs(p *rosterv1alpha1.SocialProfile, a connection.Account) connection.Account {
	a.Repair = &connection.Profile{Name: p.Name, UID: string(p.UID)}
	return a
}

// opensSecretsTo lets the operator do less with the Secrets of the namespace than it would.
func opensSecretsTo(ctx context.Context, s Space, verbs ...string) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Namespace: s.Name, Name: "looks-at-secrets"}
	Expect(API.Create(ctx, &rbacv1.Role{
		ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: verbs}},
	})).To(Succeed())
	Expect(API.Create(ctx, &rbacv1.RoleBinding{
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
	Expect(ClientAs(Cluster.As("roster-portal")).Create(ctx, secret)).To(Succeed())
	return secret
}

// answerTo waits for the Answer to an Order, and looks at it as the portal does.
func answerTo(ctx context.Context, secret *corev1.Secret) []connection.Outcome {
	GinkgoHelper()
	portal := ClientAs(Cluster.As("roster-portal"))
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
func operatorsSecret(ctx context.Context, s Space, name string, p *rosterv1alpha1.SocialProfile) *corev1.Secret {
	GinkgoHelper()
	keys, err := linkKeys().Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name, Labels: reading.Managed(), OwnerReferences: []metav1.OwnerReference{{
			APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: "SocialProfile", Name: p.Name, UID: p.UID,
		}}},
		Data: network.Tokens{Access: "old"}.Store(nil),
	}
	connection.NewMaker(keys).Mark(secret, p.UID)
	Expect(API.Create(ctx, secret)).To(Succeed())
	return secret
}

// linkKeys are those of the operator.
func linkKeys() *reading.LinkKeys {
	return reading.NewLinkKeys(API, Now, client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"})
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
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		o := signedIn(ctx, s, "ana", rosterv1alpha1.RoleAdvancedMember)
		token := Social.Connect(ctx, s.Name)
		outcomes := answerTo(ctx, give(ctx, o, accountOnX(s.Name, token)))
		Expect(results(outcomes)).To(Equal([]connection.Result{added}))

		p := s.ProfileSays(ctx, outcomes[0].Profile, rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		Expect(p.Spec.ConnectedBy).To(Equal(s.Address("ana")))
		Expect(p.Spec.AccountID).To(Equal("id-of-" + s.Name))
		Expect(p.Spec.ResponsibleRef.Name).To(Equal("ana"))
		Expect(p.Spec.Refresh).To(Equal(rosterv1alpha1.RefreshBeforeExpiry))
		secret := Get[corev1.Secret](ctx, s, p.Spec.CredentialsSecretRef.Name)
		Expect(owners(secret)).To(Equal([]string{asOwner(p)}))
		Expect(secret.Labels).To(HaveKeyWithValue(reading.ManagedByLabel, reading.ManagedBy))
		Expect(secret.Data).To(HaveKeyWithValue(network.KeyAccess, []byte(token.AccessToken)))
		ExpectNothingSecret(p, secret)

		By("connecting it once more")
		renewed := Social.Connect(ctx, s.Name)
		outcomes = answerTo(ctx, give(ctx, o, accountOnX(s.Name, renewed)))
		Expect(outcomes).To(Equal([]connection.Outcome{{Profile: p.Name, Handle: s.Name, Result: repaired}}))
		Expect(Get[corev1.Secret](ctx, s, secret.Name).Data).To(HaveKeyWithValue(network.KeyAccess, []byte(renewed.AccessToken)))

		By("somebody else connecting it")
		other := signedIn(ctx, s, "ben", rosterv1alpha1.RoleAdvancedMember)
		Expect(results(answerTo(ctx, give(ctx, other, accountOnX(s.Name, token))))).To(Equal([]connection.Result{notAllowed}))
		Expect(Get[corev1.Secret](ctx, s, secret.Name).Data).To(HaveKeyWithValue(network.KeyAccess, []byte(renewed.AccessToken)))

		By("taking it away")
		remove := *o
		remove.Remove = &connection.Profile{Name: p.Name, UID: string(p.UID)}
		Expect(results(answerTo(ctx, give(ctx, &remove)))).To(Equal([]connection.Result{removed}))
		Expect(apierrors.IsNotFound(API.Get(ctx, client.ObjectKeyFromObject(p), p))).To(BeTrue())
	})

	It("is done for those alone who may", func(ctx SpecContext) {
		s := NewSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olga"}
		})
		s.OpensSecrets(ctx)
		s.Declare(ctx, "olga")
		token := Social.Connect(ctx, s.Name)
		refused := func(o *connection.Order) {
			GinkgoHelper()
			Expect(results(answerTo(ctx, give(ctx, o, accountOnX(s.Name, token))))).To(Equal([]connection.Result{notAllowed}))
		}
		refused(signedIn(ctx, s, "ben", rosterv1alpha1.RoleMember))
		manager := signedIn(ctx, s, "mia", rosterv1alpha1.RoleManager)
		for _, change := range []func(o *connection.Order){
			func(o *connection.Order) { o.Member = "nobody" },
			func(o *connection.Order) { o.MemberUID = "of-another" },
			func(o *connection.Order) { o.AccountUID = "of-another" },
			func(o *connection.Order) { o.Account = "of-another" },
			func(o *connection.Order) {
				o.Member, o.MemberUID = "ben", string(Get[rosterv1alpha1.Member](ctx, s, "ben").UID)
			},
			func(o *connection.Order) { o.Namespace = "roster-system" },
		} {
			wrong := *manager
			change(&wrong)
			refused(&wrong)
		}

		By("suspending the Account")
		account := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: manager.Account}}
		Expect(API.Get(ctx, client.ObjectKeyFromObject(account), account)).To(Succeed())
		Patch(ctx, account, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		refused(manager)
		Patch(ctx, account, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = nil })

		By("suspending the Member")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "mia"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		s.MemberIs(ctx, "mia", rosterv1alpha1.MemberSuspended)
		refused(manager)
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "mia"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = nil })
		s.MemberIs(ctx, "mia", rosterv1alpha1.MemberActive)
		Expect(results(answerTo(ctx, give(ctx, manager, accountOnX(s.Name, token))))).To(Equal([]connection.Result{added}))
	})

	It("fits the plan, and ProfileConnectors are none of the team", func(ctx SpecContext) {
		plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("connect-%d", GinkgoParallelProcess())}}
		plan.Spec.Contact, plan.Spec.SocialProfiles = "sales@roster.example", ptr.To[int32](2)
		plan.Spec.Features = []rosterv1alpha1.Feature{rosterv1alpha1.FeatureProfileConnectors}
		Expect(API.Create(ctx, plan)).To(Succeed())
		s := NewSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: plan.Name} })
		s.OpensSecrets(ctx)
		o := signedIn(ctx, s, "cas", rosterv1alpha1.RoleProfileConnector)
		token := Social.Connect(ctx, s.Name+"-1")
		Eventually(func() *int32 {
			return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Plan.SocialProfiles.Limit
		}).ShouldNot(BeNil())
		outcomes := answerTo(ctx, give(ctx, o, accountOnX(s.Name+"-1", token), accountOnX(s.Name+"-2", token), accountOnX(s.Name+"-3", token)))
		Expect(results(outcomes)).To(Equal([]connection.Result{added, added, profileLimit}))
		Expect(outcomes[2].Contact).To(Equal("sales@roster.example"))
		Expect(Get[rosterv1alpha1.SocialProfile](ctx, s, outcomes[0].Profile).Spec.ResponsibleRef).To(BeNil())
		Expect(results(answerTo(ctx, give(ctx, o, accountOnX(s.Name+"-3", token))))).To(Equal([]connection.Result{profileLimit}))
		var list rosterv1alpha1.SocialProfileList
		Expect(API.List(ctx, &list, client.InNamespace(s.Name))).To(Succeed())
		Expect(list.Items).To(HaveLen(2))

		By("the plan having no ProfileConnectors any more")
		Patch(ctx, plan, func(p *rosterv1alpha1.Plan) { p.Spec.Features = nil })
		Eventually(func() []rosterv1alpha1.Feature {
			return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Plan.Features
		}).Should(BeEmpty())
		Expect(results(answerTo(ctx, give(ctx, o, accountOnX(s.Name+"-1", token))))).To(Equal([]connection.Result{notAllowed}))
	})

	It("has accounts with the same tokens share a Secret, and leaves that of others alone", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		o := signedIn(ctx, s, "mia", rosterv1alpha1.RoleManager)
		token := Social.Connect(ctx, s.Name)
		one, two := accountOnX(s.Name, token), accountOnX(s.Name+"-two", token)
		two.Entries = maps.Clone(one.Entries)
		outcomes := answerTo(ctx, give(ctx, o, one, two))
		Expect(results(outcomes)).To(Equal([]connection.Result{added, added}))
		first, second := Get[rosterv1alpha1.SocialProfile](ctx, s, outcomes[0].Profile), Get[rosterv1alpha1.SocialProfile](ctx, s, outcomes[1].Profile)
		Expect(first.Spec.CredentialsSecretRef).To(Equal(second.Spec.CredentialsSecretRef))
		before := Get[corev1.Secret](ctx, s, first.Spec.CredentialsSecretRef.Name)
		Expect(owners(before)).To(ConsistOf(asOwner(first), asOwner(second)))

		By("connecting one of the two again")
		renewed := Social.Connect(ctx, s.Name)
		Expect(results(answerTo(ctx, give(ctx, o, repairs(first, accountOnX(s.Name, renewed)))))).To(Equal([]connection.Result{repaired}))
		moved := Get[rosterv1alpha1.SocialProfile](ctx, s, first.Name)
		Expect(moved.Spec.CredentialsSecretRef.Name).NotTo(Equal(before.Name))
		Expect(owners(Get[corev1.Secret](ctx, s, moved.Spec.CredentialsSecretRef.Name))).To(Equal([]string{asOwner(first)}))
		Expect(Get[corev1.Secret](ctx, s, before.Name).Data[network.KeyAccess]).To(Equal([]byte(token.AccessToken)), "those of the other profile stay")
	})

	It("repairs what the organisation declared, and puts no new token into a Secret that somebody else made", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		o := signedIn(ctx, s, "ben", rosterv1alpha1.RoleManager)
		token := Social.Connect(ctx, s.Name)
		chloes := s.Tokens(ctx, "chloes", &oauth2.Token{AccessToken: "dead", RefreshToken: "chloes-own"})
		p := s.OnX(ctx, "acme", "chloes")
		declared := p.Spec
		By("chloe making her Secret look like one of the operator's")
		genuine := operatorsSecret(ctx, s, "genuine", p)
		Patch(ctx, chloes, func(secret *corev1.Secret) {
			secret.Data["mine"] = []byte("kept")
			secret.Labels, secret.Annotations, secret.OwnerReferences = genuine.Labels, genuine.Annotations, genuine.OwnerReferences
		})
		before := Get[corev1.Secret](ctx, s, "chloes")

		By("ben connecting the profile again")
		account := accountOnX(s.Name, token)
		delete(account.Entries, network.KeyRefresh)
		Expect(answerTo(ctx, give(ctx, o, repairs(p, account)))).To(Equal([]connection.Outcome{{Profile: "acme", Handle: s.Name, Result: repaired}}))
		Expect(Get[corev1.Secret](ctx, s, "chloes").Data).To(Equal(before.Data), "chloe, who may read it, made it")
		p = s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		own := Get[corev1.Secret](ctx, s, p.Spec.CredentialsSecretRef.Name)
		Expect(own.Data).To(HaveKeyWithValue(network.KeyAccess, []byte(token.AccessToken)))
		Expect(own.Data).NotTo(HaveKey(network.KeyRefresh), "nothing of chloe's comes along")
		Expect(own.Data).To(HaveKeyWithValue(network.KeyForNetwork, []byte("X")))
		Expect(own.Data).To(HaveKeyWithValue(network.KeyForAccount, []byte("id-of-"+s.Name)))
		Expect(owners(own)).To(Equal([]string{asOwner(p)}))
		declared.CredentialsSecretRef = p.Spec.CredentialsSecretRef
		Expect(p.Spec).To(Equal(declared), "the rest of the spec is its writer's")

		By("connecting it once more, into the operator's own Secret")
		Patch(ctx, own, func(secret *corev1.Secret) {
			secret.Data["note"], secret.Data[network.KeyRefresh] = []byte("kept"), []byte("stays")
			metav1.SetMetaDataAnnotation(&secret.ObjectMeta, rosterv1alpha1.RenewingAnnotation, "0123456789abcdef")
		})
		Expect(results(answerTo(ctx, give(ctx, o, repairs(p, account))))).To(Equal([]connection.Result{repaired}))
		after := Get[corev1.Secret](ctx, s, own.Name)
		Expect(after.Data).To(And(HaveKeyWithValue("note", []byte("kept")), HaveKeyWithValue(network.KeyRefresh, []byte("stays"))))
		Expect(after.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		Expect(Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Spec).To(Equal(p.Spec))

		By("coming with another account")
		Expect(answerTo(ctx, give(ctx, o, repairs(p, accountOnX(s.Name+"-other", Social.Connect(ctx, s.Name+"-other")))))).
			To(Equal([]connection.Outcome{{Profile: "acme", Handle: s.Name + "-other", Result: connection.OtherAccount}}))
		Expect(Get[corev1.Secret](ctx, s, own.Name).Data).To(Equal(after.Data))

		By("the Secret being immutable")
		Patch(ctx, after, func(secret *corev1.Secret) { secret.Immutable = ptr.To(true) })
		Expect(results(answerTo(ctx, give(ctx, o, repairs(p, account))))).To(Equal([]connection.Result{repaired}))
		p = Get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
		Expect(p.Spec.CredentialsSecretRef.Name).NotTo(Equal(own.Name))

		By("a profile of that name that is another, where the Secret of the former was kept")
		second := p.Spec.CredentialsSecretRef.Name
		Expect(API.Delete(ctx, p, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
		Eventually(func() error { return API.Get(ctx, s.Key(p.Name), p) }).Should(MatchError(apierrors.IsNotFound, "not found"))
		reborn := s.OnX(ctx, "acme", second)
		kept := Get[corev1.Secret](ctx, s, second).Data
		Expect(results(answerTo(ctx, give(ctx, o, repairs(reborn, account))))).To(Equal([]connection.Result{repaired}))
		Expect(Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Spec.CredentialsSecretRef.Name).NotTo(Equal(second), "that was the other's")
		Expect(Get[corev1.Secret](ctx, s, second).Data).To(Equal(kept))

		By("a profile that names none")
		bare := s.Profile(ctx, "bare", func(p *rosterv1alpha1.SocialProfile) { p.Spec.Network = rosterv1alpha1.NetworkX })
		Expect(results(answerTo(ctx, give(ctx, o, repairs(bare, accountOnX(s.Name+"-bare", token)))))).To(Equal([]connection.Result{repaired}))
		bare = Get[rosterv1alpha1.SocialProfile](ctx, s, "bare")
		Expect(bare.Spec.CredentialsSecretRef).NotTo(BeNil())

		By("that profile going")
		Expect(API.Delete(ctx, bare)).To(Succeed())
		Eventually(func() error { return API.Get(ctx, s.Key(bare.Spec.CredentialsSecretRef.Name), &corev1.Secret{}) }).Should(
			MatchError(apierrors.IsNotFound, "not found"), "Kubernetes' garbage collector removes its tokens")
	})

	It("wins over a renewal that is under way", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		o := signedIn(ctx, s, "mia", rosterv1alpha1.RoleManager)
		first := answerTo(ctx, give(ctx, o, accountOnX(s.Name, Social.Connect(ctx, s.Name))))
		p := s.ProfileSays(ctx, first[0].Profile, rosterv1alpha1.ConditionConnected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		renewed := Social.Connect(ctx, s.Name)
		var once sync.Once
		var outcomes []connection.Outcome
		Social.AfterRenewal(func() {
			once.Do(func() {
				o.RequestedTime = metav1.NewTime(Now.Now())
				outcomes = answerTo(ctx, give(ctx, o, repairs(p, accountOnX(s.Name, renewed))))
			})
		})
		defer Social.AfterRenewal(nil)
		s.Later(ctx, p.Name, 100*time.Minute)
		fingerprint := network.Tokens{Access: renewed.AccessToken, Refresh: renewed.RefreshToken}.Fingerprint(string(p.UID))
		Eventually(func() string {
			return Get[rosterv1alpha1.SocialProfile](ctx, s, p.Name).Status.Credential.Fingerprint
		}).Should(Equal(fingerprint), "the tokens of the person who reconnected it count")
		Expect(results(outcomes)).To(Equal([]connection.Result{repaired}))
		secret := Get[corev1.Secret](ctx, s, p.Spec.CredentialsSecretRef.Name)
		Expect(secret.Data).To(HaveKeyWithValue(network.KeyRefresh, []byte(renewed.RefreshToken)))
		Expect(secret.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
	})

	DescribeTable("waits for the right to write Secrets, and creates nothing before", func(ctx SpecContext, verbs ...string) {
		s := NewSpace(ctx)
		if len(verbs) > 0 {
			opensSecretsTo(ctx, s, verbs...)
		}
		o := signedIn(ctx, s, "mia", rosterv1alpha1.RoleManager)
		given := give(ctx, o, accountOnX(s.Name, Social.Connect(ctx, s.Name)))
		order := Space{Name: rosterv1alpha1.ConnectionNamespace}
		Eventually(func() map[string]string { return Get[corev1.Secret](ctx, order, given.Name).Annotations }).
			Should(HaveKeyWithValue(connection.Waiting, connection.WaitsForSecrets))
		Eventually(func() []corev1.Event {
			var told corev1.EventList
			Expect(API.List(ctx, &told, client.InNamespace(s.Name))).To(Succeed())
			return told.Items
		}).Should(ContainElement(And(HaveField("Reason", rosterv1alpha1.ReasonSecretForbidden), HaveField("InvolvedObject.Name", "acme"),
			HaveField("Message", ContainSubstring("is forbidden: User")))), "with what the API server said")
		var list rosterv1alpha1.SocialProfileList
		Expect(API.List(ctx, &list, client.InNamespace(s.Name))).To(Succeed())
		Expect(list.Items).To(BeEmpty())

		s.OpensSecrets(ctx)
		Patch(ctx, Get[corev1.Secret](ctx, order, given.Name), func(secret *corev1.Secret) {
			metav1.SetMetaDataAnnotation(&secret.ObjectMeta, "nudge", "as the timer would")
		})
		Expect(results(answerTo(ctx, given))).To(Equal([]connection.Result{added}))
		Expect(Get[corev1.Secret](ctx, order, given.Name).Annotations).NotTo(HaveKey(connection.Waiting))
	},
		Entry("where it has none"),
		Entry("where it may renew, and not create", "get", "list", "watch", "update"),
	)

	It("is forgotten after an hour", func(ctx SpecContext) {
		s := NewSpace(ctx)
		o := signedIn(ctx, s, "mia", rosterv1alpha1.RoleManager)
		order := Space{Name: rosterv1alpha1.ConnectionNamespace}
		gone := func(secret *corev1.Secret) {
			GinkgoHelper()
			Eventually(func() bool {
				return apierrors.IsNotFound(API.Get(ctx, client.ObjectKeyFromObject(secret), &corev1.Secret{}))
			}).Should(BeTrue(), "the Secret is deleted")
		}
		waiting := give(ctx, o, accountOnX(s.Name, &oauth2.Token{AccessToken: "a"}))
		Eventually(func() map[string]string { return Get[corev1.Secret](ctx, order, waiting.Name).Annotations }).Should(HaveKey(connection.Waiting))
		nobody := *o
		nobody.Member = "nobody"
		done := give(ctx, &nobody, accountOnX(s.Name, &oauth2.Token{AccessToken: "a"}))
		Expect(results(answerTo(ctx, done))).To(Equal([]connection.Result{notAllowed}))

		unreadable := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: order.Name, GenerateName: "bad-"}, Type: connection.SecretType}
		unreadable.Data = map[string][]byte{"order": []byte("{")}
		Expect(API.Create(ctx, unreadable)).To(Succeed())
		gone(unreadable)
		notOurs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: order.Name, GenerateName: "other-"}}
		Expect(API.Create(ctx, notOurs)).To(Succeed())

		Now.SetTime(Now.Now().Add(connection.Lifetime))
		for _, secret := range []*corev1.Secret{waiting, done} {
			Patch(ctx, Get[corev1.Secret](ctx, order, secret.Name), func(secret *corev1.Secret) {
				metav1.SetMetaDataAnnotation(&secret.ObjectMeta, "nudge", "as the timer would")
			})
			gone(secret)
		}
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonConnectionExpired))
		Expect(API.Get(ctx, client.ObjectKeyFromObject(notOurs), notOurs)).To(Succeed())
	})

	It("takes the draft that it came of along, and no other", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		o := signedIn(ctx, s, "mia", rosterv1alpha1.RoleManager)
		draft := func(account string) *corev1.Secret {
			GinkgoHelper()
			secret, err := connection.Draft{
				AccountUID: account, Time: metav1.NewTime(Now.Now()), Entries: map[string][]byte{network.KeyAccess: []byte("a")},
			}.Secret()
			Expect(err).NotTo(HaveOccurred())
			Expect(ClientAs(Cluster.As("roster-portal")).Create(ctx, secret)).To(Succeed())
			return secret
		}
		gone := func(secret *corev1.Secret) bool {
			return apierrors.IsNotFound(API.Get(ctx, client.ObjectKeyFromObject(secret), &corev1.Secret{}))
		}
		own, left, others := draft(o.AccountUID), draft(o.AccountUID), draft("somebody-else")
		o.Draft = others.Name
		answerTo(ctx, give(ctx, o, accountOnX(s.Name, Social.Connect(ctx, s.Name))))
		Expect(gone(others)).To(BeFalse(), "it is somebody else's")
		Expect(gone(own)).To(BeFalse(), "they may still be choosing")
		o.Draft = own.Name
		answerTo(ctx, give(ctx, o, accountOnX(s.Name, Social.Connect(ctx, s.Name))))
		Expect(gone(own)).To(BeTrue(), "its tokens are where they belong")

		By("nobody choosing")
		Now.SetTime(Now.Now().Add(connection.DraftLifetime))
		Patch(ctx, left, func(secret *corev1.Secret) {
			metav1.SetMetaDataAnnotation(&secret.ObjectMeta, "nudge", "as the timer would")
		})
		Eventually(func() bool { return gone(left) }).Should(BeTrue(), "the time to choose is over")
	})
})

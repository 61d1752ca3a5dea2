// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/invitation"
)

// mayUser asks the API server whether a person may do something; name may be empty for all.
func (s space) mayUser(ctx context.Context, person, verb, resource, name string) bool {
	GinkgoHelper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: s.Address(person),
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: s.Name, Group: rosterv1alpha1.GroupVersion.Group, Resource: resource, Verb: verb, Name: name,
		},
	}}
	Expect(API.Create(ctx, review)).To(Succeed())
	return review.Status.Allowed
}

// profileVerbs are the permissions on a profile that a person holds according to the API server.
func (s space) profileVerbs(ctx context.Context, person, profile string) []access.Permission {
	GinkgoHelper()
	var held []access.Permission
	for _, p := range access.Permissions() {
		if s.mayUser(ctx, person, string(p), "socialprofiles", profile) {
			held = append(held, p)
		}
	}
	return held
}

var _ = Describe("A declared Member", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("is invited by an Invitation of its own, with three writes", func(ctx SpecContext) {
		Writes.Reset()
		m := s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Ana Ruiz" })
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(metav1.IsControlledBy(inv, m)).To(BeTrue())
		Expect(inv.Status.Email).To(Equal(s.Address("ana")))
		m = s.MemberIs(ctx, "ana", rosterv1alpha1.MemberPending)
		Expect(m.Status.Invitation).To(Equal("ana"))
		Expect(m.Status.DisplayName).To(Equal("Ana Ruiz"))
		Expect(meta.IsStatusConditionTrue(m.Status.Conditions, rosterv1alpha1.ConditionReady)).To(BeTrue(), "a pending invitee does not hold up a sync")
		Expect(meta.IsStatusConditionFalse(m.Status.Conditions, rosterv1alpha1.ConditionJoined)).To(BeTrue())
		Consistently(func() int {
			return Writes.Of("/namespaces/"+s.Name+"/invitations") + Writes.Of("/namespaces/"+s.Name+"/members")
		}).Should(Equal(3), Writes.String())
	})

	It("is active once it is accepted, and its writer's spec and labels are left alone", func(ctx SpecContext) {
		want := s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.Role, m.Labels = rosterv1alpha1.RoleManager, map[string]string{"floor": "second"}
		}).Spec
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.Claim(ctx, "ana")
		m := s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		want.AccountRef = &rosterv1alpha1.LocalReference{Name: address.Address(s.Address("ana")).AccountName()}
		Expect(m.Spec).To(Equal(want))
		Expect(m.Labels).To(HaveKeyWithValue("floor", "second"))
	})

	It("takes its open invitation with it when it is removed", func(ctx SpecContext) {
		m := s.Declare(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(API.Delete(ctx, m)).To(Succeed())
		Eventually(func() error { return API.Get(ctx, s.Key("ana"), inv) }).Should(
			MatchError(apierrors.IsNotFound, "not found"), "Kubernetes' garbage collector removes it")

		s.Declare(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(MessageIDs(s.Address("ana"))).To(HaveLen(2), "the person can be invited again")
	})

	It("leaves its open invitation without effect when it is removed alone", func(ctx SpecContext) {
		m := s.Declare(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(API.Delete(ctx, m, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationRevoked)
		s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonMemberRemoved)
		s.removed(ctx, "ana")

		again := s.Declare(ctx, "ana")
		name := "ana-" + string(again.UID[:8])
		s.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent)
		Expect(MessageIDs(s.Address("ana"))).To(HaveLen(2), "the person can be invited again")
	})

	It("says how its invitation ended", func(ctx SpecContext) {
		s.Declare(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		invitation.Decline(inv, Now.Now())
		Expect(API.Status().Update(ctx, inv)).To(Succeed())
		Expect(s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonNotInvited).Message).To(ContainSubstring("Declined"))
	})

	It("of an address that an older one has is reported and holds nothing", func(ctx SpecContext) {
		older := s.Join(ctx, "ana")
		Eventually(time.Now).Should(BeTemporally(">=", older.CreationTimestamp.Add(time.Second)), "ages have seconds; within one the UID decides")
		s.Declare(ctx, "again", func(m *rosterv1alpha1.Member) {
			m.Spec.Email = "ANA@" + s.Name + ".example"
			m.Spec.Role = rosterv1alpha1.RoleManager
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: address.Address(s.Address("ana")).AccountName()}
		})
		Expect(s.MemberSays(ctx, "again", rosterv1alpha1.ReasonDuplicateEmail).Message).To(ContainSubstring(`"ana"`))
		Expect(s.mayUser(ctx, "ana", "create", "invitations", "")).To(BeFalse())
		Expect(API.Delete(ctx, older)).To(Succeed())
		s.MemberSays(ctx, "again", rosterv1alpha1.ReasonActive)
		Expect(s.mayUser(ctx, "ana", "create", "invitations", "")).To(BeTrue())
	})

	It("keeps everything when only the form of its address changes", func(ctx SpecContext) {
		domain := "BÜCHER-" + s.Name + ".example"
		ascii, err := address.Domain(domain)
		Expect(err).NotTo(HaveOccurred())
		m := s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.Email = "Ana@" + domain })
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(s.MemberIs(ctx, "ana", rosterv1alpha1.MemberPending).Status.Email).To(Equal("ana@" + ascii))
		Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.Email = "ANA@" + domain })
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberPending)
		s.Claim(ctx, "ana")
		m = s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		before := m.Status
		for _, form := range []string{"Ana@" + domain, "ana@" + ascii, "Ana@" + strings.ToUpper(ascii)} {
			Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.Email = form })
			Eventually(func() int64 {
				m = Get[rosterv1alpha1.Member](ctx, s, "ana")
				return m.Status.ObservedGeneration
			}).Should(Equal(m.Generation), form)
			for i := range m.Status.Conditions {
				m.Status.Conditions[i].ObservedGeneration = before.Conditions[i].ObservedGeneration
			}
			m.Status.ObservedGeneration = before.ObservedGeneration
			Expect(m.Status).To(Equal(before), form)
		}
		Expect(MessageIDs("ana@"+ascii)).To(HaveLen(1), "nothing is mailed for it")
		Expect(s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationAccepted).Status.Attempt).To(BeEquivalentTo(1))
	})

	It("of somebody who joined under a former form of their address keeps its Account and access", func(ctx SpecContext) {
		former := address.Address("jo\u0308rg@" + s.Name + ".example")
		s.Declare(ctx, "joerg", func(m *rosterv1alpha1.Member) {
			m.Spec.Email, m.Spec.Role = string(former), rosterv1alpha1.RoleManager
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: former.AccountName()}
		})
		Expect(s.MemberIs(ctx, "joerg", rosterv1alpha1.MemberActive).Status.Email).To(Equal(string(former)))
		Eventually(func() bool { return s.mayUser(ctx, "jo\u0308rg", "create", "invitations", "") }).Should(BeTrue(), "the roles follow the status")
	})

	It("with an Account of somebody else is reported and holds nothing", func(ctx SpecContext) {
		s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: address.Address(s.Address("ben")).AccountName()}
		})
		s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonAccountMismatch)
		Expect(s.mayUser(ctx, "ana", "get", "organizations", "acme")).To(BeFalse())
	})

	It("shows the name that the person chose, when they signed in last, and whether they have a second factor", func(ctx SpecContext) {
		a := address.Address(s.Address("ana"))
		account := &rosterv1alpha1.Account{
			ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName()},
			Spec:       rosterv1alpha1.AccountSpec{Email: string(a), DisplayName: "Ana Ruiz"},
		}
		Expect(API.Create(ctx, account)).To(Succeed())
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "A. Ruiz" })
		Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.DisplayName }).Should(Equal("Ana Ruiz"))
		at := metav1.NewTime(Now.Now())
		Eventually(func() error {
			if err := API.Get(ctx, client.ObjectKeyFromObject(account), account); err != nil {
				return err
			}
			account.Status.LastSignInTime = &at
			account.Status.SecondFactor = rosterv1alpha1.SecondFactor{Enrolled: ptr.To(true), Time: metav1.NewMicroTime(at.Time)}
			return API.Status().Update(ctx, account)
		}).Should(Succeed(), "whatever the operator writes at the same time")
		Eventually(func() *metav1.Time { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.LastSignInTime }).ShouldNot(BeNil())
		factor := func() *bool { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.SecondFactor }
		Eventually(factor).Should(HaveValue(BeTrue()))
		Patch(ctx, account, func(a *rosterv1alpha1.Account) { a.Spec.FactorsResetRequestedAt = &at })
		Eventually(factor).Should(HaveValue(BeFalse()), "an administrator has reset it")
	})

	It("shows a first sign-in that the Account says itself, and the operator takes it over", func(ctx SpecContext) {
		a, at := address.Address(s.Address("ana")), metav1.NewTime(time.Now().Truncate(time.Second))
		account := &rosterv1alpha1.Account{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName(),
				Annotations: map[string]string{rosterv1alpha1.FirstSignInAnnotation: at.UTC().Format(time.RFC3339)},
			},
			Spec: rosterv1alpha1.AccountSpec{Email: string(a), DisplayName: "Ana Ruiz"},
		}
		Expect(API.Create(ctx, account)).To(Succeed())
		s.Join(ctx, "ana")
		AccountIs(ctx, account, "the first status has it", func(g Gomega, a *rosterv1alpha1.Account) {
			g.Expect(a.Status.LastSignInTime).To(HaveValue(WithTransform(metav1.Time.Unix, Equal(at.Unix()))))
			g.Expect(a.Status.SecondFactor.Enrolled).To(HaveValue(BeFalse()))
		})
		Eventually(func(g Gomega) {
			m := Get[rosterv1alpha1.Member](ctx, s, "ana")
			g.Expect(m.Status.LastSignInTime).To(HaveValue(WithTransform(metav1.Time.Unix, Equal(at.Unix()))))
			g.Expect(m.Status.SecondFactor).To(HaveValue(BeFalse()))
		}).Should(Succeed(), "as soon as the Member is bound")
	})
})

var _ = Describe("The roles of a Member", func() {
	var s space
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"}
		})
		s.Profile(ctx, "acme-fb")
		s.Profile(ctx, "acme-x")
	})

	It("are what the tables say, allowed and denied, on the real API server", func(ctx SpecContext) {
		type can struct{ manage, invite, settings, transfer, add, all bool }
		table := map[rosterv1alpha1.OrganizationRole]can{
			rosterv1alpha1.RoleOwner:            {true, true, true, true, true, true},
			rosterv1alpha1.RoleCoOwner:          {true, true, true, false, true, true},
			rosterv1alpha1.RoleManager:          {true, true, true, false, true, true},
			rosterv1alpha1.RoleAdvancedMember:   {false, false, false, false, true, false},
			rosterv1alpha1.RoleMember:           {},
			rosterv1alpha1.RoleProfileConnector: {},
		}
		for role, want := range table {
			name := "p-" + fmt.Sprint(len(role)) + string(role[0]|0x20) // any name will do
			if role == rosterv1alpha1.RoleOwner {
				name = "olivia"
			}
			s.Join(ctx, name, func(m *rosterv1alpha1.Member) {
				if role != rosterv1alpha1.RoleOwner {
					m.Spec.Role = role
				}
			})
			may := func(verb, resource, object string) bool { return s.mayUser(ctx, name, verb, resource, object) }
			Eventually(func() can {
				return can{
					manage: may("delete", "members", "somebody"), invite: may("create", "invitations", ""),
					settings: may("update", "organizations", "acme"), transfer: may("transfer", "organizations", "acme"),
					add: may("add", "socialprofiles", ""), all: may("publish", "socialprofiles", "acme-fb"),
				}
			}).Should(Equal(want), "%s", role)
			Expect(may("delete", "organizations", "acme")).To(BeFalse(), "%s may not delete the organisation", role)
			Expect(may("create", "teams", "")).To(Equal(want.manage))
		}
		Expect(s.mayUser(ctx, "stranger", "get", "organizations", "acme")).To(BeFalse())
	})

	DescribeTable("on one profile are nothing on another",
		func(ctx SpecContext, role rosterv1alpha1.ProfileRole, want []access.Permission) {
			s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) {
				m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: role}}
			})
			Expect(s.profileVerbs(ctx, "ana", "acme-fb")).To(Equal(want))
			Expect(s.profileVerbs(ctx, "ana", "acme-x")).To(BeEmpty())
			Expect(s.profileVerbs(ctx, "ana", "")).To(BeEmpty())
			Expect(s.mayUser(ctx, "ana", "delete", "socialprofiles", "acme-fb")).To(Equal(role == rosterv1alpha1.ProfileAdministrator))
		},
		Entry(nil, rosterv1alpha1.ProfileAdministrator, access.Permissions()),
		Entry(nil, rosterv1alpha1.ProfileEditor, []access.Permission{access.Get, access.Schedule, access.Publish, access.Moderate, access.Report}),
		Entry(nil, rosterv1alpha1.ProfileModerator, []access.Permission{access.Get, access.Schedule, access.Moderate}),
		Entry(nil, rosterv1alpha1.ProfileGuest, []access.Permission{access.Get}),
	)

	It("change, end and come back at once and completely", func(ctx SpecContext) {
		m := s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		may := func(verb, resource, object string) func() bool {
			return func() bool { return s.mayUser(ctx, "ana", verb, resource, object) }
		}
		Expect(may("publish", "socialprofiles", "acme-x")()).To(BeTrue())

		By("a lower role")
		Patch(ctx, m, func(m *rosterv1alpha1.Member) {
			m.Spec.Role = rosterv1alpha1.RoleMember
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileModerator}}
		})
		Eventually(may("create", "invitations", "")).Should(BeFalse())
		Eventually(may("moderate", "socialprofiles", "acme-fb")).Should(BeTrue())
		Expect(may("publish", "socialprofiles", "acme-x")()).To(BeFalse())

		By("no roles on profiles any more")
		Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.Profiles = nil })
		Eventually(may("get", "socialprofiles", "acme-fb")).Should(BeFalse())

		By("suspension")
		Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberSuspended)
		Eventually(may("get", "organizations", "acme")).Should(BeFalse())
		Expect(Get[rosterv1alpha1.Member](ctx, s, "ana").Status.Profiles).To(BeEmpty())

		By("reactivation")
		Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(false) })
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Expect(may("get", "organizations", "acme")()).To(BeTrue())

		By("deletion")
		Expect(API.Delete(ctx, m)).To(Succeed())
		Eventually(may("get", "organizations", "acme")).Should(BeFalse())
		Eventually(func() []string { return s.roles(ctx) }).Should(BeEmpty(), "nothing is left over")
	})

	It("on a profile come and go with the profile", func(ctx SpecContext) {
		s.declareJoined(ctx, "ana", rosterv1alpha1.ProfileGrant{Name: "later", Role: rosterv1alpha1.ProfileEditor},
			rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: rosterv1alpha1.ProfileGuest})
		Expect(s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonProfileNotFound).Message).To(ContainSubstring("SocialProfile later"))
		Expect(s.profileVerbs(ctx, "ana", "acme-fb")).To(Equal([]access.Permission{access.Get}), "the others are granted")
		Expect(s.profileVerbs(ctx, "ana", "later")).To(BeEmpty())
		p := s.Profile(ctx, "later")
		s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonActive)
		Eventually(func() bool { return s.mayUser(ctx, "ana", "publish", "socialprofiles", "later") }).Should(BeTrue())
		Expect(API.Delete(ctx, p)).To(Succeed())
		Eventually(func() bool { return s.mayUser(ctx, "ana", "publish", "socialprofiles", "later") }).Should(BeFalse())
	})

	It("are put back when somebody tampers with them", func(ctx SpecContext) {
		s.Join(ctx, "ana")
		role := Get[rbacv1.Role](ctx, s, "roster:role:Member")
		Patch(ctx, role, func(r *rbacv1.Role) {
			r.Rules = append(r.Rules, rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
		})
		Eventually(func() bool { return s.mayUser(ctx, "ana", "delete", "members", "x") }).Should(BeFalse())
		binding := Get[rbacv1.RoleBinding](ctx, s, "roster:role:Member:0")
		Patch(ctx, binding, func(b *rbacv1.RoleBinding) { b.Subjects[0].Name = "somebody-else" })
		Eventually(func() bool { return s.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeTrue())
		Expect(API.Delete(ctx, binding)).To(Succeed())
		Eventually(func() bool { return s.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeTrue())
	})

	It("pass on with the ownership", func(ctx SpecContext) {
		s.Join(ctx, "olivia")
		s.Join(ctx, "omar")
		Eventually(func() bool { return s.mayUser(ctx, "olivia", "transfer", "organizations", "acme") }).Should(BeTrue())
		Eventually(func() string { return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Owner }).Should(Equal(s.Address("olivia")))
		s.Owner(ctx, "omar")
		Eventually(func() bool { return s.mayUser(ctx, "omar", "transfer", "organizations", "acme") }).Should(BeTrue())
		Eventually(func() bool { return s.mayUser(ctx, "olivia", "create", "invitations", "") }).Should(BeFalse(), "back to the role of the spec")
	})

	It("end with the Organization", func(ctx SpecContext) {
		s.Join(ctx, "ana")
		Expect(API.Delete(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"))).To(Succeed())
		s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonOrganizationMissing)
		Eventually(func() bool { return s.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeFalse())
	})
})

// roles are the names of the Roles and bindings in the namespace.
func (s space) roles(ctx context.Context) []string {
	GinkgoHelper()
	var roles rbacv1.RoleList
	var bindings rbacv1.RoleBindingList
	Expect(API.List(ctx, &roles, client.InNamespace(s.Name))).To(Succeed())
	Expect(API.List(ctx, &bindings, client.InNamespace(s.Name))).To(Succeed())
	var names []string
	for _, r := range roles.Items {
		names = append(names, r.Name)
	}
	for _, b := range bindings.Items {
		names = append(names, b.Name)
	}
	return names
}

func (s space) declareJoined(ctx context.Context, name string, grants ...rosterv1alpha1.ProfileGrant) {
	GinkgoHelper()
	s.Join(ctx, name, func(m *rosterv1alpha1.Member) { m.Spec.Profiles = grants })
}

var _ = Describe("An Organization", func() {
	It("says who owns it and how many belong to it", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"} })
		ready := func() *metav1.Condition {
			return meta.FindStatusCondition(Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, rosterv1alpha1.ConditionReady)
		}
		Eventually(ready).Should(HaveField("Reason", rosterv1alpha1.ReasonMemberNotFound))
		s.Join(ctx, "olivia")
		s.Declare(ctx, "ben")
		s.Invite(ctx, "ana")
		s.Profile(ctx, "acme-fb")
		Eventually(func() rosterv1alpha1.OrganizationStatus {
			status := Get[rosterv1alpha1.Organization](ctx, s, "acme").Status
			status.Conditions, status.ObservedGeneration, status.OwnerSince = nil, 0, nil
			return status
		}).Should(Equal(rosterv1alpha1.OrganizationStatus{
			Owner: s.Address("olivia"), OwnerRef: &rosterv1alpha1.LocalReference{Name: "olivia"}, Members: ptr.To[int32](2), ActiveMembers: ptr.To[int32](1), OpenInvitations: ptr.To[int32](2),
			SocialProfiles: ptr.To[int32](1),
		}))
		Expect(ready()).To(HaveField("Status", metav1.ConditionTrue))
	})

	It("has a namespace of its own: of two the older counts", func(ctx SpecContext) {
		s := newSpace(ctx)
		second := &rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "zzz"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Second"},
		}
		// Names and UIDs break a tie within a second, so the test looks at which counts, not at which was first.
		Expect(API.Create(ctx, second)).To(Succeed())
		reasons := func() []string {
			var list rosterv1alpha1.OrganizationList
			Expect(API.List(ctx, &list, client.InNamespace(s.Name))).To(Succeed())
			var found []string
			for _, o := range list.Items {
				if c := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionReady); c != nil {
					found = append(found, c.Reason)
				}
			}
			return found
		}
		Eventually(reasons).Should(ConsistOf(rosterv1alpha1.ReasonReady, rosterv1alpha1.ReasonNamespaceTaken))
	})
})

var _ = Describe("A SocialProfile", func() {
	It("says who holds which role and who looks after it", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Profile(ctx, "acme-fb", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "ana"}
		})
		Eventually(func() *metav1.Condition {
			return meta.FindStatusCondition(Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Conditions, rosterv1alpha1.ConditionReady)
		}).Should(HaveField("Reason", rosterv1alpha1.ReasonMemberNotFound))
		s.declareJoined(ctx, "ana", rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor})
		s.declareJoined(ctx, "ben", rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: rosterv1alpha1.ProfileGuest})
		s.Join(ctx, "max", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		s.Declare(ctx, "pending", func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		})
		Eventually(func() rosterv1alpha1.RoleHolders {
			return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Holders
		}).Should(Equal(
			rosterv1alpha1.RoleHolders{Administrators: ptr.To[int32](1), Editors: ptr.To[int32](1), Moderators: ptr.To[int32](0), Guests: ptr.To[int32](1)}))
		Eventually(func() string { return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Responsible }).Should(Equal(s.Address("ana")))
	})
})

var _ = Describe("An Account", func() {
	It("that nobody can use is reported", func(ctx SpecContext) {
		s := newSpace(ctx)
		wrong := &rosterv1alpha1.Account{
			ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: s.Name},
			Spec:       rosterv1alpha1.AccountSpec{Email: s.Address("ana"), DisplayName: "Ana"},
		}
		Expect(API.Create(ctx, wrong)).To(Succeed())
		condition := Says(ctx, client.ObjectKeyFromObject(wrong), wrong, rosterv1alpha1.ReasonNameMismatch,
			func(a *rosterv1alpha1.Account) []metav1.Condition { return a.Status.Conditions })
		Expect(condition.Message).To(ContainSubstring(address.Address(s.Address("ana")).AccountName()))
	})
})

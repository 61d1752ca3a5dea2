//go:build flux

// SPDX-License-Identifier: Apache-2.0

package flux

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// acme is the organisation of the example.
var acme = Space{Name: "acme"}

// apply applies a file of the example, as kubectl does; change may change an object first.
func apply(ctx context.Context, file string, change func(u *unstructured.Unstructured)) {
	GinkgoHelper()
	f, err := os.Open(filepath.Join(examples, file))
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = f.Close() }()
	decoder := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		u := &unstructured.Unstructured{}
		err := decoder.Decode(u)
		if errors.Is(err, io.EOF) {
			return
		}
		Expect(err).NotTo(HaveOccurred())
		change(u)
		strict := client.WithFieldValidation(API, metav1.FieldValidationStrict)
		Expect(strict.Create(ctx, u)).To(Succeed(), "%s", file)
	}
}

// may asks the API server whether a person may do something with a profile.
func may(ctx context.Context, person, verb, profile string) bool {
	GinkgoHelper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: acme.Address(person),
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: acme.Name, Group: rosterv1alpha1.GroupVersion.Group, Resource: "socialprofiles", Verb: verb, Name: profile,
		},
	}}
	Expect(API.Create(ctx, review)).To(Succeed())
	return review.Status.Allowed
}

// gone reports whether a Member is not there.
func gone(ctx context.Context, name string) func() bool {
	return func() bool { return apierrors.IsNotFound(API.Get(ctx, acme.Key(name), &rosterv1alpha1.Member{})) }
}

// accepts has an invited person accept.
func accepts(ctx context.Context, name string) {
	GinkgoHelper()
	acme.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent)
	acme.Claim(ctx, name)
	acme.MemberIs(ctx, name, rosterv1alpha1.MemberActive)
}

var _ = Describe("The example for Argo CD", func() {
	It("is an Application as Argo CD has them", func(ctx SpecContext) {
		Expect(Cluster.Namespace(ctx, "argocd")).To(Succeed())
		apply(ctx, "argo-cd/application.yaml", func(*unstructured.Unstructured) {})
	})
})

var _ = Describe("An organisation in Git", Ordered, func() {
	var (
		repo   *repository
		joined *metav1.Time
	)

	BeforeAll(func(ctx SpecContext) {
		repo = serve(examples)
		apply(ctx, "flux/tenant.yaml", func(*unstructured.Unstructured) {})
		apply(ctx, "flux/sync.yaml", func(u *unstructured.Unstructured) {
			if u.GetKind() == repositories.Kind {
				Expect(unstructured.SetNestedField(u.Object, repo.URL, "spec", "url")).To(Succeed())
			} else { // Longer than the test waits, so that nothing fails because time ran out.
				Expect(unstructured.SetNestedField(u.Object, "10m", "spec", "timeout")).To(Succeed())
				Expect(unstructured.SetNestedField(u.Object, "2s", "spec", "retryInterval")).To(Succeed())
			}
		})
	})
	AfterEach(func(ctx SpecContext) {
		if CurrentSpecReport().Failed() {
			GinkgoWriter.Printf("the sync: %+v\n", state(ctx))
		}
	})

	It("comes up, and is ready while everybody has still to answer", func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			s := state(ctx)
			g.Expect(s.condition("Ready").Status).To(Equal(metav1.ConditionTrue), "%+v", s.Conditions)
		}).Should(Succeed(), "the first sync is ready")
		for _, name := range []string{"olivia", "ana", "zoe"} {
			acme.MemberIs(ctx, name, rosterv1alpha1.MemberPending)
			acme.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent)
		}
	})

	It("is ready when people have joined, who then hold their roles", func(ctx SpecContext) {
		for _, name := range []string{"olivia", "ana", "zoe"} {
			accepts(ctx, name)
		}
		joined = acme.MemberIs(ctx, "zoe", rosterv1alpha1.MemberActive).Status.JoinedTime
		Eventually(func() bool { return may(ctx, "zoe", "publish", "acme-fb") }).Should(BeTrue())
		reconcile(ctx, kustomizations)
		repo.set("members.yaml", "zoe", `"Zoe"`, "spec", "displayName")
		succeeds(ctx, repo.push(ctx, "Zoe goes by her first name"))
		Expect(acme.MemberIs(ctx, "zoe", rosterv1alpha1.MemberActive).Spec.AccountRef).NotTo(BeNil(), "Flux leaves it alone")
	})

	It("is under way until the operator has seen what changed", func(ctx SpecContext) {
		Running.Stop()
		started := false
		DeferCleanup(func() {
			if !started {
				Running = StartOperator(Cluster.As("roster-manager"))
			}
		})
		before := state(ctx).Applied
		repo.add("members.yaml", `
apiVersion: roster.dev/v1alpha1
kind: Member
metadata: {name: kofi, namespace: acme}
spec: {email: kofi@agency.example}`)
		revision := repo.push(ctx, "Kofi joins")
		Eventually(gone(ctx, "kofi")).Should(BeFalse(), "Flux has applied it")
		Eventually(func() string { return state(ctx).condition("Ready").Reason }).Should(Equal("Progressing"))
		Consistently(func(g Gomega) {
			s := state(ctx)
			g.Expect(s.Applied).To(Equal(before))
			g.Expect(s.condition("Ready").Status).To(Equal(metav1.ConditionUnknown))
		}).WithTimeout(8*time.Second).Should(Succeed(), "it waits, longer than Flux takes to look again")
		Running, started = StartOperator(Cluster.As("roster-manager")), true
		succeeds(ctx, revision)
	})

	It("fails at once where a Member cannot work, names it, and goes on when it is mended", func(ctx SpecContext) {
		repo.set("members.yaml", "kofi", "buyer", "spec", "role")
		why := fails(ctx, repo.push(ctx, "Kofi buys"), "HealthCheckFailed")
		Expect(why).To(ContainSubstring("failed early due to stalled resources: [Member/acme/kofi status: 'Failed']"))
		Expect(acme.MemberSays(ctx, "kofi", rosterv1alpha1.ReasonRoleNotFound).Message).To(ContainSubstring("no CustomRole buyer"))
		repo.set("members.yaml", "kofi", "AdvancedMember", "spec", "role")
		succeeds(ctx, repo.push(ctx, "There are no buyers"))
	})

	It("renames somebody, who keeps everything and has no mail", func(ctx SpecContext) {
		mails := len(acme.Mails())
		account := acme.MemberIs(ctx, "zoe", rosterv1alpha1.MemberActive).Spec.AccountRef
		NextSecond(ctx)
		repo.set("members.yaml", "zoe", "zoe-park", "metadata", "name")
		repo.set("teams.yaml", "editors", "[zoe-park]", "spec", "members")
		refused, stop := 0, make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer GinkgoRecover()
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if !may(context.WithoutCancel(ctx), "zoe", "publish", "acme-fb") || !may(context.WithoutCancel(ctx), "zoe", "moderate", "acme-x") {
					refused++
				}
			}
		}()
		succeeds(ctx, repo.push(ctx, "Zoe's object is named as she is"))
		renamed := acme.MemberIs(ctx, "zoe-park", rosterv1alpha1.MemberActive)
		close(stop)
		<-done
		Expect(gone(ctx, "zoe")()).To(BeTrue())
		Expect(renamed.Spec.AccountRef).To(Equal(account))
		Expect(renamed.Status.JoinedTime).To(Equal(joined))
		Expect(refused).To(BeZero(), "how often she was refused meanwhile")
		Expect(acme.Mails()).To(HaveLen(mails), "nobody is mailed")
	})

	It("takes another case of an address for no change", func(ctx SpecContext) {
		mails := len(acme.Mails())
		repo.set("members.yaml", "zoe-park", "Zoe@Acme.example", "spec", "email")
		succeeds(ctx, repo.push(ctx, "Zoe's address as on her card"))
		m := acme.MemberIs(ctx, "zoe-park", rosterv1alpha1.MemberActive)
		Expect(m.Spec.Email).To(Equal("Zoe@Acme.example"))
		Expect(m.Status.Email).To(Equal("zoe@acme.example"))
		Expect(m.Status.JoinedTime).To(Equal(joined))
		Expect(may(ctx, "zoe", "publish", "acme-fb")).To(BeTrue())
		Expect(acme.Mails()).To(HaveLen(mails))
	})

	It("removes nobody who is not suspended, and says so", func(ctx SpecContext) {
		repo.remove("members.yaml", "ana")
		why := fails(ctx, repo.push(ctx, "Ana goes"), "PruneFailed")
		Expect(why).To(And(ContainSubstring("The Member ana (ana@acme.example) is not suspended"), ContainSubstring("suspend the Member first")))
		Expect(may(ctx, "ana", "publish", "acme-x")).To(BeTrue(), "she may do what she might")
		repo.add("members.yaml", `
apiVersion: roster.dev/v1alpha1
kind: Member
metadata: {name: ana, namespace: acme}
spec: {email: ana@acme.example, displayName: Ana Lima, role: Manager, suspended: true}`)
		succeeds(ctx, repo.push(ctx, "Ana is suspended"))
		acme.MemberIs(ctx, "ana", rosterv1alpha1.MemberSuspended)
		repo.remove("members.yaml", "ana")
		succeeds(ctx, repo.push(ctx, "Ana goes"))
		Eventually(gone(ctx, "ana")).Should(BeTrue())
	})

	It("goes as a whole when that is meant", func(ctx SpecContext) {
		repo.set("organization.yaml", "acme", "false", "spec", "guardrails", "deleteOnlySuspended")
		succeeds(ctx, repo.push(ctx, "The end"))
		Expect(API.Delete(ctx, get(ctx, kustomizations))).To(Succeed())
		Eventually(func() bool {
			u := &unstructured.Unstructured{}
			u.SetGroupVersionKind(kustomizations)
			return apierrors.IsNotFound(API.Get(ctx, acme.Key("acme"), u))
		}).Should(BeTrue(), "the Kustomization has removed everything")
		for _, list := range []client.ObjectList{
			&rosterv1alpha1.OrganizationList{}, &rosterv1alpha1.MemberList{}, &rosterv1alpha1.SocialProfileList{}, &rosterv1alpha1.TeamList{},
		} {
			Eventually(func(g Gomega) {
				g.Expect(API.List(ctx, list, client.InNamespace(acme.Name))).To(Succeed())
				items, err := meta.ExtractList(list)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(items).To(BeEmpty())
			}).Should(Succeed(), "%T", list)
		}
		Eventually(func() bool { return may(ctx, "zoe", "publish", "acme-fb") }).Should(BeFalse())
	})
})

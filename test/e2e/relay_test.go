// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

// signsInByPassword and signsInByToken correct the Secret for the relay under a manager that is not restarted, and whose configuration has
// something else than the defaults.
func signsInByPassword(b *bureau) {
	signsIn(b, "Password", corev1.BasicAuthPasswordKey, nil, "a wrong one", "refused the user name or password of Secret roster-smtp")
}

func signsInByToken(b *bureau) {
	signsIn(b, "XOAUTH2", corev1.ServiceAccountTokenKey, []string{"XOAUTH2"}, "", "roster-smtp needs the entries username and token")
}

func signsIn(b *bureau, auth, entry string, mechanisms []string, wrong, says string) {
	const user, right = "roster", "the right one"
	relay, err := smtptest.Start(smtptest.Options{
		TLS: smtptest.StartTLS, Users: map[string]string{user: right}, Mechanisms: mechanisms,
	})
	b.must(err)
	b.t.Cleanup(func() { _ = relay.Close() })
	b.must(os.WriteFile(b.path("relay-ca.pem"), relay.CA(), 0o600))
	b.must(os.WriteFile(b.path("config.yaml"), fmt.Appendf(nil, `apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail:
  from: "Roster <roster@mail.example>"
  replyTo: "Social team <social@mail.example>"
  smtp: {address: %q, authSecret: roster-smtp, auth: %s, caFile: %q, helloName: roster.mail.example}
portal: {url: "https://portal.example"}
controllers: {concurrency: 5, deliveries: 3}
metrics: {countBy: Installation}
`, relay.Addr(), auth, b.path("relay-ca.pem")), 0o600))
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-smtp"},
		StringData: map[string]string{corev1.BasicAuthUsernameKey: user, entry: wrong},
	}
	b.must(b.cluster.Client.Create(b.t.Context(), secret))
	b.t.Cleanup(func() { _ = b.cluster.Client.Delete(context.Background(), secret) })
	address := freeport.For(b.t).Addr()
	b.run("manager", "--leader-elect", "--metrics-bind-address="+address)
	b.invite(1, "person")
	b.awaitTrouble(says)
	before := secret.DeepCopy()
	secret.Data[entry] = []byte(right)
	b.must(b.cluster.Client.Patch(b.t.Context(), secret, client.MergeFrom(before)))
	b.awaitSent()
	m := relay.Messages()
	if len(m) != 1 || m[0].User != user || !m[0].Encrypted || m[0].Hello != "roster.mail.example" ||
		!strings.Contains(string(m[0].Raw), "social@mail.example") {
		b.t.Errorf("the relay has %+v", m)
	}
	b.eventually("the metrics are those of this configuration", func() error {
		metrics, err := b.get("http://" + address + "/metrics")
		if err != nil {
			return err
		}
		for _, want := range []string{
			`roster_invitations{organization="",state="Sent"}`, `controller_runtime_max_concurrent_reconciles{controller="member"} 5`,
			`controller_runtime_max_concurrent_reconciles{controller="delivery"} 3`,
			// What alerts ask for.
			`roster_mails_total{kind="invitation",outcome="Delivered"} 1`, `roster_outbox_held{reason="RelayRefuses"} 0`,
			`roster_refused_writes_total{kind="Role"} 0`, `rest_client_requests_total{`, `workqueue_longest_running_processor_seconds{`,
			`controller_runtime_reconcile_errors_total{`, `go_gc_gomemlimit_bytes `, `process_start_time_seconds `,
		} {
			if !strings.Contains(metrics, "\n"+want) {
				return fmt.Errorf("there is no %s", want)
			}
		}
		return nil
	})
}

// awaitTrouble waits until the Organization says why no mail goes out.
func (b *bureau) awaitTrouble(says string) {
	b.t.Helper()
	b.eventually("the Organization says "+says, func() error {
		var o rosterv1alpha1.Organization
		if err := b.cluster.Client.Get(b.t.Context(), client.ObjectKey{Namespace: b.space, Name: "acme"}, &o); err != nil {
			return err
		}
		c := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionMailDelivered)
		if c == nil || c.Reason != rosterv1alpha1.ReasonRelayRefuses || !strings.Contains(c.Message, says) {
			return fmt.Errorf("it says %+v", c)
		}
		return nil
	})
}

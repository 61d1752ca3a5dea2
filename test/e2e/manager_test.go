// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

// TestManagers: X-05. It runs real managers, elected by a Lease, against a real API server: they start, stop, freeze, and lose the way to it.
func TestManagers(t *testing.T) {
	t.Parallel() // to the three minutes of [TestAPIServerAwayForMinutes]
	cluster, err := testenv.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	for name, test := range map[string]func(*bureau){
		"a graceful stop finishes the mails that are under way":            gracefulStop,
		"a leader that was frozen mails nobody twice":                      frozenLeader,
		"a mail that is repeated after a crash says the same":              crashRepeatsTheSame,
		"an API server that is away is waited for":                         apiServerAway,
		"a leader whose renewals are refused ends":                         renewalsRefused,
		"of two managers, one reports what there is":                       oneReports,
		"a start without the API server waits, and says what it waits for": startWithoutAPIServer,
		"a relay that allows fourteen mails a second is not pushed":        relayAllowsFourteenASecond,
		"a relay gets the password of its Secret":                          signsInByPassword,
		"a relay gets the token of its Secret":                             signsInByToken,
		"somebody accepts with an account of another address":              acceptWithAnotherAddress,
	} {
		t.Run(name, func(t *testing.T) { test(newBureau(t, cluster).organize()) })
	}
}

// bureau is an organisation with a relay, and the way to the API server that its managers take.
type bureau struct {
	t       *testing.T
	cluster *testenv.Cluster
	post    *smtptest.Server
	wire    *testenv.Wire
	dir     string
	space   string
}

func newBureau(t *testing.T, cluster *testenv.Cluster) *bureau {
	t.Helper()
	post, err := smtptest.Start(smtptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = post.Close() })
	b := &bureau{t: t, cluster: cluster, post: post, dir: t.TempDir()}
	b.space = "bureau-" + strings.Trim(regexp.MustCompile(`[^a-z]+`).ReplaceAllString(strings.ToLower(filepath.Base(t.Name())), "-"), "-")
	b.space = strings.Trim(b.space[:min(len(b.space), 40)], "-")
	b.must(cluster.Namespace(t.Context(), b.space))
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-manager"}}
	b.must(client.IgnoreNotFound(cluster.Client.Delete(t.Context(), lease))) // of a manager that has been killed
	wire, err := testenv.NewWire(cluster.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	b.wire = wire
	b.kubeconfig("roster-manager", b.wire.Addr())
	b.must(os.WriteFile(b.path("config.yaml"), fmt.Appendf(nil, `apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail:
  from: "Roster <roster@mail.example>"
  smtp: {address: %q, tls: None}
portal: {url: "https://portal.example"}
`, post.Addr()), 0o600))
	return b
}

func (b *bureau) organize() *bureau {
	b.t.Helper()
	b.must(b.cluster.Client.Create(b.t.Context(), &rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.space, Name: "acme"},
		Spec:       rosterv1alpha1.OrganizationSpec{DisplayName: "Acme Social"},
	}))
	return b
}

func (b *bureau) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bureau) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// kubeconfig is that of a ServiceAccount, with the address at which its process finds the API server.
func (b *bureau) kubeconfig(account, server string) {
	b.t.Helper()
	login, err := b.cluster.LoginServiceAccount(account)
	b.must(err)
	login.Host = server
	b.must(testenv.WriteKubeconfig(b.path(account), login, ""))
}

// office is a manager, or a portal, in a process of its own.
type office struct {
	b      *bureau
	cmd    *exec.Cmd
	probes string
	log    *output
	ended  chan struct{}
	err    error
}

func (b *bureau) start() *office {
	b.t.Helper()
	return b.run("manager", "--leader-elect")
}

func (b *bureau) run(program string, flags ...string) *office {
	b.t.Helper()
	o := &office{b: b, probes: freeport.For(b.t).Addr(), log: &output{}, ended: make(chan struct{})}
	o.cmd = exec.Command(filepath.Join(binDir, program), slices.Concat([]string{
		"--config=" + b.path("config.yaml"), "--kubeconfig=" + b.path("roster-"+program),
		"--namespace=" + testenv.SystemNamespace, "--metrics-bind-address=0", "--health-probe-bind-address=" + o.probes,
	}, flags)...)
	o.cmd.Stdout, o.cmd.Stderr = o.log, o.log
	b.must(o.cmd.Start())
	go func() {
		o.err = o.cmd.Wait()
		close(o.ended)
	}()
	b.t.Cleanup(func() {
		_ = o.cmd.Process.Kill()
		<-o.ended
		if b.t.Failed() {
			b.t.Logf("the log of a %s:\n%s", program, o.log)
		}
	})
	return o
}

func (o *office) signal(s os.Signal) {
	o.b.t.Helper()
	o.b.must(o.cmd.Process.Signal(s))
}

// awaitEnd waits until the process has ended.
func (o *office) awaitEnd() error {
	o.b.t.Helper()
	o.b.eventually("the manager has ended", func() error {
		select {
		case <-o.ended:
			return nil
		default:
			return errors.New("it runs")
		}
	})
	return o.err
}

// readiness is what /readyz answers.
func (o *office) readiness() (int, string) {
	request, err := http.NewRequestWithContext(o.b.t.Context(), http.MethodGet, "http://"+o.probes+"/readyz", nil)
	o.b.must(err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

func (o *office) awaitReady() {
	o.b.t.Helper()
	o.b.eventually("the manager is ready", func() error {
		if code, body := o.readiness(); code != http.StatusOK {
			return errors.New(body)
		}
		return nil
	})
}

// eventually waits for a condition.
func (b *bureau) eventually(what string, is func() error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := is()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
	}
}

func (b *bureau) invite(n int, prefix string) {
	b.t.Helper()
	for i := range n {
		name := fmt.Sprintf("%s-%d", prefix, i)
		b.must(b.cluster.Client.Create(b.t.Context(), &rosterv1alpha1.Invitation{
			ObjectMeta: metav1.ObjectMeta{Namespace: b.space, Name: name},
			Spec:       rosterv1alpha1.InvitationSpec{Email: name + "@" + b.space + ".example"},
		}))
	}
}

// awaitSent waits until every Invitation has been sent.
func (b *bureau) awaitSent() {
	b.t.Helper()
	b.eventually("all is sent", func() error {
		var list rosterv1alpha1.InvitationList
		if err := b.cluster.Client.List(b.t.Context(), &list, client.InNamespace(b.space)); err != nil {
			return err
		}
		for _, inv := range list.Items {
			if inv.Status.State != rosterv1alpha1.InvitationSent {
				return fmt.Errorf("%s is %q: %+v", inv.Name, inv.Status.State, inv.Status.Conditions)
			}
		}
		return nil
	})
}

// noMailTwice checks that everybody who was invited got one mail.
func (b *bureau) noMailTwice(want int) {
	b.t.Helper()
	got := map[string]int{}
	for _, m := range b.post.Messages() {
		if strings.HasSuffix(m.To[0], "@"+b.space+".example") {
			got[m.To[0]]++
		}
	}
	for _, to := range slices.Sorted(maps.Keys(got)) {
		if got[to] != 1 {
			b.t.Errorf("%s got %d mails", to, got[to])
		}
	}
	if len(got) != want {
		b.t.Errorf("%d people got mail, want %d", len(got), want)
	}
}

// hold lets the server hold up that many mails at a step until the gates are opened.
func (b *bureau) hold(n int, step smtptest.Step) []*smtptest.Gate {
	var gates []*smtptest.Gate
	for range n {
		gate := smtptest.NewGate()
		gates = append(gates, gate)
		b.post.Script(smtptest.Fault{Step: step, Gate: gate})
	}
	return gates
}

func reached(gates []*smtptest.Gate) {
	for _, g := range gates {
		<-g.Reached()
	}
}

func open(gates []*smtptest.Gate) {
	for _, g := range gates {
		g.Open()
	}
}

// connections is how many mails are on their way at once.
const connections = 4

// lease is that by which managers are elected.
func (b *bureau) lease() *coordinationv1.Lease {
	b.t.Helper()
	var lease coordinationv1.Lease
	b.must(b.cluster.Client.Get(b.t.Context(), client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-manager"}, &lease))
	return &lease
}

// gracefulStop stops managers in the middle of many mails, each time when the relay has those that are under way and has not
// confirmed them.
func gracefulStop(b *bureau) {
	const people, rounds, before = 200, 3, 40
	b.invite(people, "person")
	for range rounds {
		b.post.Script(smtptest.Fault{Step: smtptest.AtAccept, Times: before}) // none: these go through
		gates := b.hold(connections, smtptest.AtAccept)
		o := b.start()
		reached(gates)
		o.signal(syscall.SIGTERM)
		b.eventually("the manager stops", func() error {
			if !strings.Contains(o.log.String(), "Stopping and waiting for leader election runnables") {
				return errors.New("nothing in its log")
			}
			return nil
		})
		open(gates)
		if err := o.awaitEnd(); err != nil {
			b.t.Errorf("a graceful stop ends with %v", err)
		}
		if holder := ptr.Deref(b.lease().Spec.HolderIdentity, ""); holder != "" {
			b.t.Errorf("the Lease is still held by %s, so that the next manager waits until it is over", holder)
		}
	}
	if sent, want := b.post.Received(), rounds*(before+connections); sent != want {
		b.t.Errorf("%d mails have gone out, want %d: what is under way at each stop, and nothing after it", sent, want)
	}
	b.start()
	b.awaitSent()
	b.noMailTwice(people)
}

// varies is what is another in each rendering of the same mail.
var varies = regexp.MustCompile(`(?m)^Date:.*\r\n|boundary=\S+|^--[0-9a-f]+(--)?`)

func crashRepeatsTheSame(b *bureau) {
	gates := b.hold(1, smtptest.AtAccept)
	b.invite(1, "person")
	killed := b.start()
	reached(gates) // the relay has the mail, and nobody has written that down
	killed.signal(syscall.SIGKILL)
	_ = killed.awaitEnd()
	open(gates)
	b.start()
	b.awaitSent()
	mails := b.post.Messages()
	if len(mails) != 2 {
		b.t.Fatalf("%d mails have arrived", len(mails))
	}
	first, second := varies.ReplaceAllString(string(mails[0].Raw), ""), varies.ReplaceAllString(string(mails[1].Raw), "")
	if first != second {
		b.t.Errorf("the first mail:\n%s\nthe second:\n%s", first, second)
	}
}

func apiServerAway(b *bureau) {
	o := b.start()
	b.invite(1, "before")
	b.awaitSent()
	b.wire.SetCut(true)
	b.invite(20, "meanwhile")
	b.eventually("the manager notices", func() error {
		if code, body := o.readiness(); code != http.StatusServiceUnavailable || !strings.Contains(body, "cannot be reached") {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
	b.eventually("the Lease is over: nobody can take it, and nobody restarts", func() error {
		if age := time.Since(b.lease().Spec.RenewTime.Time); age < 20*time.Second {
			return fmt.Errorf("it was renewed %s ago", age)
		}
		return nil
	})
	b.wire.SetCut(false)
	b.awaitSent()
	b.noMailTwice(21)
	select {
	case <-o.ended:
		b.t.Errorf("the manager has ended: %v", o.err)
	default:
	}
	o.awaitReady()
}

// renewalsRefused takes the right to the Lease from a manager that holds it. Another may take it then, so this one must not go on.
func renewalsRefused(b *bureau) {
	o := b.start()
	b.invite(1, "before")
	b.awaitSent()
	var binding rbacv1.RoleBinding
	key := client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-manager"}
	b.must(b.cluster.Client.Get(b.t.Context(), key, &binding))
	b.must(b.cluster.Client.Delete(b.t.Context(), &binding))
	defer func() {
		binding.ObjectMeta = metav1.ObjectMeta{Namespace: binding.Namespace, Name: binding.Name, Labels: binding.Labels}
		b.must(b.cluster.Client.Create(context.WithoutCancel(b.t.Context()), &binding))
	}()
	if err := o.awaitEnd(); err == nil || !strings.Contains(o.log.String(), "leader election lost") {
		b.t.Errorf("a manager that may not renew the Lease ends with %v", err)
	}
}

func startWithoutAPIServer(b *bureau) {
	b.wire.SetCut(true)
	o := b.start()
	b.eventually("the manager says what it waits for", func() error {
		if code, body := o.readiness(); code != http.StatusServiceUnavailable || !strings.Contains(body, "cannot be reached") {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
	b.invite(1, "person")
	b.wire.SetCut(false)
	b.awaitSent()
	o.awaitReady()
	if n := strings.Count(o.log.String(), "Waiting for the API server"); n != 1 {
		b.t.Errorf("the log says %d times what the manager waits for", n)
	}
}

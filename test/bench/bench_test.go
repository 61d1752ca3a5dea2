// SPDX-License-Identifier: Apache-2.0

//go:build bench

// Package bench measures Roster on a real API server. Rates are given as a ratio to what the API server itself does for a bare client in
// the same run, since the machine decides the absolute numbers. Nothing here asserts a time.
package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

var (
	report = flag.String("bench-report", "", "file that the results are written to as JSON")
	count  = flag.Int("bench-count", 5000, "how many invitations are sent; the other sizes follow from it")
	only   = flag.String("bench-only", "", "the measures to take, separated by commas; without it, all of them")
)

// measures in the order in which they are taken. What one leaves behind is there for the next.
var measures = []struct {
	name string
	take func(b *bench, r *results)
}{
	{"forms", formsOfStatusWrite},
	{"throughput", throughput},
	{"expiry", expiry},
	{"declared", declared},
	{"roles", roleChange},
	{"thousands", thousands},
	{"profiles", profiles},
}

// clients is how many create objects at the same time.
const clients = 16

// result is one line of the table.
type result struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Aim   string  `json:"aim,omitempty"`
}

type results struct{ list []result }

func (r *results) add(name string, value float64, unit, aim string) {
	r.list = append(r.list, result{name, value, unit, aim})
	fmt.Printf("  %-70s %10.2f %s\n", name, value, unit)
}

func TestBench(t *testing.T) {
	b := start(t)
	r := &results{}
	for _, m := range measures {
		if *only == "" || slices.Contains(strings.Split(*only, ","), m.name) {
			m.take(b, r)
		}
	}
	r.print()
	if *report != "" {
		data, err := json.MarshalIndent(r.list, "", "  ")
		b.must(err)
		b.must(os.WriteFile(*report, append(data, '\n'), 0o600))
	}
}

func (r *results) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nmeasure\tvalue\tunit\taim")
	for _, line := range r.list {
		_, _ = fmt.Fprintf(w, "%s\t%.2f\t%s\t%s\n", line.Name, line.Value, line.Unit, line.Aim)
	}
	_ = w.Flush()
}

// parallel runs do for 0 to n-1 by so many clients and says how long it took.
func parallel(n int, do func(i int)) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

func newInvitation(namespace string, i int) *rosterv1alpha1.Invitation {
	return &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("person-%05d", i)},
		Spec: rosterv1alpha1.InvitationSpec{
			Email: fmt.Sprintf("person-%05d@%s.example", i, namespace), Role: rosterv1alpha1.RoleMember, InvitedBy: "olivia@acme.example",
		},
	}
}

// asSent gives an Invitation the status that the operator writes.
func asSent(inv *rosterv1alpha1.Invitation, at time.Time, validity time.Duration) {
	in := invitation.Input{Offer: invitation.Offer{Invitation: inv, Organization: &rosterv1alpha1.Organization{
		Spec: rosterv1alpha1.OrganizationSpec{Invitations: rosterv1alpha1.InvitationPolicy{Validity: metav1.Duration{Duration: validity}}},
	}}}
	d := invitation.Decide(in, at)
	sent := invitation.NewReport(in, d, invitation.MessageID(string(inv.UID), 1, 0, "mail.example"), at)
	sent.Outcome, in.Report = outcome.Delivered, &sent
	inv.Status = invitation.Decide(in, at).Status
}

// formsOfStatusWrite compares what a write of the same status costs the API server in each form.
func formsOfStatusWrite(b *bench, r *results) {
	fmt.Println("Forms of a status write")
	n := *count / 5
	forms := []struct {
		name  string
		write func(inv *rosterv1alpha1.Invitation) error
	}{
		{"update", func(inv *rosterv1alpha1.Invitation) error {
			asSent(inv, time.Now(), 72*time.Hour)
			return b.bare.Status().Update(b.ctx, inv)
		}},
		{"merge patch", func(inv *rosterv1alpha1.Invitation) error {
			before := inv.DeepCopy()
			asSent(inv, time.Now(), 72*time.Hour)
			return b.bare.Status().Patch(b.ctx, inv, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		}},
		{"server-side apply", func(inv *rosterv1alpha1.Invitation) error {
			asSent(inv, time.Now(), 72*time.Hour)
			return b.bare.Status().Apply(b.ctx, b.applied(inv), client.FieldOwner("bench"))
		}},
	}
	for _, form := range forms {
		namespace := "form-" + strings.ReplaceAll(form.name, " ", "-")
		b.must(b.cluster.Namespace(b.ctx, namespace))
		objects := make([]*rosterv1alpha1.Invitation, n)
		parallel(n, func(i int) {
			objects[i] = newInvitation(namespace, i)
			b.must(b.client.Create(b.ctx, objects[i]))
		})
		took := parallel(n, func(i int) { b.must(form.write(objects[i])) })
		r.add("bare client: status writes as "+form.name, float64(n)/took.Seconds(), "/s", "")
		b.must(b.client.DeleteAllOf(b.ctx, &rosterv1alpha1.Invitation{}, client.InNamespace(namespace)))
	}
}

// applied is what server-side apply sends of the status.
func (b *bench) applied(inv *rosterv1alpha1.Invitation) runtime.ApplyConfiguration {
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&inv.Status)
	b.must(err)
	o := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	o.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind("Invitation"))
	o.SetNamespace(inv.Namespace)
	o.SetName(inv.Name)
	return client.ApplyConfigurationFromUnstructured(o)
}

// throughput measures how fast created invitations come to be Sent, mails received, against a bare client that makes the same writes.
func throughput(b *bench, r *results) {
	fmt.Println("Throughput")
	n := *count
	b.must(b.cluster.Namespace(b.ctx, "bare"))
	bare := parallel(n, func(i int) {
		inv := newInvitation("bare", i)
		b.must(b.client.Create(b.ctx, inv))
		asSent(inv, time.Now(), 72*time.Hour)
		b.must(b.bare.Status().Update(b.ctx, inv))
	})
	b.must(b.client.DeleteAllOf(b.ctx, &rosterv1alpha1.Invitation{}, client.InNamespace("bare")))
	r.add("bare client: create + status", float64(n)/bare.Seconds(), "/s", "")

	b.startManager()
	idle := b.memory()
	b.organization("sent")
	writes, mails, used := b.apiWrites("invitations"), b.sink.Received(), cpu(b.manager.cmd.Process.Pid)
	begin := time.Now()
	created := parallel(n, func(i int) { b.must(b.client.Create(b.ctx, newInvitation("sent", i))) })
	b.await("all mails", 10*time.Minute, func() bool { return b.sink.Received()-mails >= n })
	// Listing them again and again would keep the API server busy, so the manager is asked, and the API server once in the end.
	b.await("all statuses", time.Minute, func() bool {
		return b.metric("roster_invitation_transitions_total", `state="Sent"`) >= float64(n)
	})
	took := time.Since(begin)
	if sent := b.inState("sent", rosterv1alpha1.InvitationSent); sent != n {
		b.Fatalf("%d of %d are Sent", sent, n)
	}
	r.add("operator: created to Sent, mail received", float64(n)/took.Seconds(), "/s", "")
	r.add("operator / bare client", bare.Seconds()/took.Seconds(), "ratio", ">= 0.8")
	r.add("share of the time that the creations took", created.Seconds()/took.Seconds(), "ratio", "")
	r.add("API writes per invitation after the user's own", (b.apiWrites("invitations")-writes)/float64(n)-1, "writes", "1")
	r.add("mails per invitation", float64(b.sink.Received()-mails)/float64(n), "mails", "1")
	r.add("processor time of the manager per invitation", 1000*(cpu(b.manager.cmd.Process.Pid)-used)/float64(n), "ms", "")

	parallel(n, func(i int) { b.must(b.client.Create(b.ctx, newInvitation("sent", n+i))) })
	b.await("all statuses", 10*time.Minute, func() bool { return b.inState("sent", rosterv1alpha1.InvitationSent) == 2*n })
	r.add(fmt.Sprintf("manager memory with %d invitations, above idle", 2*n), b.memory()-idle, "MiB", "")
	r.add("manager memory idle", idle, "MiB", "")
	restart(b, r)
}

// inState asks the API server, which counts by the selectable field.
func (b *bench) inState(namespace string, state rosterv1alpha1.InvitationState) int {
	b.Helper()
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind("InvitationList"))
	b.must(b.client.List(b.ctx, list, client.InNamespace(namespace), client.MatchingFields{"status.state": string(state)}))
	return len(list.Items)
}

// restart measures what a new manager does with what is there.
func restart(b *bench, r *results) {
	fmt.Println("Restart")
	n := 2 * *count
	b.stopManager()
	writes, mails := b.apiWrites("invitations")+b.apiWrites("organizations"), b.sink.Received()
	begin := time.Now()
	b.startManager()
	b.await("the queues to be empty", 5*time.Minute, func() bool {
		return b.metric("controller_runtime_reconcile_total", `controller="delivery"`) >= float64(n) &&
			b.metric("controller_runtime_reconcile_total", `controller="invitation"`) >= float64(n) &&
			b.waiting() == 0
	})
	r.add(fmt.Sprintf("restart with %d invitations: until the queues are empty", n), time.Since(begin).Seconds(), "s", "")
	r.add("restart: API writes", b.apiWrites("invitations")+b.apiWrites("organizations")-writes, "writes", "0")
	r.add("restart: mails", float64(b.sink.Received()-mails), "mails", "0")
}

// expiry measures how long after its time an invitation says that it is over, when a thousand end in the same second, against a bare client
// that writes the same statuses.
func expiry(b *bench, r *results) {
	fmt.Println("Expiry")
	n := *count / 5
	b.stopManager() // or it would mail them first
	bare := b.expireBare(n)
	bare.report(r, "bare client: status writes of invitations that have expired")
	b.organization("expiring")
	until := time.Now().Add(30 * time.Second).Truncate(time.Second)
	b.sent("expiring", n, until)
	if time.Now().After(until.Add(-5 * time.Second)) {
		b.Fatal("the machine is too slow to prepare this measurement")
	}
	b.startManager()
	var used usage
	lags := b.untilExpired("expiring", n, func() {
		time.Sleep(time.Until(until))
		used = usageWith(b.manager.cmd.Process.Pid)
	})
	operator := brought{rate: float64(n) / slices.Max(lags).Seconds(), cost: usageWith(b.manager.cmd.Process.Pid).minus(used).each(n)}
	operator.report(r, "expiry: status writes")
	r.percentiles(fmt.Sprintf("%d invitations end in the same second: status says so after", n), lags, "p99 < 1 s")
	r.add("expiry: rate of the status writes / bare client", operator.rate/bare.rate, "ratio", ">= 0.9")
	r.add("expiry: the same, in processor time", bare.cost.sum()/operator.cost.sum(), "ratio", "")
}

// expireBare is how many statuses a second a bare client writes that say that an invitation is over, with somebody watching.
func (b *bench) expireBare(n int) brought {
	b.organization("expiring-bare")
	ended := time.Now().Truncate(time.Second)
	list := b.sent("expiring-bare", n, ended)
	var took time.Duration
	used := usageWith(0)
	b.untilExpired("expiring-bare", n, func() {
		took = parallel(n, func(i int) {
			inv := list[i]
			in := invitation.Input{Offer: invitation.Offer{Invitation: inv, Organization: &rosterv1alpha1.Organization{}}}
			inv.Status = invitation.Decide(in, time.Now()).Status
			b.must(b.bare.Status().Update(b.ctx, inv))
		})
	})
	return brought{rate: float64(n) / took.Seconds(), cost: usageWith(0).minus(used).each(n)}
}

// sent makes invitations that have been mailed and end at a time.
func (b *bench) sent(namespace string, n int, until time.Time) []*rosterv1alpha1.Invitation {
	list := make([]*rosterv1alpha1.Invitation, n)
	parallel(n, func(i int) {
		inv := newInvitation(namespace, i)
		b.must(b.client.Create(b.ctx, inv))
		asSent(inv, time.Now(), time.Hour)
		inv.Status.ExpiryTime = &metav1.Time{Time: until}
		b.must(b.client.Status().Update(b.ctx, inv))
		list[i] = inv
	})
	return list
}

// untilExpired watches while something is done, until so many invitations say that they are over. It returns how long after their time
// each did.
func (b *bench) untilExpired(namespace string, n int, do func()) []time.Duration {
	w, err := b.client.Watch(b.ctx, &rosterv1alpha1.InvitationList{}, client.InNamespace(namespace))
	b.must(err)
	defer w.Stop()
	lags := make(chan []time.Duration)
	go func() { lags <- b.expired(w, n) }()
	do()
	return <-lags
}

func (b *bench) expired(w watch.Interface, n int) (lags []time.Duration) {
	deadline := time.After(5 * time.Minute)
	for len(lags) < n {
		select {
		case e := <-w.ResultChan():
			inv, ok := e.Object.(*rosterv1alpha1.Invitation)
			if ok && e.Type == watch.Modified && inv.Status.State == rosterv1alpha1.InvitationExpired {
				lags = append(lags, time.Since(inv.Status.ExpiryTime.Time))
			}
		case <-deadline:
			b.Errorf("only %d of %d expired", len(lags), n)
			return append(lags, 5*time.Minute)
		}
	}
	return lags
}

func (r *results) percentiles(name string, lags []time.Duration, aim string) {
	slices.Sort(lags)
	at := func(p float64) float64 { return lags[min(len(lags)-1, int(p*float64(len(lags))))].Seconds() * 1000 }
	r.add(name+", p50", at(0.50), "ms", "")
	r.add(name+", p99", at(0.99), "ms", aim)
}

// declared counts the writes that a declared Member costs.
func declared(b *bench, r *results) {
	fmt.Println("Declared members")
	n := *count / 10
	b.ensureManager()
	b.organization("declared")
	before := b.apiWrites("invitations") + b.apiWrites("members")
	begin := time.Now()
	parallel(n, func(i int) {
		b.must(b.client.Create(b.ctx, &rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{Namespace: "declared", Name: fmt.Sprintf("person-%05d", i)},
			Spec:       rosterv1alpha1.MemberSpec{Email: fmt.Sprintf("person-%05d@declared.example", i)},
		}))
	})
	b.await("all statuses", 5*time.Minute, func() bool { return b.inState("declared", rosterv1alpha1.InvitationSent) == n })
	r.add("declared members: applied to mailed", float64(n)/time.Since(begin).Seconds(), "/s", "")
	b.await("the queues to be empty", time.Minute, func() bool { return b.waiting() == 0 })
	r.add("API writes per declared member after the user's own", (b.apiWrites("invitations")+b.apiWrites("members")-before)/float64(n)-1, "writes", "3")
}

// roleChange measures from the change of a role to the API server's answer to a SubjectAccessReview.
func roleChange(b *bench, r *results) {
	fmt.Println("Role changes")
	b.ensureManager()
	b.organization("roles")
	address := address.Address("ana@roles.example")
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: "roles", Name: "ana"},
		Spec:       rosterv1alpha1.MemberSpec{Email: string(address), AccountRef: &rosterv1alpha1.LocalReference{Name: address.AccountName()}},
	}
	b.must(b.client.Create(b.ctx, m))
	var lags []time.Duration
	for i := range 100 {
		role := []rosterv1alpha1.OrganizationRole{rosterv1alpha1.RoleManager, rosterv1alpha1.RoleMember}[i%2]
		before := m.DeepCopy()
		m.Spec.Role = role
		begin := time.Now()
		b.must(b.client.Patch(b.ctx, m, client.MergeFrom(before)))
		for b.mayInvite(string(address)) != (role == rosterv1alpha1.RoleManager) {
			if time.Since(begin) > time.Minute {
				b.Fatal("the role does not change")
			}
		}
		lags = append(lags, time.Since(begin))
	}
	r.percentiles("role change to access review", lags, "")
}

func (b *bench) mayInvite(user string) bool {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: "roles", Group: rosterv1alpha1.GroupVersion.Group, Resource: "invitations", Verb: "create",
		},
	}}
	b.must(b.client.Create(b.ctx, review))
	return review.Status.Allowed
}

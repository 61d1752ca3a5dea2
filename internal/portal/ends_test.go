// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/web"
)

// oneSecret is an API server with one Secret or none, which may be away.
type oneSecret struct {
	client.Reader
	secret *corev1.Secret
	away   bool
	reads  int
}

// Get implements client.Reader.
func (s *oneSecret) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	s.reads++
	switch {
	case s.away:
		return errors.New("the API server is away")
	case s.secret == nil:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	s.secret.DeepCopyInto(o.(*corev1.Secret))
	return nil
}

// signingKey is the ID of a key that signs from a time on, and its entry in the Secret.
func signingKey(t *testing.T, from time.Time) (string, []byte) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.Of(signing.Turn{Created: now(), SignsFrom: from}, private)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := key.Entry()
	if err != nil {
		t.Fatal(err)
	}
	return key.ID, entry
}

// TestAKeyThatWasWithdrawnIsGoneWithinAMinute, whether its entry was removed or the whole Secret; a moment without the API server changes
// nothing.
func TestAKeyThatWasWithdrawnIsGoneWithinAMinute(t *testing.T) {
	c := testclock.NewFakePassiveClock(now())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "keys"}, Data: map[string][]byte{}}
	var ids []string
	for i := range 2 {
		id, entry := signingKey(t, now().Add(time.Duration(i)*time.Hour))
		secret.Data[id] = entry
		ids = append(ids, id)
	}
	reader := &oneSecret{secret: secret}
	keys := newSigningKeys(reader, client.ObjectKeyFromObject(secret), c)
	published := func() (all []string) {
		t.Helper()
		set, err := keys.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Published(c.Now()) {
			all = append(all, k.ID)
		}
		return all
	}
	if got := published(); !slices.Equal(got, ids) {
		t.Fatalf("published %v, want %v", got, ids)
	}
	delete(secret.Data, ids[0])
	c.SetTime(c.Now().Add(web.RefreshEvery))
	reader.away = true
	if got := published(); !slices.Equal(got, ids) {
		t.Errorf("published %v while the API server is away", got)
	}
	reader.away = false
	c.SetTime(c.Now().Add(web.RefreshEvery))
	if got := published(); !slices.Equal(got, ids[1:]) {
		t.Errorf("published %v after %s was withdrawn", got, ids[0])
	}
	reader.secret = nil
	c.SetTime(c.Now().Add(web.RefreshEvery))
	if got := published(); len(got) > 0 {
		t.Errorf("published %v after the Secret was deleted", got)
	}
}

// TestTheFirstKeyIsFoundAtOnce: a portal that was faster than the manager, or has just seen the last key withdrawn, must not turn
// applications away for a minute. Until there is a key, it asks for one once a second, however many want it.
func TestTheFirstKeyIsFoundAtOnce(t *testing.T) {
	c := testclock.NewFakePassiveClock(now())
	reader := &oneSecret{}
	keys := newSigningKeys(reader, client.ObjectKey{Namespace: systemNamespace, Name: "keys"}, c)
	ready := firstSigningKey(keys)
	known := func() int {
		t.Helper()
		set, err := keys.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(set)
	}
	if n := known(); n > 0 {
		t.Fatalf("%d keys before there is any", n)
	}
	want := "the Secret " + systemNamespace + "/keys has no key yet that signs tokens: the manager makes it"
	if err := ready(t.Context()); err == nil || err.Error() != want {
		t.Errorf("readiness without a key: %v, want %s", err, want)
	}
	id, entry := signingKey(t, now())
	reader.secret = &corev1.Secret{Data: map[string][]byte{id: entry}}
	if n := known(); n > 0 || reader.reads != 1 {
		t.Errorf("%d keys after %d reads in one second", n, reader.reads)
	}
	c.SetTime(c.Now().Add(time.Second))
	if err := ready(t.Context()); err != nil {
		t.Errorf("readiness a second after the key was made: %v", err)
	}
	if n := known(); n != 1 {
		t.Errorf("%d keys a second after it was made", n)
	}
	reader.secret = nil
	c.SetTime(c.Now().Add(web.RefreshEvery))
	if n := known(); n > 0 {
		t.Errorf("%d keys after all were withdrawn", n)
	}
	if err := ready(t.Context()); err != nil {
		t.Errorf("a portal that was ready turns everybody away for want of a key: %v", err)
	}
}

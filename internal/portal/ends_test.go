// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
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
}

// Get implements client.Reader.
func (s *oneSecret) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	switch {
	case s.away:
		return errors.New("the API server is away")
	case s.secret == nil:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	s.secret.DeepCopyInto(o.(*corev1.Secret))
	return nil
}

// TestAKeyThatWasWithdrawnIsGoneWithinAMinute, whether its entry was removed or the whole Secret; a moment without the API server changes
// nothing.
func TestAKeyThatWasWithdrawnIsGoneWithinAMinute(t *testing.T) {
	c := testclock.NewFakePassiveClock(now())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "keys"}, Data: map[string][]byte{}}
	var ids []string
	for i := range 2 {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key, err := signing.Of(signing.Turn{Created: now(), SignsFrom: now().Add(time.Duration(i) * time.Hour)}, private)
		if err != nil {
			t.Fatal(err)
		}
		if secret.Data[key.ID], err = key.Entry(); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, key.ID)
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
	check := signingCheck(keys)
	if err := check(httptest.NewRequest(http.MethodGet, "/readyz", nil)); err == nil {
		t.Error("ready without a key that signs")
	}
}

// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, MinLen) }

func secretWith(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "roster-system", Name: "roster-link-keys"}, Data: data}
}

func TestKeysAreReplaced(t *testing.T) {
	old, err := FromSecret(secretWith(map[string][]byte{"current": key(1)}))
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := FromSecret(secretWith(map[string][]byte{"a": key(3), "current": key(2), "previous": key(1)}))
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	if !rotated.Verify(message, old.Sign(message)) || !rotated.Verify(message, rotated.Sign(message)) {
		t.Error("what a key of the ring signed does not verify")
	}
	if old.Verify(message, rotated.Sign(message)) || !bytes.Equal(rotated[0], key(2)) {
		t.Error("the current key does not sign")
	}
	if old.Verify([]byte("other"), old.Sign(message)) || old.Verify(message, nil) || (Keys{}).Verify(message, nil) {
		t.Error("a wrong signature verifies")
	}
}

func TestErrorsNameSecretAndEntry(t *testing.T) {
	for name, tc := range map[string]struct {
		data map[string][]byte
		want []string
	}{
		"no current": {map[string][]byte{"previous": key(1)}, []string{`no entry "current"`}},
		"empty":      {nil, []string{`no entry "current"`}},
		"short":      {map[string][]byte{"current": key(1)[:31]}, []string{`entry "current"`, "31 bytes", "at least 32"}},
		"old short":  {map[string][]byte{"current": key(1), "previous": {}}, []string{`entry "previous"`, "0 bytes"}},
	} {
		_, err := FromSecret(secretWith(tc.data))
		for _, want := range append(tc.want, "roster-system/roster-link-keys") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", name, err, want)
			}
		}
	}
}

func TestNewSecretHoldsARandomKey(t *testing.T) {
	a, err := FromSecret(NewSecret("n", "a"))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := FromSecret(NewSecret("n", "b")); bytes.Equal(a[0], b[0]) {
		t.Error("two Secrets have one key")
	}
}

// What lies in Secrets and stands in mails was made with these: they must not change.
func TestDerivedKeysStay(t *testing.T) {
	keys := Keys{key(1), key(2)}
	derived := keys.Derive("roster.dev seal v1 x")
	if len(derived) != 2 || bytes.Equal(derived[0], keys.Derive("other")[0]) || bytes.Equal(derived[0], derived[1]) {
		t.Fatal("a use or a key shares its derived key with another")
	}
	const want = "1206f77a9698bbd71e97846119ccc49754092f1752900a0ae816f7d809de0ed2"
	if got := hex.EncodeToString(derived[0]); got != want {
		t.Errorf("derived %s, want %s", got, want)
	}
}

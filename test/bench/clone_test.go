// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// etcd is spoken to by its own JSON (https://etcd.io/docs/latest/dev-guide/api_grpc_gateway), past the API server: a hundred thousand Members
// would otherwise take hours to join.
type etcd struct {
	b   *bench
	url string
}

func (b *bench) etcd() etcd {
	b.Helper()
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child("kube-apiserver")))
	b.must(err)
	for arg := range strings.SplitSeq(string(args), "\x00") {
		if url, ok := strings.CutPrefix(arg, "--etcd-servers="); ok {
			return etcd{b, url}
		}
	}
	b.Fatal("the API server does not say where its etcd is")
	return etcd{}
}

func (e etcd) call(method string, in, out any) {
	e.b.Helper()
	body, err := json.Marshal(in)
	e.b.must(err)
	e.b.await("etcd to answer "+method, time.Minute, func() bool {
		response, err := http.Post(e.url+"/v3/kv/"+method, "application/json", bytes.NewReader(body))
		e.b.must(err)
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode == http.StatusServiceUnavailable { // It is busy. What is asked for comes to the same when asked twice.
			return false
		}
		if response.StatusCode != http.StatusOK {
			e.b.Fatalf("etcd: %s: %s", method, response.Status)
		}
		e.b.must(json.NewDecoder(response.Body).Decode(out))
		return true
	})
}

// pair is a key with its value; JSON has both in base64.
type pair struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

func (e etcd) get(key string) string {
	e.b.Helper()
	var out struct {
		Pairs []pair `json:"kvs"`
	}
	e.call("range", map[string]any{"key": []byte(key)}, &out)
	if len(out.Pairs) != 1 {
		e.b.Fatalf("etcd has %d values of %s", len(out.Pairs), key)
	}
	return string(out.Pairs[0].Value)
}

func (e etcd) put(pairs []pair) {
	e.b.Helper()
	var puts []map[string]pair
	for _, p := range pairs {
		puts = append(puts, map[string]pair{"requestPut": p})
	}
	var out map[string]any
	e.call("txn", map[string]any{"success": puts}, &out)
}

// most is how many values etcd takes at once.
const most = 128

// clone makes Members who have joined of one who has, with their Accounts.
func (b *bench) clone(like *rosterv1alpha1.Member, from, to int) {
	b.Helper()
	e := b.etcd()
	account := &rosterv1alpha1.Account{}
	b.must(b.client.Get(b.ctx, client.ObjectKey{Namespace: like.Namespace, Name: like.Name}, like))
	b.must(b.client.Get(b.ctx, client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: like.Spec.AccountRef.Name}, account))
	const prefix = "/registry/roster.dev/"
	memberKey := prefix + "members/" + like.Namespace + "/" + like.Name
	accountKey := prefix + "accounts/" + account.Namespace + "/" + account.Name
	member, person := e.get(memberKey), e.get(accountKey)
	var pairs []pair
	for i := from; i < to; i++ {
		m := newMember(sized(i), i)
		other := strings.NewReplacer(like.Status.AvatarURL, address.Address(m.Spec.Email).AvatarURL(), // or it would be written first
			like.Name, m.Name, like.Namespace, m.Namespace, account.Name, m.Spec.AccountRef.Name,
			string(like.UID), string(uuid.NewUUID()), string(account.UID), string(uuid.NewUUID()))
		pairs = append(pairs, pair{[]byte(other.Replace(memberKey)), []byte(other.Replace(member))},
			pair{[]byte(other.Replace(accountKey)), []byte(other.Replace(person))})
		if len(pairs) == most || i == to-1 {
			e.put(pairs)
			pairs = nil
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/base64"
	"testing"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// rewrite changes every text in an object, those in Secrets included.
func rewrite(o *unstructured.Unstructured, change func(string) string) {
	secret := o.GetKind() == "Secret"
	for name, value := range o.Object {
		o.Object[name] = rewritten(value, change, secret && name == "data")
	}
}

func rewritten(value any, change func(string) string, encoded bool) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = rewritten(inner, change, encoded)
		}
	case []any:
		for i, inner := range v {
			v[i] = rewritten(inner, change, encoded)
		}
	case string:
		if !encoded {
			return change(v)
		}
		if text, err := base64.StdEncoding.DecodeString(v); err == nil && utf8.Valid(text) {
			return base64.StdEncoding.EncodeToString([]byte(change(string(text))))
		}
	}
	return value
}

// shift moves all times in a text, as if it had been written that much later: what has expired stays so, and what lasts goes on.
func shift(text string, by time.Duration) string {
	return clockTime.ReplaceAllStringFunc(text, func(was string) string {
		at, err := time.Parse(time.RFC3339Nano, was)
		if err != nil {
			return was
		}
		return at.Add(by).Format("2006-01-02T15:04:05" + fraction(was) + "Z07:00")
	})
}

// fraction has as many digits as a time has behind its seconds.
func fraction(of string) string {
	const seconds = len("2006-01-02T15:04:05")
	zeros := []byte(of[seconds : len(of)-1])
	for i := range zeros {
		if zeros[i] != '.' {
			zeros[i] = '0'
		}
	}
	return string(zeros)
}

func TestShift(t *testing.T) {
	o := &unstructured.Unstructured{Object: map[string]any{
		"kind":   "Secret",
		"data":   map[string]any{"expires_at": base64.StdEncoding.EncodeToString([]byte("2026-11-29T15:00:00Z")), "key": "/w=="},
		"status": map[string]any{"times": []any{"2026-11-29T15:00:00.123456Z", "2026-11-29T15:00:00Z/uid", int64(3)}},
	}}
	rewrite(o, func(text string) string { return shift(text, 36*time.Hour) })
	times, _, _ := unstructured.NestedSlice(o.Object, "status", "times")
	expires, err := base64.StdEncoding.DecodeString(o.Object["data"].(map[string]any)["expires_at"].(string))
	if err != nil || string(expires) != "2026-12-01T03:00:00Z" || times[0] != "2026-12-01T03:00:00.123456Z" || times[1] != "2026-12-01T03:00:00Z/uid" {
		t.Errorf("%s, %v, %v", expires, times, err)
	}
	if key := o.Object["data"].(map[string]any)["key"]; key != "/w==" {
		t.Errorf("a key became %v", key)
	}
}

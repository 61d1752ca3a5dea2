// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
)

func TestRecoveryCodes(t *testing.T) {
	h, ctx := mustHasher(t, HasherOptions{}), context.Background()
	codes := NewRecoveryCodes()
	seen := map[string]bool{}
	for _, c := range codes {
		seen[c] = true
		if !regexp.MustCompile(`^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$`).MatchString(c) {
			t.Errorf("code %q", c)
		}
	}
	if len(seen) != 10 {
		t.Fatalf("%d different codes, want 10", len(seen))
	}
	hashes, err := h.HashCodes(ctx, codes)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range codes {
		if strings.Contains(strings.Join(hashes, ""), strings.ReplaceAll(c, "-", "")) {
			t.Error("a hash shows its code")
		}
		for _, typed := range []string{c, " " + strings.ToUpper(c) + "\n", strings.ReplaceAll(c, "-", " "), strings.ReplaceAll(c, "-", " – "),
			strings.Map(func(r rune) rune { return r - '!' + '！' }, c), strings.NewReplacer("0", "O", "1", "l").Replace(c)} {
			if got, err := h.MatchCode(ctx, typed, hashes); got != i || err != nil {
				t.Errorf("MatchCode(%q) = %d, %v, want %d", typed, got, err, i)
			}
		}
	}
	other, err := h.HashCodes(ctx, NewRecoveryCodes())
	if err != nil {
		t.Fatal(err)
	}
	for name, typed := range map[string]string{"empty": "", "cut": codes[0][:18], "two": codes[0] + codes[1], "huge": strings.Repeat("x", 5000)} {
		if got, err := h.MatchCode(ctx, typed, hashes); got != -1 || err != nil {
			t.Errorf("%s: MatchCode = %d, %v, want -1", name, got, err)
		}
	}
	if got, err := h.MatchCode(ctx, codes[0], other); got != -1 || err != nil {
		t.Errorf("a code of another set: %d, %v", got, err)
	}
	if got, err := h.MatchCode(ctx, codes[0], nil); got != -1 || err != nil {
		t.Errorf("no codes: %d, %v", got, err)
	}
	if _, err := h.MatchCode(ctx, codes[0], []string{hashes[0], other[0]}); err == nil {
		t.Error("two sets mixed up are taken")
	}
}

func proofs(methods ...Method) Session {
	var s Session
	for _, m := range methods {
		s.Prove(m, noon)
	}
	return s
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// A company's sign-in opens the organisations that name it, and no others.
func TestAdmits(t *testing.T) {
	const password, sso = rosterv1alpha1.SignInPassword, rosterv1alpha1.SignInSSO
	policy := func(issuer string, ways ...rosterv1alpha1.SignInMethod) rosterv1alpha1.SecurityPolicy {
		p := rosterv1alpha1.SecurityPolicy{SignIn: ways}
		if issuer != "" {
			p.SSO = rosterv1alpha1.SSO{Issuer: issuer}
		}
		return p
	}
	for name, c := range map[string]struct {
		policy rosterv1alpha1.SecurityPolicy
		by     []Method
		want   bool
	}{
		"nothing said, password":             {policy(""), []Method{MethodPassword}, true},
		"nothing said, company":              {policy(""), []Method{MethodCompany("acme")}, false},
		"password only, its own company":     {policy("acme", password), []Method{MethodCompany("acme")}, false},
		"password only, passkey alone":       {policy("", password), []Method{MethodPasskeyAlone}, true},
		"password only, passkey as second":   {policy("", password), []Method{MethodCompany("acme"), MethodPasskey}, false},
		"SSO only, its company":              {policy("acme", sso), []Method{MethodCompany("acme")}, true},
		"SSO only, another company":          {policy("acme", sso), []Method{MethodCompany("globex")}, false},
		"SSO only, the company's factor":     {policy("acme", sso), []Method{MethodCompanyFactor("acme")}, false},
		"SSO only, password":                 {policy("acme", sso), []Method{MethodPassword}, false},
		"SSO without an issuer":              {policy("", sso), []Method{MethodCompany("")}, false},
		"both, password":                     {policy("acme", password, sso), []Method{MethodPassword}, true},
		"both, another company":              {policy("acme", password, sso), []Method{MethodCompany("globex")}, false},
		"both, another company and password": {policy("acme", password, sso), []Method{MethodCompany("globex"), MethodPassword}, true},
	} {
		if got := Admits(c.policy, proofs(c.by...)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestDemandsFactor(t *testing.T) {
	at := func(hours int) *metav1.Time { return &metav1.Time{Time: noon.Add(time.Duration(hours) * time.Hour)} }
	for name, c := range map[string]struct {
		policy        rosterv1alpha1.MultiFactorPolicy
		since, joined *metav1.Time
		want          bool
	}{
		"nothing said":                        {"", nil, at(0), false},
		"optional":                            {rosterv1alpha1.MultiFactorOptional, at(0), at(1), false},
		"required":                            {rosterv1alpha1.MultiFactorRequired, nil, at(0), true},
		"new members, joined before":          {rosterv1alpha1.MultiFactorNewMembers, at(1), at(0), false},
		"new members, joined at that moment":  {rosterv1alpha1.MultiFactorNewMembers, at(1), at(1), false},
		"new members, joined after":           {rosterv1alpha1.MultiFactorNewMembers, at(1), at(2), true},
		"new members, not joined yet":         {rosterv1alpha1.MultiFactorNewMembers, at(1), nil, true},
		"new members, the operator is behind": {rosterv1alpha1.MultiFactorNewMembers, nil, at(0), false},
	} {
		o, m := &rosterv1alpha1.Organization{}, &rosterv1alpha1.Member{}
		o.Spec.Security.MultiFactor, o.Status.MultiFactorSince, m.Status.JoinedTime = c.policy, c.since, c.joined
		if got := DemandsFactor(o, m); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestSatisfies(t *testing.T) {
	acme := rosterv1alpha1.SecurityPolicy{SSO: rosterv1alpha1.SSO{Issuer: "acme"}}
	for name, c := range map[string]struct {
		policy rosterv1alpha1.SecurityPolicy
		by     []Method
		want   bool
	}{
		"password":                        {acme, []Method{MethodPassword}, false},
		"password, app":                   {acme, []Method{MethodPassword, MethodApp}, true},
		"password, recovery code":         {acme, []Method{MethodPassword, MethodRecovery}, true},
		"passkey alone":                   {acme, []Method{MethodPasskeyAlone}, true},
		"company":                         {acme, []Method{MethodCompany("acme")}, false},
		"company that asks for a factor":  {acme, []Method{MethodCompany("acme"), MethodCompanyFactor("acme")}, true},
		"another that asks for a factor":  {acme, []Method{MethodCompany("globex"), MethodCompanyFactor("globex")}, false},
		"no issuer, company with factor":  {rosterv1alpha1.SecurityPolicy{}, []Method{MethodCompanyFactor("acme")}, false},
		"no issuer, password and passkey": {rosterv1alpha1.SecurityPolicy{}, []Method{MethodPassword, MethodPasskey}, true},
	} {
		if got := Satisfies(c.policy, proofs(c.by...)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// What is sensitive needs a proof of the person's own: the people who run a company's sign-in must not be able to set their password.
func TestCompanysWordIsNotFresh(t *testing.T) {
	for _, c := range []struct {
		by   []Method
		want bool
	}{
		{[]Method{MethodPassword}, true},
		{[]Method{MethodPasskeyAlone}, true},
		{[]Method{MethodCompany("acme")}, false},
		{[]Method{MethodCompany("acme"), MethodCompanyFactor("acme")}, false},
		{[]Method{MethodCompany("acme"), MethodApp}, false},
		{[]Method{MethodCompany("acme"), MethodRecovery}, false},
		{[]Method{MethodCompany("acme"), MethodPassword}, true},
	} {
		if got := proofs(c.by...).Fresh(noon.Add(time.Minute)); got != c.want {
			t.Errorf("%v: %v, want %v", c.by, got, c.want)
		}
	}
	old := proofs(MethodPassword)
	old.Prove(MethodApp, noon.Add(ProofLifetime))
	if !old.Fresh(noon.Add(ProofLifetime)) {
		t.Error("a code that was just given, after a password, is not fresh")
	}
	s := proofs(MethodPassword)
	s.Prove(MethodCompany("acme"), noon.Add(ProofLifetime))
	if s.Fresh(noon.Add(ProofLifetime)) {
		t.Error("a company's word keeps an old password fresh")
	}
}

// testSecondFactorInStatus: the status shows if somebody has a second factor, in as few writes as it changes.
func testSecondFactorInStatus(t *testing.T, c cluster) {
	count := map[string]int{}
	ctx, s, now, address := t.Context(), storeOver(t, counting(c.WithWatch, count)), noon, address.Address("factor@example.com")
	account, err := register(ctx, s, address, profile("Factor"), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	note := func() error { return s.NoteFactors(ctx, account, now) }
	begin := func() error { _, err := signIn(ctx, s, address, "laptop", now); return err }
	add := func(id string) func() error {
		return func() error {
			_, err := s.AddPasskey(ctx, account, []byte(strings.Repeat("h", factor.HandleLen)), factor.Passkey{ID: []byte(id), Added: now}, now)
			return errors.Join(err, note())
		}
	}
	remove := func(id string) func() error {
		return func() error { return errors.Join(s.RemovePasskey(ctx, account, []byte(id), now), note()) }
	}
	forget := func() error { // as an older portal left it
		_, err := controllerutil.CreateOrPatch(ctx, c, account, func() error { account.Status.SecondFactor = rosterv1alpha1.SecondFactor{}; return nil })
		return err
	}
	reset := func() error {
		account.Spec.FactorsResetRequestedAt = &metav1.Time{Time: now}
		return c.Update(ctx, account)
	}
	for _, step := range []struct {
		name   string
		do     func() error
		writes int
		want   string
		since  time.Duration
	}{
		{"registered", func() error { return nil }, 0, "unknown", 0},
		{"first sign-in", begin, 1, "false", time.Minute},
		{"another, within the hour", begin, 0, "false", time.Minute},
		{"a first one", add("one"), 1, "true", 3 * time.Minute},
		{"a second one", add("two"), 1, "true", 3 * time.Minute},
		{"one of two is removed", remove("one"), 1, "true", 3 * time.Minute},
		{"signed in", begin, 0, "true", 3 * time.Minute},
		{"the last one is removed", remove("two"), 1, "false", 7 * time.Minute},
		{"set up again", add("three"), 1, "true", 8 * time.Minute},
		{"not known, as before an update", forget, 0, "unknown", 0},
		{"signed in after the update", begin, 1, "true", 10 * time.Minute},
		{"reset by an administrator", reset, 0, "false", 10 * time.Minute},
		{"signed in without one", begin, 0, "false", 10 * time.Minute},
		{"set up after the reset", add("four"), 1, "true", 13 * time.Minute},
	} {
		count["status"] = 0
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if account, err = s.Named(ctx, account.Name); err != nil {
			t.Fatal(err)
		}
		got := "unknown"
		if has := account.HasSecondFactor(now); has != nil {
			got = strconv.FormatBool(*has)
		}
		if got != step.want || count["status"] != step.writes {
			t.Errorf("%s: %s in %d writes, want %s in %d", step.name, got, count["status"], step.want, step.writes)
		}
		if known := account.Status.SecondFactor; known.Enrolled != nil && !known.Time.Time.Equal(noon.Add(step.since)) {
			t.Errorf("%s: known since %v", step.name, known.Time)
		}
		now = now.Add(time.Minute)
	}
}

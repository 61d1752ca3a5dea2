// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/texts"
)

// messages are the English texts by name; a text that counts is there once for each form, as more.one.
func messages(t *testing.T) map[string]string {
	t.Helper()
	data, err := textFiles.ReadFile("texts/en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := yaml.UnmarshalStrict(data, &raw); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for id, text := range raw {
		if forms, ok := text.(map[string]any); ok {
			for form, text := range forms {
				all[id+"."+form] = text.(string)
			}
			continue
		}
		all[id] = text.(string)
	}
	return all
}

// Every text is used by some mail, and no mail has words from elsewhere: with each text replaced by its own key, all keys turn up.
func TestEveryTextIsUsed(t *testing.T) {
	keys := messages(t)
	composer := composerOfKeys(t, keys)
	var seen strings.Builder
	for _, in := range everything() {
		s := composer.speaker(in.Locale)
		in.clean()
		v := newView(s, composer.roles.In(in.Locale), in)
		if s.err != nil {
			t.Fatal(s.err)
		}
		seen.WriteString(v.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "invitation.html", v); err != nil {
			t.Fatal(err)
		}
		if err := composer.plain.ExecuteTemplate(&seen, "invitation.txt", v); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range everyTokenNotice() {
		s := composer.speaker(n.Locale)
		v := n.view(s)
		if s.err != nil {
			t.Fatal(s.err)
		}
		seen.WriteString(v.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "notice.html", v); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []EndNotice{{Contact: "Ana"}, {}, {Member: "Bob", Invited: true}, {Member: "Bob"}} {
		n.Now = time.Date(2026, time.January, 4, 12, 0, 0, 0, time.UTC)
		n.End = n.Now.Add(50 * time.Hour)
		s := composer.speaker("en")
		v := n.view(s)
		if s.err != nil {
			t.Fatal(s.err)
		}
		seen.WriteString(v.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "notice.html", v); err != nil {
			t.Fatal(err)
		}
	}
	s := composer.speaker("en")
	for n := range 2 {
		v := Digest{Envelope: Envelope{Name: strings.Repeat("Bob", n)}, Items: n + 1}.view(s)
		if s.err != nil {
			t.Fatal(s.err)
		}
		seen.WriteString(v.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "notice.html", v); err != nil {
			t.Fatal(err)
		}
	}
	for _, account := range []string{"bob@example.com", ""} {
		code := composer.codeView(composer.speaker("en"), AddressCode{Account: account, Code: "1234 5678", Expiry: time.Now()})
		seen.WriteString(code.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "notice.html", code); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range []rosterv1alpha1.AccountMailTopic{
		rosterv1alpha1.MailPasswordReset, rosterv1alpha1.MailPasswordChanged, rosterv1alpha1.MailUsernameChanged, rosterv1alpha1.MailFactorsChanged,
		rosterv1alpha1.MailFactorsReset, rosterv1alpha1.MailOwnershipOffered,
	} {
		s := composer.speaker("en")
		v := composer.noticeView(s, Notice{Topic: topic, Envelope: Envelope{To: "a@example.com"}, Expiry: time.Now()})
		if s.err != nil {
			t.Fatal(s.err)
		}
		seen.WriteString(v.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "notice.html", v); err != nil {
			t.Fatal(err)
		}
	}
	for key := range keys {
		if !strings.Contains(seen.String(), "["+key+"]") {
			t.Errorf("texts/en.yaml: no mail uses %s", key)
		}
	}
}

// composerOfKeys speaks in keys: "[greeting.name]", followed by what the text would be filled in with where that is text again.
func composerOfKeys(t *testing.T, keys map[string]string) *Composer {
	t.Helper()
	said := map[string]any{}
	for key := range keys {
		text := "[" + key + "]"
		for _, field := range []string{".Weekday", ".Month", ".Time", ".Duration", ".Items"} {
			if strings.Contains(keys[key], field) {
				text += "{{" + field + "}}"
			}
		}
		id, form, counts := cutForm(key)
		if !counts {
			said[id] = text
			continue
		}
		forms, _ := said[id].(map[string]string)
		if forms == nil {
			forms = map[string]string{}
			said[id] = forms
		}
		forms[form] = text
	}
	data, err := yaml.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := texts.Load(fstest.MapFS{"texts/en.yaml": {Data: data}, "texts/fr.yaml": {Data: data}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newComposer("Roster <roster@example.com>", "", loaded)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cutForm cuts a plural form off.
func cutForm(key string) (id, form string, counts bool) {
	i := strings.LastIndexByte(key, '.')
	if form = key[i+1:]; form == "one" || form == "other" {
		return key[:i], form, true
	}
	return key, "", false
}

// everything is every kind of invitation mail.
func everything() []Invitation {
	now := time.Date(2026, time.January, 4, 12, 0, 0, 0, time.UTC)
	base := Invitation{Presentation: offer.Presentation{Organization: "Acme", Role: rosterv1alpha1.RoleMember},
		Envelope: Envelope{To: "bob@example.com", Now: now, MessageID: "1@example.com"},
		Link:     "https://roster.example.com/x", Expiry: now.Add(72 * time.Hour)}
	all := []Invitation{}
	add := func(change func(*Invitation)) {
		in := base
		change(&in)
		all = append(all, in)
	}
	for _, role := range []rosterv1alpha1.OrganizationRole{
		rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager, rosterv1alpha1.RoleAdvancedMember,
		rosterv1alpha1.RoleMember, rosterv1alpha1.RoleProfileConnector,
	} {
		add(func(in *Invitation) { in.Role = role })
	}
	add(func(in *Invitation) { in.Again = true })
	for _, inviter := range []string{"", "Ana"} {
		for reminder := range int32(2) {
			add(func(in *Invitation) {
				in.Inviter, in.InviterAddress, in.Reminder, in.Name, in.Message = inviter, "ana@example.com", reminder, "Bob", "Hi"
				in.Environments = []rosterv1alpha1.Environment{{Name: "Live", URL: "https://social.example.com"}}
			})
		}
	}
	roles := []rosterv1alpha1.ProfileRole{
		rosterv1alpha1.ProfileAdministrator, rosterv1alpha1.ProfileEditor, rosterv1alpha1.ProfileModerator, rosterv1alpha1.ProfileGuest,
	}
	for _, more := range []int{1, 2} {
		add(func(in *Invitation) {
			for i := range maxRows + more {
				in.Profiles = append(in.Profiles, offer.Profile{ProfileGrant: rosterv1alpha1.ProfileGrant{Name: "p", Role: roles[i%len(roles)]}})
			}
		})
	}
	add(func(in *Invitation) {
		in.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "Europe", Role: rosterv1alpha1.ProfileGuest}, {Name: "Asia"}}
	})
	add(func(in *Invitation) { in.AllProfiles = true })
	add(func(in *Invitation) { in.Ends = &metav1.Time{Time: now.AddDate(0, 2, 0)} })
	for _, left := range []time.Duration{time.Minute, 20 * time.Minute, time.Hour, 5 * time.Hour, 48 * time.Hour} {
		add(func(in *Invitation) { in.Expiry = now.Add(left) })
	}
	for month := range 12 {
		add(func(in *Invitation) { in.Expiry = now.AddDate(0, month, month) })
	}
	for day := range 7 {
		add(func(in *Invitation) { in.Expiry = now.AddDate(0, 0, 7+day) })
	}
	return all
}

// everyTokenNotice is every kind of mail about tokens.
func everyTokenNotice() []TokenNotice {
	now := time.Date(2026, time.January, 4, 12, 0, 0, 0, time.UTC)
	var all []TokenNotice
	for _, cause := range []rosterv1alpha1.NoticeCause{"ExpiresIn3Days", "Expired", "AccessLost"} {
		for _, why := range []rosterv1alpha1.NoticeRecipient{"Responsible", "Owner"} {
			all = append(all, TokenNotice{Cause: cause, Why: why, Nobody: why == "Owner", End: now.Add(50 * time.Hour), Envelope: Envelope{Now: now}})
		}
	}
	return all
}

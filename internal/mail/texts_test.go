// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/offer"
)

// messages reads a file as flat keys: role.Manager.name, duration.days.one.
func messages(t *testing.T, locale string) map[string]string {
	t.Helper()
	data, err := textFiles.ReadFile("texts/" + locale + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.UnmarshalStrict(data, &tree); err != nil {
		t.Fatal(err)
	}
	flat := map[string]string{}
	var walk func(prefix string, node map[string]any)
	walk = func(prefix string, node map[string]any) {
		for key, value := range node {
			switch v := value.(type) {
			case map[string]any:
				walk(prefix+key+".", v)
			case string:
				flat[prefix+key] = v
			default:
				t.Errorf("%s%s is %T, not text", prefix, key, value)
			}
		}
	}
	walk("", tree)
	return flat
}

var placeholder = regexp.MustCompile(`\.[A-Z][A-Za-z]+`)

// English is the source: whatever it says, French says too, filled in with the same words.
func TestFrenchSaysWhatEnglishSays(t *testing.T) {
	english, french := messages(t, "en"), messages(t, "fr")
	for key, text := range english {
		translated, ok := french[key]
		if !ok || strings.TrimSpace(translated) == "" {
			t.Errorf("texts/fr.yaml lacks %s: %q", key, text)
			continue
		}
		if want, got := fields(text), fields(translated); !slices.Equal(want, got) {
			t.Errorf("texts/fr.yaml: %s is filled in with %v, in English with %v", key, got, want)
		}
	}
	for key := range french {
		if _, ok := english[key]; !ok {
			t.Errorf("texts/fr.yaml has %s, which English does not have", key)
		}
	}
}

func fields(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Every text is used by some mail, and no mail has words from elsewhere: with each text replaced by its own key, all keys turn up.
func TestEveryTextIsUsed(t *testing.T) {
	keys := messages(t, "en")
	composer := composerOfKeys(t, keys)
	var seen strings.Builder
	for _, in := range everything() {
		s := composer.texts.in(in.Locale)
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
		s := composer.texts.in(n.Locale)
		v := n.view(s)
		if s.err != nil {
			t.Fatal(s.err)
		}
		seen.WriteString(v.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "notice.html", v); err != nil {
			t.Fatal(err)
		}
	}
	s := composer.texts.in("en")
	for n := range 2 {
		v := Digest{Name: strings.Repeat("Bob", n), Items: n + 1}.view(s)
		if s.err != nil {
			t.Fatal(s.err)
		}
		seen.WriteString(v.Subject)
		if err := composer.html.ExecuteTemplate(&seen, "notice.html", v); err != nil {
			t.Fatal(err)
		}
	}
	code := composer.codeView(composer.texts.in("en"), AddressCode{Code: "1234 5678", Expiry: time.Now()})
	seen.WriteString(code.Subject)
	if err := composer.html.ExecuteTemplate(&seen, "notice.html", code); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []rosterv1alpha1.AccountMailTopic{
		rosterv1alpha1.MailPasswordReset, rosterv1alpha1.MailPasswordChanged, rosterv1alpha1.MailUsernameChanged, rosterv1alpha1.MailFactorsChanged,
		rosterv1alpha1.MailFactorsReset, rosterv1alpha1.MailOwnershipOffered,
	} {
		s := composer.texts.in("en")
		v := composer.noticeView(s, Notice{Topic: topic, To: "a@example.com", Expiry: time.Now()})
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
	var file strings.Builder
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		text := "[" + key + "]"
		for _, field := range []string{".Weekday", ".Month", ".Time", ".Duration", ".Items"} {
			if strings.Contains(keys[key], field) {
				text += "{{" + field + "}}"
			}
		}
		// Written as a plural form where the key ends in one.
		id, form, _ := cutLast(key)
		if form != "one" && form != "other" {
			id, form = key, "other"
		}
		fmt.Fprintf(&file, "- {id: %q, %s: %q}\n", id, form, text)
	}
	data := mergeForms(t, file.String())
	files := fstest.MapFS{"texts/en.yaml": {Data: data}, "texts/fr.yaml": {Data: data}}
	loaded, err := loadTexts(files)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newComposer("Roster <roster@example.com>", "", loaded)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cutLast(key string) (before, after string, ok bool) {
	i := strings.LastIndexByte(key, '.')
	if i < 0 {
		return key, "", false
	}
	return key[:i], key[i+1:], true
}

// mergeForms joins the plural forms of one message.
func mergeForms(t *testing.T, list string) []byte {
	t.Helper()
	var single []map[string]string
	if err := yaml.Unmarshal([]byte(list), &single); err != nil {
		t.Fatal(err)
	}
	byID := map[string]map[string]string{}
	for _, m := range single {
		if byID[m["id"]] == nil {
			byID[m["id"]] = map[string]string{}
		}
		maps.Copy(byID[m["id"]], m)
	}
	data, err := yaml.Marshal(slices.Collect(maps.Values(byID)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// everything is every kind of invitation mail.
func everything() []Invitation {
	now := time.Date(2026, time.January, 4, 12, 0, 0, 0, time.UTC)
	base := Invitation{Presentation: offer.Presentation{Organization: "Acme", Role: rosterv1alpha1.RoleMember},
		To: "bob@example.com", Link: "https://roster.example.com/x",
		Now: now, Expiry: now.Add(72 * time.Hour), MessageID: "1@example.com"}
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
			all = append(all, TokenNotice{Cause: cause, Why: why, Nobody: why == "Owner", End: now.Add(50 * time.Hour), Now: now})
		}
	}
	return all
}

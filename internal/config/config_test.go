// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"
)

const least = `apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail:
  from: Roster <roster@mail.example>
  smtp: {address: "smtp.example:587"}
portal: {url: https://roster.example}
`

func TestWhatIsLeftOutHasADefault(t *testing.T) {
	c, err := Parse([]byte(least))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Mail.SMTP
	if s.Auth != AuthPassword || s.HelloName != "" || s.MailsPerMinute != 0 || s.TLS != TLSStartTLS || s.Connections != 4 || s.Timeout.Duration != 30*time.Second ||
		c.Links.KeySecret != "roster-link-keys" || c.Controllers.Concurrency != 16 || c.Controllers.Deliveries != 16 || c.Metrics.CountBy != CountByOrganization || c.Portal.DrainPeriod.Duration != 5*time.Second {
		t.Errorf("%+v", c)
	}
}

func TestHelloNames(t *testing.T) {
	for _, name := range []string{"roster.acme.example", "Mail.Acme.example", "xn--bcher-kva.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"} {
		if _, err := Parse([]byte(strings.Replace(least, `587"`, `587", mailsPerMinute: 840, helloName: "`+name+`"`, 1))); err != nil {
			t.Error(err)
		}
	}
}

func TestLimits(t *testing.T) {
	c, err := Parse([]byte(strings.Replace(least, "https://roster.example}", "https://roster.example, drainPeriod: 0s, limits: {posts: {burst: 60, every: 1s}}}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Portal; p.DrainPeriod.Duration != 0 || p.Limits.Posts.Burst != 60 || p.Limits.Posts.Every.Duration != time.Second || p.Limits.Mails != DefaultLimits().Mails {
		t.Errorf("%+v", p)
	}
}

// issuers is a configuration with these issuers, in which something is wrong.
func issuers(list, says string) struct{ old, new, says string } {
	return struct{ old, new, says string }{"https://roster.example}", "https://roster.example, issuers: [" + list + "]}", says}
}

func TestIssuers(t *testing.T) {
	list := issuers(`{name: acme, url: "https://login.acme.example/tenant", clientID: roster, domains: [acme.example, acme.test]},
  {name: local, displayName: Local, url: "http://127.0.0.1:8080", clientID: roster, domains: [local.example], publicClient: true, multiFactor: true}`, "")
	c, err := Parse([]byte(strings.Replace(least, list.old, list.new, 1)))
	if err != nil {
		t.Fatal(err)
	}
	all := c.Portal.Issuers
	if len(all) != 2 || all[0].DisplayName != "acme" || all[1].DisplayName != "Local" || !all[1].PublicClient ||
		c.Portal.CompanySecret != "roster-company-sign-in" || c.Portal.FactorKeySecret != "roster-factor-keys" {
		t.Errorf("%+v", c.Portal)
	}
}

// clients is a configuration with these tools of the platform, in which something is wrong.
func clients(list, says string) struct{ old, new, says string } {
	return struct{ old, new, says string }{
		"https://roster.example}", "https://roster.example, openID: {issuer: https://roster.example, clients: [" + list + "]}}", says,
	}
}

func TestToolsOfThePlatform(t *testing.T) {
	list := clients(`{id: kubectl, redirectURIs: ["http://127.0.0.1/callback"]},
  {id: studio, type: Web, displayName: Studio, secretHashes: [47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU],
   redirectURIs: ["https://studio.acme.example/callback"], postLogoutRedirectURIs: ["https://studio.acme.example/"],
   backChannelLogoutURI: "https://studio.acme.example/logout"}`, "")
	c, err := Parse([]byte(strings.Replace(least, list.old, list.new, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if all := c.Portal.OpenID.Clients; len(all) != 2 || all[0].DisplayName != "kubectl" || all[0].Type != "Native" || all[1].Type != "Web" {
		t.Errorf("%+v", all)
	}
}

func TestWrongConfigurationsNameFieldValueAndRemedy(t *testing.T) {
	cases := map[string]struct{ old, new, says string }{
		"another kind":         {"RosterConfig", "Config", `"config.roster.dev/v1alpha1, Config": must be`},
		"a misspelt field":     {"from:", "form:", `unknown field "form"`},
		"no sender":            {"from: Roster <roster@mail.example>", "from: Roster", `mail.from: "Roster": must be a mail address`},
		"a sender few take":    {"from: Roster <roster@mail.example>", "from: rédaction@mail.example", `mail.from: "rédaction@mail.example": must have nothing but ASCII`},
		"a domain of no use":   {"from:", "replyTo: team@-.example\n  from:", `mail.replyTo: "team@-.example": must have nothing but ASCII letters before the @, since not every relay takes others, and a domain`},
		"no path for links":    {"https://roster.example", `"https://roster.example/a b"`, `portal.url: "https://roster.example/a b": must have a path of letters`},
		"no port":              {"smtp.example:587", "smtp.example", `mail.smtp.address: "smtp.example": must be host:port`},
		"a wrong port":         {"smtp.example:587", "smtp.example:smtp", `mail.smtp.address`},
		"unknown TLS":          {`587"`, `587", tls: SSL`, `mail.smtp.tls: "SSL": must be StartTLS, Implicit or None`},
		"too patient":          {`587"`, `587", timeout: 1h`, `mail.smtp.timeout: "1h0m0s": must be between 1s and 10m`},
		"unknown counts":       {"portal: {", "metrics: {countBy: Member}\nportal: {", `metrics.countBy: "Member": must be Organization or Installation`},
		"unknown sign-in":      {`587"`, `587", auth: OAuth`, `mail.smtp.auth: "OAuth": must be Password or XOAUTH2`},
		"no token":             {`587"`, `587", auth: XOAUTH2`, `mail.smtp.authSecret: "": must name a Secret with username and token`},
		"half a name":          {`587"`, `587", helloName: roster`, `mail.smtp.helloName: "roster": must be a full host name such as`},
		"no literal":           {`587"`, `587", helloName: "[roster]"`, `mail.smtp.helloName: "[roster]": must be`},
		"a bare IPv6":          {`587"`, `587", helloName: "[::1]"`, `mail.smtp.helloName: "[::1]": must be`},
		"two names":            {`587"`, `587", helloName: "a.example b.example"`, `mail.smtp.helloName`},
		"a negative pace":      {`587"`, `587", mailsPerMinute: -1`, `mail.smtp.mailsPerMinute: "-1": must be between 1 and 60000`},
		"half a mail":          {`587"`, `587", mailsPerMinute: 0.5`, `mailsPerMinute`},
		"no connections":       {`587"`, `587", connections: -1`, `mail.smtp.connections: "-1": must be between 1 and 256`},
		"no scheme":            {"https://roster.example", "roster.example", `portal.url: "roster.example": must be the public address`},
		"a wrong proxy":        {"https://roster.example}", `https://roster.example, trustedProxies: ["10.0.0.1"]}`, `portal.trustedProxies: "10.0.0.1": must be a network`},
		"no patience":          {"https://roster.example}", "https://roster.example, drainPeriod: 1h}", `portal.drainPeriod: "1h0m0s": must be between 0s and 1m`},
		"no tries":             {"https://roster.example}", "https://roster.example, limits: {allTries: {burst: -1}}}", `portal.limits.allTries.burst: "-1": must be between 1 and`},
		"too slow":             {"https://roster.example}", "https://roster.example, limits: {mails: {every: 48h}}}", `portal.limits.mails.every: "48h0m0s": must be between 1ms and 24h`},
		"no such limit":        {"https://roster.example}", "https://roster.example, limits: {tries: {burst: 1}}}", `unknown field`},
		"no name":              issuers(`{url: "https://login.acme.example", clientID: r, domains: [acme.example]}`, `portal.issuers[0].name: "": must consist of lower-case letters`),
		"plain HTTP":           issuers(`{name: acme, url: "http://login.acme.example", clientID: r, domains: [acme.example]}`, `portal.issuers[0].url: "http://login.acme.example": must be the https address`),
		"no client":            issuers(`{name: acme, url: "https://login.acme.example", domains: [acme.example]}`, `portal.issuers[0].clientID: "": must be the ID that the provider`),
		"no domain":            issuers(`{name: acme, url: "https://login.acme.example", clientID: r}`, `portal.issuers[0].domains: "": must name at least one`),
		"a name of Kubernetes": {"kind: RosterConfig", "kind: RosterConfig\nrbac: {userPrefix: \"system:\"}", `rbac.userPrefix: "system:": must not begin with system:`},
		"a domain in two forms": issuers(`{name: acme, url: "https://a.example", clientID: r, domains: [bücher.example]}, {name: b, url: "https://b.example", clientID: r, domains: [xn--bcher-kva.example]}`,
			`portal.issuers[1].domains: "xn--bcher-kva.example": issuer acme already vouches for it`),
		"any domain": issuers(`{name: acme, url: "https://login.acme.example", clientID: r, domains: ["*.example"]}`, `portal.issuers[0].domains: "*.example": must be a plain domain`),
		"a domain twice": issuers(`{name: acme, url: "https://a.example", clientID: r, domains: [acme.example]}, {name: b, url: "https://b.example", clientID: r, domains: [acme.example]}`,
			`portal.issuers[1].domains: "acme.example": issuer acme already vouches for it`),
		"a name twice": issuers(`{name: acme, url: "https://a.example", clientID: r, domains: [a.example]}, {name: acme, url: "https://b.example", clientID: r, domains: [b.example]}`,
			`portal.issuers[1].name: "acme": is also the name of another issuer`),
		"a tool with a dot":          clients(`{id: acme.wiki}`, `portal.openID.clients.id: "acme.wiki": must be lower-case letters, digits and hyphens`),
		"a tool twice":               clients(`{id: a}, {id: a}`, `portal.openID.clients: "a": is there twice`),
		"a tool of no type":          clients(`{id: a, type: Mobile}`, `portal.openID.clients.type: "Mobile": must be Native or Web`),
		"a tool with no secret":      clients(`{id: a, type: Web}`, `portal.openID.clients.secretHashes: "a": must name the hash of a client secret: printf`),
		"a program with a secret":    clients(`{id: a, secretHashes: [x]}`, `portal.openID.clients.secretHashes: "a": is for applications of the type Web`),
		"a secret that is no hash":   clients(`{id: a, type: Web, secretHashes: [secret]}`, `portal.openID.clients.secretHashes: "secret": must be a SHA-256 hash`),
		"a tool that is not safe":    clients(`{id: a, redirectURIs: ["http://a.example/"]}`, `portal.openID.clients.redirectURIs: "http://a.example/": must be an https address`),
		"a tool for a custom role":   clients(`{id: a, roles: [Owner, press]}`, `portal.openID.clients.roles: "press": must be Owner, CoOwner, Manager, AdvancedMember,`),
		"leaving to where is unsafe": clients(`{id: a, postLogoutRedirectURIs: ["http://a.example/"]}`, `portal.openID.clients.postLogoutRedirectURIs: "http://a.example/": must be`),
		"telling what is unsafe":     clients(`{id: a, backChannelLogoutURI: "http://127.0.0.1/"}`, `portal.openID.clients.backChannelLogoutURI: "http://127.0.0.1/": must be an https address`),
		"no such network":            {"portal:", "networks: [{name: MySpace}]\nportal:", `networks[0].name: "MySpace": must be one of [Facebook`},
		"which Mastodon":             {"portal:", "networks: [{name: Mastodon}]\nportal:", `networks[0].url: "": must name the server`},
		"no address":                 {"portal:", "networks: [{name: X, authURL: api.x.com}]\nportal:", `networks[0].authURL: "api.x.com": must be an address`},
		"no way there":               {"portal:", "networks: [{name: X, connectURL: /go}]\nportal:", `networks[0].connectURL: "/go": must be an address`},
		"twice the same":             {"portal:", "networks: [{name: X}, {name: X}]\nportal:", `networks[1].name: "X": is there twice`},
		"too many checks":            {"portal:", "networks: [{name: X, checksPerMinute: 100000}]\nportal:", `networks[0].checksPerMinute: "100000": must be`},
		"too many at once":           {"portal:", "controllers: {deliveries: 1000}\nportal:", `controllers.deliveries: "1000": must be between 1 and 256`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(strings.Replace(least, c.old, c.new, 1)))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %s", err, c.says)
			}
		})
	}
	if _, err := Parse(nil); err == nil {
		t.Error("an empty file is taken")
	}
	if _, err := Load("testdata/there-is-none.yaml"); err == nil || !strings.Contains(err.Error(), "there-is-none.yaml") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestNetworks(t *testing.T) {
	c, err := Parse([]byte(strings.Replace(least, "portal:",
		"networks: [{name: Mastodon, url: https://A.example}, {name: Mastodon, url: https://b.example}, {name: X}]\nportal:", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if n := c.Networks; len(n) != 3 || n[0].Host() != "a.example" || n[2].Host() != "" || n[2].ChecksPerMinute != ChecksPerMinute {
		t.Errorf("%+v", n)
	}
}

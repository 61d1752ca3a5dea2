// SPDX-License-Identifier: Apache-2.0

// Package config reads the one configuration file that manager and portal share.
package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/address"
)

// The type that a configuration file must name.
const (
	APIVersion = "config.roster.dev/v1alpha1"
	Kind       = "RosterConfig"
)

// Config is the configuration of manager and portal. Secrets are never in it, only the names of Secrets in the namespace
// that the process runs in.
type Config struct {
	metav1.TypeMeta `json:",inline"`

	// Mail is how mails leave the cluster.
	Mail Mail `json:"mail"`
	// Portal is where invited people find the portal.
	Portal Portal `json:"portal"`
	// Links is how links are signed.
	Links Links `json:"links"`
	// RBAC is how people are named to the API server.
	RBAC RBAC `json:"rbac"`
	// Controllers is how much the manager does at once.
	Controllers Controllers `json:"controllers"`
	// Metrics is what the manager measures.
	Metrics Metrics `json:"metrics,omitzero"`
	// Networks are the social networks that the manager asks about profiles, where there is more to say than that they exist.
	Networks []Network `json:"networks,omitempty"`
}

// Mail is how mails leave the cluster.
type Mail struct {
	// From is the sender, such as "Roster <roster@example.com>". Required.
	From string `json:"from"`
	// ReplyTo receives answers where the inviter has no address. Defaults to From.
	ReplyTo string `json:"replyTo,omitempty"`
	// SMTP is the relay that takes the mails.
	SMTP SMTP `json:"smtp"`
}

// TLSMode is how a connection to the relay is encrypted.
type TLSMode string

// The ways to encrypt a connection to the relay.
const (
	// TLSStartTLS asks for STARTTLS (RFC 3207) and refuses to go on without. The default.
	TLSStartTLS TLSMode = "StartTLS"
	// TLSImplicit speaks TLS from the first byte (RFC 8314), usually on port 465.
	TLSImplicit TLSMode = "Implicit"
	// TLSNone never encrypts; for a relay on the same host or in a mesh that encrypts by itself.
	TLSNone TLSMode = "None"
)

// AuthMode is how Roster signs in to the relay.
type AuthMode string

// The ways to sign in to the relay.
const (
	// AuthPassword takes the best mechanism for a password that the relay offers. The default.
	AuthPassword AuthMode = "Password"
	// AuthXOAUTH2 sends an OAuth 2.0 access token, as Google and Microsoft want it.
	AuthXOAUTH2 AuthMode = "XOAUTH2"
)

// SMTP is the relay that takes the mails.
type SMTP struct {
	// Address of the relay, host:port. Required.
	Address string `json:"address"`
	// TLS is StartTLS (default), Implicit or None.
	TLS TLSMode `json:"tls,omitempty"`
	// AuthSecret names a Secret with username and password, or with username and token for XOAUTH2. Empty: no authentication.
	AuthSecret string `json:"authSecret,omitempty"`
	// Auth is Password (default) or XOAUTH2.
	Auth AuthMode `json:"auth,omitempty"`
	// HelloName is what Roster calls itself in EHLO: a full host name or an address literal such as [192.0.2.1]. Default: the name of the host
	// if that is a full one, else its address.
	HelloName string `json:"helloName,omitempty"`
	// CAFile holds the certificate authorities (PEM) that the relay's certificate is checked against. Empty: the system's.
	CAFile string `json:"caFile,omitempty"`
	// Connections is how many connections are kept open at most. Default 4.
	Connections int `json:"connections,omitempty"`
	// MailsPerMinute is how many mails the relay is handed in a minute at most, evenly spread. 0: as many as it takes.
	MailsPerMinute int `json:"mailsPerMinute,omitempty"`
	// Timeout of one mail from connecting to the relay's answer. Default 30s.
	Timeout metav1.Duration `json:"timeout,omitzero"`
}

// Portal is where invited people find the portal.
type Portal struct {
	// URL is the public address of the portal, such as https://roster.example.com. Required.
	URL string `json:"url"`
	// TrustedProxies are the networks (CIDR) whose X-Forwarded-For is believed when requests are counted per client.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	// KeySecret names the Secret with the keys that sessions are sealed with; the manager creates it when it is missing, and does not
	// read it. Default roster-portal-keys.
	KeySecret string `json:"keySecret,omitempty"`
	// FactorKeySecret names the Secret with the keys that the seeds of authenticator apps are encrypted with; the manager creates it when it
	// is missing, and does not read it. Default roster-factor-keys.
	FactorKeySecret string `json:"factorKeySecret,omitempty"`
	// CompanySecret names the Secret with the client secrets of the issuers, each under the issuer's name. Default roster-company-sign-in.
	CompanySecret string `json:"companySecret,omitempty"`
	// Issuers are the OpenID providers that people can sign in with.
	Issuers []Issuer `json:"issuers,omitempty"`
	// Limits are how often something may be done at one replica. What is left out has its default.
	Limits Limits `json:"limits,omitzero"`
	// DrainPeriod is how long a replica that is told to stop goes on taking requests, while it reports that it is not ready, so that
	// whatever sends it requests has time to notice. Default 5s; 0s closes at once.
	DrainPeriod *metav1.Duration `json:"drainPeriod,omitempty"`
	// OpenID is the portal as an OpenID provider for other applications.
	OpenID OpenID `json:"openID,omitzero"`
}

// Limits are how often something may be done at one replica of the portal.
type Limits struct {
	// Requests of one requester: a person who is signed in, somebody with the link of an invitation, a browser that was signed in before, or
	// else an address. Default 120, then one every 250ms.
	Requests Rate `json:"requests,omitzero"`
	// Posts are forms sent by one requester. Default 30, then one every 2s.
	Posts Rate `json:"posts,omitzero"`
	// DeviceTries are wrong passwords or codes at one account from a browser that is known to be the person's. Default 5, then one every 1m.
	DeviceTries Rate `json:"deviceTries,omitzero"`
	// NetworkTries are those from one network, by other browsers. Default 5, then one every 5m.
	NetworkTries Rate `json:"networkTries,omitzero"`
	// AllTries are wrong passwords at one account by other browsers, from whatever networks. Default 100, then one every 20s.
	AllTries Rate `json:"allTries,omitzero"`
	// AllCodes are wrong codes at one account by other browsers, from whatever networks. Default 20, then one every 5m.
	AllCodes Rate `json:"allCodes,omitzero"`
	// Mails that one browser or network may ask for one login. Default 3, then one every 10m.
	Mails Rate `json:"mails,omitzero"`
	// AllMails that may be asked for one login by browsers that are not known. Default 6, then one every 5m.
	AllMails Rate `json:"allMails,omitzero"`
	// Applications are requests of one application from one address for tokens and what they say. Default 600, then one every 20ms.
	Applications Rate `json:"applications,omitzero"`
}

// Rate allows some at once, and then one at a time.
type Rate struct {
	// Burst is how many are allowed at once.
	Burst int `json:"burst,omitempty"`
	// Every is how long it takes until another one is allowed.
	Every metav1.Duration `json:"every,omitzero"`
}

// String is how a Rate is written in words.
func (r Rate) String() string { return fmt.Sprintf("%d, then one every %s", r.Burst, r.Every.Duration) }

// DefaultLimits are in force where the configuration says nothing.
func DefaultLimits() Limits {
	rate := func(burst int, every time.Duration) Rate {
		return Rate{Burst: burst, Every: metav1.Duration{Duration: every}}
	}
	return Limits{
		Requests: rate(120, 250*time.Millisecond), Posts: rate(30, 2*time.Second),
		DeviceTries: rate(5, time.Minute), NetworkTries: rate(5, 5*time.Minute), AllTries: rate(100, 20*time.Second),
		AllCodes: rate(20, 5*time.Minute), Mails: rate(3, 10*time.Minute), AllMails: rate(6, 5*time.Minute),
		Applications: rate(600, 20*time.Millisecond),
	}
}

func (l *Limits) complete() {
	d := DefaultLimits()
	for _, r := range []struct{ set, otherwise *Rate }{
		{&l.Requests, &d.Requests}, {&l.Posts, &d.Posts}, {&l.DeviceTries, &d.DeviceTries}, {&l.NetworkTries, &d.NetworkTries},
		{&l.AllTries, &d.AllTries}, {&l.AllCodes, &d.AllCodes}, {&l.Mails, &d.Mails}, {&l.AllMails, &d.AllMails},
		{&l.Applications, &d.Applications},
	} {
		r.set.Burst = cmp.Or(r.set.Burst, r.otherwise.Burst)
		r.set.Every.Duration = cmp.Or(r.set.Every.Duration, r.otherwise.Every.Duration)
	}
}

const (
	maxBurst = 1_000_000
	maxDrain = time.Minute
)

func (l Limits) check() error {
	var errs []error
	for field, r := range map[string]Rate{
		"requests": l.Requests, "posts": l.Posts, "deviceTries": l.DeviceTries, "networkTries": l.NetworkTries, "allTries": l.AllTries,
		"allCodes": l.AllCodes, "mails": l.Mails, "allMails": l.AllMails, "applications": l.Applications,
	} {
		field = "portal.limits." + field
		if r.Burst < 0 || r.Burst > maxBurst {
			errs = append(errs, wrong(field+".burst", strconv.Itoa(r.Burst),
				fmt.Sprintf("must be between 1 and %d; leave it out for the default", maxBurst)))
		}
		if d := r.Every.Duration; d != 0 && (d < time.Millisecond || d > 24*time.Hour) {
			errs = append(errs, wrong(field+".every", d.String(), "must be between 1ms and 24h; leave it out for the default"))
		}
	}
	return errors.Join(errs...)
}

// Links is how links are signed.
type Links struct {
	// KeySecret names the Secret with the keys; the manager creates it when it is missing. Default roster-link-keys.
	KeySecret string `json:"keySecret,omitempty"`
}

// RBAC is how people are named to the API server.
type RBAC struct {
	// UserPrefix stands before the mail address in the subject of a RoleBinding, as in --oidc-username-prefix of the API server.
	UserPrefix string `json:"userPrefix,omitempty"`
}

// Controllers is how much the manager does at once.
type Controllers struct {
	// Concurrency is how many objects of one kind are worked on at once, at most half of them of the same organisation. Default 16.
	Concurrency int `json:"concurrency,omitempty"`
	// Deliveries is how many mails are on their way at once, at most half of them of the same organisation. Default 16.
	Deliveries int `json:"deliveries,omitempty"`
}

// CountBy is what objects are counted by in metrics.
type CountBy string

// What objects are counted by.
const (
	// CountByOrganization counts those of each organisation apart: up to 22 series for each. The default.
	CountByOrganization CountBy = "Organization"
	// CountByInstallation counts those of all organisations together.
	CountByInstallation CountBy = "Installation"
)

// Metrics is what the manager measures.
type Metrics struct {
	// CountBy is Organization (default) or Installation.
	CountBy CountBy `json:"countBy,omitempty"`
}

func (m Metrics) check() error {
	if !slices.Contains([]CountBy{CountByOrganization, CountByInstallation}, m.CountBy) {
		return wrong("metrics.countBy", string(m.CountBy), "must be Organization or Installation")
	}
	return nil
}

// Load reads, completes and checks the file. A field that is not known is an error.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	c, err := Parse(data)
	if err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

// Parse is Load for a file that is already in memory.
func Parse(data []byte) (Config, error) {
	var c Config
	if len(bytes.TrimSpace(data)) == 0 {
		return c, errors.New("the file is empty")
	}
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return c, err
	}
	c.complete()
	return c, c.check()
}

func (c *Config) complete() {
	s := &c.Mail.SMTP
	if s.TLS == "" {
		s.TLS = TLSStartTLS
	}
	s.Auth = cmp.Or(s.Auth, AuthPassword)
	if s.Connections == 0 {
		s.Connections = 4
	}
	if s.Timeout.Duration == 0 {
		s.Timeout.Duration = 30 * time.Second
	}
	if c.Links.KeySecret == "" {
		c.Links.KeySecret = "roster-link-keys"
	}
	c.Portal.complete()
	if c.Controllers.Concurrency == 0 {
		c.Controllers.Concurrency = 16
	}
	if c.Controllers.Deliveries == 0 {
		c.Controllers.Deliveries = 16
	}
	c.Metrics.CountBy = cmp.Or(c.Metrics.CountBy, CountByOrganization)
	for i := range c.Networks {
		c.Networks[i].complete()
	}
}

func (c *Config) check() error {
	return errors.Join(
		c.checkKind(), c.Mail.check(), c.Portal.check(), c.Controllers.check(), c.Metrics.check(), c.RBAC.check(), checkNetworks(c.Networks),
	)
}

// check keeps people apart from Kubernetes' own users: no admission policy would let anything be bound to such a name.
func (r RBAC) check() error {
	if strings.HasPrefix(r.UserPrefix, "system:") {
		return wrong("rbac.userPrefix", r.UserPrefix, "must not begin with system:, as the names of Kubernetes' own users do")
	}
	return nil
}

func (c *Config) checkKind() error {
	if c.APIVersion != APIVersion || c.Kind != Kind {
		return wrong("apiVersion, kind", c.APIVersion+", "+c.Kind, fmt.Sprintf("must be %s, %s", APIVersion, Kind))
	}
	return nil
}

func (m Mail) check() error {
	var errs []error
	errs = append(errs, checkSender("mail.from", m.From))
	if m.ReplyTo != "" {
		errs = append(errs, checkSender("mail.replyTo", m.ReplyTo))
	}
	return errors.Join(append(errs, m.SMTP.check())...)
}

// checkSender checks an address of Roster's own. Every relay has to take it, so there is nothing but ASCII before the @.
func checkSender(field, s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return wrong(field, s, `must be a mail address such as "Roster <roster@example.com>"`)
	}
	at := strings.LastIndexByte(a.Address, '@')
	_, err = address.Domain(a.Address[at+1:])
	if err != nil || strings.ContainsFunc(a.Address[:at], func(r rune) bool { return r > unicode.MaxASCII }) {
		return wrong(field, s, "must have nothing but ASCII letters before the @, since not every relay takes others, and a domain after it")
	}
	return nil
}

func (s SMTP) check() error {
	var errs []error
	if host, port, err := net.SplitHostPort(s.Address); err != nil || host == "" || !isPort(port) {
		errs = append(errs, wrong("mail.smtp.address", s.Address, "must be host:port such as smtp.example.com:587"))
	}
	if !slices.Contains([]TLSMode{TLSStartTLS, TLSImplicit, TLSNone}, s.TLS) {
		errs = append(errs, wrong("mail.smtp.tls", string(s.TLS), "must be StartTLS, Implicit or None"))
	}
	if s.MailsPerMinute < 0 || s.MailsPerMinute > maxMailsPerMinute {
		errs = append(errs, wrong("mail.smtp.mailsPerMinute", strconv.Itoa(s.MailsPerMinute), "must be between 1 and 60000, or 0 for no limit"))
	}
	if d := s.Timeout.Duration; d < time.Second || d > 10*time.Minute {
		errs = append(errs, wrong("mail.smtp.timeout", d.String(), "must be between 1s and 10m"))
	}
	return errors.Join(append(errs, s.checkSignIn(), checkCount("mail.smtp.connections", s.Connections))...)
}

// checkSignIn checks what Roster tells the relay about itself.
func (s SMTP) checkSignIn() error {
	var errs []error
	if !slices.Contains([]AuthMode{AuthPassword, AuthXOAUTH2}, s.Auth) {
		errs = append(errs, wrong("mail.smtp.auth", string(s.Auth), "must be Password or XOAUTH2"))
	}
	if s.Auth == AuthXOAUTH2 && s.AuthSecret == "" {
		errs = append(errs, wrong("mail.smtp.authSecret", "", "must name a Secret with username and token, since mail.smtp.auth is XOAUTH2"))
	}
	if s.HelloName != "" && !isHelloName(s.HelloName) {
		errs = append(errs, wrong("mail.smtp.helloName", s.HelloName,
			"must be a full host name such as roster.example.com, or an address literal such as [192.0.2.1]"))
	}
	return errors.Join(errs...)
}

func (p *Portal) complete() {
	p.KeySecret = cmp.Or(p.KeySecret, "roster-portal-keys")
	p.FactorKeySecret = cmp.Or(p.FactorKeySecret, "roster-factor-keys")
	p.CompanySecret = cmp.Or(p.CompanySecret, "roster-company-sign-in")
	p.Limits.complete()
	p.OpenID.complete()
	if p.DrainPeriod == nil {
		p.DrainPeriod = &metav1.Duration{Duration: 5 * time.Second}
	}
	for i := range p.Issuers {
		p.Issuers[i].DisplayName = cmp.Or(p.Issuers[i].DisplayName, p.Issuers[i].Name)
	}
}

func (p Portal) check() error {
	errs := []error{checkIssuers(p.Issuers), p.Limits.check(), p.OpenID.check()}
	if d := p.DrainPeriod; d != nil && (d.Duration < 0 || d.Duration > maxDrain) {
		errs = append(errs, wrong("portal.drainPeriod", d.Duration.String(), "must be between 0s and 1m"))
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, wrong("portal.url", p.URL, "must be the public address of the portal such as https://roster.example.com"))
	} else if !regexp.MustCompile(`^[A-Za-z0-9._~/-]*$`).MatchString(u.Path) || strings.Contains(u.Path, "//") {
		errs = append(errs, wrong("portal.url", p.URL, "must have a path of letters, digits and ._~- alone, as it stands in links"))
	}
	for _, network := range p.TrustedProxies {
		if _, _, err := net.ParseCIDR(network); err != nil {
			errs = append(errs, wrong("portal.trustedProxies", network, "must be a network such as 10.0.0.0/8"))
		}
	}
	return errors.Join(errs...)
}

func (c Controllers) check() error {
	return errors.Join(checkCount("controllers.concurrency", c.Concurrency), checkCount("controllers.deliveries", c.Deliveries))
}

func checkCount(field string, n int) error {
	if n < 1 || n > 256 {
		return wrong(field, strconv.Itoa(n), "must be between 1 and 256")
	}
	return nil
}

// wrong names the field, the value and the remedy.
func wrong(field, value, remedy string) error { return fmt.Errorf("%s: %q: %s", field, value, remedy) }

// maxMailsPerMinute is as fast as a limit makes sense.
const maxMailsPerMinute = 60000

// isHelloName recognises what a client may call itself (RFC 5321, 4.1.1.1): a full domain or an address literal (4.1.3).
func isHelloName(s string) bool {
	if literal, ok := strings.CutPrefix(s, "["); ok {
		literal, closed := strings.CutSuffix(literal, "]")
		six, is6 := strings.CutPrefix(literal, "IPv6:")
		ip, err := netip.ParseAddr(six)
		return closed && err == nil && ip.Is6() == is6 && ip.Zone() == ""
	}
	return strings.Contains(s, ".") && len(validation.IsDNS1123Subdomain(strings.ToLower(s))) == 0
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 65536
}

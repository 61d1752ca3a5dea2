// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/cli/login/provider"
	"github.com/roster-dev/roster/internal/config"
)

const (
	configMapName = "roster-config"
	configMapKey  = "config.yaml"
	// issuerPatience is how long the portal may take to answer.
	issuerPatience = 10 * time.Second
)

// openID looks at the portal as an OpenID provider: whether it answers, and whether the API server trusts it.
func (p *patient) openID(ctx context.Context) {
	const check = "OpenID provider"
	o, err := p.configured(ctx)
	switch {
	case apierrors.IsNotFound(err):
		p.say(check, Unknown, "", "there is no ConfigMap %s in %s that would tell whether the portal is one", configMapName, p.system)
		return
	case err != nil:
		p.refused(check, err)
		return
	case !o.On():
		p.say(check, OK, "", "off: people sign in to the portal alone")
		return
	}
	limited, cancel := context.WithTimeout(ctx, issuerPatience)
	defer cancel()
	_, err = provider.Discover(limited, provider.Options{Issuer: o.Issuer, Clock: p.factory.Clock})
	if err != nil {
		// An authority that this machine does not know may well be known where it matters.
		p.say(check, Failed, "open "+o.Issuer+"/.well-known/openid-configuration in a browser, and see docs/sign-in-to-tools.md#troubleshooting",
			"from this machine: %s", err)
	} else {
		p.say(check, OK, "", "%s answers, and names itself so", o.Issuer)
	}
	if len(o.Clients) > 0 {
		p.trust(ctx, o)
	}
}

// configured reads the configuration that the processes have.
func (p *patient) configured(ctx context.Context) (config.OpenID, error) {
	var m corev1.ConfigMap
	if err := p.client.Get(ctx, client.ObjectKey{Namespace: p.system, Name: configMapName}, &m); err != nil {
		return config.OpenID{}, err
	}
	var part struct {
		Portal struct {
			OpenID config.OpenID `json:"openID"`
		} `json:"portal"`
	}
	// What is wrong with the rest, the processes have said when they did not start.
	err := yaml.Unmarshal([]byte(m.Data[configMapKey]), &part)
	return part.Portal.OpenID, err
}

// trust asks the API server about a token that nobody signed. It says what is wrong with one whose issuer it trusts, and nothing of others.
func (p *patient) trust(ctx context.Context, o config.OpenID) {
	const check = "sign-in to the cluster"
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: unsigned(o, p.factory.Now())}}
	if err := p.client.Create(ctx, review); err != nil {
		p.refused(check, err)
		return
	}
	switch said := review.Status.Error; {
	case review.Status.Authenticated:
		p.say(check, Failed, "look at the --authentication-config of the API server at once", "the API server takes a token that nobody signed")
	case strings.Contains(said, "not initialized"):
		p.say(check, Failed, "let the API server reach "+o.Issuer+", and give it the authority of its certificate: see docs/kubectl-login.md",
			"the API server trusts %s, and has not reached it yet", o.Issuer)
	case strings.Contains(said, "oidc:"):
		p.say(check, OK, "", "the API server trusts %s", o.Issuer)
	default:
		p.say(check, Warning, "see docs/kubectl-login.md",
			"the API server does not trust %s, so kubectl roster login is of no use here", o.Issuer)
	}
}

// unsigned is a token with a signature that cannot be right.
func unsigned(o config.OpenID, now time.Time) string {
	part := func(v any) string {
		content, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return base64.RawURLEncoding.EncodeToString(content)
	}
	return strings.Join([]string{
		part(map[string]string{"alg": "RS256", "typ": "JWT"}),
		part(map[string]any{
			"iss": o.Issuer, "aud": cmp.Or(o.Clients[0].ID, "kubectl"), "sub": "nobody", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		}),
		base64.RawURLEncoding.EncodeToString(make([]byte, 256)),
	}, ".")
}

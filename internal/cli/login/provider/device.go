// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// Prompt is what a person needs to sign in on another machine.
type Prompt struct {
	// Address to open, and Code to type in there. Direct, if there is one, is an address that has the code in it.
	Address, Code, Direct string
	// For is how long the code is good for; zero if the provider does not say.
	For time.Duration
}

// Device signs somebody in on whatever machine they have a browser on (RFC 8628).
func (p *Provider) Device(ctx context.Context, show func(Prompt)) (Tokens, error) {
	if !p.HasDeviceFlow() {
		return Tokens{}, fmt.Errorf("the provider %s has no sign-in by code: leave out --device, and use a browser on this machine", p.Issuer)
	}
	config := p.config("")
	asked, err := config.DeviceAuth(p.client(ctx))
	if err != nil {
		return Tokens{}, p.refused(err, ErrRefused)
	}
	prompt := Prompt{
		Address: printable(asked.VerificationURI), Code: printable(asked.UserCode), Direct: printable(asked.VerificationURIComplete),
	}
	if !asked.Expiry.IsZero() {
		prompt.For = time.Until(asked.Expiry).Round(time.Minute)
	}
	show(prompt)
	token, err := p.await(ctx, config, asked)
	if err != nil {
		return Tokens{}, err
	}
	return p.tokens(ctx, token, "")
}

func (p *Provider) await(ctx context.Context, config *oauth2.Config, asked *oauth2.DeviceAuthResponse) (*oauth2.Token, error) {
	token, err := config.DeviceAccessToken(p.client(ctx), asked)
	switch {
	case err == nil:
		return token, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: nobody typed the code in, in time. Run the command again for another one", ErrRefused)
	}
	return nil, p.refused(err, ErrRefused)
}

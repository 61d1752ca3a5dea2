// SPDX-License-Identifier: Apache-2.0

// Package directory finds networks by the operator's configuration, and the apps that are registered with them.
package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/network"
)

// Entries of a Secret with the app that is registered with a network.
const (
	appClientID     = "client_id"
	appClientSecret = "client_secret"
)

// Directory has the networks of the configuration.
type Directory struct {
	Configured []config.Network
	// Namespace of the operator, whose Secrets hold the apps. Reader reads them, past any cache.
	Namespace string
	Reader    client.Reader
	Clock     clock.PassiveClock
}

// NotConfiguredError names what the configuration lacks for a network.
type NotConfiguredError struct{ Message string }

func (e *NotConfiguredError) Error() string { return e.Message }

// Of is what the configuration says of the network of a profile. Of Mastodon, only the servers that it names are asked: else anyone who may
// write a SocialProfile could have the operator send requests anywhere. The error is a NotConfiguredError.
func (d Directory) Of(p *rosterv1alpha1.SocialProfile) (config.Network, error) {
	if c, ok := d.Named(p.Spec.Network, network.ServerIn(p.Spec.Network, p.Spec.Handle)); ok {
		return c, nil
	}
	return config.Network{}, &NotConfiguredError{fmt.Sprintf("The operator's configuration does not name the server of %s. Write the handle "+
		"with its server, such as @acme@mastodon.example, and add that server to networks there.", p.Spec.Handle)}
}

// Named is a network by its name and, of Mastodon, its server, which can be left out where there is one.
func (d Directory) Named(name rosterv1alpha1.Network, server string) (config.Network, bool) {
	var same []config.Network
	for _, c := range d.Configured {
		if c.Name == name {
			same = append(same, c)
		}
	}
	switch {
	case name != rosterv1alpha1.NetworkMastodon && len(same) == 0:
		return config.Network{Name: name, ChecksPerMinute: config.ChecksPerMinute}, true
	case name != rosterv1alpha1.NetworkMastodon, server == "" && len(same) == 1:
		return same[0], true
	}
	i := slices.IndexFunc(same, func(c config.Network) bool { return c.Host() == strings.ToLower(server) })
	if i < 0 {
		return config.Network{}, false
	}
	return same[i], true
}

// Open prepares to talk to a network, with the app that is registered there. The error is a NotConfiguredError where the app is missing.
func (d Directory) Open(ctx context.Context, c config.Network) (network.Network, error) {
	app, err := d.app(ctx, c)
	if err != nil {
		return nil, err
	}
	return network.New(c.Name, network.Options{URL: c.URL, AuthURL: c.AuthURL, ConnectURL: c.ConnectURL, App: app, Clock: d.Clock})
}

// app reads the registration of the operator with a network.
func (d Directory) app(ctx context.Context, c config.Network) (network.App, error) {
	if c.Secret == "" {
		return network.App{}, nil
	}
	missing := func(what string) (network.App, error) {
		return network.App{}, &NotConfiguredError{fmt.Sprintf(
			"The Secret %s in the operator's namespace, which its configuration names for %s, %s.", c.Secret, c.Name, what)}
	}
	var secret corev1.Secret
	switch err := d.Reader.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: c.Secret}, &secret); {
	case apierrors.IsNotFound(err):
		return missing("does not exist")
	case apierrors.IsForbidden(err):
		return missing("may not be read: name it in the Roles roster-manager and roster-portal")
	case err != nil:
		return network.App{}, err
	}
	app := network.App{
		ClientID:     strings.TrimSpace(string(secret.Data[appClientID])),
		ClientSecret: strings.TrimSpace(string(secret.Data[appClientSecret])),
	}
	if app.ClientID == "" {
		return missing("has no entry " + appClientID)
	}
	return app, nil
}

// Scopes are those that tokens of that type of account should have: the configured ones, or what publishing and answering need.
func Scopes(c config.Network, t network.Traits, of rosterv1alpha1.ProfileType) []string {
	switch {
	case of == rosterv1alpha1.TypeAdAccount:
		return c.AdScopes
	case len(c.Scopes) > 0:
		return c.Scopes
	}
	return t.Scopes
}

// CanConnect reports whether people can connect accounts of a network: there is an app, or it takes none.
func (d Directory) CanConnect(c config.Network) bool {
	return c.Secret != "" || c.Name == rosterv1alpha1.NetworkBluesky
}

// Connectable are the networks that people can connect accounts of.
func (d Directory) Connectable() []config.Network {
	var all []config.Network
	for _, name := range rosterv1alpha1.Networks() {
		if name == rosterv1alpha1.NetworkBluesky {
			c, _ := d.Named(name, "")
			all = append(all, c)
			continue
		}
		for _, c := range d.Configured {
			if c.Name == name && d.CanConnect(c) {
				all = append(all, c)
			}
		}
	}
	return all
}

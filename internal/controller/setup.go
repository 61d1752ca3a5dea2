// SPDX-License-Identifier: Apache-2.0

// Package controller has one reconciler a kind. Each gathers what decides, asks a pure package what should be, and applies it with at
// most one write of status.
package controller

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/controller/applications"
	"github.com/roster-dev/roster/internal/controller/connections"
	"github.com/roster-dev/roster/internal/controller/counting"
	"github.com/roster-dev/roster/internal/controller/credentials"
	"github.com/roster-dev/roster/internal/controller/mailing"
	"github.com/roster-dev/roster/internal/controller/queueing"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/openid/signing"
)

// Options are what the controllers need from outside.
type Options struct {
	Config config.Config
	// Namespace that the manager runs in; it holds the link keys.
	Namespace string
	Clock     clock.PassiveClock
	Composer  *mail.Composer
	Mailer    mailing.Mailer
	// Grace is how long something has to stay wrong until a Warning tells of it.
	Grace time.Duration
	// Registry takes the metrics.
	Registry prometheus.Registerer
}

// ManagerOptions are the options of a manager that the controllers can run in: what is cached and how.
func ManagerOptions(concurrency int) manager.Options {
	managedOnly := cache.ByObject{Label: labels.SelectorFromSet(reading.Managed())}
	return manager.Options{
		Cache: cache.Options{
			DefaultTransform: reading.Compact,
			ByObject: map[client.Object]cache.ByObject{
				&rbacv1.Role{}:        managedOnly,
				&rbacv1.RoleBinding{}: managedOnly,
				// Of these there are most.
				&rosterv1alpha1.Member{}:     {Transform: reading.Unlabelled},
				&rosterv1alpha1.Invitation{}: {Transform: reading.Unlabelled},
				// Those by which the portal asks to connect profiles, and no others. Their metadata is watched; they are read one by one.
				&corev1.Secret{}: {
					Namespaces: map[string]cache.Config{rosterv1alpha1.ConnectionNamespace: {}},
					Field:      fields.OneTermEqualSelector("type", string(connection.SecretType)),
				},
				// Those of one namespace. A cache that is given Namespaces asks what kind this is with each read, which takes more memory than the
				// Account.
				&rosterv1alpha1.Account{}: {
					Field:     fields.OneTermEqualSelector("metadata.namespace", rosterv1alpha1.AccountNamespace),
					Transform: reading.Unlabelled,
				},
			},
		},
		Client: client.Options{Cache: &client.CacheOptions{
			DisableFor:                      []client.Object{&corev1.Secret{}},
			EnableReadYourWritesConsistency: ptr.To(true),
		}, FieldOwner: fieldManager},
		Controller: ctrlconfig.Controller{MaxConcurrentReconciles: concurrency},
	}
}

// Unthrottled returns a copy of the configuration without a limit of the client's own: the API server's priority and fairness is
// the one that knows.
func Unthrottled(c *rest.Config) *rest.Config {
	c = rest.CopyConfig(c)
	c.QPS, c.Burst = -1, -1
	return c
}

// Setup adds the controllers to a manager.
func Setup(ctx context.Context, mgr manager.Manager, o Options) error {
	if err := reading.AddIndexes(ctx, mgr.GetCache(), o.Config.RBAC.UserPrefix); err != nil {
		return err
	}
	keys := reading.NewLinkKeys(mgr.GetClient(), o.Clock, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Links.KeySecret})
	metrics, fair := NewMetrics(o.Registry), fairManager{mgr, queueing.New(o.Config.Controllers.Concurrency, o.Registry)}
	counts := counting.NewMetrics(o.Registry, mgr.Elected(), o.Config.Metrics.CountBy == config.CountByInstallation)
	events := Events{reporting.NewRecorder(mgr.GetEventRecorder("roster"),
		reporting.NewLasting(mgr.GetAPIReader(), mgr.GetScheme(), o.Grace, o.Clock, clock.RealClock{}))}
	mails := mailing.Options{
		Client: mgr.GetClient(), Clock: o.Clock, Events: events.Recorder, Metrics: metrics.mailing, Composer: o.Composer, Mailer: o.Mailer,
		Keys: keys, PortalURL: strings.TrimSuffix(o.Config.Portal.URL, "/"), UserPrefix: o.Config.RBAC.UserPrefix,
		Queue: fair.queues.Fair(),
	}
	shared := invitations{client: mgr.GetClient(), clock: o.Clock, events: events, metrics: metrics, post: mailing.NewOutbox(mails)}
	secrets, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return err
	}
	find := finder{reader: mgr.GetClient(), userPrefix: o.Config.RBAC.UserPrefix}
	refused, newcomers, present := newUnwritten(), newJoining(), newConsole()
	team := &members{client: mgr.GetClient(), clock: o.Clock, events: events, metrics: metrics, find: find, joining: newcomers}
	profiles := &profiles{
		client: mgr.GetClient(), clock: o.Clock, events: events, userPrefix: o.Config.RBAC.UserPrefix, unwritten: refused,
	}
	return errors.Join(
		setupLifecycle(fair, find, &lifecycle{shared}),
		setupDelivery(fair, find, &delivery{shared}, o.Config.Controllers.Deliveries),
		setupMembers(fair, find, team),
		setupGrants(fair, find, &grants{
			client: mgr.GetClient(), metrics: metrics, userPrefix: o.Config.RBAC.UserPrefix, find: find,
			unwritten: refused, joining: newcomers, echoes: newEchoes(), clock: o.Clock, live: mgr.GetAPIReader(),
			standing: team.standing,
		}),
		setupConsole(fair,
			&consoleList{
				client: mgr.GetClient(), live: mgr.GetAPIReader(), clock: o.Clock, events: events, metrics: metrics,
				userPrefix: o.Config.RBAC.UserPrefix, console: present, most: mostListed,
			},
			&consolePlaces{
				client: mgr.GetClient(), live: mgr.GetAPIReader(), metrics: metrics, namespace: o.Namespace, unwritten: refused, console: present,
			}),
		setupOrganizations(fair, find, &organizations{
			client: mgr.GetClient(), clock: o.Clock, events: events, issuers: issuerNames(o.Config.Portal.Issuers), trouble: o.Mailer.Trouble,
			unwritten: refused,
		}, watchOutbox(o.Mailer, metrics.mailing)),
		setupProfiles(fair, find, profiles),
		credentials.Setup(ctx, mgr, credentials.Options{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Clock: o.Clock, Events: events.Recorder, Metrics: metrics.credentials,
			Networks: directory.Directory{
				Configured: o.Config.Networks, Namespace: o.Namespace, Reader: mgr.GetAPIReader(), Clock: o.Clock,
			},
			Secrets: secrets, ProfilesOf: enqueue(find.profilesOfSecret), Rest: profiles, Queue: fair.queues.Fair(),
		}),
		connections.Setup(mgr, connections.Options{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Clock: o.Clock, Events: events.Recorder, Metrics: metrics.connections,
			Keys: keys, Holds: Standings(mgr.GetClient(), o.Clock, o.Config.RBAC.UserPrefix),
		}),
		setupApplications(fair, find, applications.New(ctx, applications.Options{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Clock: o.Clock, Events: events.Recorder, Keys: keys,
			Issuer: o.Config.Portal.OpenID.Issuer, Secrets: secrets, Refused: metrics.refusals.WithLabelValues("Secret"),
		})),
		mailing.Setup(mgr, mails),
		setupTeams(fair, find, &teams{client: mgr.GetClient(), clock: o.Clock, events: events, unwritten: refused}),
		setupWorkspaces(fair, find, &workspaces{client: mgr.GetClient(), clock: o.Clock, events: events, unwritten: refused}),
		setupRoles(fair, find, &roles{client: mgr.GetClient(), clock: o.Clock, events: events, unwritten: refused}),
		setupPlans(fair, &plans{client: mgr.GetClient(), clock: o.Clock}),
		setupAccounts(fair, find, &accounts{client: mgr.GetClient(), clock: o.Clock}),
		counts.Follow(ctx, mgr.GetCache()),
		setupLeavers(mgr, &leavers{client: mgr.GetClient(), events: events, metrics: metrics}),
		mgr.Add(manager.RunnableFunc(events.Start)),
		mgr.Add(createKeys(keys, mgr.GetLogger())),
		mgr.Add(createPortalKeys(mgr.GetClient(), o.portalSecret(o.Config.Portal.KeySecret), mgr.GetLogger())),
		mgr.Add(createPortalKeys(mgr.GetClient(), o.portalSecret(o.Config.Portal.FactorKeySecret), mgr.GetLogger())),
		setupOpenID(mgr, o, events),
	)
}

// setupOpenID adds what the portal needs as an OpenID provider, where it is one.
func setupOpenID(mgr manager.Manager, o Options, events Events) error {
	if !o.Config.Portal.OpenID.On() {
		return nil
	}
	return setupSigningKeys(mgr, &signingKeys{
		client: mgr.GetClient(), clock: o.Clock, events: events, metrics: NewSigningMetrics(o.Registry),
		secret: o.portalSecret(o.Config.Portal.OpenID.KeySecret), make: signing.New,
	})
}

// watchOutbox yields whenever there is something new to say about why mail is held.
func watchOutbox(m mailing.Mailer, metrics *mailing.Metrics) chan event.GenericEvent {
	changes := make(chan event.GenericEvent, 1)
	m.Watch(func(t mail.Trouble) {
		metrics.Trouble(t)
		select {
		case changes <- event.GenericEvent{Object: &rosterv1alpha1.Organization{}}:
		default: // One is on its way, and says the same.
		}
	})
	return changes
}

// createKeys makes the link keys at the start and not with the first mail: the portal is not ready before it has them.
func createKeys(keys *reading.LinkKeys, log logr.Logger) manager.Runnable {
	return manager.RunnableFunc(func(ctx context.Context) error {
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			if _, err := keys.Get(ctx); err != nil && ctx.Err() == nil {
				log.Error(err, "the link keys cannot be read; trying again")
			}
		}, reading.KeysRetry)
		return nil
	})
}

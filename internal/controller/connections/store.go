// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/controller/reading"
)

// storing puts the tokens of a group into a Secret, and sees to it that the profiles of the group are there and name it. The order
// survives a crash at any point:
//
//  1. The tokens are written over those in the Secret that the profiles name, if the operator made it for them. Where they need a new one,
//     the API server is asked whether it would take that, so that no profile is created whose tokens cannot be stored.
//  2. Profiles that are not there are created, with the name of the Secret.
//  3. A new Secret is created, never one that is there taken over. It belongs to the profiles, so that it goes with the last of them.
//  4. Profiles that name another Secret name this one.
//
// A Secret that somebody else made never gets new tokens, no matter whose profile names it: its maker may read it, and is not the one who
// agreed at the network.
//
// Whatever is there already when all of that is done again bears the UID of the Order. Tokens that do are not written once more: they may
// have been renewed since, and the old ones be worth nothing.
type storing struct {
	*Reconciler
	in    connection.Input
	group *connection.Group
	maker connection.Maker
	// home is the name of the Secret for the tokens.
	home string
}

func (s *storing) store(ctx context.Context) error {
	secret, err := s.find(ctx)
	if err != nil {
		return err
	}
	if secret == nil {
		err = s.probe(ctx)
	} else {
		err = s.overwrite(ctx, secret)
	}
	if err != nil {
		return err
	}
	for _, step := range s.group.Steps {
		if step.IsNew() {
			if err := s.createProfile(ctx, step, s.home); err != nil {
				return err
			}
		}
	}
	if err := s.own(ctx, secret); err != nil {
		return err
	}
	for _, step := range s.group.Steps {
		if err := s.name(ctx, step, s.home); err != nil {
			return err
		}
	}
	return nil
}

// find is the Secret that the tokens are written over; nil where they get a new one. It settles home.
func (s *storing) find(ctx context.Context) (*corev1.Secret, error) {
	if s.home = s.group.Home(s.in.Profiles); s.home != "" {
		secret, err := s.read(ctx)
		if err != nil || secret != nil && s.group.MadeFor(secret, s.maker) && (!ptr.Deref(secret.Immutable, false) || s.holds(secret)) {
			return secret, err
		}
	}
	for _, s.home = range s.group.NewNames(s.maker) {
		if secret, err := s.read(ctx); err != nil || secret == nil || s.holds(secret) {
			return secret, err
		}
		log.FromContext(ctx).Info("A Secret that the operator did not make has a name that it needs",
			"namespace", s.in.Order.Namespace, "secret", s.home)
	}
	return nil, fmt.Errorf("no name is free for the Secret of %s/%s", s.in.Order.Namespace, s.home)
}

func (s *storing) read(ctx context.Context) (*corev1.Secret, error) {
	secret, err := reading.Optional[corev1.Secret](ctx, s.Live, s.in.Order.Namespace, s.home)
	return secret, forbidden(err)
}

// holds reports whether a Secret has the tokens of this Order, or later ones.
func (s *storing) holds(secret *corev1.Secret) bool {
	return secret.Annotations[rosterv1alpha1.ConnectionAnnotation] == string(s.in.UID) && s.group.MadeFor(secret, s.maker)
}

// overwrite puts the tokens into a Secret that is there. The mark of a renewal goes with the tokens that it was about; a process in the
// middle of that renewal finds others then, and leaves them.
func (s *storing) overwrite(ctx context.Context, secret *corev1.Secret) error {
	if s.holds(secret) {
		return nil
	}
	secret.Data = s.group.Over(secret.Data)
	delete(secret.Annotations, rosterv1alpha1.RenewingAnnotation)
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, rosterv1alpha1.ConnectionAnnotation, string(s.in.UID))
	return forbidden(s.Client.Update(ctx, secret, reading.Uncached))
}

// probe asks the API server whether it would take a new Secret.
func (s *storing) probe(ctx context.Context) error {
	return forbidden(s.Client.Create(ctx, s.newSecret(), client.DryRunAll, reading.Uncached))
}

func (s *storing) newSecret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.in.Order.Namespace, Name: s.home, Labels: reading.Managed(),
			Annotations: map[string]string{rosterv1alpha1.ConnectionAnnotation: string(s.in.UID)},
		},
		Data: s.group.Over(nil),
	}
}

// own has the Secret belong to the profiles of the group, and bear the mark for each, and creates it if it is not there. Where another
// has taken its name meanwhile, the next try finds one that is free.
func (s *storing) own(ctx context.Context, secret *corev1.Secret) error {
	create := secret == nil
	if create {
		secret = s.newSecret()
	}
	changed := false
	for _, step := range s.group.Steps {
		if p := step.Profile; p != nil {
			changed = s.maker.Mark(secret, p.UID) || changed
			changed = belongTo(secret, p) || changed
		}
	}
	switch {
	case !changed: // nothing is new, or every profile was refused
		return nil
	case create:
		return forbidden(s.Client.Create(ctx, secret, reading.Uncached))
	}
	return forbidden(s.Client.Update(ctx, secret, reading.Uncached))
}

// belongTo makes a profile an owner of its Secret. It reports whether it was none.
func belongTo(secret *corev1.Secret, p *rosterv1alpha1.SocialProfile) bool {
	if slices.ContainsFunc(secret.OwnerReferences, func(there metav1.OwnerReference) bool { return there.UID == p.UID }) {
		return false
	}
	secret.OwnerReferences = append(secret.OwnerReferences, metav1.OwnerReference{
		APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: "SocialProfile", Name: p.Name, UID: p.UID,
	})
	return true
}

// createProfile creates the profile of a step under its name, or one close to it if another account has that.
func (s *storing) createProfile(ctx context.Context, step *connection.Step, home string) error {
	account := step.Profile
	for _, name := range []string{account.Name, account.Name + "-" + connection.Short(s.in.UID)} {
		p := account.DeepCopy()
		p.Name, p.Spec.CredentialsSecretRef = name, &rosterv1alpha1.LocalReference{Name: home}
		err := s.Client.Create(ctx, p)
		if refused(err) {
			log.FromContext(ctx).Error(err, "A newly connected profile was refused", "organization", p.Namespace, "profile", name)
			step.Refuse(connection.Invalid)
			return nil
		}
		if apierrors.IsAlreadyExists(err) {
			if p, err = s.theirs(ctx, account, name); p == nil && err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		step.Profile, step.Outcome.Profile = p, name
		return nil
	}
	return fmt.Errorf("no name is free for the profile %s/%s", account.Namespace, account.Name)
}

// theirs is the profile of a name if it came of this Order before and is not seen yet; nil if it is that of another account.
func (s *storing) theirs(ctx context.Context, account *rosterv1alpha1.SocialProfile, name string) (*rosterv1alpha1.SocialProfile, error) {
	p, err := reading.Optional[rosterv1alpha1.SocialProfile](ctx, s.Live, account.Namespace, name)
	switch {
	case err != nil:
		return nil, err
	case p == nil || p.DeletionTimestamp != nil:
		return nil, fmt.Errorf("the profile %s/%s is going away", account.Namespace, name)
	case p.Spec.Network != account.Spec.Network || p.Spec.AccountID != account.Spec.AccountID:
		return nil, nil
	case !connection.Came(p, s.in.UID, s.in.Person):
		return nil, fmt.Errorf("the profile %s/%s exists but is not seen yet", account.Namespace, name)
	}
	return p, nil
}

// name has a profile name the Secret with its tokens. The rest of the spec is its writer's and stays as it is.
func (s *storing) name(ctx context.Context, step *connection.Step, home string) error {
	p := step.Profile
	if p == nil || connection.SecretOf(p) == home {
		return nil
	}
	named := p.DeepCopy()
	named.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: home}
	err := s.Client.Patch(ctx, named, client.MergeFromWithOptions(p, client.MergeFromWithOptimisticLock{}))
	switch {
	case apierrors.IsNotFound(err):
		step.Refuse(connection.ProfileGone)
		return nil
	case refused(err):
		log.FromContext(ctx).Error(err, "A reconnected profile was refused", "organization", p.Namespace, "profile", p.Name)
		step.Refuse(connection.Invalid)
		return nil
	}
	return err
}

// refused reports whether the API server does not take an object, and would not take it the next time.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
}

// forbidden marks the error of a Secret that may not be written.
func forbidden(err error) error {
	if apierrors.IsForbidden(err) {
		return errors.Join(errSecretForbidden, err)
	}
	return err
}

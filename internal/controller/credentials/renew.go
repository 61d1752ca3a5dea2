// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/network"
)

// renewalTime is how long a renewal may go on after the operator was told to stop: once the network has the old refresh token, its answer
// is worth waiting for.
const renewalTime = network.Timeout + 5*time.Second

// unsaved are new tokens that are not in the Secret yet.
type unsaved struct {
	tokens network.Tokens
	// secret that the tokens before came from, by name and UID: another one of that name is somebody else's.
	secret client.ObjectKey
	uid    types.UID
	// instead of the tokens with this fingerprint.
	instead string
}

// renew gets new tokens and stores them. The order survives a crash at any point:
//
//  1. The Secret is marked, under its resourceVersion. That the mark can be written shows that the tokens will be, too.
//  2. The network is asked. From here until 3, only this process knows the new tokens.
//  3. They are written over the old ones, and the mark is taken away, in one write.
//
// A process that finds the mark and the same tokens knows that 2 may have happened. It asks again: if 2 had not, it works now, and if it
// had, a network that takes a refresh token once refuses, and the status says why.
//
// New tokens go back to the very Secret that those before came from, no matter who made it: they are worth no more to its readers.
func (r *Reconciler) renew(ctx context.Context, p *rosterv1alpha1.SocialProfile, t *track, o opened, f *credential.Finding) error {
	if !r.begin(o.secret.UID) {
		return errBusy
	}
	defer r.end(o.secret.UID)
	fingerprint := f.Tokens.Fingerprint(string(o.secret.UID))
	f.Lost = o.secret.Annotations[rosterv1alpha1.RenewingAnnotation] == fingerprint && o.venue.Traits().SingleUse
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewalTime)
	defer cancel()
	if ptr.Deref(o.secret.Immutable, false) { // which lets a mark through, but no tokens
		f.Renewal = &network.Error{Message: "the Secret is immutable, so that nothing was renewed"}
		return nil
	}
	if err := r.mark(ctx, o.secret, fingerprint); apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		f.Renewal = &network.Error{Message: "the Secret cannot be written, so that nothing was renewed: " + err.Error()}
		return nil
	} else if err != nil {
		return err
	}
	renewed, err := o.venue.Renew(ctx, f.Tokens)
	r.networks.rest(o.venue, err)
	r.Metrics.renewal(p.Spec.Network, err)
	if f.Renewal = err; err != nil {
		return nil
	}
	f.Lost = false
	tokens := f.Tokens.With(renewed)
	tokens.For.Network, tokens.For.Server = p.Spec.Network, o.venue.server
	t.unsaved = &unsaved{tokens: tokens, secret: client.ObjectKeyFromObject(o.secret), uid: o.secret.UID, instead: fingerprint}
	if err := r.save(ctx, t); err != nil {
		log.FromContext(ctx).Error(err, "renewed tokens cannot be stored yet; trying again")
		return err
	}
	return r.verify(ctx, p, o, f, tokens)
}

// errBusy means that the tokens are being renewed for another profile, or were replaced during a renewal.
var errBusy = errors.New("the tokens are changing")

// busyPause is how long to wait for that.
const busyPause = 5 * time.Second

// begin claims the renewal of the tokens in a Secret.
func (r *Reconciler) begin(secret types.UID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.renewing[secret] {
		return false
	}
	r.renewing[secret] = true
	return true
}

func (r *Reconciler) end(secret types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.renewing, secret)
}

// verify looks at the tokens that are in the Secret after a renewal. Of good ones that were only renewed in time, the network need not be
// asked once more. Where others than the given ones are there, somebody has put them in, and they are looked at from the start.
func (r *Reconciler) verify(
	ctx context.Context, p *rosterv1alpha1.SocialProfile, o opened, f *credential.Finding, given network.Tokens,
) error {
	var secret corev1.Secret
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(o.secret), &secret); err != nil {
		return err
	}
	tokens, err := network.ParseTokens(secret.Data)
	if err != nil || tokens.Fingerprint("") != given.Fingerprint("") {
		return errBusy
	}
	f.Tokens, f.Renewed = ofProfile(p, tokens), true
	switch network.ValidityOf(f.Err) {
	case network.Valid:
		f.Report.AccessExpiry, f.Report.Scopes = time.Time{}, nil // those of the token before
	case network.Unknown: // It does not let itself be asked, and has just given them.
		f.Err, f.Report = nil, network.Report{DataAccessExpiry: timeIn(p.Status.Credential.DataAccessExpiryTime)}
	default:
		r.check(ctx, p, o.venue, f)
	}
	return nil
}

func timeIn(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// mark says in the Secret that its tokens are being renewed. Where a mark is there already, the write changes nothing, and still fails
// if the tokens are others meanwhile.
func (r *Reconciler) mark(ctx context.Context, secret *corev1.Secret, fingerprint string) error {
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, rosterv1alpha1.RenewingAnnotation, fingerprint)
	return r.Client.Update(ctx, secret, reading.Uncached)
}

// save stores new tokens that are not in the Secret yet. If somebody has put others in meanwhile, they have connected the profile again,
// and theirs stay.
func (r *Reconciler) save(ctx context.Context, t *track) error {
	if t.unsaved == nil {
		return nil
	}
	const tries = 5
	var err error
	for range tries {
		if err = r.store(ctx, *t.unsaved); !apierrors.IsConflict(err) {
			break
		}
	}
	if err == nil || apierrors.IsNotFound(err) {
		t.unsaved = nil
		return nil
	}
	return err
}

func (r *Reconciler) store(ctx context.Context, u unsaved) error {
	var secret corev1.Secret
	if err := r.Live.Get(ctx, u.secret, &secret); err != nil {
		return err
	}
	if secret.UID != u.uid {
		return nil
	}
	if there, err := network.ParseTokens(secret.Data); err == nil && there.Fingerprint(string(secret.UID)) != u.instead {
		return nil
	}
	secret.Data = u.tokens.Store(secret.Data)
	delete(secret.Annotations, rosterv1alpha1.RenewingAnnotation)
	return r.Client.Update(ctx, &secret, reading.Uncached)
}

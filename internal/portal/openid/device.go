// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/web"
)

// A device that has no browser shows a code, which its person types into one (RFC 8628). What it waits for lies in a Secret in the
// namespace of Accounts, whose name follows from the code that is typed: so any replica finds it.

const (
	// deviceFor is how long the person may take.
	deviceFor = 10 * time.Minute
	// pollEvery is how often the device may ask. It is told to ask less often than it may, since its clock is its own.
	pollEvery   = 5 * time.Second
	prefixPoll  = "rosterd_"
	deviceLabel = "roster.dev/openid-device"
	deviceEntry = "authorization"
	deviceType  = corev1.SecretType("roster.dev/device-authorization")
)

// PollsAtMost is how often a device is answered.
func PollsAtMost() web.Rate { return web.Rate{Every: pollEvery - time.Second, Burst: 2} }

// DeviceCodesAtMost is how many device codes a replica gives out to all together: each is a Secret for ten minutes, for somebody who has
// not signed in.
func DeviceCodesAtMost() web.Rate { return web.Rate{Every: time.Second, Burst: 100} }

// deviceState is what the person has said.
type deviceState string

const (
	deviceWaiting  deviceState = ""
	deviceApproved deviceState = "approved"
	deviceDenied   deviceState = "denied"
)

// deviceRequest is what a device waits for.
type deviceRequest struct {
	Client string   `json:"client"`
	Scopes []string `json:"scopes"`
	// Organization that the application asks for; empty if it leaves that to the person.
	Organization string    `json:"organization,omitempty"`
	Expires      time.Time `json:"expires"`
	// Hash of the code by which the device asks.
	Hash  string      `json:"hash"`
	State deviceState `json:"state,omitempty"`
	// Account and Grant that it has been given.
	Account string `json:"account,omitempty"`
	Grant   string `json:"grant,omitempty"`

	secret *corev1.Secret
}

// deviceSecret is the name of the Secret for a code that people type, however they write it.
func deviceSecret(userCode string) (string, bool) {
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(userCode))
	if len(code) != op.UserCodeBase20.CharAmount || strings.Trim(code, op.CharSetBase20) != "" {
		return "", false
	}
	sum := sha256.Sum256([]byte("roster.dev openid device code v1\x00" + code))
	return "device-" + hex.EncodeToString(sum[:16]), true
}

func deviceKey(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: name}
}

// deviceAuthorization answers POST /openid/device-authorization.
func deviceAuthorization(t *tool, w http.ResponseWriter, r *http.Request) {
	app, err := t.usable(t.v, r.Form.Get("client_id"), known)
	if err != nil {
		_ = t.failed(err)
		return
	}
	request := deviceRequest{
		Scopes: rules.KnownScopes(strings.Fields(r.Form.Get("scope"))), Organization: r.Form.Get(parameterOrganization),
	}
	if app == nil {
		reply(w, http.StatusUnauthorized, oauthError{"invalid_client", "there is no such client ID"})
		return
	}
	if wrong := request.problem(app); wrong != nil {
		reply(w, http.StatusBadRequest, oauthError{wrong.code, wrong.description})
		return
	}
	// Each of these writes something, without anybody having signed in.
	if _, wait := t.Limits.Take(web.Count(t.Limits.Posts, "device code "+web.ClientKey(t.v.Client))); wait > 0 {
		reply(w, http.StatusTooManyRequests, oauthError{"slow_down", "too many device codes were asked for from this address"})
		return
	}
	if t.Codes.Take("", t.v.Now()) > 0 {
		reply(w, http.StatusTooManyRequests, oauthError{"slow_down", "too many device codes are being asked for; try again in a moment"})
		return
	}
	answer, err := t.waitFor(r.Context(), app, request)
	if err != nil {
		_ = t.failed(err)
		return
	}
	reply(w, http.StatusOK, answer)
}

// problem is what is wrong with what a device asks for; nil if nothing is.
func (d deviceRequest) problem(app *application) *problem {
	switch {
	case !app.native:
		return &problem{"unauthorized_client", "device codes are for applications of the type Native"}
	case len(d.Scopes) == 0 || d.Scopes[0] != rules.ScopeOpenID:
		return &problem{"invalid_scope", "scope must contain openid"}
	}
	return app.elsewhere(d.Organization, d.Scopes)
}

// waitFor writes down what a device waits for. Two devices never get the same code.
func (t *tool) waitFor(ctx context.Context, app *application, request deviceRequest) (*zitadel.DeviceAuthorizationResponse, error) {
	for range 3 {
		userCode, err := op.NewUserCode([]rune(op.CharSetBase20), op.UserCodeBase20.CharAmount, op.UserCodeBase20.DashInterval)
		if err != nil {
			return nil, err
		}
		name, _ := deviceSecret(userCode)
		deviceCode, hash := grant.NewToken(prefixPoll + name)
		request.Client, request.Expires, request.Hash = app.id, t.v.Now().Add(deviceFor), hash
		data, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		err = t.Client.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: rosterv1alpha1.AccountNamespace, Name: name,
				Labels: map[string]string{deviceLabel: "true", "app.kubernetes.io/managed-by": "roster"},
			},
			Type: deviceType, Data: map[string][]byte{deviceEntry: data},
		})
		if apierrors.IsAlreadyExists(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("storing a device code: %w", err)
		}
		page := t.BaseURL + pathDevice
		return &zitadel.DeviceAuthorizationResponse{
			DeviceCode: deviceCode, UserCode: userCode, VerificationURI: page, VerificationURIComplete: page + "/" + userCode,
			ExpiresIn: int(deviceFor.Seconds()), Interval: int(pollEvery.Seconds()),
		}, nil
	}
	return nil, errors.New("storing a device code: three in a row were taken")
}

// device reads what a device waits for; nil if there is no such, or not any more.
func (h *Handler) device(ctx context.Context, name string, now time.Time) (*deviceRequest, error) {
	secret := &corev1.Secret{}
	err := h.Client.Get(ctx, deviceKey(name), secret)
	if apierrors.IsNotFound(err) || err == nil && secret.Type != deviceType {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a device code: %w", err)
	}
	d := &deviceRequest{}
	if err := json.Unmarshal(secret.Data[deviceEntry], d); err != nil {
		return nil, fmt.Errorf("device code: %w", err)
	}
	d.secret = secret
	if !now.Before(d.Expires) {
		return nil, nil
	}
	return d, nil
}

// settle writes down what the person has said, under the version that was read. It returns false if somebody has said something already.
func (h *Handler) settle(ctx context.Context, d *deviceRequest) (bool, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return false, err
	}
	d.secret.Data = map[string][]byte{deviceEntry: data}
	err = h.Client.Update(ctx, d.secret)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// pollDevice answers POST /openid/token of a device.
func pollDevice(t *tool, w http.ResponseWriter, r *http.Request) {
	refuse := func(code, why string) { reply(w, http.StatusBadRequest, oauthError{code, why}) }
	ctx, token := r.Context(), r.Form.Get("device_code")
	name, ok := strings.CutPrefix(grant.Handle(token), prefixPoll)
	if !ok || !strings.HasPrefix(name, "device-") || len(name) > 63 || strings.ContainsAny(name, "/.") {
		refuse("invalid_grant", "device_code is none of this provider's")
		return
	}
	d, err := t.device(ctx, name, t.v.Now())
	switch {
	case err != nil:
		_ = t.failed(err)
	case d == nil:
		refuse("expired_token", "the device code is over, or has been used")
	case grant.Hash(token) != d.Hash || r.Form.Get("client_id") != d.Client:
		refuse("invalid_grant", "device_code is none of this application's")
	case t.Polls.Take(name, t.v.Now()) > 0:
		refuse("slow_down", "ask every five seconds")
	case d.State == deviceWaiting:
		refuse("authorization_pending", "the person has not answered yet")
	case d.State == deviceDenied:
		t.forget(ctx, d)
		refuse("access_denied", "the person has said no")
	default:
		t.giveDevice(w, r, d, token)
	}
}

// giveDevice gives a device its tokens.
func (t *tool) giveDevice(w http.ResponseWriter, r *http.Request, d *deviceRequest, token string) {
	ctx := r.Context()
	app, err := t.usable(t.v, d.Client, known)
	if err != nil {
		_ = t.failed(err)
		return
	}
	e, err := t.look(ctx, d.Account, d.Grant)
	if errors.Is(err, errNotFound) && app != nil {
		reply(w, http.StatusBadRequest, oauthError{"authorization_pending", "the answer is being written down"})
		return
	}
	if err == nil && app == nil {
		err = errNotFound
	}
	if err == nil {
		e.token = token
		e.consume = func(g *grant.Grant, now time.Time) error { return g.Exchange(token, now) }
	}
	if err != nil {
		op.RequestError(w, r, refusal(err), nil)
		return
	}
	response, err := op.CreateTokenResponse(ctx, e, app, t, true, "", "")
	if err != nil {
		op.RequestError(w, r, err, nil)
		return
	}
	t.forget(ctx, d)
	reply(w, http.StatusOK, response)
}

// forget removes what a device has waited for. If that fails, it is removed when its time is over.
func (h *Handler) forget(ctx context.Context, d *deviceRequest) {
	if err := h.Client.Delete(ctx, d.secret); client.IgnoreNotFound(err) != nil {
		h.Cache.Log.Error(err, "Cannot remove a device code that has been used; that is tried again when its time is over")
	}
}

// Tidy removes what devices have waited for in vain.
func (h *Handler) Tidy(ctx context.Context, now time.Time) error {
	var list corev1.SecretList
	err := h.Client.List(ctx, &list, client.InNamespace(rosterv1alpha1.AccountNamespace), client.MatchingLabels{deviceLabel: "true"})
	if err != nil {
		return fmt.Errorf("looking for device codes that are over: %w", err)
	}
	var errs []error
	for i := range list.Items {
		secret, d := &list.Items[i], deviceRequest{}
		if secret.Type == deviceType && (json.Unmarshal(secret.Data[deviceEntry], &d) != nil || !now.Before(d.Expires)) {
			errs = append(errs, client.IgnoreNotFound(h.Client.Delete(ctx, secret)))
		}
	}
	return errors.Join(errs...)
}

// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// marker is the ConfigMap that says which restore has begun, and how many replicas there were.
	marker = "roster-restore"
	// checksumKey is which file is restored.
	checksumKey = "backup"
	// patience is how long manager and portal may take to stop.
	patience = 2 * time.Minute
)

func deployments() []string { return []string{"roster-manager", "roster-portal"} }

// begun reads the marker; nil where no restore has begun.
func (r *run) begun(ctx context.Context) (*corev1.ConfigMap, error) {
	m := &corev1.ConfigMap{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: r.saved.SystemNamespace, Name: marker}, m)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case m.Data[checksumKey] != r.saved.Checksum:
		return nil, fmt.Errorf("the restore of another file has begun and not ended: finish it with that file, or remove what it brought, "+
			"the ConfigMap %s in %s, and scale manager and portal up", marker, m.Namespace)
	}
	return m, nil
}

// findDeployments refuses to go on where nothing shows that manager and portal can be stopped, unless somebody has done that.
func (r *run) findDeployments(ctx context.Context) error {
	for _, name := range deployments() {
		err := r.client.Get(ctx, client.ObjectKey{Namespace: r.saved.SystemNamespace, Name: name}, &appsv1.Deployment{})
		if apierrors.IsNotFound(err) && !r.stopped {
			return fmt.Errorf("there is no Deployment %s in %s to stop, and what runs meanwhile would send mail about what is half there. "+
				"Stop manager and portal where they run, then add --stopped", name, r.saved.SystemNamespace)
		}
		if client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// pause stops manager and portal, which would mail what is half there, or take it for deleted.
func (r *run) pause(ctx context.Context) error {
	m, err := r.begun(ctx)
	if err != nil {
		return err
	}
	if m == nil {
		if err := r.mark(ctx); err != nil {
			return err
		}
	}
	for _, name := range deployments() {
		if err := r.scale(ctx, name, 0); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return r.awaitStop(ctx)
}

func (r *run) mark(ctx context.Context) error {
	m := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.saved.SystemNamespace, Name: marker}, Data: map[string]string{checksumKey: r.saved.Checksum},
	}
	for _, name := range deployments() {
		var d appsv1.Deployment
		err := r.client.Get(ctx, client.ObjectKey{Namespace: r.saved.SystemNamespace, Name: name}, &d)
		if err == nil {
			m.Data[name] = strconv.Itoa(int(ptr.Deref(d.Spec.Replicas, 1)))
		} else if !apierrors.IsNotFound(err) {
			return err
		}
	}
	return r.client.Create(ctx, m)
}

func (r *run) scale(ctx context.Context, name string, replicas int) error {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: r.saved.SystemNamespace, Name: name}}
	return r.client.Patch(ctx, d, client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)))
}

// awaitStop waits until no Pod is left, and until no manager elsewhere holds the Lease.
func (r *run) awaitStop(ctx context.Context) error {
	var left error
	err := wait.PollUntilContextTimeout(ctx, time.Second, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		left, err = r.running(ctx)
		return err == nil && left == nil, err
	})
	if wait.Interrupted(err) && left != nil {
		return left
	}
	return err
}

// running says what has not stopped yet.
func (r *run) running(ctx context.Context) (left, err error) {
	chosen, err := labels.Parse("app.kubernetes.io/name=roster,app.kubernetes.io/component in (manager, portal)")
	if err != nil {
		return nil, err
	}
	var pods corev1.PodList
	err = r.client.List(ctx, &pods, client.InNamespace(r.saved.SystemNamespace), client.MatchingLabelsSelector{Selector: chosen})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range pods.Items {
		names = append(names, p.Name)
	}
	if len(names) > 0 {
		return fmt.Errorf("these Pods do not stop: %s. Delete them, then run this again", strings.Join(names, ", ")), nil
	}
	var lease coordinationv1.Lease
	err = r.client.Get(ctx, client.ObjectKey{Namespace: r.saved.SystemNamespace, Name: "roster-manager"}, &lease)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	holder, renewed := ptr.Deref(lease.Spec.HolderIdentity, ""), ptr.Deref(lease.Spec.RenewTime, metav1.MicroTime{})
	lasts := time.Duration(ptr.Deref(lease.Spec.LeaseDurationSeconds, 15)) * time.Second
	if holder != "" && r.factory.Now().Before(renewed.Add(lasts)) {
		return fmt.Errorf("a manager still runs: %s holds the Lease roster-manager. Stop it, then run this again", holder), nil
	}
	return nil, nil
}

// resume starts manager and portal again, as many as there were.
func (r *run) resume(ctx context.Context) error {
	m, err := r.begun(ctx)
	if err != nil {
		return err
	}
	if m == nil {
		return errors.New("the ConfigMap " + marker + " has been deleted: scale manager and portal up by hand")
	}
	for _, name := range deployments() {
		if replicas, err := strconv.Atoi(m.Data[name]); err == nil {
			if err := r.scale(ctx, name, replicas); err != nil {
				return err
			}
		}
	}
	return r.client.Delete(ctx, m)
}

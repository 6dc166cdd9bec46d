package eventwatcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// news is what an Event on a workload tells.
type news struct {
	warns        string // the Event's type
	reason, text string
	// once is what the news is about: of the same workload, reason and this it is told once.
	once string
}

// since makes news that are about nothing else yet be about what becomes of a Remediation from where it stands. A
// watcher that is killed after it told and before it wrote comes to the same decision about the same, and does not tell
// it again.
func (n *news) since(known *v1alpha1.Remediation) error {
	if n.once != "" {
		return nil
	}
	status, err := json.Marshal(known.Status)
	if err != nil {
		return fmt.Errorf("encode the status of remediation %s/%s: %w", known.Namespace, known.Name, err)
	}
	n.once = string(known.UID) + string(status)
	return nil
}

// tell writes an Event. It is written before what it tells of is stored for good, so that it can't be lost, and under
// a name that is made from what it tells, so that it is written once; client-go's recorder writes behind the watcher's
// back, and forgets what it did not get to. What may not be written is not told: healing does not depend on it.
func (w *Watcher) tell(ctx context.Context, on corev1.ObjectReference, n news) error {
	now := metav1.NewTime(w.clock.Now())
	_, err := w.clients.CoreV1().Events(on.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: on.Namespace, Name: eventName(on, n)},
		InvolvedObject: on,
		Type:           n.warns, Reason: n.reason, Message: engine.Shorten(n.text, maxEventMessage),
		Source: corev1.EventSource{Component: FieldManager}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, metav1.CreateOptions{FieldManager: FieldManager})
	switch {
	case err == nil, apierrors.IsAlreadyExists(err):
		return nil
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsInvalid(err):
		w.log.Warn("an event is not told", "kind", on.Kind, "namespace", on.Namespace, "name", on.Name, "reason", n.reason, "error", err)
		return nil
	default:
		return fmt.Errorf("tell of %s on %s %s/%s: %w", n.reason, on.Kind, on.Namespace, on.Name, err)
	}
}

// tellEach writes the same Event about several objects at once.
func (w *Watcher) tellEach(ctx context.Context, on []corev1.ObjectReference, n news) error {
	var telling sync.WaitGroup
	failed := make([]error, len(on))
	for i, object := range on {
		telling.Go(func() { failed[i] = w.tell(ctx, object, n) })
	}
	telling.Wait()
	return errors.Join(failed...)
}

// refer names a live workload as Events do.
func refer(live *unstructured.Unstructured) corev1.ObjectReference {
	return corev1.ObjectReference{
		APIVersion: live.GetAPIVersion(), Kind: live.GetKind(), Namespace: live.GetNamespace(), Name: live.GetName(),
		UID: live.GetUID(), ResourceVersion: live.GetResourceVersion(),
	}
}

// referTo names a stored Remediation as Events do.
func referTo(stored *v1alpha1.Remediation) corev1.ObjectReference {
	return corev1.ObjectReference{
		APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: v1alpha1.RemediationKind.Kind, Namespace: stored.Namespace, Name: stored.Name,
		UID: stored.UID, ResourceVersion: stored.ResourceVersion,
	}
}

// maxEventName is how much of an object's name stands in the name of an Event, in bytes; the API server allows 253 for
// the whole.
const maxEventName = 200

// eventName names the Event that tells some news of an object.
func eventName(on corev1.ObjectReference, n news) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{string(on.UID), n.reason, n.once}, "/")))
	return strings.TrimRight(on.Name[:min(len(on.Name), maxEventName)], "-.") + "." + hex.EncodeToString(sum[:8])
}

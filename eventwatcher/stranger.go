package eventwatcher

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// strangerIndex finds pods by the name of their controller where that is of a kind that Kubernetes itself does not have.
const strangerIndex = "stranger"

// indexStranger gives the key of a pod in strangerIndex.
func indexStranger(object any) ([]string, error) {
	pod, ok := object.(*pod)
	if !ok {
		return nil, fmt.Errorf("expected a pod, not %T", object)
	}
	by := pod.workload()
	if _, known := builtIn[groupKind(by)]; known {
		return nil, nil
	}
	return []string{strangerKey(by)}, nil
}

func strangerKey(by evidence.Workload) string {
	return strings.Join([]string{by.APIVersion, by.Kind, by.Namespace, by.Name}, "/")
}

// maxStranger bounds what is told of a cause, in bytes, so that what to do about the kind always fits behind it.
const maxStranger = 600

// passOver tells of what fails in the pods of a controller, the key, that is of a kind that is not healed or stands below
// one, stranger, that is not. It is told on the object of that kind, once for each cause. Nothing else is asked for, and
// nothing is stored.
func (w *Watcher) passOver(ctx context.Context, key, stranger evidence.Workload) error {
	if stranger.Kind == "" || stranger.APIVersion == "v1" && stranger.Kind == "Node" { // gone, or a mirror of a static pod
		return nil
	}
	controller, on, err := w.strangerOf(key, stranger)
	if err != nil || controller == "" {
		return err
	}
	pods, err := podsOf(w.caches.pods.GetIndexer(), []types.UID{controller})
	if err != nil {
		return err
	}
	observed, err := gather(stranger, []types.UID{controller}, pods, w.eventCaches(), w.clock.Now())
	if err != nil {
		return err
	}
	if observed.Nodes, err = lostNodesOf(w.caches.nodeIndexer(), pods); err != nil {
		return err
	}
	diagnoses, young := w.believe(w.options.Engine.Diagnose(observed), observed)
	if young > 0 {
		w.queue.AddAfter(key, young)
	}
	seen := fingerprint(observed, nil)
	wait, due := w.dueToLook(key, seen)
	if wait > 0 && len(diagnoses) > 0 {
		w.queue.AddAfter(key, wait)
	}
	if !due || wait > 0 || len(diagnoses) == 0 {
		return nil
	}
	where := w.unconfigured(ctx, schema.FromAPIVersionAndKind(stranger.APIVersion, stranger.Kind))
	for _, diagnosis := range diagnoses {
		redactedFinding(&diagnosis.Finding)
		err := w.tell(ctx, on, news{
			warns: corev1.EventTypeWarning, reason: "FailureDiagnosed", once: diagnosis.Container + " " + diagnosis.Finding.RootCauseID,
			text: fmt.Sprintf("%s: %s (confidence %d%%); %s", diagnosis.FailureType,
				engine.Shorten(diagnosis.Finding.RootCause, maxStranger), diagnosis.Finding.Confidence, where),
		})
		if err != nil {
			return err
		}
	}
	if young == 0 {
		w.looked.Add(key, looked{at: w.clock.Now(), seen: seen}, lookAgain)
	}
	return nil
}

// strangerOf gives the UID that the pods of key have as their controller, and the object that is not healed as Events name
// it; nothing when the caches do not have them.
func (w *Watcher) strangerOf(key, stranger evidence.Workload) (controller types.UID, on corev1.ObjectReference, err error) {
	on = corev1.ObjectReference{APIVersion: stranger.APIVersion, Kind: stranger.Kind, Namespace: stranger.Namespace, Name: stranger.Name}
	if key != stranger {
		between := w.owners.caches.get(key)
		if between == nil {
			w.queue.AddAfter(key, lookPause) // its pods were seen before it
			return "", on, nil
		}
		on.UID = between.controller.Value().uid
		return between.uid(), on, nil
	}
	found, err := w.caches.pods.GetIndexer().ByIndex(strangerIndex, strangerKey(stranger))
	if err != nil {
		return "", on, fmt.Errorf("look up pods of %s %s/%s: %w", stranger.Kind, stranger.Namespace, stranger.Name, err)
	}
	for _, object := range found { // of two that had the name, the one whose pods fail
		if pod, ok := object.(*pod); ok && (on.UID == "" || pod.troubled) {
			on.UID = pod.controller.Value().uid
		}
	}
	return on.UID, on, nil
}

// unconfigured says what has to be done so that objects of a kind are healed.
func (w *Watcher) unconfigured(ctx context.Context, kind schema.GroupVersionKind) string {
	resource, scale := "", ""
	if found, known := w.discover(ctx, kind); known {
		resource, scale = ", resource: "+found.resource, " (it has no scale)"
		if found.scale {
			scale = " (it has a scale)"
		}
	}
	return fmt.Sprintf("objects of this kind are not healed until kinds of the configuration has {group: %s, version: %s%s, kind: %s}%s",
		kind.Group, kind.Version, resource, kind.Kind, scale)
}

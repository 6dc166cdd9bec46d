package eventwatcher

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Hands-free healing, where the owner asks for it: the watcher re-admits the workload itself.
const (
	// firstWait is how long after a cure was learned it is re-admitted; each further attempt waits twice as long.
	firstWait = 2 * time.Second
	// maxTries is how often one attempt is re-admitted: a webhook that is away for a moment gets another chance.
	maxTries = 3
	// readmitPace is how many workloads of the whole cluster are re-admitted in a minute.
	readmitPace = 30
	// storm is how many workloads may learn a cure within a minute. Beyond that it is not their manifests: a node or a
	// registry is down, and what is down is not healed by changing what runs on it.
	storm = 40
)

// handsFree reports whether the owner of a live workload, or of its namespace, lets the watcher re-admit it.
func handsFree(live *unstructured.Unstructured, namespace map[string]string) bool {
	return v1alpha1.Reapplies(live.GetAnnotations(), namespace) && armable(live.GetKind())
}

// readmitAt is when a cure that waits is re-admitted for the nth time, from 0: 2 s, 4 s and 8 s after it was learned for
// the attempts, and as long again for each further try.
func readmitAt(known *v1alpha1.Remediation, tries int) time.Time {
	wait := firstWait << max(known.Status.Outcome.Attempt-1, 0)
	return known.Status.LearnedAt.Add(wait * time.Duration(1<<tries))
}

func readmission(known *v1alpha1.Remediation) string { return known.Namespace + "/" + known.Mark() }

// readmits reports whether a cure is to be put in by re-admission: the webhook would, and has not been asked too often.
func (w *Watcher) readmits(known *v1alpha1.Remediation) bool {
	return known.Spec.Mode == v1alpha1.Heal && known.Status.LearnedAt != nil && w.readmitted.tries(readmission(known)) < maxTries
}

// readmit sends a live workload through admission, where the webhook puts the cure in. The write itself changes nothing.
func (w *Watcher) readmit(ctx context.Context, workload evidence.Workload, live *unstructured.Unstructured, known *v1alpha1.Remediation) error {
	key := readmission(known)
	tries, now := w.readmitted.tries(key), w.clock.Now()
	if left := readmitAt(known, tries).Sub(now); left > 0 {
		w.queue.AddAfter(workload, left)
		return nil
	}
	if wait, why := w.readmitted.admit(key, now); wait > 0 {
		w.log.Info("not re-admitted yet", "kind", live.GetKind(), "namespace", live.GetNamespace(), "name", live.GetName(), "because", why)
		w.queue.AddAfter(workload, wait)
		return nil
	}
	of, _ := w.kind(live.GroupVersionKind().GroupKind())
	_, err := w.owners.objects.Resource(of.resource).Namespace(live.GetNamespace()).
		Patch(ctx, live.GetName(), types.MergePatchType, []byte("{}"), metav1.PatchOptions{FieldManager: FieldManager})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("re-admit %s %s/%s: %w", live.GetKind(), live.GetNamespace(), live.GetName(), err)
	}
	w.metrics.readmitted.Inc()
	w.log.Info("re-admitted, as its owner asks for", "kind", live.GetKind(), "namespace", live.GetNamespace(), "name", live.GetName(), "remediation", known.Mark())
	w.queue.AddAfter(workload, debounce)
	return nil
}

// readmissions remembers what was re-admitted, and what was learned, within the last minute.
type readmissions struct {
	mu      sync.Mutex
	count   map[string]int
	done    []time.Time
	learned []time.Time
}

// tries gives how often a cure was re-admitted.
func (r *readmissions) tries(key string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[key]
}

// saw counts a cure that was learned.
func (r *readmissions) saw(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learned = append(lastMinute(r.learned, now), now)
}

// admit counts a re-admission, or says how long to wait with it and why.
func (r *readmissions) admit(key string, now time.Time) (wait time.Duration, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done, r.learned = lastMinute(r.done, now), lastMinute(r.learned, now)
	switch {
	case len(r.learned) > storm:
		return time.Minute, fmt.Sprintf("%d workloads failed within a minute: that is an outage, and not their manifests", len(r.learned))
	case len(r.done) >= readmitPace:
		return r.done[0].Add(time.Minute).Sub(now) + time.Second, "many others were just re-admitted"
	}
	if r.count == nil || len(r.count) > maxLooked { // what is forgotten is tried again, which does no harm
		r.count = map[string]int{}
	}
	r.count[key]++
	r.done = append(r.done, now)
	return 0, ""
}

// lastMinute leaves out what is older.
func lastMinute(times []time.Time, now time.Time) []time.Time {
	for len(times) > 0 && now.Sub(times[0]) >= time.Minute {
		times = times[1:]
	}
	return times
}

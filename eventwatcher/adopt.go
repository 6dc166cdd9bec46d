package eventwatcher

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// declared reports whether a person wrote a Remediation that has no status yet: one of our own has us among its
// managers even if we stopped between spec and status.
func declared(remediation *v1alpha1.Remediation) bool {
	return remediation.Status.Phase == "" && remediation.Status.Diagnosis == nil &&
		!slices.ContainsFunc(remediation.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == FieldManager })
}

// adoptAll adopts what persons wrote for a workload, whether it exists or not.
func (w *Watcher) adoptAll(ctx context.Context, key evidence.Workload) error {
	found, err := w.caches.remediations.For(targetOf(key))
	if err != nil {
		return err
	}
	for _, remediation := range found {
		if !declared(remediation) {
			continue
		}
		if err := w.adopt(ctx, cache.MetaObjectToName(remediation)); err != nil {
			return fmt.Errorf("adopt remediation %s/%s: %w", remediation.Namespace, remediation.Name, err)
		}
	}
	return nil
}

// adopt gives a Remediation that a person wrote the status with which it is in force.
func (w *Watcher) adopt(ctx context.Context, key cache.ObjectName) error {
	known, err := w.store.clients.Remediations(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if err != nil || !declared(known) {
		return err
	}
	next := known.DeepCopy()
	if err := declare(next, w.clock.Now()); err != nil {
		w.log.Warn("a remediation can't be used", "namespace", key.Namespace, "name", key.Name, "error", err)
		return nil
	}
	_, err = w.save(ctx, nil, known, next, nil)
	return err
}

// declare writes the status of a Remediation whose cause nobody diagnosed.
func declare(remediation *v1alpha1.Remediation, now time.Time) error {
	if len(remediation.Spec.Actions) == 0 {
		return fmt.Errorf("it has no actions")
	}
	author := remediation.Annotations[v1alpha1.AuthorAnnotation]
	if author == "" {
		author = "somebody unknown"
	}
	at := metav1.NewTime(now.UTC().Truncate(time.Second))
	remediation.Status = v1alpha1.RemediationStatus{
		Phase: v1alpha1.PhaseLearned, LearnedAt: &at, Target: remediation.Spec.TargetRef.String(),
		Diagnosis: &v1alpha1.Diagnosis{
			RootCauseID: v1alpha1.DeclaredCause, RootCause: engine.Shorten("declared by "+author, maxDeclared), Confidence: 100, RiskLevel: v1alpha1.RiskLow,
		},
		Outcome: v1alpha1.Outcome{Attempt: 1},
	}
	return nil
}

// maxDeclared is the schema's bound for a cause, in bytes.
const maxDeclared = 1024

package webhook

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// TestTheIndexHasWhatItWasTold adds, changes and deletes at random, and compares with plain lists.
func TestTheIndexHasWhatItWasTold(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	index, now := NewIndex(), map[string]*v1alpha1.Remediation{}
	keys := map[string]bool{}
	for range 5000 {
		name := fmt.Sprintf("rem-%03d", random.IntN(500))
		before, exists := now[name]
		if exists && random.IntN(3) == 0 {
			index.OnDelete([]any{before, cache.DeletedFinalStateUnknown{Obj: before}}[random.IntN(2)])
			delete(now, name)
			continue
		}
		after := learned(func(r *v1alpha1.Remediation) {
			r.Name, r.Spec.TargetRef.Name = name, fmt.Sprintf("web-%d", random.IntN(100))
			if random.IntN(5) == 0 {
				r.Status.Phase = v1alpha1.PhaseFailed // which is not in force
			}
		})
		key, _ := keyOf(after)
		keys[key], now[name] = true, after
		if exists {
			index.OnUpdate(before, after)
		} else {
			index.OnAdd(after, false)
		}
	}
	for key := range keys {
		var want []string
		for name, remediation := range now {
			if at, _ := keyOf(remediation); at == key && remediation.InForce() {
				want = append(want, name)
			}
		}
		var got []string
		for _, remediation := range index.find([]byte(key)) {
			require.Same(t, now[remediation.Name], remediation)
			got = append(got, remediation.Name)
		}
		slices.Sort(want)
		require.Equal(t, want, got, key)
	}
	require.Empty(t, index.find([]byte("apps|Deployment|shop|nobody")))
}

package webhook

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// aimed is a Remediation with a name for a Deployment of a namespace.
func aimed(namespace, name, target string, change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	return learned(append([]func(*v1alpha1.Remediation){func(r *v1alpha1.Remediation) {
		r.Namespace, r.Name, r.Spec.TargetRef.Name = namespace, name, target
	}}, change...)...)
}

// namesOf are the names of the Remediations that an index has of a Deployment.
func namesOf(index *Index, target string) []string {
	names := []string{}
	for _, remediation := range index.find(appendKey(nil, "apps", "Deployment", "shop", target, byName)) {
		names = append(names, remediation.Name)
	}
	return names
}

// TestIndexIsWhatAScanFinds changes Remediations at random and compares the index with going through all of them. A
// case that fails is named by its seed.
func TestIndexIsWhatAScanFinds(t *testing.T) {
	phases := []v1alpha1.Phase{v1alpha1.PhaseLearned, v1alpha1.PhaseVerified, v1alpha1.PhaseFailed, v1alpha1.PhaseExpired}
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		some := func(prefix string, of int) string { return fmt.Sprint(prefix, random.IntN(of)) }
		index, all := NewIndex(), map[string]*v1alpha1.Remediation{}
		for range 300 {
			next := aimed(some("ns", 3), some("r", 6), some("web", 4), func(r *v1alpha1.Remediation) {
				r.Status.Phase = phases[random.IntN(len(phases))]
				switch random.IntN(9) {
				case 0:
					r.Spec.TargetRef.Name, r.Spec.TargetRef.GenerateName = "", r.Spec.TargetRef.Name
				case 4:
					r.Spec.TargetRef.Name, r.Spec.TargetRef.AppName = "", r.Spec.TargetRef.Name
				case 5:
					r.Spec.TargetRef.AppName = r.Spec.TargetRef.Name // one too many
				case 1:
					r.Spec.TargetRef.APIVersion = "a/b/c" // can't be read
				case 2:
					r.Spec.Actions, r.Status.Observed.Failing = nil, &v1alpha1.Failing{Image: "web:1", Container: "app"}
				case 3:
					r.Spec.Actions = nil
				}
			})
			key := next.Namespace + "/" + next.Name
			before, exists := all[key]
			switch {
			case !exists:
				index.OnAdd(next, false)
				all[key] = next
			case random.IntN(3) == 0:
				var gone any = before
				if random.IntN(2) == 0 {
					gone = cache.DeletedFinalStateUnknown{Key: key, Obj: before}
				}
				index.OnDelete(gone)
				delete(all, key)
			default:
				index.OnUpdate(before, next)
				all[key] = next
			}
		}
		for namespace := range 3 {
			for target := range 4 {
				for _, by := range []knownBy{byName, byPrefix, byApp} {
					key := appendKey(nil, "apps", "Deployment", fmt.Sprint("ns", namespace), fmt.Sprint("web", target), by)
					want := []*v1alpha1.Remediation{}
					for name := range 6 { // in the order of their names
						remediation, exists := all[fmt.Sprintf("ns%d/r%d", namespace, name)]
						if !exists || !remediation.InForce() && !remediation.KnownFailure() {
							continue
						}
						if at, readable := keyOf(remediation); readable && at == string(key) {
							want = append(want, remediation)
						}
					}
					require.Equal(t, len(want), len(index.find(key)), "seed %d, key %s", seed, key)
					for i, remediation := range index.find(key) {
						require.Same(t, want[i], remediation, "seed %d, key %s", seed, key)
					}
				}
			}
		}
		apps := map[*v1alpha1.Remediation]bool{}
		for _, remediation := range all {
			for _, found := range index.find(appendKey(nil, "apps", "Deployment", remediation.Namespace, remediation.Spec.TargetRef.AppName, byApp)) {
				apps[found] = true
			}
		}
		require.EqualValues(t, len(apps), index.apps.Load(), "seed %d", seed)
		for _, remediation := range all {
			index.OnDelete(remediation)
		}
		require.Zero(t, index.apps.Load(), "seed %d", seed)
		for i := range index.parts {
			if part := index.parts[i].Load(); part != nil {
				require.Empty(t, *part, "seed %d: nothing is left of what is gone", seed)
			}
		}
	}
}

func TestIndexTakesWhatAnInformerMayHandOver(t *testing.T) {
	index := NewIndex()
	index.OnAdd(&metav1.PartialObjectMetadata{}, false)
	index.OnAdd(nil, false)
	index.OnUpdate(nil, aimed("shop", "a", "web"))
	require.Equal(t, []string{"a"}, namesOf(index, "web"))
	index.OnAdd(aimed("shop", "a", "web"), true)
	require.Equal(t, []string{"a"}, namesOf(index, "web"), "what is told twice is there once")
	index.OnDelete(cache.DeletedFinalStateUnknown{Key: "shop/a"})
	index.OnDelete(cache.DeletedFinalStateUnknown{Key: "shop/a", Obj: "text"})
	require.Equal(t, []string{"a"}, namesOf(index, "web"), "a tombstone without its object names nothing")
	index.OnUpdate(aimed("shop", "a", "web"), aimed("shop", "a", "api"))
	require.Empty(t, namesOf(index, "web"))
	require.Equal(t, []string{"a"}, namesOf(index, "api"))
	index.OnUpdate(aimed("shop", "a", "api"), aimed("shop", "a", "api", func(r *v1alpha1.Remediation) { r.Spec.TargetRef.APIVersion = "a/b/c" }))
	require.Empty(t, namesOf(index, "api"), "a target that can't be read any more")
	index.OnAdd(aimed("shop", "a", "api"), false)
	index.OnDelete(cache.DeletedFinalStateUnknown{Key: "shop/a", Obj: aimed("shop", "a", "api")})
	require.Empty(t, namesOf(index, "api"))
}

func TestReadersOfTheIndexNeverMissWhatIsBeingReplaced(t *testing.T) {
	index := NewIndex()
	index.OnAdd(aimed("shop", "a", "web"), true)
	index.OnAdd(aimed("shop", "b", "web"), true)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if found := namesOf(index, "web"); len(found) != 2 || found[0] != "a" || found[1] != "b" {
					t.Errorf("found %v", found)
					return
				}
			}
		})
	}
	before := aimed("shop", "b", "web")
	for round := range int32(2000) {
		after := aimed("shop", "b", "web", func(r *v1alpha1.Remediation) { r.Status.Observed.Occurrences = round })
		index.OnUpdate(before, after)
		index.OnAdd(aimed("shop", "c", fmt.Sprint("other", round)), false)
		before = after
	}
	close(stop)
	readers.Wait()
}

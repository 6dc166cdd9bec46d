package eventwatcher

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// groups of the kinds in these tests.
var groups = map[string]string{
	"Node": "v1", "Deployment": "apps/v1", "ReplicaSet": "apps/v1", "Job": "batch/v1", "CronJob": "batch/v1", "Pod": "v1",
	"Rollout": "example.org/v1", "Fleet": "example.org/v1", "Stranger": "example.org/v1",
}

// named gives a workload that is written as Kind/name.
func named(t *testing.T, text string) evidence.Workload {
	t.Helper()
	kind, name, _ := strings.Cut(text, "/")
	require.Contains(t, groups, kind)
	return evidence.Workload{APIVersion: groups[kind], Kind: kind, Namespace: "shop", Name: name}
}

// object gives the metadata of an object, whose UID is its text, and what controls it; nothing does when by is empty.
func object(t *testing.T, text, by string) *metav1.PartialObjectMetadata {
	t.Helper()
	is := named(t, text)
	partial := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: is.APIVersion, Kind: is.Kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: is.Name, UID: types.UID(text)},
	}
	if by != "" {
		above := named(t, by)
		partial.OwnerReferences = []metav1.OwnerReference{{APIVersion: above.APIVersion, Kind: above.Kind, Name: above.Name, UID: types.UID(by), Controller: new(true)}}
	}
	return partial
}

// chained gives owners of Kubernetes' kinds, and of the configured kinds Rollout and Fleet. Caches have what is written as
// "object < controller"; the API server alone what comes after a "?".
func chained(t *testing.T, chain ...string) owners {
	t.Helper()
	w := &Watcher{options: Options{Settings: settings(t, "kinds:\n- {group: example.org, version: v1, resource: rollouts, kind: Rollout}\n- {group: example.org, version: v1, resource: fleets, kind: Fleet}")}}
	scheme := metadatafake.NewTestScheme()
	require.NoError(t, metav1.AddMetaToScheme(scheme))
	client := metadatafake.NewSimpleMetadataClient(scheme)
	o := owners{kinds: w.kind, caches: &ownerCaches{}, metadata: client}
	for kind := range groups {
		if kind != "Pod" && kind != "Node" && kind != "Stranger" {
			o.caches.add(groupKind(named(t, kind+"/")), cache.NewIndexer(cache.MetaNamespaceKeyFunc, byController))
		}
	}
	for _, link := range chain {
		link, unseen := strings.CutPrefix(link, "?")
		name, by, _ := strings.Cut(link, " < ")
		is := named(t, name)
		if unseen {
			of, _ := w.kind(groupKind(is))
			require.NoError(t, client.Tracker().Create(of.resource, object(t, name, by), "shop"))
			continue
		}
		gvk := schema.FromAPIVersionAndKind(is.APIVersion, is.Kind)
		require.NoError(t, o.caches.all()[gvk.GroupKind()].Add(compacted(t, compactMetadata(gvk), object(t, name, by))))
	}
	return o
}

func TestTheWorkloadIsWhatSomebodyApplies(t *testing.T) {
	for _, test := range []struct {
		name  string
		chain []string
		from  string
		want  string // empty for what is gone
		known bool
	}{
		{"a ReplicaSet stands below its Deployment", []string{"ReplicaSet/web-1 < Deployment/web", "Deployment/web"}, "ReplicaSet/web-1", "Deployment/web", true},
		{"one that nothing controls is applied itself", []string{"ReplicaSet/web"}, "ReplicaSet/web", "ReplicaSet/web", true},
		{"a Job stands below its CronJob", []string{"Job/web-1 < CronJob/web", "CronJob/web"}, "Job/web-1", "CronJob/web", true},
		{"a pod that nothing controls", nil, "Pod/web", "Pod/web", true},
		{"a ReplicaSet that only the API server has yet", []string{"?ReplicaSet/web-1 < Deployment/web", "Deployment/web"}, "ReplicaSet/web-1", "Deployment/web", true},
		{"a ReplicaSet that is gone", nil, "ReplicaSet/web-1", "", false},
		{"a Deployment that is gone is itself still", nil, "Deployment/web", "Deployment/web", true},
		{"a configured kind controls pods", []string{"Rollout/web"}, "Rollout/web", "Rollout/web", true},
		{"a configured kind controls ReplicaSets", []string{"ReplicaSet/web-1 < Rollout/web", "Rollout/web"}, "ReplicaSet/web-1", "Rollout/web", true},
		{"a configured kind controls a Deployment", []string{"ReplicaSet/web-1 < Deployment/web", "Deployment/web < Rollout/web", "Rollout/web"}, "ReplicaSet/web-1", "Rollout/web", true},
		{"a configured kind controls a CronJob", []string{"Job/web-1 < CronJob/web", "CronJob/web < Rollout/web", "Rollout/web"}, "Job/web-1", "Rollout/web", true},
		{"configured kinds are climbed one above the other", []string{"Deployment/web < Rollout/web", "Rollout/web < Fleet/all", "Fleet/all"}, "Deployment/web", "Fleet/all", true},
		{"one whose cache is not filled yet is asked for", []string{"Deployment/web < Rollout/web", "?Rollout/web < Fleet/all", "?Fleet/all"}, "Deployment/web", "Fleet/all", true},
		{"what is above a configured kind and not configured changes nothing", []string{"Deployment/web < Rollout/web", "Rollout/web < Stranger/x"}, "Deployment/web", "Rollout/web", true},
		{"an operator of another kind applies its Deployment", []string{"ReplicaSet/web-1 < Deployment/web", "Deployment/web < Stranger/x"}, "ReplicaSet/web-1", "Deployment/web", true},
		{"a kind of Kubernetes above one is no owner who applies", []string{"Deployment/web < CronJob/x", "CronJob/x"}, "Deployment/web", "Deployment/web", true},
		{"pods of another kind are not healed", nil, "Stranger/x", "Stranger/x", false},
		{"nor those of its ReplicaSets", []string{"ReplicaSet/web-1 < Stranger/x"}, "ReplicaSet/web-1", "Stranger/x", false},
		{"what owns itself ends somewhere", []string{"Deployment/web < Rollout/a", "Rollout/a < Fleet/b", "Fleet/b < Rollout/a"}, "Deployment/web", "Deployment/web", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := chained(t, test.chain...)
			found, known, err := o.workloadOf(t.Context(), named(t, test.from))
			require.NoError(t, err)
			require.Equal(t, test.known, known)
			if test.want == "" {
				require.Empty(t, found)
				return
			}
			require.Equal(t, named(t, test.want), found)
			again, known, err := o.workloadOf(t.Context(), found)
			require.NoError(t, err)
			require.Equal(t, test.known, known)
			require.Equal(t, found, again, "nothing stands above it")
		})
	}
}

func TestControllersOfAWorkloadAreThoseWhoseFailuresAreItsOwn(t *testing.T) {
	o := chained(t,
		"Rollout/web < Fleet/all", "Deployment/web < Rollout/web", "ReplicaSet/web-1 < Deployment/web", "ReplicaSet/web-2 < Deployment/web",
		"CronJob/odd < Deployment/web", "ReplicaSet/canary < Rollout/web", "Deployment/other < Stranger/x", "Fleet/all < Rollout/web",
	)
	for of, want := range map[string][]types.UID{
		"Fleet/all":        {"Fleet/all", "Rollout/web", "Deployment/web", "ReplicaSet/canary", "ReplicaSet/web-1", "ReplicaSet/web-2"},
		"Deployment/web":   {"Deployment/web", "ReplicaSet/web-1", "ReplicaSet/web-2"},
		"ReplicaSet/web-1": {"ReplicaSet/web-1"},
		"CronJob/odd":      {"CronJob/odd"},
	} {
		is := named(t, of)
		live := &unstructured.Unstructured{Object: map[string]any{"apiVersion": is.APIVersion, "kind": is.Kind}}
		live.SetUID(types.UID(of))
		found, err := o.controllersOf(live)
		require.NoError(t, err)
		require.Equal(t, want[0], found[0])
		require.ElementsMatch(t, want, found)
	}
}

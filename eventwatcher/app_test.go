package eventwatcher

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// watching is a watcher before an API server that has Remediations, and takes every write but Events.
type watching struct {
	*Watcher
	phases []v1alpha1.Phase // that were written
}

func newWatching(t *testing.T, all ...*v1alpha1.Remediation) *watching {
	t.Helper()
	made := &watching{}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/remediations"):
			list := v1alpha1.RemediationList{}
			for _, remediation := range all {
				list.Items = append(list.Items, *remediation)
			}
			_ = json.NewEncoder(answer).Encode(list)
		case r.Method == http.MethodGet:
			_ = json.NewEncoder(answer).Encode(metav1.PartialObjectMetadata{
				TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: metav1.ObjectMeta{Name: "shop"},
			})
		case r.Method == http.MethodPost: // Events
			answer.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(answer).Encode(metav1.Status{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden,
			})
		default:
			body, _ := io.ReadAll(r.Body)
			var written v1alpha1.Remediation
			if strings.HasSuffix(r.URL.Path, "/status") && json.Unmarshal(body, &written) == nil {
				made.phases = append(made.phases, written.Status.Phase)
			}
			_, _ = answer.Write(body)
		}
	}))
	t.Cleanup(server.Close)
	w, err := New(Options{
		Config: &rest.Config{Host: server.URL}, Namespace: "kube-remedy-system", Identity: "test", Workers: 1, Settings: settings(t, ""), Expiry: DefaultExpiry, Relist: DefaultRelist,
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Clock: clocktesting.NewFakeClock(noon),
	})
	require.NoError(t, err)
	t.Cleanup(w.queue.ShutDown)
	for _, remediation := range all {
		require.NoError(t, w.caches.remediations.GetIndexer().Add(remediation))
	}
	made.Watcher = w
	return made
}

// barePod is a live pod of namespace shop that nothing controls.
func barePod(name string, labels map[string]string) *unstructured.Unstructured {
	live := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": map[string]any{"containers": []any{
		map[string]any{"name": "app", "resources": map[string]any{"limits": map[string]any{"memory": "256Mi"}}},
	}}}}
	live.SetNamespace("shop")
	live.SetName(name)
	live.SetLabels(labels)
	return live
}

var ofWorker = map[string]string{v1alpha1.AppNameLabel: "worker"}

// oomOf is what was learned from an OOM kill of a workload.
func oomOf(t *testing.T, workload evidence.Workload) *v1alpha1.Remediation {
	diagnosis := oom("128Mi", nil, noon)
	diagnosis.Workload = workload
	return mustLearn(t, nil, diagnosis)
}

func TestWhatALiveWorkloadIsKnownBy(t *testing.T) {
	controlled := barePod("worker-3f9c2d1e", ofWorker)
	controlled.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "example.org/v1", Kind: "Workflow", Name: "w", UID: "1", Controller: new(true)}})
	prefixed := barePod("worker-x7k2p", ofWorker)
	prefixed.SetGenerateName("worker-")
	job := barePod("worker-3f9c2d1e", ofWorker)
	job.SetAPIVersion("batch/v1")
	job.SetKind("Job")
	exact := evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "worker-0a1b2c3d"}
	for _, test := range []struct {
		sentence    string
		live        *unstructured.Unstructured
		prefix, app string
	}{
		{"a pod with a random name by its app", barePod("worker-3f9c2d1e", ofWorker), "", "worker"},
		{"one without the label by its name", barePod("worker-3f9c2d1e", nil), "", ""},
		{"one with a name that stays by that", barePod("worker-1", ofWorker), "", ""},
		{"one that was created from a prefix by that", prefixed, "worker-", ""},
		{"one that is controlled by its name", controlled, "", ""},
		{"one of which something is known by its name by that", barePod(exact.Name, ofWorker), "", ""},
		{"what is no pod by its name", job, "", ""},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			w := newWatching(t, oomOf(t, exact))
			by := evidence.Workload{APIVersion: test.live.GetAPIVersion(), Kind: test.live.GetKind(), Namespace: "shop", Name: test.live.GetName()}
			want := by
			want.GenerateName, want.AppName = test.prefix, test.app
			got, err := w.known(by, test.live)
			require.NoError(t, err)
			require.Equal(t, want, got)
			of := target{workload: got}
			require.Equal(t, by, of.key(), "the queue knows pods by their names")
			require.Equal(t, test.prefix+test.app == "", targetOf(got).Name != "")
		})
	}
}

func TestTheStoreTellsNamesPrefixesAndAppsApart(t *testing.T) {
	workload := evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "shop"}
	by := func(change func(*evidence.Workload)) evidence.Workload {
		of := workload
		change(&of)
		return of
	}
	named := by(func(w *evidence.Workload) { w.Name = "worker" })
	prefix := by(func(w *evidence.Workload) { w.Name, w.GenerateName = "workerx7k2p", "worker" })
	app := by(func(w *evidence.Workload) { w.Name, w.AppName = "worker-3f9c2d1e", "worker" })
	other := by(func(w *evidence.Workload) { w.Name, w.AppName = "worker-3f9c2d1e", "api" })
	w := newWatching(t, oomOf(t, named), oomOf(t, prefix), oomOf(t, app))
	names := func(of evidence.Workload) []string {
		found, err := w.store.of(t.Context(), of)
		require.NoError(t, err)
		return sortedKeys(found)
	}
	for _, one := range []evidence.Workload{named, prefix, app} {
		require.Equal(t, []string{oomOf(t, one).Name}, names(one))
	}
	require.Empty(t, names(other))
	require.Len(t, names(workload), 2, "those that name no object are looked at together")
}

func TestAPodIsNotLookedAtForWhatItsAppIsKnownFor(t *testing.T) {
	app := evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "worker-3f9c2d1e", AppName: "worker"}
	pod := evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "batch-x7k2p"}
	require.False(t, newWatching(t, oomOf(t, app)).hasRemediation(pod))
	prefix := pod
	prefix.GenerateName = "batch-"
	require.True(t, newWatching(t, oomOf(t, app), oomOf(t, prefix)).hasRemediation(pod))
}

func TestOnlyAPodWithTheCureTellsOfIt(t *testing.T) {
	workload := evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "worker-x7k2p", AppName: "worker"}
	learned := oomOf(t, workload)
	applied := toPhase(learned, v1alpha1.PhaseApplied, noon)
	applied.Status.Outcome.AppliedTemplateHash = "another pod's"
	for _, test := range []struct {
		sentence, mark string
		known          *v1alpha1.Remediation
		want           []v1alpha1.Phase
	}{
		{"one with it", learned.Mark(), learned, []v1alpha1.Phase{v1alpha1.PhaseApplied}},
		{"one with an earlier attempt", learned.Name + "@0", learned, nil},
		{"one without any, though it has as much memory", "", learned, nil},
		{"another one with it is nothing new", learned.Mark(), applied, nil},
		{"one without any, after another with it", "", applied, nil},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			known := test.known
			w := newWatching(t, known)
			live := barePod(workload.Name, ofWorker)
			live.SetAnnotations(map[string]string{v1alpha1.RemediationsAnnotation: test.mark})
			require.NoError(t, w.followAll(t.Context(), target{workload: workload, live: live, stored: map[string]*v1alpha1.Remediation{known.Name: known}}))
			require.Equal(t, test.want, w.phases)
		})
	}
}

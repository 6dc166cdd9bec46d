package eventwatcher

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// filled is an informer whose cache holds what the test put there.
type filled struct {
	cache.SharedIndexInformer
	indexer cache.Indexer
	synced  bool
}

func (f *filled) GetIndexer() cache.Indexer { return f.indexer }
func (f *filled) HasSynced() bool           { return f.synced }

func newFilled(t testing.TB, all ...*v1alpha1.Remediation) *filled {
	t.Helper()
	f := &filled{indexer: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{}), synced: true}
	for _, remediation := range all {
		require.NoError(t, f.indexer.Add(remediation))
	}
	return f
}

func newEngine(t testing.TB) *engine.Engine {
	t.Helper()
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	return engine.New(known)
}

// ended is the cure of an OOM kill of a Deployment of namespace bank, in a phase.
func ended(t testing.TB, workload string, phase v1alpha1.Phase, attempt int32) *v1alpha1.Remediation {
	t.Helper()
	diagnosis := oom("128Mi", nil, noon)
	diagnosis.Workload.Namespace, diagnosis.Workload.Name = "bank", workload
	remediation, _, err := learn(nil, diagnosis, evidence.Evidence{}, engine.Situation{}, noon)
	require.NoError(t, err)
	remediation.Status.Phase, remediation.Status.Outcome.Attempt = phase, attempt
	return remediation
}

var raised = outcomes.Treatment{RootCauseID: "memory-limit-too-low", Action: "increaseMemory"}

// TestTheCachesOutcomesReachThePrescription has the cure of an OOM kill fail in other namespaces, and then learns of
// one more OOM kill.
func TestTheCachesOutcomesReachThePrescription(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler()) // the namespace says nothing
	defer server.Close()
	w, err := New(Options{
		Config: &rest.Config{Host: server.URL}, Namespace: "kube-remedy-system", Identity: "test", Workers: 1, Settings: settings(t, ""), Expiry: DefaultExpiry, Relist: DefaultRelist,
		Engine: newEngine(t), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Clock: clocktesting.NewFakeClock(noon),
	})
	require.NoError(t, err)
	defer w.queue.ShutDown()
	w.past.remediations = newFilled(t, ended(t, "a", "Failed", 3), ended(t, "b", "Failed", 3), ended(t, "c", "Failed", 3), ended(t, "f", "Applied", 2), ended(t, "d", "Failed", 3), ended(t, "e", "Learned", 1))

	diagnosis := oom("128Mi", nil, noon)
	situation, err := w.situationOf(t.Context(), target{live: liveDeployment("128Mi", "")}, "deployment-web-oomkilled-app")
	require.NoError(t, err)
	next, verdict, err := learn(nil, diagnosis, evidence.Evidence{}, situation, noon)
	require.NoError(t, err)
	require.Equal(t, learned, verdict)
	require.EqualValues(t, 92, diagnosis.Finding.Confidence)
	require.EqualValues(t, 66, next.Status.Diagnosis.Confidence)
	require.Equal(t, v1alpha1.Suggest, next.Spec.Mode)
}

// storing is a watcher before an API server that stores statuses, with what it stored last of the attempts.
func storing(t *testing.T) (*Watcher, *[]v1alpha1.Trial) {
	t.Helper()
	stored := &[]v1alpha1.Trial{}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		var written v1alpha1.Remediation
		if err := json.NewDecoder(r.Body).Decode(&written); err != nil || !strings.HasSuffix(r.URL.Path, "/status") {
			http.Error(answer, "unexpected", http.StatusTeapot)
			return
		}
		*stored = written.Status.Tried
		answer.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(answer).Encode(written)
	}))
	t.Cleanup(server.Close)
	clients, err := remediations.NewClientset(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	return &Watcher{
		store: store{clients}, clock: clocktesting.NewFakeClock(noon), log: slog.New(slog.DiscardHandler), metrics: newMetrics(prometheus.NewRegistry()),
	}, stored
}

// TestWhatAnAttemptCameToIsStored has a cure that is Applied turn out to hold.
func TestWhatAnAttemptCameToIsStored(t *testing.T) {
	w, stored := storing(t)
	applied := ended(t, "a", "Applied", 1)
	written, err := w.save(t.Context(), nil, applied, toPhase(applied, v1alpha1.PhaseVerified, noon), nil)
	require.NoError(t, err)
	require.Equal(t, []v1alpha1.Trial{{Attempt: 1, RootCauseID: "memory-limit-too-low", Action: "increaseMemory", Held: true}}, *stored)
	_, err = w.save(t.Context(), nil, written, toPhase(written, v1alpha1.PhaseExpired, noon), nil)
	require.NoError(t, err)
	require.True(t, (*stored)[0].Held, "it held, though it is not trusted any more")
}

// TestAFailureThatNothingCanFollowIsRemembered has a failure come back in spite of a cure that has no next value.
func TestAFailureThatNothingCanFollowIsRemembered(t *testing.T) {
	known := ended(t, "a", "Verified", 1)
	for _, test := range []struct {
		name      string
		diagnosis engine.Diagnosis
		want      bool
	}{
		{"in a pod that carries the cure", oom("256Mi", []string{known.Mark()}, noon), true},
		{"in a pod without the cure", oom("256Mi", nil, noon), false},
		{"under less than the cure gives", oom("128Mi", []string{known.Mark()}, noon), false},
		{"under more than the cure gives", oom("512Mi", []string{known.Mark()}, noon), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, written := storing(t)
			stored := map[string]*v1alpha1.Remediation{known.Name: known}
			require.NoError(t, w.cameBack(t.Context(), stored, known.Name, test.diagnosis))
			require.Equal(t, test.want, len(*written) == 1 && !(*written)[0].Held)
			require.Equal(t, test.want, stored[known.Name] != known)
			*written = nil
			require.NoError(t, w.cameBack(t.Context(), stored, known.Name, test.diagnosis))
			require.Empty(t, *written, "once")
		})
	}
	w, _ := storing(t)
	require.NoError(t, w.cameBack(t.Context(), nil, known.Name, oom("256Mi", nil, noon)), "nothing is known")
}

func TestThePastIsCountedAnewAfterAWhile(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	informer := newFilled(t, ended(t, "a", "Verified", 1))
	informer.synced = false
	p := newPast(informer, newEngine(t), clock)
	require.Empty(t, p.known(), "a part of the past is none")
	informer.synced = true
	require.Equal(t, outcomes.Past{raised: {First: 1, Attempts: 1}}, p.known())
	require.NoError(t, informer.indexer.Add(ended(t, "b", "Verified", 2)))
	require.Len(t, p.known(), 1)
	require.Equal(t, 1, p.known()[raised].Held())
	clock.Step(countPast)
	require.Equal(t, outcomes.Past{raised: {First: 1, Second: 1, Attempts: 3}}, p.known())
}

func TestPastIsExportedByCauseActionAndResult(t *testing.T) {
	unknown, declared := ended(t, "x", "Failed", 1), ended(t, "y", "Verified", 1)
	unknown.Status.Diagnosis.RootCauseID, declared.Status.Diagnosis.RootCauseID = "a-rule-that-is-gone", v1alpha1.DeclaredCause
	informer := newFilled(t, ended(t, "a", "Verified", 1), ended(t, "b", "Verified", 2), ended(t, "c", "Verified", 3), ended(t, "d", "Failed", 3), ended(t, "e", "Failed", 3), unknown, declared)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newPast(informer, newEngine(t), clocktesting.NewFakeClock(noon)))
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	require.Equal(t, "kube_remedy_outcomes", families[0].GetName())
	exported := map[string]float64{}
	for _, metric := range families[0].GetMetric() {
		var labels []string
		for _, label := range metric.GetLabel() {
			labels = append(labels, label.GetName()+"="+label.GetValue())
		}
		exported[strings.Join(labels, " ")] = metric.GetGauge().GetValue()
	}
	require.Equal(t, map[string]float64{
		"action=increaseMemory result=first root_cause=memory-limit-too-low":  1,
		"action=increaseMemory result=second root_cause=memory-limit-too-low": 1,
		"action=increaseMemory result=later root_cause=memory-limit-too-low":  1,
		"action=increaseMemory result=failed root_cause=memory-limit-too-low": 2,
	}, exported)
}

// BenchmarkPast counts the outcomes of 10,000 Remediations, and gives them once they are counted.
func BenchmarkPast(b *testing.B) {
	var all []*v1alpha1.Remediation
	phases := []v1alpha1.Phase{"Learned", "Applied", "Verified", "Failed"}
	for i := range 10000 {
		remediation := ended(b, fmt.Sprintf("web-%d", i), phases[i%len(phases)], int32(1+i%3))
		remediation.Status.Tried = outcomes.Tried(remediation)
		all = append(all, remediation)
	}
	p := newPast(newFilled(b, all...), newEngine(b), clock.RealClock{})
	b.Run("count", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if counted := p.count(); len(counted) != 1 {
				b.Fatal(len(counted))
			}
		}
	})
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.known()
		}
	})
}

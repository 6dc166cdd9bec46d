package engine_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// slowStart is a container whose start is slow for want of CPU, so that more CPU comes before more patience.
func slowStart(t *testing.T) (engine.Diagnosis, evidence.Evidence) {
	t.Helper()
	written, err := os.ReadFile("testdata/prescribe/slow-start-throttled.yaml")
	require.NoError(t, err)
	head, _, _ := bytes.Cut(written, []byte("\n---\n"))
	return diagnose(t, newEngine(t), readCase(t, head))
}

func TestThePastRanksTreatments(t *testing.T) {
	found, observed := slowStart(t)
	cause := found.Finding.RootCauseID
	cpu, patience := outcomes.Treatment{RootCauseID: cause, Action: "raiseCPU"}, outcomes.Treatment{RootCauseID: cause, Action: "relaxStartup"}
	for _, test := range []struct {
		name   string
		past   outcomes.Past
		action string
	}{
		{"without a past the catalogue's order decides", nil, "raiseCPU"},
		{"one that failed once or twice is still the first", outcomes.Past{cpu: {Failed: 1}}, "raiseCPU"},
		{"one that failed often is ranked behind one that nothing is known of", outcomes.Past{cpu: {Failed: 5}}, "relaxStartup"},
		{"one that failed often is ranked behind one that worked", outcomes.Past{cpu: {Failed: 5}, patience: {First: 3, Second: 2}}, "relaxStartup"},
		{"one that worked stays before others that worked", outcomes.Past{cpu: {First: 5}, patience: {First: 5}}, "raiseCPU"},
		{"what failed against another cause says nothing", outcomes.Past{{RootCauseID: "another", Action: "raiseCPU"}: {Failed: 50}}, "raiseCPU"},
	} {
		t.Run(test.name, func(t *testing.T) {
			given, err := engine.Prescribe(found, observed, engine.Situation{Past: test.past})
			require.NoError(t, err)
			require.Equal(t, test.action, remedy.NameOf(given.Actions[0]))
		})
	}
}

func TestThePastDecidesWhatIsOnlySuggested(t *testing.T) {
	found, observed := slowStart(t)
	past := func(count outcomes.Count) outcomes.Past {
		all := outcomes.Past{}
		for _, action := range remedy.Actions() {
			all[outcomes.Treatment{RootCauseID: found.Finding.RootCauseID, Action: action}] = count
		}
		return all
	}
	for _, test := range []struct {
		name       string
		rule       int32
		past       outcomes.Past
		confidence int32
		mode       v1alpha1.Mode
	}{
		{"a sure rule without a past heals", 92, nil, 92, v1alpha1.Heal},
		{"a sure rule that failed in three workloads heals still", 92, past(outcomes.Count{Failed: 3}), 71, v1alpha1.Heal},
		{"a sure rule that failed in four workloads is a suggestion", 92, past(outcomes.Count{Failed: 4}), 66, v1alpha1.Suggest},
		{"a doubtful rule is a suggestion", 60, nil, 60, v1alpha1.Suggest},
		{"a doubtful rule that held in four workloads heals", 60, past(outcomes.Count{First: 3, Later: 1}), 71, v1alpha1.Heal},
		{"nothing becomes certain by holding", 95, past(outcomes.Count{First: 10000}), 99, v1alpha1.Heal},
	} {
		t.Run(test.name, func(t *testing.T) {
			found.Finding.Confidence = test.rule
			given, err := engine.Prescribe(found, observed, engine.Situation{Past: test.past})
			require.NoError(t, err)
			require.Equal(t, test.confidence, given.Confidence)
			require.Equal(t, test.mode, given.Mode, given.Reason)
		})
	}
}

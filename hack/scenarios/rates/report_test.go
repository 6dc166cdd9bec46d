package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/hack/scenarios"
	"github.com/kube-remedy/kube-remedy/hack/scenarios/runner"
)

func TestSharesAreOfWhatIsToBeHealed(t *testing.T) {
	of := func(healing scenarios.Healing, healedAt int, problems ...string) *runner.Outcome {
		return &runner.Outcome{
			Scenario: &scenarios.Scenario{Type: "oomkilled", Name: "a", About: "A.", Healing: healing}, Detected: true, HealedAt: healedAt,
			Learn: time.Second, Heal: 2 * time.Second, Problems: problems,
		}
	}
	measured := &report{outcomes: []*runner.Outcome{of(scenarios.Default, 1), of(scenarios.Default, 2), of(scenarios.Assertive, 0, "it was\nnot healed"), of(scenarios.None, 0)}}
	require.Contains(t, measured.table(), "| OOMKilled | 4 | 4/4 (100 %) | 0/4 (0 %) | 1/3 (33 %) | ≥ 95 % | 2/3 (67 %) | ≥ 99 % | 0 | 1.0 s (1.0 s) | 2.0 s (2.0 s) | 3/4 (75 %) |")
	require.Contains(t, measured.page(), "- **oomkilled/a**: A\n  - it was not healed\n  - why: not looked into yet\n")
	measured.outcomes[2].Fails = "Its registry answers nobody."
	require.Contains(t, measured.page(), "  - it was not healed\n  - why: Its registry answers nobody.\n")
}

func TestEachTypeHasARowAndItsGoals(t *testing.T) {
	measured := &report{}
	for _, folder := range scenarios.Types() {
		for _, healedAt := range []int{1, 2, 0} {
			o := &runner.Outcome{Scenario: &scenarios.Scenario{Type: folder, Healing: scenarios.Default}, HealedAt: healedAt}
			o.Detected, o.CauseRight = healedAt > 0, healedAt == 1
			if healedAt == 0 {
				o.Changed = []string{"Deployment/web spec.replicas: 1 → 2"}
			}
			measured.outcomes = append(measured.outcomes, o)
		}
	}
	rows := measured.rows()
	require.Len(t, rows, len(scenarios.Types())+1)
	for _, one := range rows[:len(rows)-1] {
		require.Equal(t, share{2, 3}, one.detected, one.name)
		require.Equal(t, share{1, 3}, one.cause, one.name)
		require.Equal(t, share{1, 3}, one.first, one.name)
		require.Equal(t, share{2, 3}, one.second, one.name)
		require.Equal(t, share{1, 3}, one.changed, one.name)
		require.Positive(t, one.goalFirst, one.name)
	}
	last := rows[len(rows)-1]
	require.Equal(t, "all", last.name)
	require.Equal(t, share{6, 18}, last.first)
	require.Zero(t, last.goalFirst, "goals are of types")
}

func TestWhatIsNotToBeHealedIsInNoShareOfHealing(t *testing.T) {
	for _, healing := range []scenarios.Healing{scenarios.None, scenarios.Suggestion} {
		one := rowOf("Pending", []*runner.Outcome{{Scenario: &scenarios.Scenario{Type: "pending", Healing: healing}, Learn: time.Second}})
		require.Zero(t, one.first.whole)
		require.Empty(t, one.learn)
		require.Equal(t, share{1, 1}, one.passed)
	}
}

func TestQuantilesOfAHistogram(t *testing.T) {
	read := histogramOf(`
kube_remedy_admission_duration_seconds_bucket{path="full",le="0.001"} 50
kube_remedy_admission_duration_seconds_bucket{path="full",le="0.002"} 98
kube_remedy_admission_duration_seconds_bucket{path="full",le="0.004"} 100
kube_remedy_admission_duration_seconds_bucket{path="full",le="+Inf"} 100
kube_remedy_admission_duration_seconds_bucket{path="glance",le="+Inf"} 900
`)
	require.Equal(t, []any{time.Millisecond, 3 * time.Millisecond, 100}, []any{read.quantile(0.5), read.quantile(0.99), read.count()})
	later := slices.Clone(read)
	for i := range later[1:] {
		later[i+1].count += 10
	}
	require.Equal(t, 10, later.since(read).count())
	require.Equal(t, 1500*time.Microsecond, later.since(read).quantile(0.5), "of what came since")
	require.Zero(t, histogramOf("nothing").count())
}

func TestStoringIsMeasuredFromTheLastAnswer(t *testing.T) {
	event := func(second, resource, subresource, verb, user string) string {
		return `{"stage":"ResponseComplete","verb":"` + verb + `","user":{"username":"system:serviceaccount:kube-remedy-system:` + user + `"},"objectRef":{"resource":"` +
			resource + `","subresource":"` + subresource + `","namespace":"shop"},"requestReceivedTimestamp":"2026-01-01T00:00:0` + second + `Z","stageTimestamp":"2026-01-01T00:00:0` + second + `Z"}` + "\n"
	}
	log := filepath.Join(t.TempDir(), "audit.log")
	require.NoError(t, os.WriteFile(log, []byte(
		event("1.000000", "pods", "", "get", "kube-remedy-eventwatcher")+event("1.500000", "configmaps", "", "list", "kube-remedy-eventwatcher")+
			event("1.510000", "remediations", "", "patch", "kube-remedy-eventwatcher")+event("1.520000", "pods", "", "get", "kube-remedy-eventwatcher")+
			event("1.530000", "remediations", "status", "patch", "kube-remedy-eventwatcher")+event("1.900000", "remediations", "status", "patch", "kube-remedy-eventwatcher"),
	), 0o600))
	times, err := storedIn(log, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Equal(t, []storing{{took: 30 * time.Millisecond}}, times)
}

func TestWritesAtTheSameTimeCountOnce(t *testing.T) {
	var all busy
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, write := range [][2]int{{0, 10}, {20, 30}, {22, 34}, {25, 28}, {40, 45}} {
		all.add(at.Add(time.Duration(write[0])*time.Millisecond), at.Add(time.Duration(write[1])*time.Millisecond))
	}
	require.Equal(t, 29*time.Millisecond, all.sum)
}

func TestTheCycleHasItsGoalWhereTheNodeIsNotBusyOtherwise(t *testing.T) {
	page := cycles{{when: "one at a time", stored: []storing{{40 * time.Millisecond, 30 * time.Millisecond}}}, {when: "6 at a time", stored: []storing{{90 * time.Millisecond, 80 * time.Millisecond}}}}.String()
	require.Contains(t, page, "| evidence complete → Remediation stored | one at a time | 1 | 40.0 ms | ≤ 50 ms | 40.0 ms | 30.0 ms |")
	require.Contains(t, page, "| evidence complete → Remediation stored | 6 at a time | 1 | 90.0 ms | – | 90.0 ms | 80.0 ms |")
}

func TestAFewOfEachTypeRunOnceMore(t *testing.T) {
	all, err := scenarios.LoadAll("..")
	require.NoError(t, err)
	count := map[string]int{}
	for _, scenario := range someOf(all) {
		count[scenario.Type]++
	}
	for _, folder := range scenarios.Types() {
		require.Contains(t, []int{1, perType}, count[folder], folder)
	}
}

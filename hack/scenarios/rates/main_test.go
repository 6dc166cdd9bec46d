package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/hack/scenarios"
	"github.com/kube-remedy/kube-remedy/hack/scenarios/runner"
)

// became is what became of a scenario; without problems it passed.
func became(name string, problems ...string) *runner.Outcome {
	return &runner.Outcome{
		Scenario: &scenarios.Scenario{Type: "pending", Name: name, About: "A pod waits.", Healing: scenarios.Default}, Problems: problems,
	}
}

func TestWhatPassedOnceMustPassAgain(t *testing.T) {
	for _, test := range []struct {
		name     string
		only     string
		outcomes []*runner.Outcome
		remember string // what is known to have passed afterwards
		page     bool
		fails    string
	}{
		{"all passes", "", []*runner.Outcome{became("old"), became("new")}, "pending/new\npending/old\n", true, ""},
		{"what never passed may fail", "", []*runner.Outcome{became("old"), became("new", "no remedy was found")}, "pending/old\n", true, ""},
		{"what passed before may not", "", []*runner.Outcome{became("old", "no remedy was found"), became("new")}, "pending/new\npending/old\n", true, "1 scenarios fail that have passed before: [pending/old]"},
		{"one that was not run says nothing", "new", []*runner.Outcome{became("new")}, "pending/new\npending/old\n", false, ""},
		{"a part of all writes no page", "old", []*runner.Outcome{became("old", "no remedy was found")}, "pending/old\n", false, "[pending/old]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, scenarios.PassedOnNode), []byte("pending/old\n"), 0o600))
			passed, err := scenarios.ReadPassed(dir, scenarios.PassedOnNode)
			require.NoError(t, err)
			o := options{dir: dir, page: filepath.Join(dir, "page.md"), only: test.only}
			err = remember(o, &report{outcomes: test.outcomes}, passed)
			if test.fails == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.fails)
			}
			kept, err := os.ReadFile(filepath.Join(dir, scenarios.PassedOnNode))
			require.NoError(t, err)
			require.Equal(t, test.remember, string(kept))
			if test.page {
				require.FileExists(t, o.page)
			} else {
				require.NoFileExists(t, o.page)
			}
		})
	}
}

func TestALineTellsWhatBecameOfAScenario(t *testing.T) {
	require.Contains(t, line(became("a"), 1, 2, true), "pending/a")
	require.Contains(t, line(became("a"), 1, 2, true), "passed")
	require.Contains(t, line(became("a", "it was not healed"), 1, 2, false), "FAILED ")
	require.Contains(t, line(became("a", "it was not healed"), 1, 2, true), "FAILED, passed before")
	unexpected := became("a")
	unexpected.Fails = "Nobody can know."
	require.Contains(t, line(unexpected, 1, 2, false), "its folder says that it fails: Nobody can know.")
}

func TestOnlyScenariosThatMatchAreChosen(t *testing.T) {
	all, err := chosen(options{dir: ".."})
	require.NoError(t, err)
	some, err := chosen(options{dir: "..", only: "^pending/"})
	require.NoError(t, err)
	require.NotEmpty(t, some)
	require.Less(t, len(some), len(all))
	_, err = chosen(options{dir: "..", only: "nothing-is-called-so"})
	require.ErrorContains(t, err, "no scenario matches")
	_, err = chosen(options{dir: "..", only: "("})
	require.Error(t, err)
}

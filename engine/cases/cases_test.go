package cases_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/cases"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

const folder = "../catalog/cases"

func load(t testing.TB) []cases.Case {
	t.Helper()
	files, err := filepath.Glob(folder + "/*/*.txt")
	require.NoError(t, err)
	var all []cases.Case
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := cases.Parse(strings.TrimPrefix(file, folder+"/"), data)
		require.NoError(t, err)
		all = append(all, parsed)
	}
	return all
}

func newEngine(t testing.TB) (*engine.Engine, *catalog.Catalog) {
	t.Helper()
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	return engine.New(known), known
}

func TestEveryCaseIsDiagnosedAsItMustBe(t *testing.T) {
	with, _ := newEngine(t)
	for _, test := range load(t) {
		t.Run(test.Name, func(t *testing.T) {
			require.NoError(t, test.Check(cases.Diagnose(with, test.Text)), test.About)
		})
	}
}

func TestEveryCauseHasACaseThatFiresAndANearMiss(t *testing.T) {
	_, known := newEngine(t)
	all := load(t)
	for _, cause := range known.Causes() {
		require.True(t, slices.ContainsFunc(all, func(c cases.Case) bool {
			return slices.ContainsFunc(c.Wanted, func(want cases.Want) bool { return want.Cause == cause.ID && want.FailureType == cause.FailureType })
		}), "no case wants %s", cause.ID)
		require.True(t, slices.ContainsFunc(all, func(c cases.Case) bool { return slices.Contains(c.Not, cause.ID) }), "no case is a near miss of %s", cause.ID)
	}
	for _, test := range all {
		for _, want := range test.Wanted {
			cause, ok := known.Cause(want.Cause)
			require.True(t, ok, "%s: there is no cause %s", test.Name, want.Cause)
			require.Equal(t, cause.FailureType, want.FailureType, test.Name)
		}
		for _, id := range test.Not {
			_, ok := known.Cause(id)
			require.True(t, ok, "%s: there is no cause %s", test.Name, id)
		}
	}
}

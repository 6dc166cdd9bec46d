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

func TestWhatExplainsTheOthersIsToldFirst(t *testing.T) {
	with, _ := newEngine(t)
	for _, test := range []struct{ about, text, first, second string }{
		{
			"a node that is not ready, before the pods that wait for it, however sure that is",
			"NAME     STATUS     ROLES    AGE   VERSION\nedge-1   NotReady   <none>   66m   v1.33.3\n\nEvents:\n  Type     Reason            Age                 From               Message\n" +
				"  Warning  FailedScheduling  40m (x20 over 60m)  default-scheduler  0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.\n",
			"node-not-ready", "nodes-not-ready",
		},
		{
			"a reason that is known, before one that is not, when both are as sure",
			"shop   cart-58b656d69f-knlcg   0/1   Pending   0   22m\nshop   agent-csbfl   0/1   Init:ImagePullBackOff   0   22m\n\nkubectl describe pod agent-csbfl --namespace=shop\nEvents:\n" +
				"  Warning  Failed     2m33s                kubelet, w-1  Failed to pull image \"shop/agent:3\": rpc error: code = Unknown desc = context canceled\n",
			"registry-timeout", "not-scheduled",
		},
	} {
		t.Run(test.about, func(t *testing.T) {
			found := cases.Diagnose(with, []byte(test.text))
			require.Len(t, found, 2)
			require.Equal(t, []string{test.first, test.second}, []string{found[0].Finding.RootCauseID, found[1].Finding.RootCauseID})
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

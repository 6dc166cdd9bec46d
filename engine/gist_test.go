package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/cases"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestWordsAreListenedToWhereTheEvidenceIsNotSure(t *testing.T) {
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	with := engine.New(known)
	const gaveUp = "sorter 2.1\nloading the belt map\ncannot continue without a belt map, giving up\n"
	for _, test := range []struct {
		about, text string
		want        []string
	}{
		{"nothing known, and the words tell of a crash", gaveUp, []string{"reads-like-a-crash"}},
		{"nothing known, and the words tell of work", "sorter 2.1\nbelt map loaded\nlistening on :8080\n40 parcels sorted\n", nil},
		{"the pod that is in the text works", "NAME       READY   STATUS    RESTARTS   AGE\nsorter-0   1/1     Running   0          3d\n\n" + gaveUp, nil},
		{
			"a cause that says only what happened comes after what the words tell",
			"NAME       READY   STATUS   RESTARTS   AGE\nsorter-0   0/1     Error    3          5m\n\nkernel: memory of the group is used up, biggest process of sorter (498 MiB) killed\nkernel: memory limit reached again, sorter killed, out of memory\n",
			[]string{"reads-like-out-of-memory", "exits-with-error"},
		},
		{
			"a word that is only a name in what the words tell of work",
			"manuals: rendering chapters\n  01-install.md\n  02-crashloopbackoff-and-you.md\n  03-upgrade.md\nmanuals: 3 chapters, 0 broken links\nmanuals: serving on http://0.0.0.0:1313/\n",
			nil,
		},
	} {
		t.Run(test.about, func(t *testing.T) {
			var ids []string
			for _, diagnosis := range cases.Diagnose(with, []byte(test.text)) {
				ids = append(ids, diagnosis.Finding.RootCauseID)
			}
			require.Equal(t, test.want, ids)
		})
	}
	t.Run("without a text nothing is read", func(t *testing.T) {
		require.Empty(t, with.DiagnoseAll(evidence.Observations{At: noon}))
	})
}

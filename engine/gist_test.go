package engine_test

import (
	"fmt"
	"strings"
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
		{"a log that ends with normal work", gaveUp + "listening on :8080\n", nil},
		{"a log that goes on after its last error", gaveUp + "INFO sorter: 1 sorted\nINFO sorter: 2 sorted\nINFO sorter: 3 sorted\n", nil},
		{"nothing but what the kubelet writes every day", strings.Repeat("W0304 09:12:44.120931    1893 helpers.go:771] eviction manager: no observation found for eviction signal pid.available\n", 3), nil},
	} {
		t.Run(test.about, func(t *testing.T) {
			var ids []string
			for _, diagnosis := range cases.Diagnose(with, []byte(test.text)) {
				ids = append(ids, diagnosis.Finding.RootCauseID)
			}
			require.Equal(t, test.want, ids)
		})
	}
	t.Run("what a container's state shows is not taken back", func(t *testing.T) {
		found := cases.Diagnose(with, []byte(describedSorter))
		require.NotEmpty(t, found)
		require.Equal(t, "exits-with-error", found[0].Finding.RootCauseID)
	})
	t.Run("a list of many workloads is not about one of them", func(t *testing.T) {
		text := "NAME       READY   STATUS   RESTARTS   AGE\n"
		for i := range 7 {
			text += fmt.Sprintf("%s-0   0/1     Error    3          5m\n", strings.Repeat(string(rune('a'+i)), 6))
		}
		text += "\n" + strings.Repeat("kernel: memory limit reached again, sorter killed, out of memory\n", 3)
		found := cases.Diagnose(with, []byte(text))
		require.Len(t, found, 7)
		require.Equal(t, "exits-with-error", found[0].Finding.RootCauseID)
	})
	t.Run("without a text nothing is read", func(t *testing.T) {
		require.Empty(t, with.DiagnoseAll(evidence.Observations{At: noon}))
	})
}

// describedSorter reads as if all were well, but for how the last run ended.
const describedSorter = `Name: sorter-0
Namespace: parcels
Node: node-020.example.org/10.10.155.17
Start Time: Fri, 23 Jun 2017 13:21:54 -0500
Labels: name=sorter
Status: Running
IP: 172.20.13.7
Controllers: StatefulSet/sorter
Containers:
sorter:
Container ID: docker://c1f91d90
Image: docker.io/parcels/sorter:fine
Image ID: docker-pullable://docker.io/parcels/sorter@sha256:6c055ca9
Ports: 80/TCP, 443/TCP
Limits:
memory: 16Gi
Requests:
cpu: 1
memory: 6Gi
State: Running
Started: Wed, 28 Jun 2017 09:45:16 -0500
Last State: Terminated
Reason: Error
Exit Code: 130
Started: Wed, 28 Jun 2017 09:37:06 -0500
Finished: Wed, 28 Jun 2017 09:45:15 -0500
Ready: False
Restart Count: 855
Liveness: tcp-socket :443 delay=480s timeout=3s period=10s #success=1 #failure=3
Readiness: http-get https://:443/ delay=200s timeout=3s period=10s #success=1 #failure=3
`

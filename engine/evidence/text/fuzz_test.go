package text

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Each target steers towards one of the parsers by what it writes in front of what was made up; all of them promise
// the same.

func FuzzText(f *testing.F) { fuzz(f, "", "") }

func FuzzDescription(f *testing.F) {
	fuzz(f, "Name:  a\nNamespace:  b\n", "a description", "a description that lost", "a description of Kubernetes", "an evicted pod")
}

func FuzzContainers(f *testing.F) {
	fuzz(f, "Name:  a\nNamespace:  b\nContainers:\n  c:\n    Image:  d\n", "the state of a container", "events")
}

func FuzzTable(f *testing.F) {
	fuzz(f, "NAME   READY   STATUS   RESTARTS   AGE\n", "a table", "rows")
}

func FuzzEventTable(f *testing.F) {
	fuzz(f, "LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\n", "events")
}

func FuzzEvents(f *testing.F) {
	fuzz(f, "Events:\n  Type  Reason  Age  From  Message\n", "events")
}

func FuzzYAML(f *testing.F) {
	fuzz(f, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n", "a manifest", "the status of a pod in YAML")
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`"metadata":{"name":"a"},"status":{"containerStatuses":[{"name":"c","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}`))
	fuzz(f, `{"apiVersion":"v1","kind":"Pod",`, "the statuses of containers in JSON")
}

func FuzzPiece(f *testing.F) {
	fuzz(f, "status:\n", "the status of a pod in YAML", "the state of a container in YAML")
}

func FuzzJournal(f *testing.F) {
	fuzz(f, "Nov 24 09:00:00 node-1 kubelet[77]: ", "lines of a kubelet")
}

func FuzzLog(f *testing.F) {
	fuzz(f, "$ kubectl logs web-1 -c app\n", "a log", "a manifest that goes over")
}

// fuzz seeds a target with the pastes whose names begin in one of some ways, and with all for the empty beginning.
func fuzz(f *testing.F, before string, seeds ...string) {
	for _, paste := range pastes {
		for _, seed := range seeds {
			if strings.HasPrefix(paste.name, seed) {
				f.Add([]byte(paste.text))
				break
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return // what long texts cost, the hostile ones tell
		}
		text := append([]byte(before), data...)
		parsed := Parse(text, aMoment)
		isBounded(t, text, parsed)
		want := summary(parsed)
		require.Equal(t, want, summary(Parse(text, aMoment)), "the same again")
		if bytes.ContainsRune(text, '\r') || bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
			return // its lines end in more ways than one
		}
		require.Equal(t, want, summary(Parse(bytes.TrimRight(text, "\n"), aMoment)), "without the last line's end")
		require.Equal(t, want, summary(Parse(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), aMoment)), "with the line ends of Windows")
	})
}

// isBounded makes sure that no text stands for much more than it is.
func isBounded(t *testing.T, text []byte, parsed evidence.Observations) {
	t.Helper()
	require.LessOrEqual(t, len(parsed.Objects), len(text))
	containers := 0
	for _, object := range parsed.Objects {
		if pod, ok := object.(*corev1.Pod); ok {
			containers += len(pod.Spec.Containers) + len(pod.Spec.InitContainers) + len(pod.Status.ContainerStatuses)
		}
	}
	require.LessOrEqual(t, containers, len(text)+4*maxRowContainers)
	written := 0
	for _, log := range parsed.Logs {
		written += len(log.Text)
	}
	require.LessOrEqual(t, written, 2*len(text))
}

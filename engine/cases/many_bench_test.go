package cases_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/cases"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

// BenchmarkDiagnoseManyOfOne diagnoses texts about a workload of 1,000 and of 8,000 pods, and reports how many times as long a
// pod takes among many as among few in the same run: about once, as long as nothing looks at all of them for each.
func BenchmarkDiagnoseManyOfOne(b *testing.B) {
	const few, many = 1000, 8000
	known, err := catalog.BuiltIn()
	require.NoError(b, err)
	with := engine.New(known)
	const rows, events = "NAME READY STATUS RESTARTS AGE\n", "LAST SEEN TYPE REASON OBJECT MESSAGE\n"
	row := func(state string) string { return rows + "web-6d5f8b7c9-POD   0/1   " + state + "   5d\n" }
	for _, shape := range []struct{ name, text string }{
		{"rows of pods that crash", row("CrashLoopBackOff   5 (20s ago)")},
		{"rows of pods that lack an image", row("ImagePullBackOff   0")},
		{"rows of pods without a node", row("Pending   0")},
		{"rows of evicted pods", row("Evicted   0")},
		{"rows of lost pods", row("ContainerStatusUnknown   1")},
		{"rows of pods that are not ready", row("Running   3")},
		{"probes that fail after starts", events + "3m  Normal  Started  pod/db-POD  Started container db\n2m  Warning  Unhealthy  pod/db-POD  Liveness probe failed: timeout\n"},
		{"pods that were stopped", events + "2m  Normal  Killing  pod/web-6d5f8b7c9-POD  Stopping container web\n3m  Warning  BackOff  pod/web-6d5f8b7c9-POD  Back-off restarting failed container\n"},
		{"pods that are not made", events + "2m  Warning  FailedCreate  statefulset/db  create Pod db-POD in StatefulSet db failed error: pods \"db-POD\" is forbidden: exceeded quota: q\n"},
		{"descriptions", "Name:  db-POD\nControlled By:  StatefulSet/db\nStatus:  Running\nContainers:\n  db:\n    State:  Waiting\n      Reason:  CrashLoopBackOff\n" +
			"    Last State:  Terminated\n      Exit Code:  1\n    Ready:  False\n    Restart Count:  5\nEvents:\n  Warning  BackOff  1m (x5 over 3m)  kubelet  Back-off restarting failed container\n\n"},
	} {
		b.Run(shape.name, func(b *testing.B) {
			took := func(pods int) time.Duration {
				var text bytes.Buffer
				head, each := "", shape.text
				if strings.Contains(shape.text, " READY ") || strings.HasPrefix(shape.text, "LAST ") {
					line := strings.IndexByte(shape.text, '\n') + 1
					head, each = shape.text[:line], shape.text[line:]
				}
				text.WriteString(head)
				for i := range pods {
					text.WriteString(strings.ReplaceAll(each, "POD", fmt.Sprintf("x%04d", i)))
				}
				began := time.Now()
				cases.Diagnose(with, text.Bytes())
				return time.Since(began)
			}
			least, most := time.Duration(1<<63-1), time.Duration(1<<63-1)
			for b.Loop() {
				least, most = min(least, took(few)), min(most, took(many))
			}
			b.ReportMetric(float64(most.Microseconds())/many, "µs/pod")
			b.ReportMetric(float64(most)/float64(least)*few/many, "x-few")
		})
	}
}

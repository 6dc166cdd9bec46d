package engine_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// benchLog gives a log of at least size bytes whose last lines are those of a crash.
func benchLog(size int) []byte {
	var log bytes.Buffer
	for i := 0; log.Len() < size-256; i++ {
		fmt.Fprintf(&log, `{"level":"info","ts":"2026-03-01T11:%02d:%02d.%03dZ","caller":"orders/handler.go:%d","msg":"order accepted","order":"%08x","items":%d,"took":"%dms"}`+"\n",
			i/3600%60, i/60%60, i%1000, 40+i%90, i*2654435761, i%7+1, i%250)
	}
	log.WriteString("panic: dial tcp 10.3.7.21:5432: connect: connection refused\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:41 +0x1d\nexit status 2\n")
	return log.Bytes()
}

// benchEvidence is a crash-looping pod with a log and events, as the watcher would gather it.
func benchEvidence(log []byte, events int) evidence.Evidence {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "orders-6d5f8b7c9-x2x4z", Namespace: "shop", UID: "u", CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour))},
		Spec: corev1.PodSpec{NodeName: "worker-3", RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{
			Name: "orders", Image: "registry.example.org/shop/orders:4.2", Args: []string{"serve", "--port=8080"},
			Env:       []corev1.EnvVar{{Name: "DATABASE_HOST", Value: "postgres.shop.svc"}},
			Ports:     []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "orders", RestartCount: 7,
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 5m0s restarting failed container=orders pod=orders-6d5f8b7c9-x2x4z_shop(u)"}},
			LastTerminationState: ended("Error", 2, noon),
		}}},
	}
	observed := evidence.Evidence{
		Workload:   evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "orders"},
		ObservedAt: noon.Add(time.Minute), Pods: []evidence.Pod{evidence.PodOf(pod)}, Containers: evidence.ContainersOf(pod),
		Logs: []evidence.Log{{Namespace: "shop", Pod: pod.Name, Container: "orders", Previous: true, Text: log}},
	}
	kinds := []evidence.Event{
		{Type: "Warning", Reason: "BackOff", Message: "Back-off restarting failed container orders in pod orders-6d5f8b7c9-x2x4z_shop(u)"},
		{Type: "Normal", Reason: "Pulled", Message: `Container image "registry.example.org/shop/orders:4.2" already present on machine`},
		{Type: "Normal", Reason: "Started", Message: "Started container orders"},
		{Type: "Warning", Reason: "Unhealthy", Message: `Readiness probe failed: Get "http://10.244.1.7:8080/ready": dial tcp 10.244.1.7:8080: connect: connection refused`},
		{Type: "Normal", Reason: "Scheduled", Message: "Successfully assigned shop/orders-6d5f8b7c9-x2x4z to worker-3"},
	}
	for i := range events {
		event := kinds[i%len(kinds)]
		event.Object, event.Pod, event.Count, event.Time = "pod/"+pod.Name, pod.Name, int32(i+1), noon.Add(time.Duration(i)*time.Millisecond)
		observed.Events = append(observed.Events, event)
	}
	return observed
}

// naive is what the engine is compared with: every signature's regular expression on every line and event.
type naive struct{ logs, events []*regexp.Regexp }

func newNaive(known *catalog.Catalog) naive {
	var n naive
	for _, signature := range known.Signatures() {
		expression := signature.Regexp
		if expression == nil {
			var quoted []string
			for _, text := range signature.Text {
				quoted = append(quoted, regexp.QuoteMeta(text))
			}
			expression = regexp.MustCompile(strings.Join(quoted, "|"))
		}
		for _, place := range signature.Places {
			switch place {
			case catalog.Log:
				n.logs = append(n.logs, expression)
			case catalog.Event:
				n.events = append(n.events, expression)
			}
		}
	}
	return n
}

func (n naive) match(observed evidence.Evidence) int {
	found := 0
	for _, log := range observed.Logs {
		for line := range bytes.Lines(log.Text) {
			for _, expression := range n.logs {
				if expression.Match(line) {
					found++
				}
			}
		}
	}
	for _, event := range observed.Events {
		for _, expression := range n.events {
			if expression.MatchString(event.Message) {
				found++
			}
		}
	}
	return found
}

// BenchmarkDiagnose measures the whole diagnosis of a typical and of a large workload, and the same signatures
// tried one after the other as its baseline. ns/op is the mean, with whatever else the machine does; median-µs and
// best-µs are of single diagnoses.
func BenchmarkDiagnose(b *testing.B) {
	known, err := catalog.BuiltIn()
	require.NoError(b, err)
	with := newEngine(b)
	for _, size := range []struct {
		name        string
		log, events int
	}{{"typical pod: 4 KiB of log, 10 events", 4 << 10, 10}, {"large: 1 MiB of log, 500 events", 1 << 20, 500}} {
		observed := benchEvidence(benchLog(size.log), size.events)
		require.NotEmpty(b, with.Diagnose(observed))
		var ours time.Duration
		b.Run(size.name+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			took := make([]time.Duration, 0, 1<<20)
			for b.Loop() {
				began := time.Now()
				with.Diagnose(observed)
				if len(took) < cap(took) {
					took = append(took, time.Since(began))
				}
			}
			ours = b.Elapsed() / time.Duration(b.N)
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "median-µs")
			b.ReportMetric(float64(took[0].Nanoseconds())/1e3, "best-µs")
		})
		b.Run(size.name+"/one by one", func(b *testing.B) {
			one := newNaive(known)
			for b.Loop() {
				one.match(observed)
			}
			if ours > 0 {
				b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(ours), "x-of-ours")
			}
		})
	}
}

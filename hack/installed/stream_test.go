package installed

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// stream applies workloads that have a cure, one after another without an end. The API server lets an apply through that
// the webhook does not answer, so what is lost is seen in what comes back: it has no cure.
type stream struct {
	t       *testing.T
	stop    context.CancelFunc
	workers sync.WaitGroup
	mu      sync.Mutex
	began   time.Time
	applied int
	lost    []loss
}

// loss is an apply that came out without its cure: when it was sent, and what came back.
type loss struct {
	sent time.Time
	what string
}

const (
	appliers = 4
	// between is the pause of an applier between two applies.
	between = 10 * time.Millisecond
)

// startStream declares the cures and begins to apply. It ends with finish, or else with the test.
func startStream(t *testing.T, namespace string) *stream {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &stream{t: t, stop: stop, began: time.Now()}
	t.Cleanup(func() { s.stop(); s.workers.Wait() })
	for i := range appliers {
		s.workers.Go(func() {
			name := fmt.Sprintf("cured-%d", i)
			for ctx.Err() == nil {
				sent := time.Now()
				limit, err := applyCured(namespace, name)
				s.note(sent, limit, err)
				time.Sleep(between)
			}
		})
	}
	return s
}

func (s *stream) note(sent time.Time, limit string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied++
	switch {
	case err != nil:
		s.lost = append(s.lost, loss{sent, err.Error()})
	case limit != "256Mi":
		s.lost = append(s.lost, loss{sent, "the limit is " + limit})
	}
}

// untilMore waits for some more applies.
func (s *stream) untilMore(t *testing.T, n int) {
	t.Helper()
	count := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.applied
	}
	enough := count() + n
	until(t, "more applies", func() error {
		if now := count(); now < enough {
			return fmt.Errorf("there are %d of %d", now, enough)
		}
		return nil
	})
}

// finish ends the stream and gives what was lost.
func (s *stream) finish() []loss {
	s.t.Helper()
	s.stop()
	s.workers.Wait()
	s.t.Logf("of %d applies in %s, %d were lost", s.applied, time.Since(s.began).Round(time.Second), len(s.lost))
	for _, each := range s.lost {
		s.t.Logf("sent after %s: %s", each.sent.Sub(s.began).Round(time.Millisecond), each.what)
	}
	require.Greater(s.t, s.applied, 50)
	return s.lost
}

// declareCures makes the namespace for a stream and gives its workloads their cures, as a person does. They have no pods:
// it is their applies that matter.
func declareCures(t *testing.T) string {
	t.Helper()
	w := newWorkload(t)
	var cures strings.Builder
	for i := range appliers {
		fmt.Fprintf(&cures, `---
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: cured-%[1]d}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: cured-%[1]d}
  failureType: OOMKilled
  actions: [{increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}}]
`, i)
	}
	until(t, "kube-proxy to know the webhook", func() error { // a moment after its pods are ready
		_, err := try(t, cures.String(), cluster.Kubectl(), "-n", w.namespace, "apply", "-f", "-")
		return err
	})
	until(t, "the cures to be in force", func() error {
		for i := range appliers {
			limit, err := applyCured(w.namespace, fmt.Sprintf("cured-%d", i))
			if err == nil && limit != "256Mi" {
				err = fmt.Errorf("the limit is %s", limit)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return w.namespace
}

// applyCured applies a workload as kubectl apply --server-side does and gives the memory limit that came of it.
func applyCured(namespace, name string) (string, error) {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "namespace": namespace},
		"spec": map[string]any{
			"replicas": 0, "selector": map[string]any{"matchLabels": map[string]any{"app": name}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": name}},
				"spec": map[string]any{"containers": []any{map[string]any{
					"name": "app", "image": "misbehave:v1", "resources": map[string]any{"limits": map[string]any{"memory": "128Mi"}},
				}}},
			},
		},
	}}
	text, err := object.MarshalJSON()
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	force := true
	applied, err := client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).
		Namespace(namespace).Patch(ctx, name, types.ApplyPatchType, text, metav1.PatchOptions{FieldManager: "kubectl", Force: &force})
	if err != nil {
		return "", err
	}
	containers, _, err := unstructured.NestedSlice(applied.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) == 0 {
		return "", fmt.Errorf("the applied workload has no containers (%w)", err)
	}
	container, _ := containers[0].(map[string]any)
	limit, _, err := unstructured.NestedString(container, "resources", "limits", "memory")
	return limit, err
}

package plugin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	ofApp = `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: pod-worker-oomkilled-app-1a2b3c4d, namespace: shop, creationTimestamp: "2026-03-01T09:00:00Z"}
spec:
  targetRef: {apiVersion: v1, kind: Pod, appName: worker}
  failureType: OOMKilled
  mode: Heal
  actions: [{increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi}}]
status:
  phase: Learned
  learnedAt: "2026-03-01T09:00:00Z"
  diagnosis: {rootCauseID: memory-limit-too-low, rootCause: too little memory, confidence: 92, riskLevel: CRITICAL}
  observed: {occurrences: 1}
  outcome: {attempt: 1}
`
	// worker, workerOne and batch are pods that nothing controls; batch was created from a prefix.
	worker = `
apiVersion: v1
kind: Pod
metadata: {name: worker-3f9c2d1e, namespace: shop, labels: {app.kubernetes.io/name: worker}}
spec: {containers: [{name: app, image: a, resources: {limits: {memory: 128Mi}}}]}
`
	workerOne = `
apiVersion: v1
kind: Pod
metadata: {name: worker-1, namespace: shop, labels: {app.kubernetes.io/name: worker}}
`
	batch = `
apiVersion: v1
kind: Pod
metadata: {name: batch-x7k2p, namespace: shop, generateName: batch-}
`
	ofPrefix = `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: pod-batch-oomkilled-app-5e6f7a8b, namespace: shop, creationTimestamp: "2026-03-01T09:00:00Z"}
spec: {targetRef: {apiVersion: v1, kind: Pod, generateName: batch-}, failureType: OOMKilled}
`
)

func TestWhatHasAnotherNameEachTimeIsFoundByWhatItIsKnownBy(t *testing.T) {
	s := serve(t, ofApp, ofPrefix, worker, workerOne, batch, shop)
	for _, test := range []struct{ sentence, argument, want string }{
		{"a pod that is there", "pod/worker-3f9c2d1e", "pod-worker-oomkilled-app-1a2b3c4d"},
		{"the app as it is shown", "pod/app.kubernetes.io/name=worker", "pod-worker-oomkilled-app-1a2b3c4d"},
		{"a pod that was created from a prefix", "po/batch-x7k2p", "pod-batch-oomkilled-app-5e6f7a8b"},
		{"the prefix as it is shown", "pod/batch-…", "pod-batch-oomkilled-app-5e6f7a8b"},
		{"a pod whose name stays", "pod/worker-1", ""},
		{"a pod that is gone", "pod/worker-0a1b2c3d", ""},
		{"another app", "pod/app.kubernetes.io/name=work", ""},
		{"the app of another type", "deploy/app.kubernetes.io/name=worker", ""},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			out, _, err := s.on("list", test.argument, "-o", "name")
			if test.want == "" {
				require.ErrorContains(t, err, "nothing was learned about "+test.argument)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "remediation.kube-remedy.io/"+test.want+"\n", out)
		})
	}
}

func TestAnAppIsShownByItsLabel(t *testing.T) {
	s := serve(t, ofApp, worker, shop)
	out, _, err := s.on("list")
	require.NoError(t, err)
	require.Contains(t, out, " Pod/app.kubernetes.io/name=worker ")
	out, _, err = s.on("explain", "pod/worker-3f9c2d1e")
	require.NoError(t, err)
	require.Contains(t, out, "Pod/app.kubernetes.io/name=worker")
	require.Contains(t, out, "kubectl remedy rollback pod-worker-oomkilled-app-1a2b3c4d -n shop")
	require.NotContains(t, out, "opt-out", "the next pod would not have the annotation")
	out, _, err = s.on("reject", "pod-worker-oomkilled-app-1a2b3c4d")
	require.NoError(t, err)
	require.Contains(t, out, "the next apply of Pod/app.kubernetes.io/name=worker only warns of it")
	out, _, err = s.on("approve", "pod/app.kubernetes.io/name=worker")
	require.NoError(t, err)
	require.Contains(t, out, "when Pod/app.kubernetes.io/name=worker is applied: ")
}

func TestAnnotationsThatTheNextPodWillNotHaveAreTold(t *testing.T) {
	s := serve(t, worker, workerOne, batch, shop)
	for _, test := range []struct {
		argument string
		told     bool
	}{{"pod/worker-3f9c2d1e", true}, {"pod/batch-x7k2p", true}, {"pod/worker-1", false}, {"namespace/shop", false}} {
		_, errs, err := s.on("opt-out", test.argument)
		require.NoError(t, err)
		const note = "the next one has another name and not these annotations"
		if test.told {
			require.Contains(t, errs, note, test.argument)
		} else {
			require.NotContains(t, errs, note, test.argument)
		}
	}
	_, _, err := s.on("opt-out", "pod/app.kubernetes.io/name=worker")
	require.ErrorContains(t, err, "pod/app.kubernetes.io/name=worker stands for all pods of an app; name one of them, or their namespace")
}

func TestTheCureOfAnAppGoesIntoTheManifestOfItsPods(t *testing.T) {
	s := serve(t, ofApp, shop)
	path := filepath.Join(t.TempDir(), "worker.yaml")
	_, _, err := s.on("export", "pod-worker-oomkilled-app-1a2b3c4d")
	require.ErrorContains(t, err, "Pod/app.kubernetes.io/name=worker is not there in namespace shop; give its manifest with -f FILE")
	require.NoError(t, os.WriteFile(path, []byte(worker), 0o600))
	out, _, err := s.on("export", "pod-worker-oomkilled-app-1a2b3c4d", "-o", "manifest", "-f", path)
	require.NoError(t, err)
	require.Contains(t, out, "app memory limit 128Mi → 256Mi")
	changed, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(changed), "limits: {memory: 256Mi}")
}

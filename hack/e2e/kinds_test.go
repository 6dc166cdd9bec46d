package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// greedy is a container that needs 200 MiB and may use 128.
const greedy = `{name: app, image: "misbehave:v1", args: [-allocate=200Mi, -over=1s, %s], resources: {limits: {memory: 128Mi}, requests: {memory: 128Mi}}}`

// writeKind writes a manifest of any kind for a workload named web.
func (w *workload) writeKind(apiVersion, kind, spec string) {
	w.t.Helper()
	w.kind = kind
	manifest := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: web}\nspec: %s\n", apiVersion, kind, spec)
	require.NoError(w.t, os.WriteFile(w.file, []byte(manifest), 0o600))
}

// TestWhatRunsToItsEndIsHealedToo lets the kernel kill tasks and pods that nothing controls: their owner deletes them and
// applies them again.
func TestWhatRunsToItsEndIsHealedToo(t *testing.T) {
	t.Parallel()
	task := "restartPolicy: Never, terminationGracePeriodSeconds: 1, containers: [" + fmt.Sprintf(greedy, "-exit=0") + "]"
	for _, test := range []struct{ apiVersion, kind, spec, path string }{
		{"batch/v1", "Job", "{backoffLimit: 1, template: {spec: {" + task + "}}}", "{.spec.template.spec.containers[0].resources.limits.memory}"},
		{"v1", "Pod", "{" + task + "}", "{.spec.containers[0].resources.limits.memory}"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			w := newWorkload(t, spec{})
			w.writeKind(test.apiVersion, test.kind, test.spec)
			w.apply()
			learned := w.untilPhase(v1alpha1.PhaseLearned, 1)
			require.Equal(t, v1alpha1.OOMKilled, learned.Spec.FailureType)
			require.Equal(t, v1alpha1.TargetRef{APIVersion: test.apiVersion, Kind: test.kind, Name: "web"}, learned.Spec.TargetRef)
			w.run("delete", test.kind, "web", "--wait=true")
			require.Contains(t, w.apply(), "app memory limit 128Mi → 256Mi")
			require.Equal(t, "256Mi", w.field(test.path))
			w.untilPhase(v1alpha1.PhaseVerified, 1)
		})
	}
}

// TestAJobOfACronJobTeachesTheCronJob follows a pod over its Job up to what its owner applies.
func TestAJobOfACronJobTeachesTheCronJob(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.writeKind("batch/v1", "CronJob", "{schedule: '* * * * *', jobTemplate: {spec: {backoffLimit: 1, template: {spec: {restartPolicy: Never, containers: ["+fmt.Sprintf(greedy, "-exit=0")+"]}}}}}")
	w.apply()
	learned := w.untilPhase(v1alpha1.PhaseLearned, 1)
	require.Equal(t, "CronJob", learned.Spec.TargetRef.Kind)
	w.untilArmed()
	require.Contains(t, w.apply(), "app memory limit 128Mi → 256Mi")
	require.Equal(t, "256Mi", w.field("{.spec.jobTemplate.spec.template.spec.containers[0].resources.limits.memory}"))
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

// TestPodsThatAreRefusedAreSeen finds a failure of which no pod ever tells.
func TestPodsThatAreRefusedAreSeen(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{needs: "1Mi"})
	w.run("create", "quota", "small", "--hard=limits.memory=64Mi")
	w.apply()
	w.until("the refusal to be remembered", func() error {
		if known := w.remediation(); known == nil || known.Spec.FailureType != v1alpha1.Pending {
			return fmt.Errorf("it is not: %+v", known)
		}
		return nil
	})
	known := w.remediation()
	require.Equal(t, v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, known.Spec.TargetRef)
	require.Contains(t, known.Status.Diagnosis.RootCause, "quota")
}

// TestWhatDoesNotRollOutIsHealedForItsNextPods applies what keeps its old pods until somebody deletes them.
func TestWhatDoesNotRollOutIsHealedForItsNextPods(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ apiVersion, kind, selector string }{
		{"apps/v1", "ReplicaSet", "{matchLabels: {app: web}}"},
		{"v1", "ReplicationController", "{app: web}"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			w := newWorkload(t, spec{})
			w.writeKind(test.apiVersion, test.kind, "{replicas: 1, selector: "+test.selector+
				", template: {metadata: {labels: {app: web}}, spec: {terminationGracePeriodSeconds: 1, containers: ["+fmt.Sprintf(greedy, "-hold")+"]}}}")
			learned := w.learn()
			require.Equal(t, v1alpha1.TargetRef{APIVersion: test.apiVersion, Kind: test.kind, Name: "web"}, learned.Spec.TargetRef)
			require.Contains(t, w.apply(), "app memory limit 128Mi → 256Mi")
			require.Equal(t, "256Mi", w.limit())
			w.run("delete", "pods", "--all", "--wait=false")
			w.untilPhase(v1alpha1.PhaseVerified, 1)
		})
	}
}

// TestAClaimOfAClassThatDoesNotExistIsSeen finds why a pod waits for its volume.
func TestAClaimOfAClassThatDoesNotExistIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	_, err := pair.Kubectl(t.Context(), "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: e2e-fast}\nprovisioner: example.org/none\n", "apply", "-f", "-")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, stderr, err := kubectl(t, "delete", "storageclass", "e2e-fast")
		require.NoError(t, err, stderr)
	})
	w.writeKind("apps/v1", "StatefulSet", "{replicas: 1, serviceName: web, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: 'misbehave:v1', volumeMounts: [{name: data, mountPath: /data}]}]}}, "+
		"volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: e2e-fats, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}]}")
	w.apply()
	learned := w.untilPhase(v1alpha1.PhaseLearned, 1)
	require.Equal(t, "storage-class-missing", learned.Status.Diagnosis.RootCauseID)
	require.Equal(t, v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "web"}, learned.Spec.TargetRef)
	require.Equal(t, "e2e-fast", learned.Spec.Actions[0].FixReference.Replacement)
}

// TestAKindThatIsNotConfiguredIsToldSo lets a pod be killed that an object controls of a kind that nobody configured.
func TestAKindThatIsNotConfiguredIsToldSo(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	_, err := pair.Kubectl(t.Context(), strings.NewReplacer("rollouts.", "crews.", "Rollout", "Crew", "rollout", "crew").Replace(rolloutCRD), "apply", "-f", "-")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, stderr, err := kubectl(t, "delete", "crd", "crews.crews.example.org")
		require.NoError(t, err, stderr)
	})
	w.writeKind("crews.example.org/v1alpha1", "Crew", "{size: 1}")
	w.until("the kind to be served", func() error {
		_, stderr, err := kubectl(t, "-n", w.namespace, "apply", "-f", w.file)
		if err != nil {
			return errors.New(stderr)
		}
		return nil
	})
	_, err = pair.Kubectl(t.Context(), fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: web-1, ownerReferences: [{apiVersion: crews.example.org/v1alpha1, kind: Crew, name: web, uid: %s, controller: true}]}, spec: {restartPolicy: Never, containers: [%s]}}`,
		w.field("{.metadata.uid}"), fmt.Sprintf(greedy, "-exit=0")), "-n", w.namespace, "create", "-f", "-")
	require.NoError(t, err)
	w.until("the crew to be told", func() error {
		told := w.run("get", "events", "--field-selector=involvedObject.kind=Crew,involvedObject.name=web,reason=FailureDiagnosed", "-o", "jsonpath={.items[*].message}")
		if !strings.HasPrefix(told, "OOMKilled: ") || !strings.Contains(told, "{group: crews.example.org, version: v1alpha1, resource: crews, kind: Crew} (it has a scale)") {
			return fmt.Errorf("it is told %q", told)
		}
		return nil
	})
	require.Contains(t, w.run("describe", "crew", "web"), "FailureDiagnosed")
	require.Nil(t, w.remediation(), "nothing is stored")
}

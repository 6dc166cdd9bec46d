package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
)

// The webhook is stopped in this test, so it runs before the parallel ones.
func TestApplyWithoutWebhookGoesThroughUnhealed(t *testing.T) {
	w := newWorkload(t, spec{})
	w.learn()
	require.NoError(t, pair.Webhook.Stop(), "on SIGTERM the webhook drains and ends with status 0")
	out := w.apply()
	require.Contains(t, out, "deployment.apps/web configured")
	require.NotContains(t, out, "kube-remedy")
	require.Equal(t, "128Mi", w.limit())

	require.NoError(t, pair.StartWebhook(t.Context()))
	w.untilArmed() // again: the unhealed apply wrote the annotation back
	require.Contains(t, w.apply(), "memory limit 128Mi → 256Mi")
	require.Equal(t, "256Mi", w.limit())
}

// The watcher is stopped in this test, so it runs before the parallel ones.
func TestStandbyWatcherTakesOver(t *testing.T) {
	standby, err := pair.StartStandby(t.Context())
	require.NoError(t, err)
	require.NoError(t, pair.Watcher.Stop(), "on SIGTERM the watcher gives the lease back and ends with status 0")
	w := newWorkload(t, spec{})
	w.learn()
	require.NoError(t, standby.Stop())

	w.write(spec{limit: "64Mi"})
	w.apply() // healed by the webhook, while no watcher runs
	w.untilRunning()
	require.NoError(t, pair.StartWatcher(t.Context()))
	w.untilPhase(v1alpha1.PhaseVerified, 1) // what happened meanwhile is found at the start
}

// The watcher is stopped in this test, and loses its rights in the cluster, so it runs before the parallel ones.
func TestAWatcherOfOneNamespaceNeedsRightsInItAlone(t *testing.T) {
	w := newWorkload(t, spec{})
	const binding = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"kube-remedy-eventwatcher"},` +
		`"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"kube-remedy-eventwatcher"},` +
		`"subjects":[{"kind":"ServiceAccount","name":"kube-remedy-eventwatcher","namespace":"kube-remedy-system"}]}`
	_, err := pair.Kubectl(t.Context(), "", "delete", "clusterrolebinding", "kube-remedy-eventwatcher")
	require.NoError(t, err)
	t.Cleanup(func() { // again, for a test that failed in between
		_, _ = pair.Kubectl(context.WithoutCancel(t.Context()), binding, "create", "-f", "-")
	})
	w.run("create", "rolebinding", "kube-remedy", "--clusterrole=kube-remedy-eventwatcher", "--serviceaccount=kube-remedy-system:kube-remedy-eventwatcher")
	require.NoError(t, pair.Watcher.Stop())
	scoped, err := pair.StartWatcherOf(t.Context(), w.namespace)
	require.NoError(t, err)
	w.learn()
	require.Contains(t, w.apply(), "app memory limit 128Mi → 256Mi")
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
	require.NoError(t, scoped.Stop())
	_, err = pair.Kubectl(t.Context(), binding, "create", "-f", "-")
	require.NoError(t, err)
	require.NoError(t, pair.StartWatcher(t.Context()))
}

func TestUnchangedFileIsHealedByClientSideApply(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	require.Contains(t, w.apply(), "deployment.apps/web created")
	w.untilOOMKilled()
	learned := w.untilPhase(v1alpha1.PhaseLearned, 1)
	require.Equal(t, "deployment-web-oomkilled-app", learned.Name)
	require.Equal(t, v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, learned.Spec.TargetRef)
	require.Equal(t, "memory-limit-too-low", learned.Status.Diagnosis.RootCauseID)
	require.GreaterOrEqual(t, learned.Status.Diagnosis.Confidence, int32(70), "other tests' outcomes move it")
	w.untilArmed()
	require.Equal(t, "128Mi", w.limit(), "arming leaves the spec alone")

	out := w.apply()
	require.Regexp(t, `Warning: kube-remedy: app memory limit 128Mi → 256Mi, memory request 128Mi → 256Mi \(OOMKilled \dx, confidence [789]\d%\);`, out)
	require.Contains(t, out, "undo: kubectl annotate deploy/web kube-remedy.io/mode=off")
	require.Equal(t, "256Mi", w.limit())
	require.Equal(t, "256Mi", w.field("{.spec.template.spec.containers[0].resources.requests.memory}"), "a request equal to the limit stays equal")
	w.untilRunning()

	records, err := audit.Parse(w.annotation(v1alpha1.AuditAnnotation))
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.Equal(t, "spec.template.spec.containers[name=app].resources.limits.memory", records[0].Modifications[0].Field)
	require.Equal(t, "128Mi", records[0].Modifications[0].OldValue)
	require.Equal(t, "256Mi", records[0].Modifications[0].NewValue)
	require.Equal(t, "deployment-web-oomkilled-app@1", w.annotation(v1alpha1.RemediationsAnnotation))

	verified := w.untilPhase(v1alpha1.PhaseVerified, 1)
	require.NotNil(t, verified.Status.Outcome.AppliedAt)
	require.NotNil(t, verified.Status.Outcome.VerifiedAt)
	w.run("wait", "--for=condition=Verified", "remediation/"+verified.Name, "--timeout=5s")
	w.until("the three Events on both objects", func() error {
		for _, kind := range []string{"Deployment", "Remediation"} {
			events := w.run("get", "events", "--field-selector=involvedObject.kind="+kind, "-o", "jsonpath={.items[*].reason}")
			for _, reason := range []string{"RemediationLearned", "RemediationApplied", "RemediationVerified"} {
				if !strings.Contains(events, reason) {
					return fmt.Errorf("%s is not among %s of the %s", reason, events, kind)
				}
			}
		}
		return nil
	})
	requireAudited(t, w.namespace)
}

// requireAudited looks for what the webhook told the API server's audit log about the namespace's Deployment.
func requireAudited(t *testing.T, namespace string) {
	t.Helper()
	text, err := os.ReadFile(cluster.AuditLog())
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"mutate.kube-remedy.io/remediation"`) || !strings.Contains(line, `"namespace":"`+namespace+`"`) {
			continue
		}
		var event struct{ Annotations map[string]string }
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		require.Contains(t, event.Annotations["mutate.kube-remedy.io/remediation"], "deployment-web-oomkilled-app")
		return
	}
	require.Fail(t, "the API server's audit log does not say that the webhook healed", namespace)
}

func TestUnchangedFileIsHealedByServerSideApply(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.apply("--server-side")
	w.untilPhase(v1alpha1.PhaseLearned, 1)
	require.Contains(t, w.apply("--server-side"), "memory limit 128Mi → 256Mi")
	require.Equal(t, "256Mi", w.limit())
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
	generation := w.field("{.metadata.generation}")
	for range 3 {
		w.apply("--server-side")
	}
	require.Equal(t, generation, w.field("{.metadata.generation}"), "applying again conflicts with nothing and changes nothing")
}

func TestTenMoreAppliesChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	w.apply()
	w.untilRunning()
	rollouts, annotations := w.rollouts(), w.field("{.metadata.annotations}")
	generation := w.field("{.metadata.generation}")
	for range 10 {
		require.Contains(t, w.apply(), "memory limit 128Mi → 256Mi")
	}
	require.Equal(t, rollouts, w.rollouts(), "no new ReplicaSet")
	require.Equal(t, annotations, w.field("{.metadata.annotations}"))
	require.Equal(t, generation, w.field("{.metadata.generation}"))
	stdout, stderr, err := kubectl(t, "-n", w.namespace, "diff", "-f", w.file)
	require.NoError(t, err, "kubectl diff ends with 0 when there is no difference: %s%s", stdout, stderr)
}

func TestManifestRaisedByItsOwnerIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	w.write(spec{limit: "512Mi"})
	require.NotContains(t, w.apply(), "kube-remedy")
	require.Equal(t, "512Mi", w.limit())
	require.Empty(t, w.annotation(v1alpha1.AuditAnnotation))
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseSuperseded, 1)
}

func TestManifestRaisedAfterHealingLosesTheAuditAnnotations(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	w.apply()
	require.NotEmpty(t, w.annotation(v1alpha1.AuditAnnotation))
	w.write(spec{limit: "512Mi"})
	require.NotContains(t, w.apply(), "kube-remedy:")
	require.Equal(t, "512Mi", w.limit())
	require.Empty(t, w.annotation(v1alpha1.AuditAnnotation))
	require.Empty(t, w.annotation(v1alpha1.RemediationsAnnotation))
	w.untilPhase(v1alpha1.PhaseSuperseded, 1)
}

func TestModeOffIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{annotations: `{kube-remedy.io/mode: "off"}`})
	w.apply()
	w.untilPhase(v1alpha1.PhaseLearned, 1)
	time.Sleep(2 * time.Second) // time in which a workload would be armed
	require.True(t, strings.HasSuffix(w.field(`{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`), "\n"), "it is never armed")
	require.NotContains(t, w.apply("--server-side", "--force-conflicts"), "kube-remedy:")
	require.Equal(t, "128Mi", w.limit())
	require.Empty(t, w.annotation(v1alpha1.AuditAnnotation))
}

func TestANamespaceThatOptsOutIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.annotateNamespace("kube-remedy.io/mode=off")
	w.apply()
	w.untilPhase(v1alpha1.PhaseLearned, 1)
	time.Sleep(2 * time.Second) // time in which a workload would be armed
	require.True(t, strings.HasSuffix(w.field(`{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`), "\n"), "it is never armed")
	require.NotContains(t, w.apply("--server-side", "--force-conflicts"), "kube-remedy:")
	require.Equal(t, "128Mi", w.limit())
}

func TestModeSuggestOnlyWarns(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{annotations: `{kube-remedy.io/mode: suggest}`})
	w.learn()
	require.Contains(t, w.apply(), "would set app memory limit 128Mi → 256Mi")
	require.Equal(t, "128Mi", w.limit())
	require.Empty(t, w.annotation(v1alpha1.AuditAnnotation))
}

func TestServerDryRunShowsTheHealedObjectAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	generation := w.field("{.metadata.generation}")
	out := w.apply("--dry-run=server", "-o", "yaml")
	require.Contains(t, out, "Warning: kube-remedy: app memory limit 128Mi → 256Mi")
	require.Contains(t, out, "memory: 256Mi")
	require.Contains(t, out, "deployment-web-oomkilled-app@1")
	require.Equal(t, "128Mi", w.limit())
	require.Equal(t, generation, w.field("{.metadata.generation}"))
	require.Empty(t, w.annotation(v1alpha1.AuditAnnotation))
}

func TestDeleteAndApplyIsHealedOnCreation(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	w.run("delete", "-f", w.file)
	out := w.apply()
	require.Contains(t, out, "memory limit 128Mi → 256Mi")
	require.Contains(t, out, "deployment.apps/web created")
	require.Equal(t, "256Mi", w.limit())
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

func TestOnlyAnApplyIsHealed(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	for _, test := range []struct {
		name string
		args []string
	}{
		{"kubectl annotate", []string{"annotate", "deployment/web", "team=shop"}},
		{"kubectl label", []string{"label", "deployment/web", "team=shop"}},
		{"kubectl scale, and the Deployment controller's updates after it", []string{"scale", "deployment/web", "--replicas=2"}},
	} {
		out := w.run(test.args...)
		require.NotContains(t, out, "kube-remedy", test.name)
		require.Equal(t, "128Mi", w.limit(), test.name)
	}
	w.until("the Deployment controller to have updated the Deployment", func() error {
		if generation, observed := w.field("{.metadata.generation}"), w.field("{.status.observedGeneration}"); generation != observed {
			return fmt.Errorf("generation %s, observed %s", generation, observed)
		}
		return nil
	})
	require.Equal(t, "1", w.annotation("deployment.kubernetes.io/revision"), "the controller wrote its own annotation")
	require.Equal(t, "128Mi", w.limit())
	require.Empty(t, w.annotation(v1alpha1.AuditAnnotation))
}

func TestFailureInSpiteOfTheCureTakesTheNextValue(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{limit: "64Mi", needs: "150Mi"})
	w.learn()
	require.Contains(t, w.apply(), "memory limit 64Mi → 128Mi")
	w.untilPhase(v1alpha1.PhaseLearned, 2)
	require.Contains(t, w.apply(), "memory limit 64Mi → 256Mi")
	require.Equal(t, "deployment-web-oomkilled-app@2", w.annotation(v1alpha1.RemediationsAnnotation))
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 2)
}

func TestEveryKindAndPlaceOfContainerIsHealed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, remediation string
		spec              spec
	}{
		{name: "StatefulSet", remediation: "statefulset-web-oomkilled-app", spec: spec{kind: "StatefulSet"}},
		{name: "DaemonSet", remediation: "daemonset-web-oomkilled-app", spec: spec{kind: "DaemonSet"}},
		{name: "init", remediation: "deployment-web-oomkilled-app", spec: spec{container: "init"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkload(t, test.spec)
			require.Equal(t, test.remediation, w.learn().Name)
			require.Contains(t, w.apply(), "memory limit 128Mi → 256Mi")
			if test.spec.kind == "StatefulSet" {
				// The controller waits for a broken pod to become Ready before it replaces it.
				w.run("delete", "pod", "web-0", "--wait=false")
			}
			w.untilRunning()
			w.untilPhase(v1alpha1.PhaseVerified, 1)
		})
	}
}

// TestHealingNeedsNoHandWhereTheOwnerSaysSo applies once and never again.
func TestHealingNeedsNoHandWhereTheOwnerSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{annotations: "{kube-remedy.io/reapply: auto}"})
	w.apply()
	verified := w.untilPhase(v1alpha1.PhaseVerified, 1)
	require.Equal(t, "256Mi", w.limit())
	require.GreaterOrEqual(t, verified.Status.Outcome.AppliedAt.Sub(verified.Status.LearnedAt.Time), time.Second, "there is a pause before")
	w.untilRunning()
}

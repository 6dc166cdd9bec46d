package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// writeOwn writes a manifest of its own for a workload named web that lets assertive fixes through.
func (w *workload) writeOwn(podSpec string) {
	w.t.Helper()
	manifest := fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {kube-remedy.io/allow: assertive}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
%s`, podSpec)
	require.NoError(w.t, os.WriteFile(w.file, []byte(manifest), 0o600))
}

// misbehave gives the image of the test program as the registry has it.
func misbehave(t *testing.T) v1.Image {
	t.Helper()
	reference, err := name.ParseReference(strings.TrimPrefix(cluster.RegistryURL(), "http://")+"/docker.io/library/misbehave:v1", name.Insecure)
	require.NoError(t, err)
	image, err := remote.Image(reference, remote.WithContext(t.Context()))
	require.NoError(t, err)
	return image
}

func TestAMissingTagIsHealedByTheNearestThatTheRegistryHas(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	image := misbehave(t)
	other, err := random.Image(16, 1)
	require.NoError(t, err)
	require.NoError(t, cluster.PushImage(t.Context(), "ghcr.io/shop/web:1.4.2", image))
	require.NoError(t, cluster.PushImage(t.Context(), "ghcr.io/shop/web:2.0.0", other))
	w.run("create", "secret", "docker-registry", "pull", "--docker-server=ghcr.io", "--docker-username=shop", "--docker-password=none")
	w.writeOwn(`      imagePullSecrets: [{name: pull}]
      containers: [{name: app, image: "ghcr.io/shop/web:1.4.9"}]`)
	learned := w.learn()
	require.Equal(t, v1alpha1.ImagePullBackOff, learned.Spec.FailureType)
	require.Equal(t, v1alpha1.Heal, learned.Spec.Mode)
	require.Contains(t, w.apply(), "ghcr.io/shop/web:1.4.9 → ghcr.io/shop/web:1.4.2")
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

func TestAMistypedRepositoryIsHealedByTheOnlyNearOne(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	image := misbehave(t)
	require.NoError(t, cluster.PushImage(t.Context(), "ghcr.io/bakery/storefront:1", image))
	w.run("run", "other", "--image=ghcr.io/bakery/storefront:1") // what is used beside it tells what may be meant
	w.writeOwn(`      containers: [{name: app, image: "ghcr.io/bakery/storefornt:1"}]`)
	w.learn()
	require.Contains(t, w.apply(), "ghcr.io/bakery/storefornt:1 → ghcr.io/bakery/storefront:1")
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

func TestAMistypedConfigMapIsHealedByTheOnlyNearOne(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.run("create", "configmap", "web-config", "--from-literal=mode=calm")
	w.writeOwn(`      containers:
      - name: app
        image: misbehave:v1
        env: [{name: MODE, valueFrom: {configMapKeyRef: {name: web-confg, key: mode}}}]`)
	w.learn()
	require.Contains(t, w.apply(), "web-confg → web-config")
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

func TestAMistypedSecretIsHealedByTheOnlyNearOne(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.run("create", "secret", "generic", "web-login", "--from-literal=token=none")
	w.writeOwn(`      containers:
      - name: app
        image: misbehave:v1
        env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: web-lgoin, key: token}}}]`)
	w.learn()
	require.Contains(t, w.apply(), "web-lgoin → web-login")
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

func TestACommandThatIsNotThereIsDroppedForTheImagesOwn(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.writeOwn(`      containers: [{name: app, image: "misbehave:v1", command: [/misbehav]}]`)
	w.learn()
	w.apply()
	require.Empty(t, w.field("{.spec.template.spec.containers[0].command}"))
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

func TestRequestsThatFitNoNodeAreReducedToWhatFits(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.writeOwn(`      containers:
      - name: app
        image: misbehave:v1
        resources: {requests: {memory: 4Ti}}`)
	learned := w.learn()
	require.Equal(t, v1alpha1.Pending, learned.Spec.FailureType)
	require.NotNil(t, learned.Spec.Actions[0].ReduceRequests)
	w.apply()
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

func TestAProbeOfAWrongPathIsHealedByOneThatAnswers(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.writeOwn(`      containers:
      - name: app
        image: misbehave:v1
        args: [-http-port=8080, -http-path=/health/ready]
        readinessProbe: {httpGet: {path: /is-it-ready, port: 8080}, periodSeconds: 1}`)
	w.learn()
	w.apply()
	require.Equal(t, "/health/ready", w.field("{.spec.template.spec.containers[0].readinessProbe.httpGet.path}"))
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

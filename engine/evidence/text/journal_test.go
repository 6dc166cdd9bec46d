package text

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// kubelet is a line of a kubelet's journal about the pod web-0 in namespace shop.
func kubelet(said string) string {
	return "Nov 24 09:00:00 node-1 kubelet[811]: E1124 09:00:00.000000     811 " + said + "\n"
}

// TestAKubeletsLinesTellWhatItsEventsTell holds lines of k8s.io/kubernetes/pkg/kubelet and the events that the same code reports.
func TestAKubeletsLinesTellWhatItsEventsTell(t *testing.T) {
	for name, told := range map[string]struct{ line, reason, message string }{
		"a probe failed": {
			`prober.go:120] "Probe failed" probeType="Liveness" pod="shop/web-0" podUID="1f" containerName="app" probeResult="failure" output="HTTP probe failed with statuscode: 503"`,
			"Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503",
		},
		"a probe could not be tried": {
			`prober.go:104] "Probe errored" err="rpc error: code = NotFound desc = container is not created or running" probeType="Readiness" pod="shop/web-0" podUID="1f" containerName="app"`,
			"Unhealthy", "Readiness probe errored: rpc error: code = NotFound desc = container is not created or running",
		},
		"nor by a newer kubelet": {
			`prober.go:104] "Probe errored" err="no such file" probeType="Startup" pod="shop/web-0" podUID="1f" containerName="app" probeResult="unknown"`,
			"Unhealthy", "Startup probe errored and resulted in unknown state: no such file",
		},
		"a probe failed, before lines were structured": {
			`prober.go:117] Liveness probe for "web-0_shop(1f):app" failed (failure): HTTP probe failed with statuscode: 503`,
			"Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503",
		},
		"a container is killed for its probe": {
			`kuberuntime_container.go:750] "Message for Container of pod" containerName="app" containerStatusID="containerd://7" pod="shop/web-0" containerMessage="Container app failed liveness probe, will be restarted"`,
			"Killing", "Container app failed liveness probe, will be restarted",
		},
		"no sandbox can be made": {
			`pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"CreatePodSandbox\" for \"web-0_shop(1f)\" with CreatePodSandboxError: \"Failed to create sandbox for pod \\\"web-0_shop(1f)\\\": plugin type=\\\"calico\\\" failed (add): Unauthorized\"" pod="shop/web-0" podUID="1f"`,
			"FailedCreatePodSandBox", `Failed to create pod sandbox: plugin type="calico" failed (add): Unauthorized`,
		},
		"no network can be set up, by a kubelet that runs docker itself": {
			`pod_workers.go:191] Error syncing pod 1f ("web-0_shop(1f)"), skipping: failed to "SetupNetwork" for "web-0_shop" with SetupNetworkError: "no podCidr for node"`,
			"FailedCreatePodSandBox", "Failed to create pod sandbox: NetworkPlugin cni failed to set up pod: no podCidr for node",
		},
		"a pod can't be ended": {
			`pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"KillPodSandbox\" for \"1f\" with KillPodSandboxError: \"rpc error: busy\"" pod="shop/web-0" podUID="1f"`,
			"FailedKillPod", `error killing pod: failed to "KillPodSandbox" for "1f" with KillPodSandboxError: "rpc error: busy"`,
		},
		"a volume can't be mounted": {
			`nestedpendingoperations.go:348] "Operation for volume failed" err="MountVolume.SetUp failed for volume \"config\" (UniqueName: \"kubernetes.io/configmap/1f-config\") pod \"web-0\" (UID: \"1f\") : configmap \"web-conf\" not found"`,
			"FailedMount", `MountVolume.SetUp failed for volume "config" : configmap "web-conf" not found`,
		},
		"volumes are waited for": {
			`pod_workers.go:1301] "Unable to attach or mount volumes for pod; skipping pod" err="unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: context deadline exceeded" pod="shop/web-0"`,
			"FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: context deadline exceeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			event := only[*corev1.Event](t, Parse([]byte(kubelet(told.line)), time.Time{}))
			require.Equal(t, told.reason, event.Reason)
			require.Equal(t, told.message, event.Message)
			require.Equal(t, "web-0", event.InvolvedObject.Name)
		})
	}
}

// TestAContainerThatWaitsIsTheKindThatTheKubeletCallsIt has two lines about one container, the second of which says that it is an
// init container.
func TestAContainerThatWaitsIsTheKindThatTheKubeletCallsIt(t *testing.T) {
	const (
		step = `pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"schema\" with CreateContainerConfigError: \"secret \\\"db\\\" not found\"" pod="shop/web-0" podUID="1f"`
		kind = `kuberuntime_manager.go:1358] "Unhandled Error" err="init container &Container{Name:schema,Image:registry.example.org/schema:2,Command:[],Args:[],} start failed in pod web-0_shop(1f): CreateContainerConfigError: secret \"db\" not found" logger="UnhandledError"`
	)
	for name, journal := range map[string]string{
		"it says so first": kubelet(kind) + kubelet(step), "it says so last": kubelet(step) + kubelet(kind), "it says so alone": kubelet(kind),
	} {
		t.Run(name, func(t *testing.T) {
			pod := only[*corev1.Pod](t, Parse([]byte(journal), time.Time{}))
			require.Empty(t, pod.Status.ContainerStatuses)
			require.Len(t, pod.Status.InitContainerStatuses, 1)
			status := pod.Status.InitContainerStatuses[0]
			require.Equal(t, "schema", status.Name)
			require.Equal(t, "registry.example.org/schema:2", status.Image)
			require.Equal(t, &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: `secret "db" not found`}, status.State.Waiting)
		})
	}
}

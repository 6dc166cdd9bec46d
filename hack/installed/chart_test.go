package installed

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheInstalledChart lives with one installation with the default values, apart from a watcher that verifies cures sooner
// and a timeout that a machine with other work does not reach.
func TestTheInstalledChart(t *testing.T) {
	installChart(t, "--set=eventwatcher.stabilizationWindow=3s,webhook.timeoutSeconds=10")
	t.Run("two pods have both containers ready, and helm test passes", func(t *testing.T) {
		ready := kubectl(t, "-n", system, "get", "pods", ofRelease, "-o", "jsonpath={.items[*].status.containerStatuses[*].ready}")
		require.Equal(t, []string{"true", "true", "true", "true"}, strings.Fields(ready))
		require.Contains(t, runHelm(t, "test", release, "--namespace="+system), "Succeeded")
	})
	t.Run("an OOM kill is learned, and healed by applying again", func(t *testing.T) {
		newWorkload(t).requireHealing()
	})
	namespace := declareCures(t)
	t.Run("an upgrade that replaces all pods loses no apply", func(t *testing.T) {
		before := pods(t)
		s := startStream(t, namespace)
		deploy(t, "upgrade", "--reuse-values", "--set=webhook.logLevel=debug")
		untilReplaced(t, before)
		require.Empty(t, s.finish())
	})
	t.Run("a pod that is deleted loses no apply", func(t *testing.T) {
		s := startStream(t, namespace)
		before := pods(t)[:1]
		kubectl(t, "-n", system, "delete", "pod", before[0], "--wait=false")
		untilReplaced(t, before)
		require.Empty(t, s.finish())
	})
	t.Run("a pod that is deleted by force loses no apply", func(t *testing.T) {
		s := startStream(t, namespace)
		before := pods(t)[:1]
		kubectl(t, "-n", system, "delete", "pod", before[0], "--grace-period=0", "--force")
		untilReplaced(t, before)
		require.Empty(t, s.finish())
	})
	// Nothing tells the cluster of a process that is killed. Until the kubelet sees it and starts it again, the API server
	// is refused by the half of what it calls. Once the new process listens, nothing is lost any more.
	t.Run("a webhook that is killed loses no apply once it is started again", func(t *testing.T) {
		pod := pods(t)[0]
		s := startStream(t, namespace)
		s.untilMore(t, 20)
		kill(t, pod, "kube-remedy-webhook")
		killed := time.Now()
		listens := untilListening(t, pod)
		t.Logf("it listens again after %s", listens.Sub(killed))
		kubectl(t, "-n", system, "rollout", "status", "deployment/"+release, "--timeout=60s")
		for _, each := range s.finish() {
			require.Less(t, each.sent, listens)
		}
	})
}

// untilReplaced waits until two pods are ready, and none of those before are there any more.
func untilReplaced(t *testing.T, before []string) {
	t.Helper()
	until(t, "the pods to be gone", func() error {
		for _, pod := range before {
			if _, err := try(t, "", cluster.Kubectl(), "-n", system, "get", "pod", pod); err == nil {
				return fmt.Errorf("%s is still there", pod)
			}
		}
		return nil
	})
	kubectl(t, "-n", system, "rollout", "status", "deployment/"+release, "--timeout=60s")
}

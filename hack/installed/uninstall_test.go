package installed

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUninstalling takes the installation away in every order. Nothing that is applied or deleted may wait for what is
// gone, and what is not kept on purpose must be gone too.
func TestUninstalling(t *testing.T) {
	small := []string{"--set=replicas=1,webhook.shutdownDelay=1s"}
	installChart(t, small...)
	namespace := declareCures(t)

	runHelm(t, "uninstall", release, "--namespace="+system, "--wait")
	requireNothingLeft(t)
	requireUnhealed(t, namespace)
	require.Len(t, strings.Fields(kubectl(t, "-n", namespace, "get", "remediations", "-o", "name")), appliers, "what was learned is kept")

	// The namespace goes first, and with it what Helm knows of the release.
	deploy(t, "install", append(small, "--values="+chart+"/ci/one-namespace-values.yaml")...)
	requireHealed(t, namespace) // what was kept is in force again
	kubectl(t, "delete", "namespace", system)
	requireUnhealed(t, namespace)
	kubectl(t, "-n", namespace, "delete", "remediation", "cured-0")
	kubectl(t, "delete", everything, ofRelease, "--all-namespaces") // as docs/install.md says
	requireNothingLeft(t)

	// The pods go first, and nothing is kept.
	deploy(t, "install", append(small, "--set=crds.keep=false", "--create-namespace")...)
	requireHealed(t, namespace)
	kubectl(t, "-n", system, "scale", "deployment/"+release, "--replicas=0")
	kubectl(t, "-n", system, "wait", "--for=delete", "pod", ofRelease, "--timeout=60s")
	requireUnhealed(t, namespace)
	_, err := try(t, "", cluster.Kubectl(), "-n", namespace, "annotate", "remediation", "cured-1", "seen=yes")
	require.ErrorContains(t, err, "failed calling webhook", "nobody writes a Remediation unseen")
	kubectl(t, "-n", namespace, "delete", "remediation", "cured-1")
	runHelm(t, "uninstall", release, "--namespace="+system, "--wait")
	requireNothingLeft(t)
	requireUnhealed(t, namespace)
	require.Empty(t, kubectl(t, "get", "customresourcedefinition", "remediations.kube-remedy.io", "--ignore-not-found"))
}

// requireNothingLeft looks for what an uninstalled release must not leave behind.
func requireNothingLeft(t *testing.T) {
	t.Helper()
	require.Empty(t, kubectl(t, "get", everything, ofRelease, "--all-namespaces", "-o", "name"))
	require.NotContains(t, kubectl(t, "get", everything, "--all-namespaces", "-o", "name"), release)
	require.NotContains(t, kubectl(t, "-n", system, "get", "deployments,services,configmaps,serviceaccounts,poddisruptionbudgets", "-o", "name"), release)
}

// requireHealed waits until the last of a stream's workloads is healed.
func requireHealed(t *testing.T, namespace string) {
	t.Helper()
	until(t, "an apply to be healed", func() error {
		limit, err := applyCured(namespace, fmt.Sprintf("cured-%d", appliers-1))
		if err == nil && limit != "256Mi" {
			err = fmt.Errorf("the limit is %s", limit)
		}
		return err
	})
}

// requireUnhealed applies a stream's workloads, which nobody heals.
func requireUnhealed(t *testing.T, namespace string) {
	t.Helper()
	for i := range appliers {
		limit, err := applyCured(namespace, fmt.Sprintf("cured-%d", i))
		require.NoError(t, err)
		require.Equal(t, "128Mi", limit)
	}
}

package described

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence/text"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

// described are the kinds that a person would describe.
var described = []string{
	"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "PersistentVolumeClaim", "StorageClass", "ResourceQuota", "LimitRange", "Node",
}

// TestDescriptionsTellWhatObjectsTell diagnoses each scenario twice: from its objects, and from what kubectl describe and kubectl
// events print of the same objects. The same must be found.
func TestDescriptionsTellWhatObjectsTell(t *testing.T) {
	untold := map[string]string{
		"pending/gated":             "a description has no reasons of conditions, nor gates",
		"pending/scheduler-missing": "a description has no name of a scheduler, nor says how long a pod has been waiting",
	}
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	with := engine.New(known)
	all, err := scenarios.LoadAll("..")
	require.NoError(t, err)
	for _, scenario := range all {
		captured, err := os.ReadFile(scenario.Evidence())
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		t.Run(scenario.ID(), func(t *testing.T) {
			require.NoError(t, err)
			now := time.Now()
			c, err := Read(captured, now)
			require.NoError(t, err)
			told, err := c.Describe(described...)
			require.NoError(t, err)
			happened, err := c.Events()
			require.NoError(t, err)
			objects, descriptions := found(with, string(captured), scenario.Owner, now), found(with, told+happened+c.Logs(), scenario.Owner, now)
			if why, less := untold[scenario.ID()]; less {
				require.NotEqual(t, objects, descriptions, "it is told now, though %s", why)
				return
			}
			require.Equal(t, objects, descriptions)
		})
	}
}

// found gives what is wrong with an owner, each as container, failure type and root cause.
func found(with *engine.Engine, told, owner string, now time.Time) []string {
	var all []string
	for _, observed := range text.Parse([]byte(told), now).Collect() {
		for _, diagnosis := range with.Diagnose(observed) {
			if diagnosis.Workload.Kind+"/"+diagnosis.Workload.Name == owner {
				all = append(all, fmt.Sprintf("%s %s %s", diagnosis.Container, diagnosis.FailureType, diagnosis.Finding.RootCauseID))
			}
		}
	}
	slices.Sort(all)
	return all
}

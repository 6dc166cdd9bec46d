package cases_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/cases"
)

// What a table may say of pods that do not run, and the failure that it is. A killed or evicted container is left out:
// what used too much memory once does so again.
var troubled = []struct {
	status   string
	restarts int
	is       v1alpha1.FailureType
}{
	{"ErrImagePull", 0, v1alpha1.ImagePullBackOff},
	{"ImagePullBackOff", 0, v1alpha1.ImagePullBackOff},
	{"InvalidImageName", 0, v1alpha1.ImagePullBackOff},
	{"Init:ImagePullBackOff", 0, v1alpha1.ImagePullBackOff},
	{"Pending", 0, v1alpha1.Pending},
	{"CrashLoopBackOff", 2, v1alpha1.CrashLoopBackOff},
	{"Error", 1, v1alpha1.CrashLoopBackOff},
	{"CreateContainerConfigError", 0, v1alpha1.CrashLoopBackOff},
	{"RunContainerError", 1, v1alpha1.CrashLoopBackOff},
	{"Init:Error", 0, v1alpha1.CrashLoopBackOff},
	{"Init:CrashLoopBackOff", 2, v1alpha1.CrashLoopBackOff},
}

// podNames are as Deployments, StatefulSets, DaemonSets and people name pods.
var podNames = []string{"web-6d5f8b7c9-x2x4z", "ledger-0", "cart-agent-k2jx8", "pump"}

const podHeader = "NAME                     READY   STATUS                       RESTARTS   AGE\n"

func podRow(name, ready, status string, restarts int, age string) string {
	return fmt.Sprintf("%-24s %-7s %-28s %-10d %s\n", name, ready, status, restarts, age)
}

// TestWhatARowTellsIsAFailureUntilALaterOneTellsOtherwise prints the same pods again, in a table or a watch.
func TestWhatARowTellsIsAFailureUntilALaterOneTellsOtherwise(t *testing.T) {
	with, _ := newEngine(t)
	for _, trouble := range troubled {
		for _, name := range podNames {
			t.Run(trouble.status+" "+name, func(t *testing.T) {
				row := func(age string) string { return podRow(name, "0/1", trouble.status, trouble.restarts, age) }
				well := func(age string) string { return podRow(name, "1/1", "Running", trouble.restarts, age) }

				found := cases.Diagnose(with, []byte("$ kubectl get pods\n"+podHeader+row("21m")))
				require.NotEmpty(t, found)
				require.Equal(t, trouble.is, found[0].FailureType)

				for about, text := range map[string]string{
					"a later table": "$ kubectl get pods\n" + podHeader + row("40s") + "\n$ kubectl get pods\n" + podHeader + well("5m12s"),
					"a watch":       "$ kubectl get pods -w\n" + podHeader + podRow(name, "0/1", "Pending", 0, "0s") + row("12s") + well("75s"),
				} {
					require.Empty(t, cases.Diagnose(with, []byte(text)), about)
				}
			})
		}
	}
}

// TestWhatKeptAPodFromStartingIsNoFailureOnceItHasStarted puts the events of a start behind what failed before it, in both
// orders of time, with ages and, as people retell them, without.
func TestWhatKeptAPodFromStartingIsNoFailureOnceItHasStarted(t *testing.T) {
	with, _ := newEngine(t)
	start := []struct{ reason, message string }{
		{"Pulling", `Pulling image "registry.example.org/web:3"`},
		{"Pulled", `Successfully pulled image "registry.example.org/web:3" in 3.1s (3.1s including waiting)`},
		{"Created", "Created container web"},
		{"Started", "Started container web"},
	}
	for _, failed := range []struct{ reason, message string }{
		{"FailedScheduling", "0/3 nodes are available: 3 Insufficient memory."},
		{"FailedMount", `MountVolume.SetUp failed for volume "cfg" : configmap "cfg" not found`},
		{"FailedAttachVolume", `Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can't be attached to another`},
		{"Failed", `Failed to pull image "registry.example.org/web:3": rpc error: code = NotFound desc = failed to resolve reference "registry.example.org/web:3": registry.example.org/web:3: not found`},
		{"Failed", "Error: ErrImagePull"},
		{"FailedCreatePodSandBox", `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "9f": plugin type="calico" failed (add): connection is unauthorized`},
	} {
		t.Run(failed.reason+" "+failed.message, func(t *testing.T) {
			aged := func(kind, reason, age, message string) string {
				return fmt.Sprintf("%-11s %-9s %-22s pod/web-0   %s\n", age, kind, reason, message)
			}
			ageless := func(kind, reason, _, message string) string {
				return fmt.Sprintf("  %-8s %-24s %s\n", kind, reason, message)
			}
			for _, row := range []func(kind, reason, age, message string) string{aged, ageless} {
				rows := []string{row("Warning", failed.reason, "6m", failed.message)}
				require.NotEmpty(t, cases.Diagnose(with, []byte(rows[0])))
				for _, step := range start {
					rows = append(rows, row("Normal", step.reason, "4m", step.message))
				}
				require.Empty(t, cases.Diagnose(with, []byte(strings.Join(rows, ""))))
			}
		})
	}
}

package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatSaysNothingOfWhatHappenedBecomesBlank(t *testing.T) {
	for line, said := range map[string]bool{
		`kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"} 0`:    false,
		`kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"} 1`:    true,
		`kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"} 10`:   true,
		`# HELP node_vmstat_oom_kill /proc/vmstat information field oom_kill.`:     false,
		`summary: Node {{ $labels.node }} is NotReady`:                             false,
		`--- PASS: TestOOMKilled (0.01s)`:                                          false,
		`--- FAIL: TestOOMKilled (0.01s)`:                                          true,
		`✓ reports ImagePullBackOff (3 ms)`:                                        false,
		`If the image is wrong the pod shows ImagePullBackOff.`:                    false,
		`pod crane-0 shows ImagePullBackOff, see if the image is right`:            true,
		`Back-off restarting failed container crane`:                               true,
		`Error: failed to resolve "dock/crane", which may not exist`:               true,
		`crane is OOMKilled again and again`:                                       true,
		`the ok of the pull of the image dock/crane failed: ErrImagePull`:          true,
		`test oom_killed_is_seen ... ok`:                                           false,
		`tests/test_states.py::test_oomkilled PASSED                    [ 25%]`:    false,
		`0/3 nodes are available: 3 Insufficient cpu, which usually means a limit`: true,
	} {
		left := spoken([]byte("a\n" + line + "\nb"))
		require.Len(t, left, len(line)+4, line)
		require.Equal(t, said, string(left) == "a\n"+line+"\nb", line)
	}
}

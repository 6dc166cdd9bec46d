package engine

import (
	"strings"
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
		`crane-0   0/1   ImagePullBackOff   0   5m`:                                true,
		`ImagePullBackOff     0`:                                                   false,
		`memory.events: low 0 high 0 oom 0 oom_kill 0`:                             false,
		`memory.events: low 0 high 9 oom 2 oom_kill 2`:                             true,
		`pods: 3 Running, 2 CrashLoopBackOff`:                                      true,
		`  --oom-kill-off     start helpers without the OOM killer`:                false,
		`[sig-node] should report OOMKilled termination ... ok`:                    false,
		`$ kubectl get pods -A | grep -c OOMKilled`:                                false,
		`Pattern:Killed process \d+ (.+) total-vm:\d+kB`:                           false,
		`the problem was resolved, crane was OOMKilled before`:                     false,
		`FAILED - RETRYING: [dock4]: pull image (2 retries left).`:                 false,
		`reason=OOMKilled container=crane`:                                         true,
		`eviction manager: no observation found for eviction signal pid.available`: false,
		`Flag --keep-terminated-pod-volumes has been deprecated, will be removed`:  false,
		`http: TLS handshake error from 10.2.0.1:4411: EOF`:                        false,
		`http: TLS handshake error from 10.2.0.1:4411: tls: bad certificate`:       false,
		`先週の OOMKilled は上限を上げて解消しました`:                                              false,
		`2. kubectl describe pod: exit code 137 is OOMKilled`:                      false,
		`2. OOMKilled again`: true,
	} {
		left := spoken([]byte("a\n" + line + "\nb"))
		require.Len(t, left, len(line)+4, line)
		require.Equal(t, said, string(left) == "a\n"+line+"\nb", line)
	}
}

func TestPiecesOfALineThatNameWhatDidNotHappenBecomeBlank(t *testing.T) {
	for line, left := range map[string]string{
		`4 Running, 0 OOMKilled, 2 Evicted`:                                   `4 Running, , 2 Evicted`,
		`"GET /kb/OOMKilled HTTP/1.1" 200 12`:                                 ``,
		`"GET /healthz HTTP/1.1" 503 12 OOMKilled`:                            `"GET /healthz HTTP/1.1" 503 12 OOMKilled`,
		`topic pods.oomkilled.v1 has 2 partitions`:                            `topic pod has 2 partitions`,
		`pod crane-0: OOMKilled`:                                              `pod crane-0: OOMKilled`,
		`watched: ['OOMKilled', 'Evicted', 'Error'], every 20 s`:              `watched: , every 20 s`,
		`the kubelet runs with --image-pull-progress-deadline=10m since then`: `the kubelet runs with since then`,
	} {
		require.Equal(t, strings.Fields(left), strings.Fields(string(spoken([]byte(line)))), line)
	}
}

func TestAnAlertThatIsOverAndAChangeSayNothing(t *testing.T) {
	for _, text := range []string{
		"[RESOLVED] KubePodCrashLooping\nreason CrashLoopBackOff\n",
		`{"status": "resolved", "reason": "CrashLoopBackOff"}`,
		"diff --git a/values.yaml b/values.yaml\n-  memory: 64Mi # OOMKilled\n",
	} {
		require.Empty(t, spoken([]byte(text)), text)
	}
	require.NotEmpty(t, spoken([]byte("[RESOLVED] one\n[FIRING:1] KubePodCrashLooping\n")))
	require.NotEmpty(t, spoken([]byte("-> Resolved locally: 4\n")))
}

func TestWhatPassedOrWasTriedIsQuiet(t *testing.T) {
	passed := "=== RUN   TestFatal\n    a_test.go:3: level=fatal\n--- PASS: TestFatal (0.00s)\n"
	failed := "=== RUN   TestFatal\n    a_test.go:3: level=fatal\n--- FAIL: TestFatal (0.00s)\n"
	require.Equal(t, failed, strings.TrimLeft(string(quiet([]byte(passed+failed))), " \n"))
	require.Empty(t, strings.TrimSpace(string(quiet([]byte(">>> 1/0\nTraceback (most recent call last):\n  File \"<stdin>\", line 1\nZeroDivisionError: division by zero\n")))))
}

func TestOnlyTheEndOfALongTextIsReadForMessages(t *testing.T) {
	long := []byte(strings.Repeat("0123456789\n", maxPasted))
	require.Equal(t, "short\n", string(pasted([]byte("short\n"), maxPasted)))
	end := pasted(long, maxPasted)
	require.LessOrEqual(t, len(end), maxPasted)
	require.Greater(t, len(end), maxPasted-16)
	require.True(t, strings.HasPrefix(string(end), "0123456789\n"), "it begins with a whole line")
	require.Empty(t, pasted(long, 0))
}

package cases_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/cases"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

// TestWhatIsCutPickedOrWrittenPieceByPieceIsUnderstood holds texts whose shape decides, each with the failure type it is about;
// empty when nothing is wrong.
func TestWhatIsCutPickedOrWrittenPieceByPieceIsUnderstood(t *testing.T) {
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	with := engine.New(known)
	const last = "    Last State:     Terminated\n      Reason:       Error\n      Exit Code:    2\n      Started:      Sun, 14 Jan 2024 19:08:19 +0100\n"
	const notReady = `E0920 04:00:30.118204       1 kubelet.go:2913] "Container runtime network not ready" networkReady="NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"`
	const becameReady = `I0920 04:00:41.220118       1 kubelet_node_status.go:497] "Fast updating node status as it just became ready"`
	controller := func(replicas, pods string) string {
		return "Name:         frontend\nNamespace:    shop\nSelector:     app=frontend\nLabels:       app=frontend\nAnnotations:  <none>\nReplicas:     " + replicas + "\nPods Status:  " + pods +
			" / 0 Succeeded / 0 Failed\nPod Template:\n  Labels:  app=frontend\n  Containers:\n   web:\n    Image:         web:3\n    Mounts:        <none>\n  Volumes:         <none>\nEvents:            <none>\n"
	}
	const silent = "Conditions:\n  Type             Status    LastHeartbeatTime                 LastTransitionTime                Reason              Message\n" +
		"  ----             ------    -----------------                 ------------------                ------              -------\n" +
		"  MemoryPressure   Unknown   Sat, 07 Mar 2026 03:17:14 +0000   Sat, 07 Mar 2026 03:18:43 +0000   NodeStatusUnknown   Kubelet stopped posting node status.\n" +
		"  Ready            Unknown   Sat, 07 Mar 2026 03:17:14 +0000   Sat, 07 Mar 2026 03:18:43 +0000   NodeStatusUnknown   Kubelet stopped posting node status.\n"
	described := func(conditions ...string) string {
		text := "admin@master:~$ kubectl describe node worker1\nName:               worker1\nRoles:              <none>\nTaints:             <none>\nConditions:\n  Type             Status  LastHeartbeatTime                 LastTransitionTime                Reason                  Message\n" +
			"  ----             ------  -----------------                 ------------------                ------                  -------\n"
		for _, condition := range conditions {
			text += "  " + condition + "   Sat, 07 Mar 2026 03:17:14 +0000   Sat, 07 Mar 2026 03:16:43 +0000   KubeletSaysSo           as it is\n"
		}
		return text
	}
	nodes := func(second string) string {
		return "admin@master:~$ kubectl get nodes\nNAME      STATUS     ROLES           AGE   VERSION\nmaster    Ready      control-plane   8d    v1.36.2\nworker1   " + second + "     <none>          8d    v1.36.2\n"
	}
	const unpulled = "admin@master:~$ kubectl describe pod web-0\nName:             web-0\nNamespace:        shop\nNode:             worker1/192.0.2.7\nStatus:           Pending\nContainers:\n  web:\n    Image:          web:3\n    State:          Waiting\n" +
		"      Reason:       ImagePullBackOff\n    Ready:          False\n    Restart Count:  0\nConditions:\n  Type              Status\n  Ready             False\nEvents:\n  Type     Reason   Age   From     Message\n  ----     ------   ----  ----     -------\n" +
		"  Warning  Failed   9s    kubelet  Failed to pull image \"web:3\": not found\n"
	runs := func(ready, status, restarts string) string {
		return "admin@master:~$ kubectl get pods\nNAME    READY   STATUS    RESTARTS   AGE\nweb-0   " + ready + "     " + status + "   " + restarts + "          3m\n"
	}
	backedOff := func(ago string) string {
		return "LAST SEEN   TYPE      REASON      OBJECT                    MESSAGE\n" + ago + "         Warning   BackOff     pod/web-6d5f8b7c9-x2x4z   Back-off restarting failed container web in pod web-6d5f8b7c9-x2x4z_shop(1)\n" +
			"2m          Normal    Started     pod/api-79bd6f5d4c-8k2hv  Started container api\n"
	}
	for name, told := range map[string]struct{ text, want string }{
		"what a program calls information is no end":                                         {"[  3921.04s]  INFO inbound: request failed error=error trying to connect: Connection refused (os error 111)\n[ 86402.17s]  INFO daemon: certified\n", ""},
		"nor is what it says again and again":                                                {strings.Repeat("2026-03-01T11:00:01Z INFO worker: upstream not there: connection refused, will look again\n", 3), ""},
		"but an error that it says again and again is":                                       {strings.Repeat("2026-03-01T11:00:01Z ERROR worker: upstream not there: connection refused, will look again\n", 3), "CrashLoopBackOff"},
		"a piece of a journal after a table says that the node of an earlier piece is ready": {"Sep 20 04:00:30 worker-2 kubelet[812]: " + notReady + "\nNAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          3d\nSep 20 04:00:41 worker-2 kubelet[812]: " + becameReady + "\n", ""},
		"but not that another node is":                                                       {"Sep 20 04:00:30 worker-2 kubelet[812]: " + notReady + "\nNAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          3d\nSep 20 04:00:41 worker-3 kubelet[804]: " + becameReady + "\n", "NodeNotReady"},
		"a back-off of which nothing was told for most of an hour is over":                   {backedOff("46m"), ""},
		"one of some minutes ago is not":                                                     {backedOff("6m"), "CrashLoopBackOff"},
		"a later piece of a journal says that the node is ready":                             {notReady + "\n" + becameReady + "\n", ""},
		"the second of the states picked out of a description is the one that fails": {"Name:             scan-6b98c6c7d8-w2hd6\n    State:          Running\n    Ready:          True\n    Restart Count:  0\n" +
			"    State:          Waiting\n      Reason:       CrashLoopBackOff\n    Last State:     Terminated\n      Reason:       Error\n      Exit Code:    3\n    Ready:          False\n    Restart Count:  4\n", "CrashLoopBackOff"},
		"a run of nine days ended before a description was cut":                      {"Name:             seal-5cb95f7ff4-gmv7v\nNamespace:        ops\nStatus:           Running\nContainers:\n  seal:\n    Image:         seal:1\n    State:          Running\n      Started:      Tue, 23 Jan 2024 02:00:31 +0100\n" + last, ""},
		"none of the pods of a replication controller runs":                          {"$ kubectl describe rc frontend\n" + controller("3 current / 3 desired", "0 Running / 3 Waiting"), "Pending"},
		"a replication controller can't make its pods":                               {"$ kubectl describe rc frontend\n" + controller("1 current / 3 desired", "1 Running / 0 Waiting"), "Pending"},
		"all pods of a replication controller run":                                   {"$ kubectl describe rc frontend\n" + controller("3 current / 3 desired", "3 Running / 0 Waiting"), ""},
		"a table says that pods of a replication controller are missing":             {"$ kubectl get rc\nNAME       DESIRED   CURRENT   READY   AGE\nfrontend   3         1         1       9m\n", "Pending"},
		"a node was silent until its kubelet was started again":                      {silent + "\nadmin@master:~$ systemctl restart kubelet\n" + nodes("Ready"), ""},
		"one of the nodes is still silent after that":                                {silent + "\nadmin@master:~$ systemctl restart kubelet\n" + nodes("NotReady"), "NodeNotReady"},
		"a node that was ready in a table is silent when described":                  {nodes("Ready") + silent, "NodeNotReady"},
		"a pod that couldn't pull its image runs in a later table":                   {unpulled + runs("1/1", "Running", "0"), ""},
		"it was started again":                                                       {unpulled + runs("1/1", "Running", "4"), "ImagePullBackOff"},
		"it ran in an earlier table":                                                 {runs("1/1", "Running", "0") + unpulled, "ImagePullBackOff"},
		"a node is drained, upgraded and removed, in a list without times":           {"Normal    Drain          Node/pool-1-000009   Draining node: pool-1-000009\nNormal    Upgrade        Node/pool-1-000009   Deleting node pool-1-000009 from API server\nNormal    RemovingNode   Node/pool-1-000009   Node pool-1-000009 event: Removing Node pool-1-000009 from Controller\n", ""},
		"a node is removed that nobody drained, in a list without times":             {"Normal    NodeNotReady   Node/pool-1-000009   Node pool-1-000009 status is now: NodeNotReady\nNormal    RemovingNode   Node/pool-1-000009   Node pool-1-000009 event: Removing Node pool-1-000009 from Controller\n", "NodeNotReady"},
		"a node is ready again and its disk is full":                                 {described("DiskPressure     True ", "Ready            False") + nodes("Ready"), "NodeNotReady"},
		"a node is ready and its disk is full":                                       {described("DiskPressure     True ", "Ready            True ") + nodes("Ready"), "NodeNotReady"},
		"of a pod of one name in another namespace":                                  {strings.ReplaceAll(unpulled+runs("1/1", "Running", "0"), "get pods", "get pods -n staging"), "ImagePullBackOff"},
		"of a pod of one name in another cluster":                                    {strings.ReplaceAll(unpulled+runs("1/1", "Running", "0"), "get pods", "get pods --context staging"), "ImagePullBackOff"},
		"only some of the nodes are asked for":                                       {silent + strings.ReplaceAll(nodes("Ready"), "get nodes", "get nodes -l role=control-plane"), "NodeNotReady"},
		"only some of the nodes are shown":                                           {silent + strings.ReplaceAll(nodes("Ready"), "get nodes", "get nodes | head -3"), "NodeNotReady"},
		"a pod that ended again and again was made anew seconds ago":                 {strings.ReplaceAll(strings.ReplaceAll(unpulled, "ImagePullBackOff", "CrashLoopBackOff"), "Count:  0", "Count:  7") + strings.ReplaceAll(runs("1/1", "Running", "0"), "3m", "4s"), "CrashLoopBackOff"},
		"a node is put back into service before it is lost, in a list without times": {"Normal    NodeNotSchedulable   Node/n-1   Node n-1 status is now: NodeNotSchedulable\nNormal    NodeSchedulable   Node/n-1   Node n-1 status is now: NodeSchedulable\nNormal    NodeNotReady   Node/n-1   Node n-1 status is now: NodeNotReady\n", "NodeNotReady"},
		"a person's debugging ends as it likes":                                      {"Ephemeral Containers:\n  debugger-8k9vs:\n    Image:          netshoot\n    State:          Terminated\n      Reason:       Error\n      Exit Code:    130\n    Ready:          False\n    Restart Count:  0\nConditions:\n  Type              Status\n  Ready             True\n  ContainersReady   True\n", ""},
		"records of JSON are lines of their own":                                     {`{"level":60,"time":1715402000001,"msg":"unhandledRejection (policy=log)"}` + "\n" + `{"level":30,"time":1715402010300,"msg":"rooms=311"}` + "\n" + `{"level":30,"time":1715402070301,"msg":"rooms=309"}` + "\n" + `{"level":30,"time":1715402130301,"msg":"rooms=310"}` + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := cases.Diagnose(with, []byte(told.text))
			if told.want == "" {
				require.Empty(t, found)
				return
			}
			require.NotEmpty(t, found)
			require.Equal(t, told.want, string(found[0].FailureType))
		})
	}
}

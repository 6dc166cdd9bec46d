package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pastes are texts as people paste them: cut, shifted, wrapped, of any version, and what is understood of them.
var pastes = []struct {
	name string
	text string
	want []string
}{
	{
		"a description that lost its indentation",
		`kubectl describe pod ledger-api-6c9d7f8b54-q2wxz:

Name: ledger-api-6c9d7f8b54-q2wxz
Namespace: billing
Priority: 0
Node: worker-7/10.2.0.17
Labels: app=ledger-api
pod-template-hash=6c9d7f8b54
Annotations: <none>
Status: Running
IP: 10.42.3.9
IPs:
IP: 10.42.3.9
Controlled By: ReplicaSet/ledger-api-6c9d7f8b54
Containers:
api:
Container ID: containerd://1f2e
Image: registry.example/ledger-api:2.4
Port: 8080/TCP
State: Waiting
Reason: CrashLoopBackOff
Last State: Terminated
Reason: Error
Exit Code: 3
Ready: False
Restart Count: 8
Limits:
memory: 96Mi
Environment:
LEDGER_DB: ledger-db
proxy:
Container ID: containerd://9a8b
Image: registry.example/proxy:1
State: Running
Ready: True
Restart Count: 0
Conditions:
Type Status
Ready False
Volumes:
config:
Type: ConfigMap (a volume populated by a ConfigMap)
Name: ledger-config
Optional: false
QoS Class: Burstable
Events: <none>
`,
		[]string{
			"pod billing/ledger-api-6c9d7f8b54-q2wxz Running",
			"  api ready=false restarts=8 waiting CrashLoopBackOff last:terminated Error 3",
			"  proxy ready=true restarts=0 running last:",
			"  limit 96Mi",
			"  condition Ready=False",
		},
	},
	{
		"a description whose first line alone lost its indentation",
		`Name:         cart-0
      Namespace:    shop
      Node:         n1/10.0.0.4
      Status:       Running
      Containers:
        cart:
          Image:          cart:1
          State:          Waiting
            Reason:       CrashLoopBackOff
          Last State:     Terminated
            Reason:       OOMKilled
            Exit Code:    137
          Ready:          False
          Restart Count:  4
`,
		[]string{"pod shop/cart-0 Running", "  cart ready=false restarts=4 waiting CrashLoopBackOff last:terminated OOMKilled 137"},
	},
	{
		"the state of a container cut out below its State",
		`$ kubectl describe pod -n mail relay-7
...
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
    Ready:          True
    Restart Count:  2
    Limits:
      memory:  80Mi
`,
		[]string{"pod mail/relay-7", "  ready=true restarts=2  last:terminated OOMKilled 137", "  limit 80Mi"},
	},
	{
		"the state of a container whose fields stand side by side",
		`    State: Terminated
    Reason: OOMKilled
    Restart Count: 6
    Limits:
    memory: 48Mi
`,
		[]string{"pod /", "  ready=false restarts=6 terminated OOMKilled -1 last:", "  limit 48Mi"},
	},
	{
		"the state of a container whose first line alone lost its indentation",
		`State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       Error
      Exit Code:    2
    Ready:          False
    Restart Count:  11
`,
		[]string{"pod /", "  ready=false restarts=11 waiting CrashLoopBackOff last:terminated Error 2"},
	},
	{
		"a piece of a description below the table that names its pod",
		`NAME                     READY   STATUS             RESTARTS      AGE
mailer-5d7c9b6f4-x8zkq   0/1     CrashLoopBackOff   7 (40s ago)   12m

    Last State:     Terminated
      Reason:       Error
      Exit Code:    78
Events:
  Type     Reason   Age   From     Message
  ----     ------   ----  ----     -------
  Warning  BackOff  40s   kubelet  Back-off restarting failed container mailer in pod mailer-5d7c9b6f4-x8zkq_default(77)
`,
		[]string{
			"event Pod//mailer-5d7c9b6f4-x8zkqspec.containers{mailer} Warning BackOff x1 Back-off restarting failed container mailer in pod mailer-5d7c9b6f4-x8zkq_default(77)",
			"pod /mailer-5d7c9b6f4-x8zkq Running",
			"  ready=false restarts=7 waiting CrashLoopBackOff last:terminated Error 78",
		},
	},
	{
		"a description cut before its containers below the table of its pod",
		`NAME      READY   STATUS      RESTARTS   AGE
tally-2   1/2     OOMKilled   3          9m

Name:         tally-2
Namespace:    stats
Node:         n4/10.0.0.9
`,
		[]string{"pod stats/tally-2 Running", "  ready=false restarts=3 terminated OOMKilled 137 last:", "  ready=true restarts=0 running last:"},
	},
	{
		"an evicted pod whose description ends with the message",
		`Name:             thumbs-58f7d9c6b4-7tqmn
Namespace:        media
Priority:         0
Node:             worker-2/10.9.0.12
Start Time:       Tue, 14 Apr 2026 03:51:29 +0000
Status:           Failed
Reason:           Evicted
Message:          The node was low on resource: ephemeral-storage.
`,
		[]string{"pod media/thumbs-58f7d9c6b4-7tqmn Failed"},
	},
	{
		"a description of Kubernetes 1.0",
		"Name:\t\t\t\tstore\nNamespace:\t\t\tdefault\nImage(s):\t\t\texample/store\nNode:\t\t\t\t/\nLabels:\t\t\t\tname=store\nStatus:\t\t\t\tPending\nReason:\t\t\t\t\nMessage:\t\t\t\nIP:\t\t\t\t\nReplication Controllers:\t<none>\n" +
			"Containers:\n  store:\n    Image:\texample/store\n    State:\t\tWaiting\n      Reason:\t\tError: image example/store:latest not found\n    Ready:\t\tFalse\n    Restart Count:\t0\nEvents:\n" +
			"  FirstSeen\t\t\t\tLastSeen\t\t\tCount\tFrom\t\tSubobjectPath\tReason\t\t\tMessage\n" +
			"  Mon, 06 Jul 2015 09:30:55 -0700\tMon, 06 Jul 2015 09:31:10 -0700\t5\t{scheduler }\t\t\tfailedScheduling\tFailed for reason PodFitsHost and possibly others\n" +
			"  Mon, 06 Jul 2015 09:30:57 -0700\tMon, 06 Jul 2015 09:31:12 -0700\t2\t{kubelet n1}\timplicitly required container POD\tpulled\t\t\tSuccessfully pulled image\n",
		[]string{
			"pod default/store Pending",
			"  store ready=false restarts=0 waiting ErrImagePull Error: image example/store:latest not found last:",
			"event Pod/default/store Warning FailedScheduling x5 Failed for reason PodFitsHost and possibly others",
			"event Pod/default/store Normal Pulled x2 Successfully pulled image",
		},
	},
	{
		"events of kubectl 1.5 with a type",
		"Name:\t\tq-1\nNamespace:\tjobs\nContainers:\n  q:\n    Image:\tq:1\n    Last Termination State:\tTerminated\n      Reason:\t\tError\n      Exit Code:\t9\n    Ready:\tFalse\n    Restart Count:\t3\nEvents:\n" +
			"  FirstSeen\tLastSeen\tCount\tFrom\t\t\tSubObjectPath\t\tType\t\tReason\t\tMessage\n  ---------\t--------\t-----\t----\t\t\t-------------\t\t--------\t------\t\t-------\n" +
			"  5m\t\t1m\t\t4\t{kubelet n2}\t\tspec.containers{q}\tWarning\t\tUnhealthy\tLiveness probe failed: connection refused\n",
		[]string{"pod jobs/q-1", "  q ready=false restarts=3  last:terminated Error 9", "event Pod/jobs/q-1spec.containers{q} Warning Unhealthy x4 Liveness probe failed: connection refused"},
	},
	{
		"the conditions of a node without its description",
		`$ kubectl describe node edge-4
Conditions:
  Type             Status    LastHeartbeatTime                 LastTransitionTime                Reason              Message
  ----             ------    -----------------                 ------------------                ------              -------
  MemoryPressure   Unknown   Mon, 06 Apr 2026 13:54:18 +0000   Mon, 06 Apr 2026 13:55:03 +0000   NodeStatusUnknown   Kubelet stopped posting node status.
  Ready            Unknown   Mon, 06 Apr 2026 13:54:18 +0000   Mon, 06 Apr 2026 13:55:03 +0000   NodeStatusUnknown   Kubelet stopped posting node status.
`,
		[]string{"node edge-4 MemoryPressure=Unknown/NodeStatusUnknown Ready=Unknown/NodeStatusUnknown"},
	},
	{
		"a description of a node with a gap before its conditions",
		`Name:               edge-5
Roles:              worker
  Type     Status  LastHeartbeatTime                 LastTransitionTime                Reason           Message
  ----     ------  -----------------                 ------------------                ------           -------
  Ready    False   Mon, 06 Apr 2026 13:54:18 +0000   Sun, 05 Apr 2026 21:39:37 +0000   KubeletNotReady  PLEG is not healthy: pleg was last seen active 4h7m50s ago; threshold is 3m0s
`,
		[]string{"node edge-5 Ready=False/KubeletNotReady"},
	},
	{
		"a description of a node of 2016 cut in a condition",
		"Name:\t\t\tpool-a-x1\nLabels:\t\t\tkubernetes.io/hostname=pool-a-x1\nTaints:\t\t\t<none>\nCreationTimestamp:\tWed, 07 Sep 2016 18:14:43 -0700\nPhase:\nConditions:\n" +
			"  Type\t\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n  ----\t\t------\t-----------------\t------------------\t------\t-------\n  Ready \tUnknown \tSat, 10 Sep 2016 10:38:41 -0700\n",
		[]string{"node pool-a-x1 Ready=Unknown/"},
	},
	{
		"a table of nodes with a gap",
		`% oc get nodes
NAME         STATUS                     ROLES    AGE    VERSION
........
compute-1    Ready                      worker   4h41m  v1.30.4
compute-2    Ready,SchedulingDisabled   worker   4h41m  v1.30.4
`,
		[]string{"node compute-1 Ready=True/", "node compute-2 Ready=True/ cordoned"},
	},
	{
		"a table of nodes of 2015",
		`NAME           LABELS        STATUS
10.1.25.11     Schedulable   name=dns      NotReady
10.1.26.95     Schedulable   name=worker   Ready
`,
		[]string{"node 10.1.25.11 Ready=False/", "node 10.1.26.95 Ready=True/"},
	},
	{
		"rows of pods without a header, one with a namespace and a node",
		`search   indexer-vx81d   0/1   Pending   0   1h
search   query-0f2mk     1/1   Running   0   23m   node-a.example
pod/relay-6b85dbb8b5-cz7xk    0/1     Error     2 (29s ago)   32s
`,
		[]string{
			"pod search/indexer-vx81d Pending",
			"pod search/query-0f2mk Running", "  ready=true restarts=0 running last:",
			"pod /relay-6b85dbb8b5-cz7xk Running", "  ready=false restarts=2 terminated Error -1 last:terminated  -1",
		},
	},
	{
		"a table whose names were made shorter",
		`NAME                              STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS        VOLUMEATTRIBUTESCLASS   AGE
catalog-data                   Pending                                      fast-nvme        <unset>                 21m
data-db-0                         Pending                                                          <unset>                 37m
`,
		[]string{"claim /catalog-data Pending fast-nvme", "claim /data-db-0 Pending "},
	},
	{
		"events of oc without a header, in the order before 1.14",
		`3m    9m    4    builder-1-deploy   Pod                                   Warning   FailedMount   kubelet, node-3      Unable to mount volumes for pod "builder-1-deploy_ci(5f)": timeout expired waiting for volumes to attach/mount
3m    9m    2    builder-1-deploy   Pod   spec.containers{deployment}     Normal    Pulled        {kubelet node-3}     Container image is already present
`,
		[]string{
			`event Pod//builder-1-deploy Warning FailedMount x4 Unable to mount volumes for pod "builder-1-deploy_ci(5f)": timeout expired waiting for volumes to attach/mount`,
			"event Pod//builder-1-deployspec.containers{deployment} Normal Pulled x2 Container image is already present",
		},
	},
	{
		"events without a header",
		`2m10s   Warning   FailedScheduling   pod/batch-3   0/4 nodes are available: 4 Insufficient memory.
`,
		[]string{"event Pod//batch-3 Warning FailedScheduling x1 0/4 nodes are available: 4 Insufficient memory."},
	},
	{
		"events that were broken before their message and inside a name",
		`Events:
  Warning  Failed     2m (x4 over 5m)   kubelet
           Failed to pull image "registry.example/team/price-
calc:9": not found
  Warning  FailedScheduling
  12s  default-scheduler  0/2 nodes are available: 2 Insufficient cpu.
`,
		[]string{
			`event Pod// Warning Failed x4 Failed to pull image "registry.example/team/price-calc:9": not found`,
			"event Pod// Warning FailedScheduling x1 0/2 nodes are available: 2 Insufficient cpu.",
		},
	},
	{
		"messages of events alone",
		`rc/basket-1
Error creating: pods "basket-1-" is forbidden: exceeded quota: team, requested: limits.cpu=384m, used: limits.cpu=384m, limited: limits.cpu=384m
a few seconds ago

Unable to mount volumes for pod "proxy-748875f85c-vwj7l_edge(8f01faa0-6ed8-
11e8)": timeout expired waiting for volumes to attach or mount
`,
		[]string{
			`event // Warning FailedCreate x1 Error creating: pods "basket-1-" is forbidden: exceeded quota: team, requested: limits.cpu=384m, used: limits.cpu=384m, limited: limits.cpu=384m`,
			`event Pod/edge/proxy-748875f85c-vwj7l Warning FailedMount x1 Unable to mount volumes for pod "proxy-748875f85c-vwj7l_edge(8f01faa0-6ed8-11e8)": timeout expired waiting for volumes to attach or mount`,
			"log /: rc/basket-1",
			"log /: a few seconds ago",
		},
	},
	{
		"the preflight of kubeadm",
		`[preflight] Some fatal errors occurred:
	[ERROR ImagePull]: failed to pull image registry.example/kube-proxy:v1.30.1: output: Get https://registry.example/v2/: x509: certificate signed by unknown authority
, error: exit status 1
`,
		[]string{
			`event // Warning Failed x1 Failed to pull image "registry.example/kube-proxy:v1.30.1": output: Get https://registry.example/v2/: x509: certificate signed by unknown authority , error: exit status 1`,
			"log /: [preflight] Some fatal errors occurred:",
		},
	},
	{
		"a log that the API server refused",
		`$ kubectl logs -n media upload-7f upload
Error from server (BadRequest): container "upload" in pod "upload-7f" is waiting to start: trying and failing to pull image
`,
		[]string{"pod media/upload-7f Pending", "  upload ready=false restarts=0 waiting ImagePullBackOff trying and failing to pull image last:"},
	},
	{
		"lines of a kubelet without level and time",
		`kubelet.go:2267] node "10.4.0.8" not found
pod_workers.go:191] Error syncing pod 77 ("cache-0_shop(77)"), skipping: failed to "StartContainer" for "cache" with CrashLoopBackOff: "back-off 5m0s"
`,
		[]string{"pod shop/cache-0 Running", "  cache ready=false restarts=0 waiting CrashLoopBackOff back-off 5m0s last:", `log 10.4.0.8/: kubelet.go:2267] node "10.4.0.8" not found`},
	},
	{
		"lines of a kubelet about volumes before 1.10",
		`E0512 13:56:58.757986   13539 kubelet.go:943] Unable to mount volumes for pod "report-build-2_ci": secrets "deploykey" not found; skipping pod
E0512 13:57:02.659238    6117 pod_workers.go:186] Error syncing pod 77 ("setup-5v9r3_ci(77)"), skipping: timeout expired waiting for volumes to attach/mount for pod "ci"/"setup-5v9r3"
`,
		[]string{
			`event Pod/ci/report-build-2 Warning FailedMount x1 Unable to mount volumes for pod "report-build-2_ci": secrets "deploykey" not found`,
			`event Pod/ci/setup-5v9r3 Warning FailedSync x1 Error syncing pod, skipping: timeout expired waiting for volumes to attach/mount for pod "ci"/"setup-5v9r3"`,
		},
	},
	{
		"a quoted description",
		`> $ kubectl describe pod grid-0
> Name:         grid-0
> Namespace:    play
> Containers:
>   grid:
>     Image:          grid:1
>     State:          Waiting
>       Reason:       ErrImagePull
>     Ready:          False
>     Restart Count:  0
`,
		[]string{"pod play/grid-0", "  grid ready=false restarts=0 waiting ErrImagePull last:"},
	},
	{
		"the status of a pod in YAML",
		`$ kubectl get pod tax-7 -n gov -o yaml
...
status:
  conditions:
  - lastProbeTime: null
    lastTransitionTime: "2026-03-02T10:11:12Z"
    status: "False"
    type: Ready
  containerStatuses:
  - image: registry.example/tax:3
    lastState:
      terminated:
        exitCode: 137
        reason: OOMKilled
    name: tax
    restartCount: 5
    state:
      waiting:
        reason: CrashLoopBackOff
`,
		[]string{"pod gov/tax-7", "  tax ready=false restarts=5 waiting CrashLoopBackOff last:terminated OOMKilled 137", "  condition Ready=False"},
	},
	{
		"the state of a container in YAML",
		`    lastState:
      terminated:
        exitCode: 2
        reason: Error
    name: sync
    ready: true
    restartCount: 3
`,
		[]string{"pod /", "  sync ready=true restarts=3  last:terminated Error 2"},
	},
	{
		"the statuses of containers in JSON",
		`"containerStatuses": [
    {
        "name": "vote",
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}
    }
],
"hostIP": "10.0.0.1",
`,
		[]string{"pod /", "  vote ready=false restarts=3 waiting CrashLoopBackOff last:"},
	},
	{
		"JSON that begins inside the conditions of a pod that is ready, and ends inside the last run of a container",
		`            "status": "True",
            "type": "Ready"
        }
    ],
    "containerStatuses": [
        {
            "lastState": {
                "terminated": {
                    "exitCode": 255,
`,
		[]string{"pod /", "  ready=true restarts=1 running last:terminated  255", "  condition Ready=True"},
	},
	{
		"JSON that begins inside the last run of a container, and ends with half a line",
		`                        "exitCode": 1,
                        "reason": "Error"
                    }
                },
                "name": "sync",
                "ready": false,
                "restartCount": 9,
                "state": {
                    "waiting": {
                        "message": "back-off 5m0s restarting failed container=sync pod=sy
`,
		[]string{"pod /", "  sync ready=false restarts=9 waiting  last:terminated Error 1"},
	},
	{
		"the end of a pod in JSON",
		`                "ready": true,
                "restartCount": 2,
                "state": {
                    "running": {
                        "startedAt": "2026-03-02T10:11:12Z"
                    }
                }
            }
        ],
        "phase": "Running",
        "qosClass": "Burstable"
    }
}
`,
		[]string{"pod / Running", "  ready=true restarts=2 running last:"},
	},
	{
		"YAML that begins inside the conditions of a pod that is ready, and ends inside the last run of a container",
		`    lastTransitionTime: "2026-03-02T10:11:12Z"
    status: "True"
    type: Ready
  - lastTransitionTime: "2026-03-02T10:11:12Z"
    status: "True"
    type: PodScheduled
  containerStatuses:
  - image: sync:2
    lastState:
      terminated:
        exitCode: 255
`,
		[]string{"pod /", "  ready=true restarts=1 running last:terminated  255", "  condition Ready=True", "  condition PodScheduled=True"},
	},
	{
		"JSON whose beginning was cut that is no status",
		`        "level": "error",
        "message": "it failed"
    },
    {
        "level": "info"
    }
]
`,
		[]string{`log /: "level": "error",`},
	},
	{
		"the conditions of a node in YAML",
		`  conditions:
  - lastHeartbeatTime: "2026-03-02T10:11:12Z"
    lastTransitionTime: "2026-03-02T10:11:12Z"
    reason: KubeletNotReady
    status: "False"
    type: Ready
`,
		[]string{"node unknown Ready=False/KubeletNotReady"},
	},
	{
		"a manifest with gaps, and a log behind it without an empty line",
		`apiVersion: v1
kind: Pod
metadata:
  name: plan-1
  ...
status:
  phase: Running
  containerStatuses:
  - name: plan
    restartCount: 2
    state:
      waiting: {reason: CrashLoopBackOff}
Traceback (most recent call last):
  File "/srv/plan.py", line 7, in <module>
KeyError: 'PLAN_HOST'
`,
		[]string{"pod /plan-1 Running", "  plan ready=false restarts=2 waiting CrashLoopBackOff last:", "log /: Traceback (most recent call last):"},
	},
	{
		"a manifest that goes over into a trace",
		"apiVersion: v1\nkind: Pod\nmetadata:\n  name: plan-2\nstatus:\n  phase: Running\n\tat com.example.Plan.main(Plan.java:7)\n\tat com.example.Plan.run(Plan.java:3)\n",
		[]string{"pod /plan-2 Running", "log /: at com.example.Plan.main(Plan.java:7)"},
	},
	{
		"the state of a container in YAML whose first line alone lost its indentation",
		`state:
        waiting:
          reason: CrashLoopBackOff
          message: >-
            back-off 5m0s restarting failed container=chat
            pod=chat-0_talk(55)
      image: chat:1
      lastState:
        terminated:
          exitCode: 139
          reason: Error
`,
		[]string{"pod /", "  ready=false restarts=0 waiting CrashLoopBackOff back-off 5m0s restarting failed container=chat pod=chat-0_talk(55) last:terminated Error 139"},
	},
	{
		"the status and the specification of a container in YAML",
		`  containerStatuses:
  - containerID: containerd://33
    image: registry.example/mint:2
    lastState:
      terminated:
        exitCode: 137
        reason: OOMKilled

        image: registry.example/mint:2
        ports:
        - containerPort: 9443
          name: webhook
        resources:
          limits:
            memory: 24Mi
`,
		[]string{"pod /", "  ready=false restarts=1  last:terminated OOMKilled 137", "  limit 24Mi"},
	},
	{
		"the usage of containers, of pods and of nodes",
		`$ kubectl top pod -n shop --containers
POD     NAME    CPU(cores)   MEMORY(bytes)
web-1   app     250m         96Mi
web-1   proxy   3m           12Mi

$ kubectl top pods -A
NAMESPACE   NAME    CPU(cores)   MEMORY(bytes)
data        db-0    2            1Gi

$ kubectl top nodes
NAME     CPU(cores)   CPU%   MEMORY(bytes)   MEMORY%
node-1   250m         12%    1900Mi          48%
`,
		[]string{"usage shop/web-1/app 250m 100663296", "usage shop/web-1/proxy 3m 12582912", "usage data/db-0/ 2000m 1073741824"},
	},
	{
		"the bounds of a namespace",
		`Name:         team-a
Labels:       kubernetes.io/metadata.name=team-a
Annotations:  <none>
Status:       Active

Resource Quotas
  Name:            compute
  Resource         Used   Hard
  --------         ---    ---
  limits.memory    768Mi  1Gi
  pods             3      10
  Name:            best-effort
  Scopes:          BestEffort
   * Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.
  Resource         Used  Hard
  --------         ---   ---
  pods             0     2

Resource Limits
 Type       Resource  Min  Max  Default Request  Default Limit  Max Limit/Request Ratio
 ----       --------  ---  ---  ---------------  -------------  -----------------------
 Container  memory    -    1Gi  128Mi            256Mi          -
`,
		[]string{
			"quota team-a/compute limits.memory=768Mi/1Gi pods=3/10", "quota team-a/best-effort pods=0/2",
			"limits team-a/ Container max.memory=1Gi default.memory=256Mi",
		},
	},
	{
		"a namespace without bounds",
		`Name:         team-b
Labels:       <none>
Annotations:  <none>
Status:       Active

No resource quota.

No LimitRange resource.
`,
		nil,
	},
	{
		"quotas by get and by describe",
		`$ kubectl -n team-c get resourcequota
NAME      AGE   REQUEST                                   LIMIT
compute   3d    pods: 3/10, requests.memory: 1Gi/2Gi      limits.memory: 768Mi/1Gi

$ kubectl describe quota -n team-d
Name:          other
Namespace:     team-d
Resource       Used  Hard
--------       ----  ----
requests.cpu   2     4
`,
		[]string{"quota team-d/other requests.cpu=2/4", "quota team-c/compute limits.memory=768Mi/1Gi pods=3/10 requests.memory=1Gi/2Gi"},
	},
	{
		"a quota and a limit range in YAML",
		`apiVersion: v1
kind: ResourceQuota
metadata: {name: compute, namespace: team-e}
status: {hard: {pods: "4"}, used: {pods: "4"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: sizes, namespace: team-e}
spec:
  limits:
  - type: Container
    max: {memory: 512Mi}
    default: {memory: 64Mi}
`,
		[]string{"quota team-e/compute pods=4/4", "limits team-e/sizes Container max.memory=512Mi default.memory=64Mi"},
	},
	{
		"a description without its first lines",
		`Namespace:        search
Priority:         0
Node:             n9/10.1.1.9
Status:           Running
Containers:
  find:
    Image:          find:1
    State:          Waiting
      Reason:       CrashLoopBackOff
    Ready:          False
    Restart Count:  3
`,
		[]string{"pod search/ Running", "  find ready=false restarts=3 waiting CrashLoopBackOff last:"},
	},
	{
		"why a pod was evicted, alone",
		`$ kubectl describe pod thumbs-7 -n media
Status:       Failed
Reason:       Evicted
Message:      The node was low on resource: ephemeral-storage.
`,
		[]string{"pod media/thumbs-7 Failed"},
	},
	{
		"the state of a container and the rest of the description without its events",
		`    State:          Waiting
      Reason:       ContainerCreating
    Ready:          False
    Restart Count:  0
Conditions:
  Type              Status
  Initialized       True
  Ready             False
`,
		[]string{"pod /", "  ready=false restarts=0 waiting ContainerCreating last:", "  condition Initialized=True", "  condition Ready=False"},
	},
	{
		"the tail of a description below the table of its pod",
		`NAME                         READY   STATUS    RESTARTS   AGE
metrics-848d94b499-8blgc     0/1     Pending   0          5m

Tolerations:     node.kubernetes.io/not-ready:NoExecute for 300s
                 node.kubernetes.io/unreachable:NoExecute for 300s
  Type     Reason            Age   From               Message
  ----     ------            ----  ----               -------
  Warning  FailedScheduling  5m    default-scheduler  0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.
`,
		[]string{
			"event Pod//metrics-848d94b499-8blgc Warning FailedScheduling x1 0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
			"pod /metrics-848d94b499-8blgc Pending",
		},
	},
	{
		"events under their columns alone",
		`  Type     Reason   Age   From     Message
  ----     ------   ----  ----     -------
  Warning  BackOff  40s   kubelet  Back-off restarting failed container
`,
		[]string{"event Pod// Warning BackOff x1 Back-off restarting failed container"},
	},
	{
		"old events without their columns",
		"  2h\t\t48m\t\t7\tdefault-scheduler\t\t\tWarning\t\tFailedScheduling\tNo nodes are available that match all of the following predicates:: Insufficient cpu (9).\n",
		[]string{"event Pod// Warning FailedScheduling x7 No nodes are available that match all of the following predicates:: Insufficient cpu (9)."},
	},
	{
		"events of all namespaces without a header, one on two lines, one without a type",
		`pipelines    25m    Warning   FailedCreate   replicaset/hook-7464568dff   Error creating: pods "hook-7464568dff-" is forbidden
65s   Warning   Unhealthy   pod/front-557f465b7f-xqz9q
Readiness probe failed: timeout
28m   9s   170   nginx   Pod   spec.containers{nginx}   Unhealthy   {kubelet 127.0.0.1}   Liveness probe failed: 404
`,
		[]string{
			`event ReplicaSet/pipelines/hook-7464568dff Warning FailedCreate x1 Error creating: pods "hook-7464568dff-" is forbidden`,
			"event Pod//front-557f465b7f-xqz9q Warning Unhealthy x1 Readiness probe failed: timeout",
			"event Pod//nginxspec.containers{nginx}  Unhealthy x170 Liveness probe failed: 404",
		},
	},
	{
		"what a dashboard says of a container",
		`ImagePullBackOff: Back-off pulling image "registry.example/lead:v1"
ErrImagePull: manifest for registry.example/lead:v1 not found
`,
		[]string{"pod /", `  ready=false restarts=0 waiting ImagePullBackOff Back-off pulling image "registry.example/lead:v1": ErrImagePull: manifest for registry.example/lead:v1 not found last:`},
	},
	{
		"a message in a list with the quotes of a forum",
		`* Failed to pull image “registry.example/kit:1”: not found
`,
		[]string{`event // Warning Failed x1 Failed to pull image "registry.example/kit:1": not found`},
	},
	{
		"the status of the kubelet's unit",
		`● kubelet.service - kubelet: The Kubernetes Node Agent
   Loaded: loaded (/lib/systemd/system/kubelet.service; enabled)
   Active: activating (auto-restart) (Result: exit-code) since Wed 2026-04-15 12:48:02 UTC; 4s ago
  Process: 4711 ExecStart=/usr/bin/kubelet (code=exited, status=1/FAILURE)

Apr 15 12:48:02 edge-6 kubelet[4711]: E0415 12:48:02.000000    4711 run.go:74] "command failed" err="failed to load Kubelet config file"
`,
		[]string{"log edge-6/: ● kubelet.service - kubelet: The Kubernetes Node Agent"},
	},
	{
		"the end of a node's description",
		`Conditions:
  Type     Status  LastHeartbeatTime                 LastTransitionTime                Reason        Message
  ----     ------  -----------------                 ------------------                ------        -------
  Ready    True    Mon, 06 Apr 2026 13:54:18 +0000   Sun, 05 Apr 2026 21:39:37 +0000   KubeletReady  kubelet is posting ready status
Addresses:
  InternalIP:  10.0.0.7
...
Allocated resources:
  (Total limits may be over 100 percent, i.e., overcommitted.)
  Resource  Requests     Limits
  --------  --------     ------
  cpu       1650m (41%)  2 (50%)
Events:
  Type     Reason              Age   From     Message
  ----     ------              ----  ----     -------
  Warning  EvictionThresholdMet  2m    kubelet  Attempting to reclaim memory
`,
		[]string{"node unknown Ready=True/KubeletReady", "event Node//unknown Warning EvictionThresholdMet x1 Attempting to reclaim memory"},
	},
	{
		"the conditions of a node in JSON",
		`curl localhost:8001/api/v1/nodes/edge-8 -s | jq .status.conditions
[
  {
    "type": "Ready",
    "status": "Unknown",
    "lastHeartbeatTime": "2026-04-06T09:24:05Z",
    "reason": "NodeStatusUnknown"
  }
]
`,
		[]string{"node unknown Ready=Unknown/NodeStatusUnknown", "log /: curl localhost:8001/api/v1/nodes/edge-8 -s | jq .status.conditions"},
	},
	{
		"a description cut inside its first container",
		`    Command:
      sleep
      3600
    State:          Running
      Started:      Fri, 03 Apr 2026 14:50:44 +1000
    Ready:          True
    Restart Count:  0
    Mounts:
      /data from data (rw)
  side:
    Container ID:  docker://e1
    Image:         side:1
    State:          Waiting
      Reason:       CrashLoopBackOff
    Ready:          False
    Restart Count:  4
Conditions:
  Type              Status
  Ready             False
`,
		[]string{"pod /", "  ready=true restarts=0 running last:", "  side ready=false restarts=4 waiting CrashLoopBackOff last:", "  condition Ready=False"},
	},
	{
		"a description cut inside an init container",
		`    Image:          wait:1
    State:          Terminated
      Reason:       Completed
      Exit Code:    0
    Ready:          True
Containers:
  main:
    Image:          main:1
    State:          Waiting
      Reason:       ImagePullBackOff
    Ready:          False
`,
		[]string{"pod /", "  init ready=true restarts=0 terminated Completed 0 last:", "  main ready=false restarts=0 waiting ImagePullBackOff last:"},
	},
	{
		"a description that ends at its events",
		"Name:  a\nNamespace:  b\nContainers:\n  c:\n    Image:  d\n    Last Termination State:\tTerminated\n    Ready:  False\nEvents:\n ",
		[]string{"pod b/a", "  c ready=false restarts=0  last:terminated  -1"},
	},
	{
		"a message of a pod above a stray carriage return",
		"Name:  a\nNamespace:  b\nStatus:  Failed\nMessage:  c\nIP:\r\t\nNode:  n\n",
		[]string{"pod b/a Failed"},
	},
	{
		"a state that was cut inside its reason",
		"    State:          Waiting\n      Reason:       CrashLo",
		[]string{"pod /", "  ready=false restarts=0 waiting CrashLoopBackOff last:"},
	},
	{
		"a manifest that ends inside a text",
		"apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n \"\n",
		[]string{"pod /a", `log /: "`},
	},
	{
		"prompts of other shells",
		`C:\work\shop>kubectl describe pod till-1 -n shop
    State:          Waiting
      Reason:       CrashLoopBackOff
    Ready:          False

admin dev % kubectl get pods -n bank
NAME     READY   STATUS    RESTARTS   AGE
atm-1    1/1     Running   0          2d
`,
		[]string{"pod shop/till-1", "  ready=false restarts=0 waiting CrashLoopBackOff last:", "pod bank/atm-1 Running", "  ready=true restarts=0 running last:"},
	},
	{
		"the log of services side by side",
		`store_db       | database system is ready to accept connections
store_gateway  | Error: Cannot find module 'dotenv'
store_gateway  |
store_gateway  |     at Module._resolveFilename
`,
		[]string{"log /store_db: database system is ready to accept connections", "log /store_gateway: Error: Cannot find module 'dotenv'"},
	},
	{
		"the log of a controller that records events",
		`I1030 01:08:14.634565      12 event.go:291] "Event occurred" object="batch/big-job-0" kind="Job" apiVersion="batch/v1" type="Warning" reason="BackoffLimitExceeded" message="Job has reached the specified backoff limit"
I0330 04:09:57.883677       1 event.go:278] Event(v1.ObjectReference{Kind:"DaemonSet", Namespace:"net", Name:"proxy", UID:"a0", APIVersion:"apps/v1", FieldPath:""}): type: 'Warning' reason: 'FailedCreate' Error creating: pods "proxy-" is forbidden
`,
		[]string{
			"event Job/batch/big-job-0 Warning BackoffLimitExceeded x1 Job has reached the specified backoff limit",
			`event DaemonSet/net/proxy Warning FailedCreate x1 Error creating: pods "proxy-" is forbidden`,
			`log /: I1030 01:08:14.634565      12 event.go:291] "Event occurred" object="batch/big-job-0" kind="Job" apiVersion="batch/v1" type="Warning" reason="BackoffLimitExceeded" message="Job has reached the specified backoff limit"`,
		},
	},
	{
		"a kubelet that ran docker itself",
		`W1127 10:42:16.169000    3395 manager.go:1897] Failed to pull image "registry.example/ui:v2" from pod "ui-ojp7m_kube-system" and container "ui": image pull failed
`,
		[]string{`event Pod/kube-system/ui-ojp7mspec.containers{ui} Warning Failed x1 Failed to pull image "registry.example/ui:v2": image pull failed`},
	},
}

func TestWhatPeoplePasteIsUnderstood(t *testing.T) {
	for _, paste := range pastes {
		t.Run(paste.name, func(t *testing.T) {
			require.Equal(t, paste.want, summary(Parse([]byte(paste.text), aMoment)))
			require.Equal(t, paste.want, summary(Parse([]byte(strings.ReplaceAll(paste.text, "\n", "\r\n")), aMoment)), "with the line ends of Windows")
		})
	}
}

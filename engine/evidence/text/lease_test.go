package text

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestALeaseIsTheSameEvidenceWhereverItIsRead(t *testing.T) {
	renewed := time.Date(2026, 5, 21, 12, 47, 27, 0, time.UTC)
	const described = `Name:               one
Roles:              <none>
Unschedulable:      false
Lease:
  HolderIdentity:  one
  AcquireTime:     <unset>
  RenewTime:       Thu, 21 May 2026 12:47:27 +0000
Conditions:
  Type    Status    LastHeartbeatTime                 LastTransitionTime                Reason              Message
  ----    ------    -----------------                 ------------------                ------              -------
  Ready   Unknown   Thu, 21 May 2026 12:47:27 +0000   Thu, 21 May 2026 12:48:27 +0000   NodeStatusUnknown   Kubelet stopped posting node status.
`
	const listed = `apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: one}, status: {conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown}]}}
- {apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: one, namespace: kube-node-lease}, spec: {renewTime: "2026-05-21T12:47:27.000000Z"}}
- {apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: one, namespace: kube-system}, spec: {renewTime: "2026-05-21T12:48:27.000000Z"}}
`
	read := evidence.Observations{Objects: []runtime.Object{
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "one"}},
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: "one"}, Spec: coordinationv1.LeaseSpec{RenewTime: &metav1.MicroTime{Time: renewed}}},
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: "one"}},
	}}
	now := renewed.Add(time.Hour)
	for name, observed := range map[string]evidence.Observations{
		"a description": Parse([]byte(described), now), "a list": Parse([]byte(listed), now), "the API": read,
	} {
		t.Run(name, func(t *testing.T) {
			found := observed.Collect()
			require.Len(t, found, 1)
			require.Len(t, found[0].Nodes, 1)
			require.Equal(t, renewed, found[0].Nodes[0].LeaseRenewed.UTC())
		})
	}
}

func TestANodeThatIsReadyTellsWhenLeasesWereObserved(t *testing.T) {
	renewed := time.Date(2026, 5, 21, 12, 47, 27, 0, time.UTC)
	observe := func(ready corev1.ConditionStatus) time.Time {
		found := evidence.Observations{Objects: []runtime.Object{
			&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "one"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}}},
			&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: "one"}, Spec: coordinationv1.LeaseSpec{RenewTime: &metav1.MicroTime{Time: renewed}}},
		}}.Collect()
		return found[0].ObservedAt
	}
	require.Equal(t, renewed, observe(corev1.ConditionTrue))
	require.Zero(t, observe(corev1.ConditionUnknown))
}

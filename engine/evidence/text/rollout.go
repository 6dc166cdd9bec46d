package text

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rolledOutName gives the name in 'deployment "web" successfully rolled out', which is what kubectl rollout status ends
// with (k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go); empty for other lines.
func rolledOutName(start string) string {
	rest, ok := strings.CutPrefix(start[:min(len(start), 400)], `deployment "`)
	if !ok {
		return ""
	}
	name, ok := strings.CutSuffix(strings.TrimSpace(rest), `" successfully rolled out`)
	if !ok || !isObjectName(name) {
		return ""
	}
	return name
}

// rolledOut reads that a Deployment's last rollout is complete.
func (p *parser) rolledOut(i int) int {
	p.rows.begin(true, p.command)
	name := rolledOutName(trimLeft(p.src.line(i)))
	p.rows.retire(p.command.namespace + "/" + name)
	p.rows.put(string(deployTable), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.command.namespace},
		Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		}},
	})
	return i + 1
}

package eventwatcher

import (
	"slices"
	"time"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// patience is how old a pod must be before what keeps it from starting is believed: a ConfigMap that is applied a moment
// after the Deployment, a volume that is still being detached elsewhere, a token or a network that is not there yet
// mend themselves within seconds, and a cure for them would be one for nothing. A container that ran and ended has
// failed whatever its age.
const patience = 15 * time.Second

// tooYoung gives how long to wait until a diagnosis may be believed; zero for at once.
func tooYoung(diagnosis engine.Diagnosis, observed evidence.Evidence, now time.Time) time.Duration {
	pod := diagnosis.Latest().Pod
	at := slices.IndexFunc(observed.Pods, func(known evidence.Pod) bool { return known.Name == pod })
	if at < 0 || observed.Pods[at].Created.IsZero() {
		return 0
	}
	if slices.ContainsFunc(observed.Containers, func(container evidence.Container) bool {
		return container.Pod == pod && (container.State.Terminated != nil || container.LastState.Terminated != nil)
	}) {
		return 0
	}
	return max(patience-now.Sub(observed.Pods[at].Created), 0)
}

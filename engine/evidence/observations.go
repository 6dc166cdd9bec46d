package evidence

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// Observations are what was read about a cluster, before it is sorted by workload: from the API or from text,
// in any order and as incomplete as it may be.
type Observations struct {
	// Objects are API objects of the types of k8s.io/api. An object read from text has only what the text says.
	Objects []runtime.Object
	// Logs are what containers and nodes wrote.
	Logs []Log
	// Usage is what containers were measured to use.
	Usage []Usage
	// Text is the text that the rest was read from; nothing for what the API gave.
	Text []byte
	// At is when this was observed; zero when nobody knows, then the newest time found takes its place.
	At time.Time
}

// Log is the end of what one container, or the kubelet of one node, wrote.
type Log struct {
	// Namespace, Pod and Container say whose it is, as far as known; Node is set, and they are empty, for the
	// journal of a node's kubelet.
	Namespace, Pod, Container, Node string
	// Previous is set for the log of the run before the present one.
	Previous bool
	// Text is the log as it was written: any bytes, lines of any length.
	Text []byte
}

// Usage is what one container was measured to use, as the metrics API and kubectl top report it.
type Usage struct {
	// Namespace, Pod and Container say whose it is. Without a container it is the sum of its pod's, and tells
	// something only of a pod with one container.
	Namespace, Pod, Container string
	// Memory is the working set in bytes, CPU the millicores used; zero when not measured.
	Memory, CPU int64
}

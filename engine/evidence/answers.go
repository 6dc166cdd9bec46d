package evidence

// The types of this file are answers: what was found by asking for it, because a diagnosis left it open. The engine
// asks nobody; who gathers evidence asks registries, the API server and the probed containers, and writes down here
// what they answered. What was not asked is simply not there, and nothing is then concluded from it.

// Answers are all that was answered, as who asked writes them to a file or adds them to evidence.
type Answers struct {
	Repositories []Repository `json:"repositories,omitempty"`
	Objects      []Object     `json:"objects,omitempty"`
	Answers      []Answer     `json:"answers,omitempty"`
	Entrypoints  []Entrypoint `json:"entrypoints,omitempty"`
	Images       []Image      `json:"images,omitempty"`
}

// AddTo adds the answers to what was observed.
func (a Answers) AddTo(observed *Evidence) {
	observed.Repositories = append(observed.Repositories, a.Repositories...)
	observed.Objects = append(observed.Objects, a.Objects...)
	observed.Answers = append(observed.Answers, a.Answers...)
	observed.Entrypoints = append(observed.Entrypoints, a.Entrypoints...)
	observed.Images = append(observed.Images, a.Images...)
}

// Repository is what a registry answered about one repository of images.
type Repository struct {
	// Name is the registry host and the path, for example docker.io/library/nginx.
	Name string `json:"name"`
	// Exists is set when the registry has the repository.
	Exists bool `json:"exists"`
	// Tags are those it has. A list that was cut short is of use too.
	Tags []string `json:"tags,omitempty"`
	// Platforms are those that a tag was built for, as linux/arm64; a tag that is not here was not looked at.
	Platforms map[string][]string `json:"platforms,omitempty"`
}

// Object is an object that a pod template may name, as it exists in the workload's namespace.
type Object struct {
	// Kind is ConfigMap, Secret, PersistentVolumeClaim or StorageClass.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Keys are those of a ConfigMap or Secret; never their values.
	Keys []string `json:"keys,omitempty"`
	// Default is set for the StorageClass that claims without one get.
	Default bool `json:"default,omitempty"`
}

// Answer is what a container answered when a probe's question was put to it.
type Answer struct {
	Container string `json:"container"`
	// Scheme is HTTP or HTTPS; empty for a port that was only opened.
	Scheme string `json:"scheme,omitempty"`
	Port   int32  `json:"port"`
	Path   string `json:"path,omitempty"`
	// Status is the HTTP status; zero for a port that was only opened.
	Status int32 `json:"status,omitempty"`
	// Seconds is how long the answer took.
	Seconds float64 `json:"seconds,omitempty"`
}

// Succeeds reports whether the kubelet would take the answer for a success: a status from 200 to 399
// (k8s.io/kubernetes/pkg/probe/http/http.go, DoHTTPProbe).
func (a Answer) Succeeds() bool { return a.Status >= 200 && a.Status < 400 }

// Entrypoint is what an image runs by itself.
type Entrypoint struct {
	// Image as the workload names it.
	Image string `json:"image"`
	// Runs is set when the image has an entrypoint or a command.
	Runs bool `json:"runs"`
}

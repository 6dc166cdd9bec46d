// Package scenarios holds workloads that really fail, and says of each what must become of it.
//
// A scenario is a folder TYPE/NAME with broken.yaml, a manifest as its owner would have written it, and
// scenario.yaml, which says what it shows and what must be true after it was applied again. What a person decides
// about a scenario is in these two files and nowhere else: they are read strictly, so that a word that nobody acts
// on is an error. Beside them stand the evidence that the last run on a real node captured and the answers to what was
// asked then; with them the same diagnosis and the same healing are repeated without a cluster.
//
// No scenario is there to succeed. What fails is listed with its reason, in docs/success-rates.md.
package scenarios

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Healing says who is to solve a failure.
type Healing string

// Who solves it.
const (
	// Default is healed by applying the same file again, with nothing said to kube-remedy.
	Default Healing = "Default"
	// Assertive is healed where the namespace allows fixes that change what runs, and a suggestion elsewhere.
	Assertive Healing = "Assertive"
	// Suggestion is not healed, but the right fix is suggested.
	Suggestion Healing = "Suggestion"
	// None is not healed: only a person can mend it, or nothing is broken.
	None Healing = "None"
)

// Scenario is one workload and what must become of it.
type Scenario struct {
	// Type and Name are its folders, Dir is where they are.
	Type string `json:"-"`
	Name string `json:"-"`
	Dir  string `json:"-"`

	// About is what it shows, in a sentence.
	About string `json:"about"`
	// FailureType is what it fails with; empty where nothing fails and nothing may be found.
	FailureType v1alpha1.FailureType `json:"failureType,omitempty"`
	// RootCause is the cause's id in the catalogue, and Container the container it is about; empty for the pod as a whole.
	RootCause string `json:"rootCause,omitempty"`
	Container string `json:"container,omitempty"`
	// Owner is what its owner applies, as Kind/name.
	Owner string `json:"owner"`
	// Healing says who is to solve it, and Retries in how many applies of the file after the first.
	Healing Healing `json:"healing"`
	Retries int     `json:"retries,omitempty"`
	// Trap is what could mislead a healer here; empty where nothing is meant to.
	Trap string `json:"trap,omitempty"`
	// Fails says in a sentence why it is not as expected today; empty for one that passes, and for one that nobody has
	// looked into.
	Fails string `json:"fails,omitempty"`
	// Sample is set for the part that runs with every test.
	Sample bool `json:"sample,omitempty"`
	// Alone is set for one that takes all that is left of the node, and needs that others take nothing of it.
	Alone bool `json:"alone,omitempty"`
	// Prepare is done before the manifest is applied.
	Prepare Prepare `json:"prepare,omitempty"`
	// Replace says what the owner does beside applying the file again, for kinds that do not replace pods by
	// themselves.
	Replace Replace `json:"replace,omitempty"`
	// After is what must be true in the end.
	After After `json:"after"`
}

// Prepare is what is there before the manifest.
type Prepare struct {
	// NamespaceLabels are labels of the namespace.
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`
	// AllowAssertive lets fixes through that change what runs, also where none is expected.
	AllowAssertive bool `json:"allowAssertive,omitempty"`
	// Images are pushed to the registry.
	Images []Image `json:"images,omitempty"`
	// Nodes are made, and broken after the workload ran on them.
	Nodes []Node `json:"nodes,omitempty"`
	// Manifests are files of the folder that are applied in this order; Ready are the workloads, as kind/name, whose
	// rollout is waited for.
	Manifests []string `json:"manifests,omitempty"`
	Ready     []string `json:"ready,omitempty"`
}

// Image is an image of the test registry.
type Image struct {
	// Name is its reference, as a manifest has it.
	Name string `json:"name"`
	// Program is a file of programs/ that the image runs; empty for misbehave.
	Program string `json:"program,omitempty"`
	// Env is the image's environment.
	Env map[string]string `json:"env,omitempty"`
	// Platform is what it was built for, as linux/arm64; empty for that of the node.
	Platform string `json:"platform,omitempty"`
}

// Node is a simulated node: the scenario plays its kubelet.
type Node struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	// Fails says how it breaks once the workload runs.
	Fails NodeFailure `json:"fails"`
	// Message is what a kubelet says that is not ready.
	Message string `json:"message,omitempty"`
	// Back is after how many seconds it is well again; zero for never.
	Back int `json:"back,omitempty"`
}

// NodeFailure is how a node breaks.
type NodeFailure string

// How nodes break.
const (
	// NodeSilent stops posting and renewing its lease.
	NodeSilent NodeFailure = "Silent"
	// NodeNotReady goes on posting that it is not ready.
	NodeNotReady NodeFailure = "NotReady"
	// NodeTainted gets a NoExecute taint, as for maintenance.
	NodeTainted NodeFailure = "Tainted"
	// NodeShutDown says so and ends its pods.
	NodeShutDown NodeFailure = "ShutDown"
	// NodeRemoved is deleted, as an autoscaler does.
	NodeRemoved NodeFailure = "Removed"
	// NodeEvicts is low on memory and evicts the workload's pods.
	NodeEvicts NodeFailure = "Evicts"
)

// Replace says how pods that do not work make place for those of the new template.
type Replace string

// How pods are replaced.
const (
	// ReplacePods has them deleted by hand: a StatefulSet waits for a broken pod to become ready, a ReplicaSet replaces none.
	ReplacePods Replace = "Pods"
	// ReplacePodsByForce has them deleted by hand without waiting for their node, which is lost.
	ReplacePodsByForce Replace = "PodsByForce"
	// ReplaceOwner has it deleted before it is applied again, because what exists of it can't be changed.
	ReplaceOwner Replace = "Owner"
	// ReplaceOwnerAndClaims has both deleted: a claim is never made anew while an old one has its name.
	ReplaceOwnerAndClaims Replace = "OwnerAndClaims"
	// ReplaceOwnerByForce has it deleted without waiting for a node that is lost.
	ReplaceOwnerByForce Replace = "OwnerByForce"
)

// After is what must be true in the end.
type After struct {
	// Ready and Succeeded are how many of the workload's pods are at least.
	Ready     int `json:"ready,omitempty"`
	Succeeded int `json:"succeeded,omitempty"`
	// MayDiffer are the fields that healing may change; all others must not. They are written as in the pod spec
	// (containers[app].resources.limits.memory, with all below them), or from the object's root (spec.replicas).
	MayDiffer []string `json:"mayDiffer,omitempty"`
	// MustNotDiffer are fields that stand in the manifest and must be as there.
	MustNotDiffer []string `json:"mustNotDiffer,omitempty"`
}

// ID is its type and name.
func (s *Scenario) ID() string { return s.Type + "/" + s.Name }

// Kind is the owner's kind.
func (s *Scenario) Kind() string { kind, _, _ := strings.Cut(s.Owner, "/"); return kind }

// OwnerName is the owner's name.
func (s *Scenario) OwnerName() string { _, name, _ := strings.Cut(s.Owner, "/"); return name }

// Broken is the path of the manifest.
func (s *Scenario) Broken() string { return filepath.Join(s.Dir, "broken.yaml") }

// Evidence is the path of what was captured.
func (s *Scenario) Evidence() string { return filepath.Join(s.Dir, "evidence.txt") }

// Answers is the path of the answers to what was asked.
func (s *Scenario) Answers() string { return filepath.Join(s.Dir, "answers.yaml") }

// Heals reports whether it is to be healed.
func (s *Scenario) Heals() bool { return s.Healing == Default || s.Healing == Assertive }

// failures are the failure types by the names of their folders.
var failures = map[string]v1alpha1.FailureType{
	"oomkilled": v1alpha1.OOMKilled, "crashloopbackoff": v1alpha1.CrashLoopBackOff, "pending": v1alpha1.Pending,
	"probefailure": v1alpha1.ProbeFailure, "imagepullbackoff": v1alpha1.ImagePullBackOff, "nodenotready": v1alpha1.NodeNotReady,
}

// Types are the names of the folders, in the order in which they are reported.
func Types() []string {
	return []string{"oomkilled", "crashloopbackoff", "pending", "probefailure", "imagepullbackoff", "nodenotready"}
}

// FailureOf is the failure type that a folder is for.
func FailureOf(folder string) v1alpha1.FailureType { return failures[folder] }

// LoadAll reads all scenarios below a directory, in the order of their types and names.
func LoadAll(dir string) ([]*Scenario, error) {
	var all []*Scenario
	for _, folder := range Types() {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			return nil, fmt.Errorf("list the scenarios of %s: %w", folder, err)
		}
		for _, entry := range entries {
			scenario, err := load(dir, folder, entry.Name())
			if err != nil {
				return nil, fmt.Errorf("scenario %s/%s: %w", folder, entry.Name(), err)
			}
			all = append(all, scenario)
		}
	}
	return all, nil
}

func load(dir, folder, name string) (*Scenario, error) {
	scenario := &Scenario{Type: folder, Name: name, Dir: filepath.Join(dir, folder, name)}
	text, err := os.ReadFile(filepath.Join(scenario.Dir, "scenario.yaml"))
	if err != nil {
		return nil, err
	}
	if err := yaml.UnmarshalStrict(text, scenario); err != nil {
		return nil, fmt.Errorf("scenario.yaml: %w", err)
	}
	if err := scenario.check(); err != nil {
		return nil, fmt.Errorf("scenario.yaml: %w", err)
	}
	objects, err := scenario.Objects()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(objects, scenario.owns) {
		return nil, fmt.Errorf("broken.yaml has no %s", scenario.Owner)
	}
	return scenario, nil
}

// check refuses what contradicts itself.
func (s *Scenario) check() error {
	fails := s.FailureType != ""
	switch {
	case s.About == "":
		return errors.New("about is empty")
	case fails && s.FailureType != failures[s.Type]:
		return fmt.Errorf("failureType %s stands in the folder %s", s.FailureType, s.Type)
	case fails != (s.RootCause != ""):
		return errors.New("failureType and rootCause stand together or not at all")
	case !fails && s.Healing != None:
		return errors.New("where nothing fails nothing is healed")
	case s.OwnerName() == "":
		return fmt.Errorf("owner %q is not Kind/name", s.Owner)
	case !slices.Contains([]Healing{Default, Assertive, Suggestion, None}, s.Healing):
		return fmt.Errorf("healing %q is none of Default, Assertive, Suggestion, None", s.Healing)
	case s.Heals() && (s.Retries < 1 || s.Retries > 3):
		return fmt.Errorf("retries %d: what is healed takes one to three", s.Retries)
	case !s.Heals() && (s.Retries != 0 || len(s.After.MayDiffer) > 0):
		return errors.New("what is not healed takes no retries, and no field of it may differ")
	case s.Heals() && (len(s.After.MayDiffer) == 0 || s.After.Ready+s.After.Succeeded == 0):
		return errors.New("what is healed has fields that may differ, and pods that are ready or succeeded in the end")
	case !slices.Contains([]Replace{"", ReplacePods, ReplacePodsByForce, ReplaceOwner, ReplaceOwnerAndClaims, ReplaceOwnerByForce}, s.Replace):
		return fmt.Errorf("replace %q is not known", s.Replace)
	}
	for _, node := range s.Prepare.Nodes {
		if !slices.Contains([]NodeFailure{NodeSilent, NodeNotReady, NodeTainted, NodeShutDown, NodeRemoved, NodeEvicts}, node.Fails) {
			return fmt.Errorf("node %s fails %q, which is not known", node.Name, node.Fails)
		}
	}
	return nil
}

// Objects reads the manifest.
func (s *Scenario) Objects() ([]map[string]any, error) {
	text, err := os.ReadFile(s.Broken())
	if err != nil {
		return nil, err
	}
	return Documents(text)
}

// Documents reads the objects of a manifest.
func Documents(text []byte) ([]map[string]any, error) {
	var objects []map[string]any
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("split the manifest: %w", err)
		}
		var object map[string]any
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, fmt.Errorf("read the manifest: %w", err)
		}
		if len(object) > 0 {
			objects = append(objects, object)
		}
	}
}

// owns reports whether an object is the owner.
func (s *Scenario) owns(object map[string]any) bool {
	return IDOf(object) == s.Owner
}

// IDOf is an object's Kind/name.
func IDOf(object map[string]any) string {
	kind, _ := object["kind"].(string)
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return kind + "/" + name
}

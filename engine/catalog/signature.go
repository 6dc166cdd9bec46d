package catalog

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Place is where a fact was observed.
type Place string

// The places.
const (
	// ContainerState is the state of a container, or how its previous run ended.
	ContainerState Place = "containerState"
	// PodStatus is the reason and message of a pod's status.
	PodStatus Place = "podStatus"
	// PodCondition is a condition of a pod.
	PodCondition Place = "podCondition"
	// Event is an event about the workload or what it depends on.
	Event Place = "event"
	// OwnerCondition is a condition of the workload or of a controller between it and its pods.
	OwnerCondition Place = "ownerCondition"
	// NodeCondition is a condition of a node.
	NodeCondition Place = "nodeCondition"
	// TerminationMessage is what a container left when it ended.
	TerminationMessage Place = "terminationMessage"
	// Log is a line of a log.
	Log Place = "log"
	// Text is a line of any text in which nothing else was found.
	Text Place = "text"
	// Gist is what a text as a whole is about, when nothing is known of it: the failure type is the reason, and the
	// line that says most is the message.
	Gist Place = "gist"
)

// places are all of them, with what a fact of the place can have beside its message.
var places = map[Place]struct{ state, conditionType, reason, exitCode bool }{
	ContainerState:     {state: true, reason: true, exitCode: true},
	PodStatus:          {reason: true},
	PodCondition:       {conditionType: true, reason: true},
	Event:              {reason: true},
	OwnerCondition:     {conditionType: true, reason: true},
	NodeCondition:      {conditionType: true, reason: true},
	TerminationMessage: {},
	Log:                {},
	Text:               {},
	Gist:               {reason: true},
}

// The states of a container that are facts.
const (
	Waiting        = "waiting"
	Terminated     = "terminated"
	LastTerminated = "lastTerminated"
)

// Fact is one thing that was observed.
type Fact struct {
	Place Place
	// Pod and Container say whose fact it is; both are empty for a fact about the workload or a node.
	Pod, Container string
	// State is one of the states, for ContainerState.
	State string
	// Type and Status are those of a condition.
	Type, Status string
	// Reason and Message are as reported; a fact from a log has only the line, as its message.
	Reason, Message string
	// ExitCode is set for a container that ended, and Ran for how long it had run then; zero when nobody knows.
	ExitCode *int32
	Ran      time.Duration
	// Count is how often it was observed, at least 1.
	Count int
	// Source says where it was observed, in words for a person.
	Source string
	// Time is when it happened; zero when nobody knows.
	Time time.Time
}

// Role is what a signature is for.
type Role string

// The roles.
const (
	// Failure is a fact that belongs to a failure.
	Failure Role = "failure"
	// Recovery is a log line that shows normal work: errors before it were overcome; with a failure type only those of
	// that type.
	Recovery Role = "recovery"
	// Context is a fact that causes use and that means no failure.
	Context Role = "context"
)

// Signature recognises one fact.
type Signature struct {
	// ID names it; unique in the catalogue.
	ID string
	// FailureType is the failure it belongs to; empty for the role Context and for a Recovery from any failure.
	FailureType v1alpha1.FailureType
	Role        Role
	// Places are where it may stand.
	Places []Place
	// Of each of these that is not empty, one must fit.
	State, Type, Status, Reason []string
	ExitCode                    []int32
	// Text are literals, one of which must occur in the message.
	Text       []string
	IgnoreCase bool
	// Regexp must match the message and Not must not, unless nil.
	Regexp, Not *regexp.Regexp
	// Alone is set when such a line at the end of a log proves that the process died.
	Alone bool
	// Outside is set when such a line is written by another program than the one that fails, the kernel for example:
	// what follows it in a log says nothing about it.
	Outside bool
	// Weight is the probability that there is a failure of the type, given this fact alone.
	Weight float64
	// Source is where the text comes from.
	Source string
	// Fires and Misses are facts that must and must not fit.
	Fires, Misses []Fact
	// Origin is file and line.
	Origin string
	// needs are texts of which one must occur in whatever Regexp matches; nil when there are none.
	needs []string
	// notAtStart is set when Not begins at the beginning of a message: it is soon decided.
	notAtStart bool
}

// fits reports whether the signature recognises a fact of a place other than Log, and gives the groups of its
// regular expression.
func (s *Signature) fits(fact Fact) ([]string, bool) {
	switch {
	case !oneOf(s.State, fact.State), !oneOf(s.Type, fact.Type), !oneOf(s.Status, fact.Status), !oneOf(s.Reason, fact.Reason):
		return nil, false
	case len(s.ExitCode) > 0 && (fact.ExitCode == nil || !slices.Contains(s.ExitCode, *fact.ExitCode)):
		return nil, false
	case len(s.Text) > 0 && !s.hasText(fact.Message), len(s.needs) > 0 && !containsOne(fact.Message, s.needs):
		return nil, false
	case s.notAtStart && s.Not.MatchString(fact.Message): // costs less than to find the groups in vain
		return nil, false
	}
	var groups []string
	if s.Regexp != nil {
		if groups = s.Regexp.FindStringSubmatch(fact.Message); groups == nil {
			return nil, false
		}
	}
	return groups, s.Not == nil || s.notAtStart || !s.Not.MatchString(fact.Message)
}

func oneOf(allowed []string, value string) bool {
	return len(allowed) == 0 || slices.Contains(allowed, value)
}

func containsOne(message string, texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(message, text) })
}

func (s *Signature) hasText(message string) bool {
	if s.IgnoreCase {
		message = strings.ToLower(message)
	}
	return slices.ContainsFunc(s.Text, func(text string) bool {
		if s.IgnoreCase {
			text = strings.ToLower(text)
		}
		return strings.Contains(message, text)
	})
}

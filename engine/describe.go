package engine

import (
	"fmt"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// describe puts a fact into words.
func describe(fact catalog.Fact) string {
	var words string
	switch fact.Place {
	case catalog.ContainerState:
		words = map[string]string{
			catalog.Waiting: "waiting", catalog.Terminated: "terminated", catalog.LastTerminated: "previous run terminated",
		}[fact.State]
		if fact.Reason != "" {
			words += ": reason " + fact.Reason
		}
		if fact.ExitCode != nil && *fact.ExitCode != evidence.UnknownExitCode {
			words += fmt.Sprintf(", exit code %d", *fact.ExitCode)
		}
		words = join(words, fact.Message)
	case catalog.PodCondition, catalog.OwnerCondition, catalog.NodeCondition:
		words = fact.Type + "=" + fact.Status
		if fact.Reason != "" {
			words += " (" + fact.Reason + ")"
		}
		words = join(words, fact.Message)
	case catalog.Log, catalog.TerminationMessage, catalog.Gist:
		words = strings.TrimSpace(fact.Message)
	default:
		words = join(fact.Reason, fact.Message)
	}
	if fact.Count > 1 {
		words += fmt.Sprintf(" (seen %d times)", fact.Count)
	}
	return words
}

func join(reason, message string) string {
	if reason == "" || message == "" {
		return reason + message
	}
	return reason + ": " + message
}

package remedy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Override identifies command and args of a container without repeating them.
func Override(command, args []string) string {
	text, _ := json.Marshal([2][]string{command, args}) // strings can always be encoded
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// dropCommandOverride removes exactly the command and args that failed.
func (e *edit) dropCommandOverride(action *v1alpha1.DropCommandOverride) *obstacle {
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return hindered
	}
	governs := []string{container.pointer("command"), container.pointer("args")}
	command, hasCommand := words(container.fields["command"])
	args, hasArgs := words(container.fields["args"])
	switch {
	case !hasCommand && !hasArgs:
		e.settle(InEffect, governs...)
		return nil
	case Override(command, args) != action.Override:
		e.settle(Exceeded)
		return nil
	}
	for _, part := range [...]struct {
		name  string
		words []string
		there bool
	}{{"command", command, hasCommand}, {"args", args, hasArgs}} {
		if part.there {
			e.remove(container.at(part.name))
			e.modified(container.words+"."+part.name, container.name, brief(part.words), "")
		}
	}
	e.settle(Changes, governs...)
	return nil
}

// words reads a list of strings; false when there is none, or not only strings in it.
func words(value any) ([]string, bool) {
	list, _ := value.([]any)
	var found []string
	for _, entry := range list {
		word, ok := entry.(string)
		if !ok {
			return nil, false
		}
		found = append(found, word)
	}
	return found, len(found) > 0
}

// brief shows the first word of a command and how many follow: arguments may be secret.
func brief(words []string) string {
	if len(words) == 1 {
		return cut(words[0])
	}
	return fmt.Sprintf("%s and %d more", cut(words[0]), len(words)-1)
}

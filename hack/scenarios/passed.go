package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Passed are the scenarios that have passed before, by what they passed: a run on a node, or offline. One that passed
// once must pass again.
type Passed struct {
	path string
	ids  []string
}

// The files below the directory of the scenarios that remember them.
const (
	PassedOnNode  = "passed-on-node.txt"
	PassedOffline = "passed-offline.txt"
)

// ReadPassed reads what has passed before; nothing where nobody has written it down.
func ReadPassed(dir, file string) (*Passed, error) {
	p := &Passed{path: filepath.Join(dir, file)}
	text, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read which scenarios have passed: %w", err)
	}
	p.ids = strings.Fields(string(text))
	return p, nil
}

// Has reports whether a scenario has passed before.
func (p *Passed) Has(id string) bool { return slices.Contains(p.ids, id) }

// Add remembers scenarios for good. None is ever taken away but by a person, who can say why.
func (p *Passed) Add(ids ...string) error {
	p.ids = append(p.ids, ids...)
	slices.Sort(p.ids)
	p.ids = slices.Compact(p.ids)
	if err := os.WriteFile(p.path, []byte(strings.Join(p.ids, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("remember which scenarios have passed: %w", err)
	}
	return nil
}

// Package catalog is what is known about failures, as data: signatures, which recognise one observed fact, and
// causes, which say what the facts mean, how sure that is and what helps. Both are YAML files under rules, each
// topic in its folder, with the cases that hold them to their word under cases.
//
// It promises:
//   - Built-in parses what is embedded, and refuses all of it for one mistake, with file and line.
//   - With adds or overrides rules by id, and leaves out those that are wrong: a user's mistake costs that rule.
//   - Conditions are CEL, checked for their types when loaded and limited in cost when evaluated.
//   - A Catalog never changes; it may be used from many goroutines.
package catalog

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/kube-remedy/kube-remedy/engine/match"
)

//go:embed rules/*/*.yaml
var rules embed.FS

// Catalog is a set of signatures and causes that fit together.
type Catalog struct {
	signatures map[string]*Signature
	causes     map[string]*Cause

	// places finds the signatures that a fact could fit by its place and reason.
	places map[Place]placeIndex
	// logs finds the signatures of log lines; its patterns are those of logSignatures, in order.
	logs          *match.Matcher
	logSignatures []*Signature
	// loose finds the signatures of the other places in text that says nothing of its place.
	loose           *match.Matcher
	looseSignatures []*Signature
	// words finds the signatures of any text.
	words          *match.Matcher
	wordSignatures []*Signature
	// candidates are the causes that a signature makes worth considering.
	candidates map[string][]*Cause
}

// placeIndex holds the signatures of one place.
type placeIndex struct {
	byReason  map[string][]*Signature
	anyReason []*Signature
}

// File is one file of rules.
type File struct {
	// Name stands in errors and as the origin of the rules.
	Name string
	// Data is YAML: a list signatures, a list causes, or both.
	Data []byte
}

// BuiltIn gives the catalogue that comes with the program. An error means that the program was built from
// rules that are wrong; it names every mistake with file and line. Every call gives the same catalogue.
func BuiltIn() (*Catalog, error) { return builtIn() }

var builtIn = sync.OnceValues(loadBuiltIn)

func loadBuiltIn() (*Catalog, error) {
	var files []File
	folders, err := rules.ReadDir("rules")
	if err != nil {
		return nil, fmt.Errorf("list embedded rules: %w", err)
	}
	for _, folder := range folders {
		entries, err := rules.ReadDir("rules/" + folder.Name())
		if err != nil {
			return nil, fmt.Errorf("list embedded rules: %w", err)
		}
		for _, entry := range entries {
			name := "rules/" + folder.Name() + "/" + entry.Name()
			data, err := rules.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("read embedded rules: %w", err)
			}
			files = append(files, File{Name: name, Data: data})
		}
	}
	return load(files, false)
}

// Load gives the catalogue in the files. The error joins every mistake found, each with file and line.
func Load(files []File) (*Catalog, error) { return load(files, true) }

func load(files []File, bounded bool) (*Catalog, error) {
	built, mistakes := (&Catalog{}).with(files, false, bounded)
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return built, nil
}

// With gives a catalogue with the rules of the files added; a rule with the id of one that is there replaces it.
// Rules with mistakes are left out and reported, the others are loaded. When nothing can be made of the files
// the result is the catalogue as it was.
func (c *Catalog) With(files []File) (*Catalog, []error) {
	return c.with(files, true, true)
}

// Signatures are all signatures, by id.
func (c *Catalog) Signatures() []*Signature {
	return sorted(c.signatures, func(s *Signature) string { return s.ID })
}

// Causes are all causes, by id.
func (c *Catalog) Causes() []*Cause {
	return sorted(c.causes, func(cause *Cause) string { return cause.ID })
}

// Cause gives the cause of an id.
func (c *Catalog) Cause(id string) (*Cause, bool) {
	cause, ok := c.causes[id]
	return cause, ok
}

// Candidates are the causes that a signature makes worth considering.
func (c *Catalog) Candidates(signature string) []*Cause { return c.candidates[signature] }

func sorted[T any](all map[string]T, id func(T) string) []T {
	list := make([]T, 0, len(all))
	for _, item := range all {
		list = append(list, item)
	}
	slices.SortFunc(list, func(a, b T) int {
		if id(a) < id(b) {
			return -1
		}
		return 1
	})
	return list
}

// index prepares the catalogue for matching.
func (c *Catalog) index() error {
	c.places = map[Place]placeIndex{}
	c.candidates = map[string][]*Cause{}
	c.logSignatures, c.looseSignatures, c.wordSignatures = nil, nil, nil
	var patterns, loose, words []match.Pattern
	for _, signature := range c.Signatures() {
		for _, place := range signature.Places {
			if place == Log {
				c.logSignatures = append(c.logSignatures, signature)
				patterns = append(patterns, match.Pattern{
					Literals: signature.Text, IgnoreCase: signature.IgnoreCase, Regexp: signature.Regexp, Not: signature.Not,
				})
				continue
			}
			index := c.places[place]
			if len(signature.Reason) == 0 {
				index.anyReason = append(index.anyReason, signature)
			}
			for _, reason := range signature.Reason {
				if index.byReason == nil {
					index.byReason = map[string][]*Signature{}
				}
				index.byReason[reason] = append(index.byReason[reason], signature)
			}
			c.places[place] = index
		}
		switch pattern, ok := loosePattern(signature); {
		case ok && slices.Contains(signature.Places, Text):
			c.wordSignatures = append(c.wordSignatures, signature)
			words = append(words, pattern)
		case ok:
			c.looseSignatures = append(c.looseSignatures, signature)
			loose = append(loose, pattern)
		}
	}
	for _, cause := range c.Causes() {
		for _, id := range cause.Signatures {
			c.candidates[id] = append(c.candidates[id], cause)
		}
	}
	var err error
	if c.logs, err = match.New(patterns); err != nil {
		return fmt.Errorf("build the matcher of log signatures: %w", err)
	}
	if c.loose, err = match.New(loose); err != nil {
		return fmt.Errorf("build the matcher of loose text: %w", err)
	}
	if c.words, err = match.New(words); err != nil {
		return fmt.Errorf("build the matcher of words: %w", err)
	}
	return nil
}

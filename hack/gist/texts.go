package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/cases"
	"github.com/kube-remedy/kube-remedy/engine/gist"
)

// text is one text to learn from.
type text struct {
	// from names its file, about is the index of its label in gist.Types.
	from  string
	about int
	body  []byte
}

// beginning starts the line before a text: "@@@@ LABEL", a failure type or "healthy".
const beginning = "@@@@ "

// readTexts reads the files of texts in one folder and the cases in the folders of another, in the order of their
// names. An error names the file and what is wrong with it.
func readTexts(texts, known string) ([]text, error) {
	own, err := readFiles(filepath.Join(texts, "*.txt"), parseTexts)
	if err != nil {
		return nil, err
	}
	wanted, err := readFiles(filepath.Join(known, "*", "*.txt"), parseCase)
	if err != nil {
		return nil, err
	}
	return append(own, wanted...), nil
}

// readFiles reads all files that a pattern names.
func readFiles(pattern string, parse func(name string, data []byte) ([]text, error)) ([]text, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("list texts: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no texts in %s", pattern)
	}
	var all []text
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		found, err := parse(file, data)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// parseCase gives the text of a case, which is about the first diagnosis that is wanted.
func parseCase(name string, data []byte) ([]text, error) {
	parsed, err := cases.Parse(name, data)
	if err != nil {
		return nil, err
	}
	label := v1alpha1.FailureType("")
	if len(parsed.Wanted) > 0 {
		label = parsed.Wanted[0].FailureType
	}
	return []text{{from: name, about: slices.Index(gist.Types[:], label), body: parsed.Text}}, nil
}

// parseTexts takes a file of texts apart.
func parseTexts(name string, data []byte) ([]text, error) {
	var all []text
	number := 0
	for line := range bytes.Lines(data) {
		number++
		label, begins := strings.CutPrefix(string(line), beginning)
		switch {
		case begins:
			label = strings.TrimSpace(label)
			if label == "healthy" {
				label = ""
			}
			about := slices.Index(gist.Types[:], v1alpha1.FailureType(label))
			if about < 0 {
				return nil, fmt.Errorf("%s:%d: label %q: want healthy or one of %v", name, number, label, gist.Types[1:])
			}
			all = append(all, text{from: fmt.Sprintf("%s:%d", name, number), about: about})
		case len(all) == 0:
			return nil, fmt.Errorf("%s:%d: a file of texts begins with %q and a label", name, number, beginning)
		default:
			last := &all[len(all)-1]
			last.body = append(last.body, line...)
		}
	}
	for _, own := range all {
		if len(bytes.TrimSpace(own.body)) == 0 {
			return nil, fmt.Errorf("%s: no text below the label", own.from)
		}
	}
	return all, nil
}

// fingerprint tells texts and their labels from others.
func fingerprint(texts []text) string {
	sum := sha256.New()
	for _, own := range texts {
		fmt.Fprintf(sum, "%d %d\n%s", own.about, len(own.body), own.body)
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil))
}

// Command catalog-report prints what the catalogue has, how well the engine does on its cases, and how far its
// confidence can be trusted. It exits with 1 when a case is wrong.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/cases"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

func main() {
	folder := "../engine/catalog/cases"
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	right, err := run(folder)
	if err != nil {
		fmt.Fprintln(os.Stderr, "catalog-report:", err)
	}
	if err != nil || !right {
		os.Exit(1)
	}
}

// run reports on the cases in the folders of a folder, and whether all are right.
func run(folder string) (bool, error) {
	known, err := catalog.BuiltIn()
	if err != nil {
		return false, err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.txt"))
	if err != nil {
		return false, fmt.Errorf("list cases: %w", err)
	}
	if len(files) == 0 {
		return false, fmt.Errorf("no cases in %s", folder)
	}
	var all []cases.Case
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return false, fmt.Errorf("read a case: %w", err)
		}
		parsed, err := cases.Parse(file, data)
		if err != nil {
			return false, err
		}
		all = append(all, parsed)
	}
	report := cases.Measure(engine.New(known), all)
	report.Print(os.Stdout, known)
	return len(report.Wrong) == 0, nil
}

// Command chart prints docs/install.md with the table of the chart's values as values.yaml has it: make generate.
// Its tests are those of the chart: make chart-test.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	values := flag.String("values", "../charts/kube-remedy/values.yaml", "the chart's values")
	document := flag.String("document", "../docs/install.md", "the document that has the table")
	write := flag.Bool("w", false, "write the document instead of printing it")
	flag.Parse()
	if err := run(*values, *document, *write); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(valuesFile, documentFile string, write bool) error {
	text, err := os.ReadFile(valuesFile)
	if err != nil {
		return err
	}
	values, err := readValues(text)
	if err != nil {
		return fmt.Errorf("%s: %w", valuesFile, err)
	}
	before, err := os.ReadFile(documentFile)
	if err != nil {
		return err
	}
	after, err := withTable(string(before), tableOf(values))
	if err != nil {
		return fmt.Errorf("%s: %w", documentFile, err)
	}
	if write {
		return os.WriteFile(documentFile, []byte(after), 0o644)
	}
	_, err = os.Stdout.WriteString(after)
	return err
}

// The lines between which the table stands.
const (
	tableBegins = "<!-- The values, from values.yaml: make generate. -->\n"
	tableEnds   = "<!-- End of the values. -->\n"
)

// withTable puts the table into the document in place of the one that is there.
func withTable(document, table string) (string, error) {
	before, rest, found := strings.Cut(document, tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !found || !ends {
		return "", errors.New("it has no place for the table of values")
	}
	return before + tableBegins + "\n" + table + "\n" + tableEnds + after, nil
}

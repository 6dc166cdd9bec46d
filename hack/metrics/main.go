// Command metrics prints docs/metrics.md: the metrics as the sources of the programs define them (make generate).
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// programs are the packages that each program's metrics are defined in.
var programs = []struct {
	title    string
	packages []string
}{
	{"The webhook", []string{"webhook"}},
	{"The event watcher", []string{"eventwatcher"}},
	{"Both", []string{"internal/process", "internal/config"}},
}

const head = `# Metrics

What both programs serve at ` + "`/metrics`" + ` on their health addresses, beside those of the Go runtime and the process. ` +
	"`make generate`" + ` writes this page from the sources. [Runbooks](runbooks.md) says what to do when an alert of the chart goes off; ` +
	`[the dashboard](../charts/kube-remedy/files/dashboard.json) shows most of them.
`

func main() {
	root := flag.String("root", "..", "the repository")
	document := flag.String("document", "", "the file to write; standard output when empty")
	flag.Parse()
	if err := run(*root, *document); err != nil {
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(1)
	}
}

func run(root, document string) error {
	var page strings.Builder
	page.WriteString(head)
	for _, program := range programs {
		fmt.Fprintf(&page, "\n## %s\n\n| metric | type | what it is |\n|---|---|---|\n", program.title)
		for _, folder := range program.packages {
			found, err := metricsOf(root + "/" + folder)
			if err != nil {
				return fmt.Errorf("%s: %w", folder, err)
			}
			for _, metric := range found {
				fmt.Fprintf(&page, "| `%s` | %s | %s |\n", metric.title(), metric.kind, strings.ReplaceAll(metric.help, "|", `\|`))
			}
		}
	}
	if document == "" {
		_, err := os.Stdout.WriteString(page.String())
		return err
	}
	return os.WriteFile(document, []byte(page.String()), 0o644)
}

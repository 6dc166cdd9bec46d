package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence/text"
)

// maxInput bounds what is read from all files together, in bytes.
const maxInput = 256 << 20

type diagnoseOptions struct {
	files  []string
	output string
	rules  string
}

func newDiagnose(streams Streams, now func() time.Time) *cobra.Command {
	var options diagnoseOptions
	command := &cobra.Command{
		Use:   "diagnose -f FILE",
		Short: "Tell from text why workloads fail: what failed, why, and what to do",
		Long: `Tell from text why workloads fail: what failed, why, and what to do.

The text may be anything that kubectl prints about pods and what they depend on, in any mixture: describe, get as
a table, -o yaml or -o json, events, logs, and lines of a kubelet's journal. No cluster is asked.`,
		Example: `  # From what was saved
  kubectl remedy diagnose -f pod.txt -f events.txt

  # From a live cluster
  (kubectl describe pod web-0; kubectl logs web-0 --previous) | kubectl remedy diagnose -f -

  # For a program
  kubectl get pods -A -o json | kubectl remedy diagnose -f - -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return diagnose(options, streams, now)
		},
	}
	command.Flags().StringArrayVarP(&options.files, "filename", "f", nil, "file with text to diagnose; - for standard input; may be repeated")
	command.Flags().StringVarP(&options.output, "output", "o", "text", "text, json or yaml")
	command.Flags().StringVar(&options.rules, "rules", "", rulesUsage)
	return command
}

func diagnose(options diagnoseOptions, streams Streams, now func() time.Time) error {
	if !slices.Contains([]string{"text", "json", "yaml"}, options.output) {
		return fmt.Errorf("--output %q must be text, json or yaml", options.output)
	}
	if len(options.files) == 0 {
		return errors.New("--filename is needed: a file with text to diagnose, or - for standard input")
	}
	known, err := loadRules(options.rules, streams.Err)
	if err != nil {
		return err
	}
	input, err := readAll("--filename", options.files, streams.In)
	if err != nil {
		return err
	}
	return printDiagnoses(streams.Out, options.output, engine.New(known).DiagnoseAll(text.Parse(input, now())))
}

// readAll gives the content of all files that a flag names, one after the other.
func readAll(flag string, names []string, stdin io.Reader) ([]byte, error) {
	var all []byte
	for _, name := range names {
		data, err := readOne(flag, name, stdin)
		if err != nil {
			return nil, err
		}
		if len(all)+len(data) > maxInput {
			return nil, fmt.Errorf("%s %s: more than %d MiB of text in all", flag, name, maxInput>>20)
		}
		all = append(all, data...)
		if len(data) > 0 && data[len(data)-1] != '\n' {
			all = append(all, '\n')
		}
	}
	return all, nil
}

func readOne(flag, name string, stdin io.Reader) ([]byte, error) {
	source := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		defer file.Close()
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, name, err)
	}
	return data, nil
}

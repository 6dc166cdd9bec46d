package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
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
	all    bool
}

func newDiagnose(connection *connection) *cobra.Command {
	var options diagnoseOptions
	command := &cobra.Command{
		Use:   "diagnose -f FILE | TYPE/NAME ... | -n NAMESPACE | -A",
		Short: "Tell why workloads fail: what failed, why, and what to do",
		Long: `Tell why workloads fail, from a cluster or from text: what failed, why, and what to do.

Of TYPE/NAME, or of every workload of a namespace (-n) or of all (-A), it reads the pods, what controls them, events, the
ends of logs, nodes, claims, quotas and what was measured, with your own rights. What you may not read is left out and
said so; then less is found.

With -f no cluster is asked. The text may be anything that kubectl prints about pods and what they depend on, in any
mixture: describe, get as a table, -o yaml or -o json, events, logs, and lines of a kubelet's journal. It may be quoted,
indented, or broken by a terminal that was too narrow. What comes later holds: what a table shows well again is over.
Where no known message stands in it, its words as a whole are judged, with little confidence: the causes named
reads-like-.`,
		Example: `  # A workload, or one pod of it
  kubectl remedy diagnose deployment/web

  # Everything that fails in a namespace, and in all
  kubectl remedy diagnose -n shop
  kubectl remedy diagnose -A -o json

  # From what was saved
  kubectl remedy diagnose -f pod.txt -f events.txt
  (kubectl describe pod web-0; kubectl logs web-0 --previous) | kubectl remedy diagnose -f -

  # For a program
  kubectl get pods -A -o json | kubectl remedy diagnose -f - -o json`,
		ValidArgsFunction: connection.completeObjects,
		RunE: func(command *cobra.Command, args []string) error {
			within := options.all || command.Flag("namespace").Changed
			if len(options.files) == 0 && (within || len(args) > 0) {
				return diagnoseLive(command.Context(), connection, options, args)
			}
			if len(args) > 0 || options.all {
				return errors.New("--filename is for text: no workload and no --all-namespaces can be given with it")
			}
			return diagnose(options, connection.streams, connection.clock.Now)
		},
	}
	command.Flags().StringArrayVarP(&options.files, "filename", "f", nil, "file with text to diagnose; - for standard input; may be repeated")
	command.Flags().BoolVarP(&options.all, "all-namespaces", "A", false, "every workload of the cluster, and its nodes")
	addOutput(command, &options.output)
	command.Flags().StringVar(&options.rules, "rules", "", rulesUsage)
	return command
}

func diagnose(options diagnoseOptions, streams Streams, now func() time.Time) error {
	if err := checkOutput(options.output); err != nil {
		return err
	}
	if len(options.files) == 0 {
		return errors.New("--filename is needed: a file with text to diagnose, or - for standard input; or name a workload as TYPE/NAME, or -n NAMESPACE or -A for all that fail")
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

// Package plugin is the commands of kubectl remedy.
//
// It promises kubectl's habits: what was asked for goes to standard output and everything else to standard error,
// -o json and -o yaml are for programs and don't change their shape, and an error names what to do about it.
package plugin

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/internal/rulefiles"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit ends the program with a status of its own though nothing went wrong: all is said.
type Exit struct{ Status int }

// Error implements error.
func (e Exit) Error() string { return fmt.Sprintf("exit status %d", e.Status) }

// New gives the command kubectl remedy with its subcommands. clock tells the time, for ages and for texts that have no
// time of their own, and what waits by it.
func New(streams Streams, clock clock.WithTicker) *cobra.Command {
	streams.Err = &lockedWriter{to: streams.Err}
	root := &cobra.Command{
		Use:   "kubectl-remedy",
		Short: "Find out why workloads fail, and cure them when they are applied",
		Long: `Find out why workloads fail, and cure them when they are applied.

What is asked of the cluster is asked with your own rights, by the kubeconfig and context that kubectl uses. The exit
status is 0 when all went well and 1 for an error; commands with more say so in their help.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl remedy"},
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	connection := newConnection(streams, clock)
	connection.flags.AddFlags(root.PersistentFlags())
	connection.completeGlobals(root)
	shortenHelp(root)
	root.AddCommand(
		newList(connection), newExplain(connection), newApprove(connection), newReject(connection),
		newRollback(connection), newOptIn(connection), newOptOut(connection), newReapply(connection), newStatus(connection), newStats(connection), newReport(connection), newExport(connection), newApply(connection),
		newDiagnose(connection), newHeal(streams, clock.Now), newCatalog(streams), newOptions(streams),
	)
	return root
}

// loadRules gives the catalogue with the user's rules, and tells of those that were left out.
func loadRules(path string, errs io.Writer) (*catalog.Catalog, error) {
	known, mistakes, err := rulefiles.Catalog(path)
	for _, mistake := range mistakes {
		fmt.Fprintln(errs, "warning: rule left out:", mistake)
	}
	return known, err
}

const rulesUsage = "file or directory with rules of your own, added to the built-in ones or replacing them by id"

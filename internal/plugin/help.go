package plugin

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// shortenHelp leaves the flags that all commands have out of their help, as kubectl does.
func shortenHelp(root *cobra.Command) {
	const (
		begins = "{{if .HasAvailableInheritedFlags}}"
		ends   = "{{end}}"
	)
	before, rest, found := strings.Cut(root.UsageTemplate(), begins)
	if !found {
		return
	}
	_, after, _ := strings.Cut(rest, ends)
	root.SetUsageTemplate(before + begins + `

"kubectl remedy options" lists the flags that all commands have: -n, --context, --kubeconfig and so on.` + ends + after)
}

func newOptions(streams Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "List the flags that all commands have",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(streams.Out, "Flags of all commands; the offline ones don't need them:\n\n"+command.Root().PersistentFlags().FlagUsages())
			return err
		},
	}
}

package plugin_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

// TestTheDocsAreTheHelp holds docs/plugin.md to what the commands say of themselves; -update writes it.
func TestTheDocsAreTheHelp(t *testing.T) {
	root := plugin.New(plugin.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, clocktesting.NewFakeClock(noon))
	var page strings.Builder
	intro, err := os.ReadFile("testdata/plugin.md")
	require.NoError(t, err)
	page.Write(intro)
	for _, command := range root.Commands() {
		if !command.Hidden && command.Name() != "help" && command.Name() != "completion" {
			document(&page, command)
		}
	}
	const path = "../../docs/plugin.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(page.String()), 0o600))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, page.String(), string(have), "go test ./internal/plugin -run TestTheDocsAreTheHelp -update writes it")
}

func document(page *strings.Builder, command *cobra.Command) {
	fmt.Fprintf(page, "\n## %s\n\n%s.\n", command.Name(), command.Short)
	if len(command.Aliases) > 0 {
		fmt.Fprintf(page, "\nAlso: `%s`.\n", strings.Join(command.Aliases, "`, `"))
	}
	fmt.Fprintf(page, "\n```console\n$ %s\n```\n", command.UseLine())
	if _, more, found := strings.Cut(command.Long, "\n\n"); found {
		fmt.Fprintf(page, "\n```text\n%s\n```\n", more)
	}
	if command.Example != "" {
		fmt.Fprintf(page, "\n```console\n%s\n```\n", strings.ReplaceAll("\n"+command.Example, "\n  ", "\n")[1:])
	}
	command.InitDefaultHelpFlag()
	if flags := command.LocalNonPersistentFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(page, "\n```text\n%s```\n", flags)
	}
}

func TestHelpLeavesCommonFlagsToOptions(t *testing.T) {
	out, _, err := run(t, "", "list", "--help")
	require.NoError(t, err)
	require.NotContains(t, out, "--kubeconfig string")
	require.Contains(t, out, `"kubectl remedy options" lists the flags that all commands have`)
	out, _, err = run(t, "", "options")
	require.NoError(t, err)
	require.Contains(t, out, "--kubeconfig string")
}

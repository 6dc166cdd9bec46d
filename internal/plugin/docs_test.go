package plugin_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// pagesOfTheDocs are those for users, and the README.
func pagesOfTheDocs(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	pages := map[string]string{}
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		pages[file] = string(text)
	}
	return pages
}

// anchors are those of a page's headings, as GitHub makes them.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		found[strings.ReplaceAll(plain, " ", "-")] = true
	}
	return found
}

// TestLinksOfTheDocsLeadSomewhere follows those within the repository, to their headings.
func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	pages := pagesOfTheDocs(t)
	links := 0
	for file, page := range pages {
		if filepath.Base(file) == "catalog.md" { // expressions look like links
			continue
		}
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(page, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			links++
			path, anchor, hasAnchor := strings.Cut(link[1], "#")
			to := file
			if path != "" {
				to = filepath.Join(filepath.Dir(file), path)
			}
			_, err := os.Stat(to)
			require.NoError(t, err, "%s: %s", file, link[1])
			if hasAnchor {
				require.True(t, anchors(pages[to])[anchor], "%s: there is no heading for %s", file, link[1])
			}
		}
	}
	require.Greater(t, links, 50)
}

// TestCommandsInTheDocsAreThosePeopleHave parses each kubectl remedy of the docs as the plugin does.
func TestCommandsInTheDocsAreThosePeopleHave(t *testing.T) {
	parsed := 0
	for file, page := range pagesOfTheDocs(t) {
		for _, line := range regexp.MustCompile("(?m)(?:^|[`$(| ])kubectl remedy ([a-z][^`|>#<\n]*)").FindAllStringSubmatch(page, -1) {
			words := strings.Fields(line[1])
			for i := range words { // prose has punctuation
				words[i] = strings.TrimRight(words[i], ");,.:")
			}
			root := plugin.New(plugin.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, clocktesting.NewFakeClock(noon))
			command, rest, err := root.Find(words)
			require.NoError(t, err, "%s: %s", file, line[0])
			require.NotEqual(t, root, command, "%s: %s", file, line[0])
			rest = slices.DeleteFunc(rest, func(word string) bool {
				return word == "..." || strings.HasPrefix(word, "[") || strings.HasSuffix(word, "]")
			})
			require.NoError(t, command.ParseFlags(rest), "%s: %s", file, line[0])
			parsed++
		}
	}
	require.Greater(t, parsed, 80)
}

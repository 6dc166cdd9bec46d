package described

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence/text"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

// described are the kinds that a person would describe.
var described = []string{
	"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "PersistentVolumeClaim", "StorageClass", "ResourceQuota", "LimitRange", "Node",
}

// TestDescriptionsTellWhatObjectsTell diagnoses each scenario twice: from its objects, and from what kubectl describe and kubectl
// events print of the same objects. The same must be found.
func TestDescriptionsTellWhatObjectsTell(t *testing.T) {
	untold := map[string]string{
		"pending/gated":             "a description has no reasons of conditions, nor gates",
		"pending/scheduler-missing": "a description has no name of a scheduler, nor says how long a pod has been waiting",
	}
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	with := engine.New(known)
	all, err := scenarios.LoadAll("..")
	require.NoError(t, err)
	for _, scenario := range all {
		captured, err := os.ReadFile(scenario.Evidence())
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		t.Run(scenario.ID(), func(t *testing.T) {
			require.NoError(t, err)
			now := time.Now()
			told, logs := printed(t, captured, now)
			objects, descriptions := found(with, string(captured), scenario.Owner, now), found(with, told+logs, scenario.Owner, now)
			if why, less := untold[scenario.ID()]; less {
				require.NotEqual(t, objects, descriptions, "it is told now, though %s", why)
				return
			}
			require.Equal(t, objects, descriptions)
		})
	}
}

// TestDescriptionsAreReadInWhatPeoplePutAroundThem diagnoses the descriptions of a part of the scenarios as they come out of mails,
// chats, tickets, other systems and terminals that were too narrow. The same must be found.
func TestDescriptionsAreReadInWhatPeoplePutAroundThem(t *testing.T) {
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	with := engine.New(known)
	all, err := scenarios.LoadAll("..")
	require.NoError(t, err)
	eachLine := func(change func(line string) string) func(string) string {
		return func(told string) string {
			lines := strings.Split(told, "\n")
			for i, line := range lines {
				lines[i] = change(line)
			}
			return strings.Join(lines, "\n")
		}
	}
	prompt := func(other string) func(string) string {
		return func(told string) string {
			return strings.ReplaceAll("\n"+told, "\n$ kubectl", "\n"+other+"kubectl")[1:]
		}
	}
	window := func(width int) func(string) string {
		return eachLine(func(line string) string {
			var pieces []string
			for ; len(line) > width; line = line[width:] {
				pieces = append(pieces, line[:width])
			}
			return strings.Join(append(pieces, line), "\n")
		})
	}
	for name, around := range map[string]func(string) string{
		"a mail":                    eachLine(func(line string) string { return "> " + line }),
		"a chat":                    eachLine(func(line string) string { return "| " + line }),
		"an indented block":         eachLine(func(line string) string { return "    " + line }),
		"line ends of Windows":      eachLine(func(line string) string { return line + "\r" }),
		"an editor that trims":      eachLine(func(line string) string { return strings.TrimRight(line, " ") }),
		"a page that doubles lines": eachLine(func(line string) string { return line + "\n" }),
		"a prompt of root":          prompt("root@master-1:~# "),
		"a prompt of PowerShell":    prompt(`PS C:\Users\me> `),
		"fences of Markdown": func(told string) string {
			return "```\n" + strings.ReplaceAll(told, "\n$ kubectl", "\n```\nthen I ran:\n```\n$ kubectl") + "\n```\n"
		},
		"a window of 80 columns":  window(80),
		"a window of 100 columns": window(100),
		"a window of 150 columns": window(150),
	} {
		t.Run(name, func(t *testing.T) {
			for _, scenario := range all {
				captured, err := os.ReadFile(scenario.Evidence())
				if !scenario.Sample || err != nil {
					continue
				}
				now := time.Now()
				told, _ := printed(t, captured, now)
				require.Equal(t, found(with, told, scenario.Owner, now), found(with, around(told), scenario.Owner, now), scenario.ID())
			}
		})
	}
}

// printed gives what kubectl describe and kubectl events print of captured evidence, and the logs.
func printed(t *testing.T, captured []byte, now time.Time) (told, logs string) {
	t.Helper()
	c, err := Read(captured, now)
	require.NoError(t, err)
	descriptions, err := c.Describe(described...)
	require.NoError(t, err)
	happened, err := c.Events()
	require.NoError(t, err)
	return descriptions + happened, c.Logs()
}

// found gives what is wrong with an owner, each as container, failure type and root cause.
func found(with *engine.Engine, told, owner string, now time.Time) []string {
	var all []string
	for _, observed := range text.Parse([]byte(told), now).Collect() {
		for _, diagnosis := range with.Diagnose(observed) {
			if diagnosis.Workload.Kind+"/"+diagnosis.Workload.Name == owner {
				all = append(all, fmt.Sprintf("%s %s %s", diagnosis.Container, diagnosis.FailureType, diagnosis.Finding.RootCauseID))
			}
		}
	}
	slices.Sort(all)
	return all
}

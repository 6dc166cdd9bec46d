package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const wide = `Conditions:
  Type    Status
  Ready   False
Events:
  Type     Reason            Age   From               Message
  ----     ------            ----  ----               -------
  Warning  FailedScheduling  15s   default-scheduler  0/1 nodes are available: persistentvolumeclaim "vault-storage" not found.
  Warning  FailedMount       9s    kubelet            MountVolume.SetUp failed for volume "config" : configmap "web-conf" not found
  Normal   Pulled            8s    kubelet            Container image "registry.example.org/web:3" already present on machine
`

// broken is a text as a terminal of a width shows it.
func broken(text string, width int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		for ; len(line) > width+1; line = line[width:] {
			out.WriteString(line[:width] + "\n")
		}
		out.WriteString(line)
	}
	return out.String()
}

func TestWhatAWindowBrokeIsPutTogetherAgain(t *testing.T) {
	for width := narrowest; width < 110; width++ {
		require.Equal(t, wide, unbroken(broken(wide, width)), width)
	}
}

func TestLinesThatNoWindowBrokeStayApart(t *testing.T) {
	for name, text := range map[string]string{
		"events that fit": wide,
		"rows of one width": "LAST SEEN   TYPE      REASON    OBJECT      MESSAGE\n" +
			strings.Repeat("5m          Warning   BackOff   pod/web-0   Back-off restarting failed container web\n", 4) + "\n\n\n\n\n",
		"fields behind a line of the greatest width": strings.Repeat("  Image ID:  registry.example.org/web@sha256:da8368ce4381430bbadf4d6ef7e1cbc5d37368d\nPort:        <none>\n", 4) + "\n\n\n\n",
		"two lines of one width":                     strings.Repeat("  Warning  BackOff  5m  kubelet  Back-off restarting failed container web in pod web-0_shop\nit is still there\n", 2) + "a\nb\nc\n",
		"events of one width before another table": "LAST SEEN   TYPE      REASON             OBJECT      MESSAGE\n" +
			strings.Repeat("6m          Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 3 Insufficient cpu.\n", 3) + "NAME   DESIRED   CURRENT   READY   AGE\napi    3         0         0       9m\n",
		"events of one width before one of which nobody knows when": strings.Repeat("6m          Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 3 Insufficient cpu.\n", 3) +
			"<unknown>   Warning   Failed   pod/api-0   Failed to pull image\n",
		"conditions of one width before a line of a program": strings.Repeat("  MemoryPressure   Unknown   Sat, 07 Mar 2026 03:17:14 +0000   Sat, 07 Mar 2026 03:18:43 +0000   NodeStatusUnknown   Kubelet stopped posting node status.\n", 4) +
			"panic: the node is gone\n",
		"a condition now and then before a journal": strings.Repeat("  MemoryPressure   Unknown   Sat, 07 Mar 2026 03:17:14 +0000   Sat, 07 Mar 2026 03:18:43 +0000   NodeStatusUnknown   Kubelet stopped posting node status.\n"+
			"Mar 07 03:18:30 worker-2 kubelet[812]: Error: failed to run Kubelet: running with swap on is not supported\n", 4),
		"a condition now and then before a line of a log": strings.Repeat("  MemoryPressure   Unknown   Sat, 07 Mar 2026 03:17:14 +0000   Sat, 07 Mar 2026 03:18:43 +0000   NodeStatusUnknown   Kubelet stopped posting node status.\n"+
			"2026-03-07T03:18:30Z it is gone\n", 4),
		"frames of stacks": strings.Repeat("    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1300:16)\nretry\n", 3) + "Segmentation fault (core dumped)\n",
		"nothing":          "",
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, text, unbroken(text)) })
	}
}

func TestAMarginIsTakenOffWhereAllLinesHaveIt(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a mail":                         {"> NAME   READY\n>\n> web-0  0/1\n", "NAME   READY\n\nweb-0  0/1\n"},
		"a mail that was answered":       {"> NAME   READY\n> web-0  0/1\nIt is still down.\n", "> NAME   READY\n> web-0  0/1\nIt is still down.\n"},
		"a chat":                         {"| NAME   READY\n| web-0  0/1\n", "NAME   READY\nweb-0  0/1\n"},
		"a table of Markdown":            {"| NAME | READY |\n| web-0 | 0/1 |\n", "| NAME | READY |\n| web-0 | 0/1 |\n"},
		"a prompt and its output":        {"    $ kubectl get pods\n    NAME   READY\n\n      web-0\n", "$ kubectl get pods\nNAME   READY\n\n  web-0\n"},
		"an indented piece of something": {"    State:  Waiting\n      Reason:  Error\n", "    State:  Waiting\n      Reason:  Error\n"},
		"nothing":                        {"", ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, withoutMargin(test.text)) })
	}
}
